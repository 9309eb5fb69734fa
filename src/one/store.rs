//! The datastore's actions: images come, are copied, and go; how full the pools are.
//!
//! None of them asks oned for anything before: the document says it all. What is needed of Ceph is one job over one ssh to a host
//! of the datastore's BRIDGE_LIST; what an image is made of streams over that ssh's standard input. Once an image is made oned is
//! asked whether it still has it (`wanted`).

mod answer;
mod bridge;
mod measure;
mod origin;
mod plan;
mod secrets;
mod wanted;

use std::io::Read;
use std::path::Path;

use super::act::Site;
use super::call::{DsAction, DsCall, DsInput};
use super::document::DatastoreJob;
use super::voice::Voice;
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
    let done = done.map_err(|error| secrets::hide(&site.oned, plan.path(), error))?;
    if let (true, Plan::Host { undo, .. }) = (done.made, &plan) {
        wanted::look(site, &document, undo.as_deref(), voice)?;
    }
    Ok(done.answer)
}

/// What came of an action.
struct Done {
    /// What oned reads.
    answer: String,
    /// Whether this call made the image, and not one before it.
    made: bool,
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
    run(&plan, &document, turn, Path::new("/"), voice).map(|done| done.answer)
}

fn run(
    plan: &Plan,
    document: &DatastoreJob,
    turn: u32,
    var: &Path,
    voice: &mut Voice<impl std::io::Write>,
) -> Result<Done> {
    let told = |answer| Done {
        answer,
        made: false,
    };
    let datastore = &document.datastore;
    let (steps, data, answer) = match plan {
        Plan::Answer(line) => return Ok(told(format!("{line}\n"))),
        Plan::Measure(path, size) => {
            let origin = origin::Origin::of(path, datastore, var)?;
            let size = measure::size(&origin, datastore, *size)?;
            return Ok(told(format!("{size}\n")));
        }
        Plan::Host {
            steps,
            data,
            answer,
            ..
        } => (steps, data, answer),
    };
    let origin = data.as_deref();
    let origin = origin
        .map(|path| origin::Origin::of(path, datastore, var))
        .transpose()?;
    let (node, said) = bridge::run(datastore, turn, steps.clone(), origin.as_ref(), voice)?;
    Ok(Done {
        answer: answer.text(&node, &said)?,
        made: answer::has_made(&said),
    })
}

fn name(action: DsAction) -> &'static str {
    let known = DsAction::ALL
        .into_iter()
        .find(|(_, known)| *known == action);
    known.map_or("it", |(name, _)| name)
}
