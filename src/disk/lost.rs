//! A disk that this host had before its last boot, and that is its no more: another host took it over, or its image is gone.

use super::lease::Me;
use super::open::OpenDisk;
use super::record::{Intent, Record};
use crate::host::Host;
use crate::model::Lease;
use crate::{Error, Kind, Result};

/// Why a disk that this host had before its last boot is its no more; `None` if it still is, or nobody can tell.
pub(super) fn why(host: &Host, disk: &OpenDisk) -> Result<Option<String>> {
    let (record, me) = (&disk.record, host.me()?);
    let unchanged = record.boot_id.is_empty() || record.boot_id == me.boot_id;
    let leaving = record.intent == Intent::Detached || record.guest.is_some();
    if unchanged || leaving || disk.unreachable.is_some() {
        return Ok(None);
    }
    match &disk.image {
        None => Ok(Some("its image is gone".to_owned())),
        Some(image) => Ok(taken(&image.lease(record)?.lease, record.generation, &me)),
    }
}

/// Who took a disk over that was ours at this generation; `None` if nobody did.
fn taken(lease: &Lease, generation: u64, me: &Me) -> Option<String> {
    match &lease.holder {
        // Whoever takes a lease raises its generation: a host that was renamed has lost nothing.
        Some(holder) if holder.host == me.host || lease.generation <= generation => None,
        Some(holder) => Some(format!("host {} has it", holder.host)),
        None if lease.generation > generation => {
            Some("another host has taken it, and given it back since".to_owned())
        }
        None => None,
    }
}

/// Keeps a cache that may hold what nobody else has: that it can never be written back is for the operator to know.
pub(super) fn refuse_dirty(record: &Record, why: &str) -> Result<()> {
    if !record.mode.can_be_dirty() {
        return Ok(());
    }
    let image = &record.image;
    let message = format!(
        "{image} was lost while this host was down ({why}), and its write-back cache here is kept: it may hold what was \
         written last"
    );
    Err(Error::new(Kind::Dirty, message).remedy(format!(
        "nothing of it can be written back any more; once nobody needs it, `warmblock detach {image} --discard-dirty` removes it"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_lost_to_whoever_has_taken_it() {
        let me = Me {
            host: "hv1".parse().unwrap(),
            boot_id: "b2".into(),
        };
        let lease = |holder: &str| -> Lease {
            let text = format!(r#"{{"version":1,"generation":5,"holder":{holder}}}"#);
            serde_json::from_str(&text).unwrap()
        };
        let held = |host: &str| {
            lease(&format!(
                r#"{{"host":"{host}","boot_id":"b1","since":0,"driver":"dm-cache","mode":"writethrough","dirty":false,"cache_id":null}}"#
            ))
        };
        assert_eq!(taken(&held("hv1"), 5, &me), None);
        assert_eq!(taken(&held("hv2"), 4, &me).unwrap(), "host hv2 has it");
        // Nobody has it: given back by whom it was taken, or by ourselves, or wiped.
        assert!(taken(&lease("null"), 4, &me).unwrap().contains("since"));
        assert_eq!(taken(&lease("null"), 5, &me), None);
        assert_eq!(taken(&Lease::default(), 5, &me), None);
    }

    #[test]
    fn only_what_can_be_dirty_is_kept() {
        let mut record = Record::of_unknown(
            "801945f3-3-ab12".parse().unwrap(),
            "one/a".parse().unwrap(),
            "801945f3-0000-0000-0000-000000000000".parse().unwrap(),
            None,
            crate::model::Bytes(262_144),
        );
        assert!(refuse_dirty(&record, "its image is gone").is_ok());
        record.mode = crate::model::CacheMode::Writeback;
        let error = refuse_dirty(&record, "its image is gone").unwrap_err();
        assert_eq!(error.kind(), Kind::Dirty);
        assert!(error.to_string().contains("its image is gone"));
        assert!(error.remedy_text().unwrap().contains("--discard-dirty"));
    }
}
