//! The hosts of a datastore that reach Ceph.

use super::origin::Origin;
use crate::Result;
use crate::job::{Job, Request, StepAsk, Steps};
use crate::one::Remote;
use crate::one::act::{JOB_DEADLINE, warnings};
use crate::one::call::Node;
use crate::one::document::Datastore;
use crate::one::voice::{Level, Voice};

/// Has one of them go these steps, and tells what it warns of. Which is asked first goes by turns, so that the work is spread.
pub(super) fn run(
    datastore: &Datastore,
    turn: u32,
    steps: Vec<StepAsk>,
    origin: Option<&Origin>,
    voice: &mut Voice<impl std::io::Write>,
) -> Result<(Node, serde_json::Value)> {
    let nodes = datastore.bridges_from(turn);
    let data = || {
        let open = |origin: &Origin| origin.open(datastore.bandwidth.get()?);
        origin.map(open).transpose()
    };
    let every = false;
    let job = Job::new(Request::Steps(Steps { steps, every }));
    let (node, said) = Remote::new(JOB_DEADLINE).run_on_any(&nodes, &job, &data)?;
    for warning in warnings(&said) {
        voice.log(Level::Warning, &format!("{node}: {warning}"));
    }
    Ok((node.clone(), said))
}
