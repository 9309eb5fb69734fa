//! The datastore's actions: images come, are copied, and go; how full the pools are.
//!
//! None of them asks oned for anything before: the document says it all. What is needed of Ceph is one job over one ssh to a host
//! of the datastore's BRIDGE_LIST; what an image is made of streams over that ssh's standard input. Once an image is made oned is
//! asked whether it still has it (`wanted`).

mod answer;
mod bridge;
mod disks;
mod measure;
mod origin;
mod plan;
mod secrets;
mod wanted;

use std::io::Read;

use super::act::Site;
use super::call::{DsAction, DsCall, DsInput};
use super::document::DatastoreJob;
use super::monitord::Monitord;
use super::oned::Surroundings;
use super::voice::{Level, Voice};
use crate::job::StepAsk;
use crate::{Context, Error, Kind, Result};

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
    let done = run(&plan, &document, call.id, &site.oned, voice);
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
    site: &Site,
    input: &DsInput,
    stdin: impl Read,
    voice: &mut Voice<impl std::io::Write>,
) -> Result<String> {
    let document = DatastoreJob::parse(&input.document(stdin)?)?;
    let plan = Plan::of(DsAction::Monitor, 0, &document)?;
    let turn = document.datastore.id.map_or(0, |id| id.0);
    run(&plan, &document, turn, &site.oned, voice).map(|done| done.answer)
}

fn run(
    plan: &Plan,
    document: &DatastoreJob,
    turn: u32,
    around: &Surroundings,
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
            let origin = origin::Origin::of(path, datastore, &around.var)?;
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
        .map(|path| origin::Origin::of(path, datastore, &around.var))
        .transpose()?;
    let data = origin.as_ref().and_then(origin::Origin::data);
    let steps = plan::expecting(steps, data);
    let measuring = steps.iter().position(disks::is_asked_by);
    let asked = bridge::run(datastore, turn, steps.clone(), origin.as_ref(), voice);
    let (node, said) = match (asked, measuring) {
        (Err(error), Some(nr)) if error.kind() == Kind::Missing => {
            // A host of an older release cannot measure disks, and can tell how full the pool is.
            let known: Vec<StepAsk> = steps.into_iter().take(nr).collect();
            let asked = bridge::run(datastore, turn, known, origin.as_ref(), voice)?;
            not_measured(voice, &error);
            asked
        }
        (asked, _) => asked?,
    };
    let done = Done {
        answer: answer.text(&node, &said)?,
        made: answer::has_made(&said),
    };
    if let Some(nr) = measuring.filter(|nr| !said["steps"][nr].is_null()) {
        let told = disks::sizes(&said, nr).context(|| format!("on host {node}"));
        let told = told.and_then(|sizes| Monitord::find(&around.etc)?.tell(&sizes));
        let _told = told.map_err(|error| not_measured(voice, &error));
    }
    Ok(done)
}

fn not_measured(voice: &mut Voice<impl std::io::Write>, error: &Error) {
    let message = format!("what disks of VMs take is not told: {}", error.chain());
    voice.log(Level::Warning, &message);
}

fn name(action: DsAction) -> &'static str {
    let known = DsAction::ALL
        .into_iter()
        .find(|(_, known)| *known == action);
    known.map_or("it", |(name, _)| name)
}
