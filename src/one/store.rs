//! The datastore's actions: images come, are copied, and go; how full the pools are.
//!
//! None of them asks oned for anything: the document says it all. What is needed of Ceph is one job over one ssh to a host
//! of the datastore's BRIDGE_LIST; what an image is made of streams over that ssh's standard input.

mod answer;
mod bridge;
mod measure;
mod origin;
mod plan;
mod secrets;

use std::io::Read;
use std::path::Path;

use super::act::{Site, warnings};
use super::call::{DsAction, DsCall, DsInput};
use super::document::DatastoreJob;
use super::voice::{Level, Voice};
use crate::job::{Job, Request, Steps};
use crate::{Context, Result};

pub use answer::disks_below;
use plan::Plan;

/// Does an action; what oned is to read on standard output.
///
/// # Errors
/// [`Kind::Usage`](crate::Kind::Usage) for a document that cannot be used, and those of the job on the bridge.
pub fn act(
    site: &Site,
    call: &DsCall,
    stdin: impl Read,
    voice: &mut Voice<impl std::io::Write>,
) -> Result<String> {
    let document = DatastoreJob::parse(&call.input.document(stdin)?)?;
    let plan = Plan::of(call.action, call.id, &document);
    let plan = plan.context(|| format!("cannot do {}", name(call.action)))?;
    let done = run(&plan, &document, call.id, &site.oned.var, voice);
    done.map_err(|error| secrets::hide(&site.oned, plan.path(), error))
}

/// How full a system datastore is: `monitor` of the transfer-manager driver, whose document comes as a datastore action's does.
///
/// # Errors
/// As for [`act`].
pub fn monitor(
    input: &DsInput,
    stdin: impl Read,
    voice: &mut Voice<impl std::io::Write>,
) -> Result<String> {
    let document = DatastoreJob::parse(&input.document(stdin)?)?;
    let plan = Plan::of(DsAction::Monitor, 0, &document)?;
    let turn = document.datastore.id.map_or(0, |id| id.0);
    run(&plan, &document, turn, Path::new("/"), voice)
}

fn run(
    plan: &Plan,
    document: &DatastoreJob,
    turn: u32,
    var: &Path,
    voice: &mut Voice<impl std::io::Write>,
) -> Result<String> {
    let datastore = &document.datastore;
    let (steps, data, answer) = match plan {
        Plan::Answer(line) => return Ok(format!("{line}\n")),
        Plan::Measure(path, size) => {
            let origin = origin::Origin::of(path, datastore, var)?;
            return measure::size(&origin, datastore, *size).map(|size| format!("{size}\n"));
        }
        Plan::Host {
            steps,
            data,
            answer,
        } => (steps, data, answer),
    };
    let origin = data.as_deref();
    let origin = origin
        .map(|path| origin::Origin::of(path, datastore, var))
        .transpose()?;
    let job = Job {
        version: Job::VERSION,
        dry_run: false,
        request: Request::Steps(Steps {
            steps: plan::expecting(steps, origin.as_ref().and_then(origin::Origin::data)),
            every: false,
        }),
    };
    let (node, said) = bridge::run(datastore, turn, &job, origin.as_ref())?;
    for warning in warnings(&said) {
        voice.log(Level::Warning, &format!("{node}: {warning}"));
    }
    answer.text(&node, &said)
}

fn name(action: DsAction) -> &'static str {
    let known = DsAction::ALL
        .into_iter()
        .find(|(_, known)| *known == action);
    known.map_or("it", |(name, _)| name)
}
