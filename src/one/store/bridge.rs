//! The hosts of a datastore that reach Ceph.

use super::origin::Origin;
use crate::Result;
use crate::job::Job;
use crate::one::Remote;
use crate::one::act::JOB_DEADLINE;
use crate::one::call::Node;
use crate::one::document::Datastore;

/// Does a job on one of them. Which is asked first goes by turns, so that the work is spread.
pub(super) fn run(
    datastore: &Datastore,
    turn: u32,
    job: &Job,
    origin: Option<&Origin>,
) -> Result<(Node, serde_json::Value)> {
    let nodes = datastore.bridges_from(turn);
    let data = || {
        let open = |origin: &Origin| origin.open(datastore.bandwidth.get()?);
        origin.map(open).transpose()
    };
    let (node, said) = Remote::new(JOB_DEADLINE).run_on_any(&nodes, job, &data)?;
    Ok((node.clone(), said))
}
