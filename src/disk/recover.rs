//! Recover: find all that is ours, compare it with the records, and bring it to what they say.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

mod orphans;

use self::orphans::{orphan, orphans};
use super::attach::climb;
use super::detach::descend;
use super::later;
use super::layers::sweep;
use super::lost;
use super::open::OpenDisk;
use super::record::{Intent, Record};
use super::walk::Walk;
use crate::host::Host;
use crate::job::Recover;
use crate::model::{Access, DiskKey, ImageSpec};
use crate::sys::wait;
use crate::{Error, Kind, Result};

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct Finding {
    /// The image, where it is known.
    pub image: Option<ImageSpec>,
    /// The disk.
    pub key: Option<DiskKey>,
    /// What was found.
    pub found: String,
    /// What is, or would be, done about it; nothing for what is well.
    pub action: Option<String>,
    /// Why it could not be done.
    pub error: Option<String>,
    /// What the operator can do then.
    pub remedy: Option<String>,
}

/// The answer of `recover`.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct RecoverReport {
    /// The version of this format.
    pub version: u32,
    /// Whether it only says what would be done.
    pub dry_run: bool,
    /// What was found, in the order in which it is dealt with.
    pub findings: Vec<Finding>,
}

impl Finding {
    /// Of what is no disk: what is done about it, or why it cannot be.
    pub(crate) fn of_host(found: String, done: Result<Option<&str>, &Error>) -> Self {
        Self {
            image: None,
            key: None,
            found,
            action: done.ok().flatten().map(str::to_owned),
            error: done.err().map(Error::chain),
            remedy: done.err().and_then(Error::remedy_text).map(str::to_owned),
        }
    }
}

impl RecoverReport {
    /// The version that this program writes.
    pub const VERSION: u32 = 1;

    /// Whether something could not be dealt with.
    pub fn failed(&self) -> bool {
        self.findings.iter().any(|finding| finding.error.is_some())
    }
}

/// Finds everything of ours on this host and brings it to what the records say: interrupted detaches are finished,
/// disks that a reboot took down are brought up again, those that another host took over meanwhile or whose image is gone
/// are cleaned up, and what has no record is removed once it is proven clean.
///
/// One disk's failure does not stop the others; it stands in its finding.
///
/// Where there are disks, Ceph is waited for as long as the caller says: at boot it may come up later than this host.
pub fn recover(host: &Host, ask: &Recover, dry_run: bool) -> Result<RecoverReport> {
    let mut findings = Vec::new();
    let (records, unreadable) = Record::all(&host.roots)?;
    if !records.is_empty() {
        await_ceph(host, &records, Duration::from_secs(ask.wait));
    }
    findings.extend(unreadable.iter().map(damaged));
    for record in &records {
        findings.push(by_record(host, record, dry_run));
    }
    for (key, image) in orphans(host, &records)? {
        findings.extend(orphan(host, &records, &key, image, dry_run));
    }
    match sweep(host, dry_run) {
        Ok(true) => findings.push(removed("a shared volume without a disk".into())),
        Ok(false) => {}
        Err(error) => findings.push(Finding {
            found: "a shared volume that cannot be looked at".into(),
            ..damaged(&error)
        }),
    }
    if !dry_run {
        let swept = Record::sweep(&host.roots)?;
        if swept > 0 {
            findings.push(removed(format!(
                "{swept} temporary files of interrupted writes"
            )));
        }
    }
    Ok(RecoverReport {
        version: RecoverReport::VERSION,
        dry_run,
        findings,
    })
}

/// Waits until Ceph answers. What it says in the end, each disk that needs it tells.
fn await_ceph(host: &Host, records: &[Record], patience: Duration) {
    let mut waited: BTreeSet<Option<&Access>> =
        records.iter().map(|known| known.access.as_ref()).collect();
    // A key that is not there does not come by waiting.
    let silent = |access: &Option<&Access>| {
        let connected = host.connect_by(*access);
        matches!(connected, Err(error) if error.kind() == Kind::Ceph)
    };
    wait::poll(patience, || {
        let over = patience.is_zero() || host.cancel.is_cancelled();
        if !over {
            waited.retain(silent);
        }
        (over || waited.is_empty()).then_some(())
    });
}

/// What nobody needs, and is removed.
fn removed(found: String) -> Finding {
    Finding::of_host(found, Ok(Some("removed")))
}

/// A record that cannot be read: said, and left alone.
fn damaged(error: &Error) -> Finding {
    Finding::of_host("a record that cannot be read".into(), Err(error))
}

fn by_record(host: &Host, record: &Record, dry_run: bool) -> Finding {
    if let Some(holder) = later::at_work(host, record) {
        return finding(record, &format!("being filled by {holder}"), None, None);
    }
    let mut gone = None;
    let outcome = OpenDisk::of_key(host, &record.key, "recover").and_then(|disk| {
        let Some(disk) = disk else { return Ok(None) };
        gone = lost::why(host, &disk)?;
        if let Some(why) = &gone {
            lost::refuse_dirty(&disk.record, why)?;
        }
        let record = &disk.record;
        // No guest survived the boot, so none moves here any more.
        let stranded = record.guest.is_some() && record.boot_id != host.me()?.boot_id;
        let detached = record.intent == Intent::Detached || stranded || gone.is_some();
        let mut walk = Walk::new(host, disk, dry_run);
        let done = if detached {
            descend(&mut walk)
        } else {
            climb(&mut walk)
        };
        done.map(|()| Some(walk.report(!detached)))
    });
    let found = match (record.intent, gone) {
        (_, Some(why)) if lost::never_had(record) => format!("its attach was killed early: {why}"),
        (_, Some(why)) => format!("lost while this host was down: {why}"),
        (Intent::Detached, _) => "its detach was interrupted".to_owned(),
        (Intent::Attached, _) => "wanted with its cache".to_owned(),
        (Intent::Bypassed, _) if record.guest.is_some() => "a guest moves here".to_owned(),
        (Intent::Bypassed, _) => "wanted without its cache in the path".to_owned(),
    };
    let changed = outcome
        .as_ref()
        .ok()
        .and_then(Option::as_ref)
        .map(|report| {
            let steps = report.steps.iter().filter(|step| step.change.is_change());
            steps
                .map(|step| format!("{} {}", step.layer, step.change))
                .collect::<Vec<_>>()
                .join(", ")
        });
    finding(
        record,
        &found,
        changed.filter(|changed| !changed.is_empty()),
        outcome.err().as_ref(),
    )
}

fn finding(record: &Record, found: &str, action: Option<String>, error: Option<&Error>) -> Finding {
    Finding {
        image: Some(record.image.clone()),
        key: Some(record.key.clone()),
        found: found.to_owned(),
        action,
        error: error.map(Error::chain),
        remedy: error.and_then(Error::remedy_text).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests;
