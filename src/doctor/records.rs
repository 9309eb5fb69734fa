//! What earlier jobs left to do.

use super::finding::Finding;
use crate::Result;
use crate::disk::{Intent, Record};
use crate::host::Host;

/// Whether every disk that this host wants was brought up under the present boot.
pub fn records(host: &Host) -> Finding {
    const NAME: &str = "disks";
    match count(host) {
        Err(error) => Finding::of_error(
            NAME,
            &error,
            "see which file below /var/lib/warmblock/disks it is",
        ),
        Ok((all, 0)) => Finding::ok(NAME, format!("{all} wanted on this host")),
        Ok((all, open)) => Finding::warn(
            NAME,
            format!("{open} of {all} wait to be brought up or taken down"),
            "`warmblock recover --dry-run` says what is to be done, `warmblock recover` does it",
        ),
    }
}

/// The disks that are wanted, and those of them that were left as they are by an earlier boot or a broken-off detach.
fn count(host: &Host) -> Result<(usize, usize)> {
    let (records, mut unreadable) = Record::all(&host.roots)?;
    if let Some(error) = unreadable.pop() {
        return Err(error);
    }
    let boot = host.me()?.boot_id;
    let open = records
        .iter()
        .filter(|record| record.intent == Intent::Detached || record.boot_id != boot);
    Ok((records.len(), open.count()))
}
