//! Recover: find all that is ours, compare it with the records, and bring it to what they say.

use std::collections::BTreeMap;

use serde::Serialize;

use super::attach::climb;
use super::detach::descend;
use super::layers::sweep;
use super::open::OpenDisk;
use super::record::{Intent, Record};
use super::shared;
use super::walk::Walk;
use crate::exec::ExecError;
use crate::host::Host;
use crate::model::{DiskKey, ImageSpec};
use crate::tools::krbd::Mapping;
use crate::tools::lvm::{Lv, LvmError};
use crate::{Context, Error, Kind, Result};

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

impl RecoverReport {
    /// The version that this program writes.
    pub const VERSION: u32 = 1;

    /// Whether something could not be dealt with.
    pub fn failed(&self) -> bool {
        self.findings.iter().any(|finding| finding.error.is_some())
    }
}

/// Finds everything of ours on this host and brings it to what the records say: interrupted detaches are finished,
/// disks that a reboot took down are brought up again, and what has no record is removed once it is proven clean.
///
/// One disk's failure does not stop the others; it stands in its finding.
pub fn recover(host: &Host, dry_run: bool) -> Result<RecoverReport> {
    let mut findings = Vec::new();
    let (records, unreadable) = Record::all(&host.roots)?;
    findings.extend(unreadable.iter().map(damaged));
    for record in &records {
        findings.push(by_record(host, record, dry_run));
    }
    for record in orphans(host, &records)? {
        findings.push(orphan(host, record, dry_run));
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

/// What nobody needs, and is removed.
fn removed(found: String) -> Finding {
    Finding {
        image: None,
        key: None,
        found,
        action: Some("removed".into()),
        error: None,
        remedy: None,
    }
}

/// A record that cannot be read: said, and left alone.
fn damaged(error: &Error) -> Finding {
    Finding {
        image: None,
        key: None,
        found: "a record that cannot be read".into(),
        action: None,
        error: Some(error.chain()),
        remedy: error.remedy_text().map(str::to_owned),
    }
}

fn by_record(host: &Host, record: &Record, dry_run: bool) -> Finding {
    let outcome = OpenDisk::of_key(host, &record.key, "recover").and_then(|disk| {
        let Some(disk) = disk else { return Ok(None) };
        let record = &disk.record;
        // No guest survived the boot, so none moves here any more.
        let stranded = record.guest.is_some() && record.boot_id != host.me()?.boot_id;
        let detached = record.intent == Intent::Detached
            || stranded
            || shared::is_given_up(&host.me()?, &disk)?;
        let mut walk = Walk::new(host, disk, dry_run);
        let done = if detached {
            descend(&mut walk)
        } else {
            climb(&mut walk)
        };
        done.map(|()| Some(walk.report(!detached)))
    });
    let found = match record.intent {
        Intent::Detached => "its detach was interrupted",
        Intent::Attached => "wanted with its cache",
        Intent::Bypassed if record.guest.is_some() => "a guest moves here",
        Intent::Bypassed => "wanted without its cache in the path",
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
        found,
        changed.filter(|changed| !changed.is_empty()),
        outcome.err().as_ref(),
    )
}

fn orphan(host: &Host, record: Record, dry_run: bool) -> Finding {
    let shown = record.clone();
    let outcome = OpenDisk::orphan(host, record)
        .and_then(|disk| descend(&mut Walk::new(host, disk, dry_run)));
    let action = Some("taken down: it has no record".to_owned());
    finding(
        &shown,
        "devices or volumes without a record",
        action,
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

/// Disks that have devices or volumes here and no record, as records that want them gone.
fn orphans(host: &Host, records: &[Record]) -> Result<Vec<Record>> {
    let mut found: BTreeMap<DiskKey, Option<ImageSpec>> = BTreeMap::new();
    for device in host
        .dm()
        .list()
        .context(|| "cannot list the devices of this host".into())?
    {
        found.entry(device.info.name.key).or_default();
    }
    for lv in slices(host)? {
        let image = lv.tag("image").and_then(|image| image.parse().ok());
        found.insert(lv.name.key.clone(), image);
    }
    found.retain(|key, _| !records.iter().any(|record| record.key == *key));
    found
        .into_iter()
        .map(|(key, image)| made_up(host, key, image))
        .collect()
}

/// The slices of this host; none where there is no LVM.
fn slices(host: &Host) -> Result<Vec<Lv>> {
    match host.lvm().list() {
        Err(LvmError::Exec(ExecError::Missing { .. })) => Ok(Vec::new()),
        other => other.context(|| "cannot list the slices of this host".into()),
    }
}

/// A record for a disk whose own is lost: from the mapping's or the volume's tag it learns the image's name.
fn made_up(host: &Host, key: DiskKey, image: Option<ImageSpec>) -> Result<Record> {
    let ours =
        |mapping: &Mapping| mapping.pool_id == key.pool() && mapping.image_id == *key.image();
    let mapping = host.krbd().list().into_iter().find(ours);
    let image = image.or_else(|| mapping.as_ref().map(|mapping| mapping.image.image.clone()));
    let image = image.ok_or_else(|| {
        Error::new(
            Kind::NotFound,
            format!("cannot tell the image's name of the devices of disk {key}"),
        )
        .remedy("remove them by hand: `dmsetup ls`, `lvs @warmblock`")
    })?;
    let fsid = match mapping {
        Some(mapping) => mapping.fsid,
        None => host
            .connect()?
            .fsid()
            .context(|| "cannot ask for the cluster's fsid".into())?,
    };
    Ok(Record::of_unknown(
        key,
        image,
        fsid,
        host.config.cache.block,
    ))
}
