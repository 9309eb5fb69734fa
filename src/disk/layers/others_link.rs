//! The link of another host, in a directory that hosts share: it has the same name as ours, and leads to the same front.

use std::path::Path;

use crate::Result;
use crate::disk::lease::Me;
use crate::disk::walk::Walk;
use crate::job::is_others_too;
use crate::model::Lease;

/// Whether a link is what another host has the disk by, which would lose it with ours. Where the lease cannot be read, it may be.
pub(super) fn is_needed(walk: &Walk<'_>, link: &Path) -> Result<bool> {
    let me = walk.host.me()?;
    let shared = match link.parent() {
        Some(dir) => walk.as_asker(|| is_others_too(&me.host, dir))?,
        None => false,
    };
    if !shared {
        return Ok(false);
    }
    match (&walk.disk.image, &walk.disk.unreachable) {
        (None, None) => Ok(false),
        (None, Some(_)) => Ok(true),
        (Some(image), _) => Ok(is_anothers(&image.lease(&walk.disk.record)?.lease, &me)),
    }
}

/// Whether another host holds the lease or has the image together with us, or was let in beside us, as at the end of a migration.
fn is_anothers(lease: &Lease, me: &Me) -> bool {
    let guest = lease.holder.as_ref().and_then(|holder| holder.guest());
    lease.elsewhere(&me.host).is_some() || guest.is_some_and(|guest| *guest != me.host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_whose_the_disk_is() {
        let me = Me {
            host: "hv1".parse().unwrap(),
            boot_id: "b".into(),
        };
        let lease = |host: &str, moving: &str| -> Lease {
            let text = format!(
                r#"{{"version":1,"generation":5,"holder":{{"host":"{host}","boot_id":"b","since":0,"driver":"dm-cache",
                "mode":"writethrough","dirty":false,"cache_id":null,"moving":{moving}}}}}"#
            );
            serde_json::from_str(&text).unwrap()
        };
        assert!(!is_anothers(&Lease::default(), &me), "nobody's");
        assert!(!is_anothers(&lease("hv1", "null"), &me), "ours");
        assert!(is_anothers(&lease("hv2", "null"), &me), "taken from us");
        let moving = r#"{"to":"kvm2","guest":"hv2"}"#;
        assert!(
            is_anothers(&lease("hv1", moving), &me),
            "it runs there already"
        );
        // The guest, that is let go of after a migration which failed.
        assert!(is_anothers(
            &lease("hv2", r#"{"to":"kvm1","guest":"hv1"}"#),
            &me
        ));
        assert!(!is_anothers(
            &lease("hv1", r#"{"to":"kvm2","guest":null}"#),
            &me
        ));
        // Which of several VMs runs where, no lease tells.
        let shared = |host: &str| -> Lease {
            let text = format!(
                r#"{{"version":1,"generation":5,"holder":null,"shared":[{{"host":"{host}","boot_id":"b","since":0,"access":"read-only"}}]}}"#
            );
            serde_json::from_str(&text).unwrap()
        };
        assert!(!is_anothers(&shared("hv1"), &me) && is_anothers(&shared("hv2"), &me));
    }
}
