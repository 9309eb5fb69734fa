//! Barring a host that is given up from Ceph.

use std::collections::BTreeSet;

use crate::ceph::fence;
use crate::disk::open::OpenImage;
use crate::disk::record::Record;
use crate::host::Host;
use crate::model::{HostName, ImageSpec, Lease};
use crate::{Context, Result};

/// Bars from Ceph whom the lease notes, and if `open` says so everybody else who has the image open, or its lock. If that is
/// nobody, a warning is the answer: a host that is cut off is forgotten after a while, and writes when it is not cut off any more.
///
/// Who has it open is barred only while nobody else has changed the claim that is given up: every host does that before it opens the
/// image, so one that took the dead one's place meanwhile is not meant.
pub(super) fn bar(
    host: &Host,
    record: &Record,
    image: &OpenImage,
    lease: &Lease,
    open: bool,
) -> Result<Option<String>> {
    let ours: BTreeSet<String> = host
        .krbd()
        .list()
        .into_iter()
        .map(|own| own.client_addr)
        .collect();
    let me = host.me()?.host;
    let mut others = lease.clients(&me);
    if open {
        let seen = fence::holders(&image.image);
        let seen = seen.context(|| format!("cannot ask who has {} open", record.image))?;
        // Asked in this order: whoever came in before that look is in the lease by now.
        if is_the_same_claim(lease, &image.lease(record)?.lease) {
            others.extend(seen);
        }
    }
    let others: BTreeSet<String> = others.difference(&ours).cloned().collect();
    fence::bar(&image.image, &others)?;
    let warning = others
        .is_empty()
        .then(|| nobody_barred(&record.image, lease, &me));
    if let Some(warning) = &warning {
        tracing::warn!("{warning}");
    }
    Ok(warning)
}

/// Whether nobody else took, joined or came into a lease since it was read. A holder that did it itself again is the one that is
/// given up all the same.
fn is_the_same_claim(before: &Lease, now: &Lease) -> bool {
    match (&before.holder, &now.holder) {
        (Some(then), Some(holder)) => then.host == holder.host && then.guest() == holder.guest(),
        (None, None) => before.generation == now.generation,
        _ => false,
    }
}

/// The warning that a host which is given up was not barred: the holder, the guest of this one, or one of several.
fn nobody_barred(image: &ImageSpec, lease: &Lease, me: &HostName) -> String {
    let holder = lease.holder.as_ref();
    let others = holder.map(|holder| &holder.host).into_iter();
    let mut others = others.chain(lease.shared.iter().map(|sharer| &sharer.host));
    let others = others.find(|host| *host != me);
    let dead = others.or_else(|| holder?.guest());
    let dead = dead.map_or("that was dead", HostName::as_str);
    format!(
        "nobody was barred from Ceph for host {dead}: the lease of {image} notes no client of its, and Ceph shows none; should it \
         be cut off and not dead, what it writes later destroys the image: see that it is off, or bar it with `ceph osd blocklist \
         add` and its address"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_came_in_meanwhile_is_not_meant() {
        let lease = |generation: u64, host: &str, note: &str| -> Lease {
            let text = format!(
                r#"{{"version":1,"generation":{generation},"holder":{{"host":"{host}","boot_id":"b","since":0,"driver":"dm-cache",
                "mode":"writethrough","dirty":false,"cache_id":null{note}}}}}"#
            );
            serde_json::from_str(&text).unwrap()
        };
        let dead = lease(5, "hv1", "");
        let noted = lease(5, "hv1", r#","client":"10.0.0.1:0/7""#);
        assert!(is_the_same_claim(&dead, &dead) && is_the_same_claim(&dead, &noted));
        let free = |generation: u64| Lease {
            generation,
            holder: None,
            ..dead.clone()
        };
        assert!(
            is_the_same_claim(&dead, &lease(6, "hv1", "")) && is_the_same_claim(&free(5), &free(5))
        );
        assert!(!is_the_same_claim(&free(5), &free(6)));
        let guest = r#","moving":{"to":"kvm2","guest":"hv2"}"#;
        for now in [free(6), lease(6, "hv2", ""), lease(5, "hv1", guest)] {
            assert!(!is_the_same_claim(&dead, &now), "{now:?}");
        }
    }

    #[test]
    fn the_warning_names_who_may_still_write() {
        let lease: Lease = serde_json::from_str(
            r#"{"version":1,"generation":5,"holder":{"host":"hv1","boot_id":"b","since":0,"driver":"dm-cache",
                "mode":"writethrough","dirty":false,"cache_id":null,"moving":{"to":"kvm2","guest":"hv2"}}}"#,
        )
        .unwrap();
        let image = "one/a".parse().unwrap();
        let said = |me: &str| nobody_barred(&image, &lease, &me.parse().unwrap());
        assert!(said("hv3").contains("for host hv1: the lease of one/a notes no client"));
        assert!(said("hv1").contains("for host hv2:"), "its own guest");
    }
}
