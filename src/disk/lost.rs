//! A disk that is this host's no more: it had it before its last boot, and since then another host took it over, or its image is gone;
//! or an attach of it was killed before it had the lease, and another host has that now.

use super::lease::Me;
use super::open::{OpenDisk, OpenImage};
use super::record::{Intent, Record};
use crate::host::Host;
use crate::model::Lease;
use crate::{Error, Kind, Result};

/// Why a disk that this host had before its last boot, or was about to have, is its no more; `None` if it still is, or nobody can tell.
pub(super) fn why(host: &Host, disk: &OpenDisk) -> Result<Option<String>> {
    let (record, me) = (&disk.record, host.me()?);
    let leaving = record.intent == Intent::Detached || record.guest.is_some();
    let may_be = is_of_an_earlier_boot(record, &me) || never_had(record);
    if !may_be || leaving || disk.unreachable.is_some() {
        return Ok(None);
    }
    match &disk.image {
        None => Ok(Some("its image is gone".to_owned())),
        Some(image) => Ok(taken(&image.lease(record)?.lease, record, &me)),
    }
}

/// Forgets which VMs had an image together with others' here before this host's last boot, if those others have given it up since:
/// they went elsewhere, or are gone, and nobody would ever take their links away.
pub(super) fn forget_users(host: &Host, record: &mut Record, image: &OpenImage) -> Result<()> {
    let lease = match record.shared {
        Some(_) => image.lease(record)?.lease,
        None => return Ok(()),
    };
    without_the_dead(record, &lease, &host.me()?);
    Ok(())
}

fn without_the_dead(record: &mut Record, lease: &Lease, me: &Me) {
    let lost = is_of_an_earlier_boot(record, me) && taken(lease, record, me).is_some();
    if let Some(shared) = record.shared.as_mut().filter(|_| lost) {
        shared.links.clear();
    }
}

/// Whether the record was written and no lease was taken, so that nothing was made: an attach writes its record first.
pub(super) fn never_had(record: &Record) -> bool {
    record.generation == 0 && record.boot_id.is_empty()
}

fn is_of_an_earlier_boot(record: &Record, me: &Me) -> bool {
    !record.boot_id.is_empty() && record.boot_id != me.boot_id
}

/// Who took a disk over that was ours at the record's generation; `None` if nobody did.
fn taken(lease: &Lease, record: &Record, me: &Me) -> Option<String> {
    let generation = record.generation;
    if record.shared.is_some() {
        // Others come and go. A generation says that this host had come in.
        let ours = lease.shared.iter().any(|sharer| sharer.host == me.host);
        let struck_out = "those who have it together have given this host up".to_owned();
        return (generation > 0 && !ours).then_some(struck_out);
    }
    match &lease.holder {
        // Whoever takes a lease raises its generation: a host that was renamed has lost nothing.
        Some(holder) if holder.host == me.host || lease.generation <= generation => None,
        Some(holder) => Some(format!("host {} has it", holder.host)),
        None if lease.generation > generation && !never_had(record) => {
            Some("another host has taken it, and given it back since".to_owned())
        }
        None => None,
    }
}

/// Keeps a cache that may hold what nobody else has: that it can never be written back is for the operator to know.
pub(super) fn refuse_dirty(record: &Record, why: &str) -> Result<()> {
    if !record.mode.can_be_dirty() || never_had(record) {
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
    use std::collections::BTreeSet;

    use super::*;
    use crate::disk::record::Shared;
    use crate::model::{Sharer, Sharing};

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
        assert_eq!(taken(&held("hv1"), &of(5), &me), None);
        assert_eq!(taken(&held("hv2"), &of(4), &me).unwrap(), "host hv2 has it");
        // Nobody has it: given back by whom it was taken, or by ourselves, or wiped.
        assert!(
            taken(&lease("null"), &of(4), &me)
                .unwrap()
                .contains("since")
        );
        assert_eq!(taken(&lease("null"), &of(5), &me), None);
        assert_eq!(taken(&Lease::default(), &of(5), &me), None);
        // It never came to the lease: whether anybody else had that before says nothing.
        let mut never = of(0);
        never.boot_id.clear();
        assert_eq!(taken(&held("hv2"), &never, &me).unwrap(), "host hv2 has it");
        assert_eq!(taken(&lease("null"), &never, &me), None);
        assert_eq!(taken(&held("hv1"), &never, &me), None);
        // Of those that have it together, each is told by its own entry.
        assert_eq!(taken(&shared_by("hv1"), &shared(4), &me), None);
        assert!(taken(&shared_by("hv2"), &shared(4), &me).is_some());
        let never_in = shared(0);
        assert_eq!(taken(&shared_by("hv2"), &never_in, &me), None);
    }

    #[test]
    fn who_had_it_with_others_is_forgotten_with_the_boot_and_the_place() {
        let users = |boot: &str, by: &str| {
            let me = Me {
                host: "hv1".parse().unwrap(),
                boot_id: boot.into(),
            };
            let mut record = shared(4);
            record.boot_id = "b1".into();
            without_the_dead(&mut record, &shared_by(by), &me);
            record.shared.unwrap().links.len()
        };
        assert_eq!(users("b2", "hv2"), 0);
        assert_eq!(users("b2", "hv1"), 1, "still in: they are started again");
        assert_eq!(users("b1", "hv2"), 1, "they may still run here");
    }

    /// A record of an image that a VM has here, and others elsewhere.
    fn shared(generation: u64) -> Record {
        Record {
            shared: Some(Shared {
                access: Sharing::ReadOnly,
                links: BTreeSet::from(["/d/1/disk.0".into()]),
            }),
            ..of(generation)
        }
    }

    fn shared_by(host: &str) -> Lease {
        let sharer = Sharer {
            host: host.parse().unwrap(),
            boot_id: "b1".into(),
            since: 0,
            access: Sharing::ReadOnly,
            client: None,
        };
        Lease {
            generation: 5,
            shared: vec![sharer],
            ..Lease::default()
        }
    }

    fn of(generation: u64) -> Record {
        let mut record = Record::sample();
        record.generation = generation;
        record
    }

    #[test]
    fn only_what_can_be_dirty_is_kept() {
        let mut record = of(5);
        assert!(refuse_dirty(&record, "its image is gone").is_ok());
        record.mode = crate::model::CacheMode::Writeback;
        let error = refuse_dirty(&record, "its image is gone").unwrap_err();
        assert_eq!(error.kind(), Kind::Dirty);
        assert!(error.to_string().contains("its image is gone"));
        assert!(error.remedy_text().unwrap().contains("--discard-dirty"));
        // There was never a cache.
        record.generation = 0;
        record.boot_id.clear();
        assert!(refuse_dirty(&record, "host hv2 has it").is_ok());
    }
}
