//! Snapshots that hold together: the image is complete while they are taken, and the guest may be at rest.

use super::Answer;
use super::request::Quiet;
use super::rested::Held;
use super::run::{StepAnswer, several};
use crate::host::Host;
use crate::{Result, disk};

/// Does the requests, on a host that has the disk while its image is complete.
///
/// Errors: those of the requests; [`crate::Kind::Dirty`] if the image cannot be completed.
pub(super) fn run(host: &Host, ask: &Quiet, dry_run: bool) -> Result<Vec<StepAnswer>> {
    if !disk::is_mapped(host, &ask.image)? {
        return several(host, &ask.steps, dry_run);
    }
    let mut warnings = Vec::new();
    let snapshots = || {
        let steps = || several(host, &ask.steps, dry_run);
        match ask.domain.as_deref().filter(|_| !dry_run) {
            Some(domain) => {
                let guest = Held::wait_for(host, domain, "snapshot")?;
                guest.at_rest(ask.rest, &mut warnings, steps)
            }
            None => steps(),
        }
    };
    let (mut report, mut answers) = disk::or_seeded_as_before(host, &ask.image, dry_run, || {
        disk::while_complete(host, &ask.image, dry_run, snapshots)
    })?;
    report.warnings.extend(warnings);
    answers.insert(0, StepAnswer::Done(Box::new(Answer::Disk(report))));
    Ok(answers)
}
