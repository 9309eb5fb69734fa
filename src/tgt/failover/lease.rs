//! Whose lease on a cached disk a failover may break: that of a gateway, which let go or is barred, and nobody else's.

use crate::disk::Me;
use crate::job::Attach;
use crate::model::{ImageSpec, Lease};
use crate::tgt::inventory::Gateway;
use crate::{Error, Kind, Result};

/// The request by which a failover attaches a cached disk on `me`. Should the lease go to somebody else before it is done, that one
/// keeps it.
///
/// Errors: [`Kind::LeaseHeld`] if a host holds it that is no gateway: its machine may run, whatever Ceph shows.
pub(super) fn ask(
    image: &ImageSpec,
    lease: &Lease,
    gateways: &[Gateway],
    me: &Me,
) -> Result<Attach> {
    let ask = Attach::new(image.clone());
    let holder = lease.holder.as_ref().map(|holder| &holder.host);
    let holder = holder.or_else(|| lease.shared.first().map(|sharer| &sharer.host));
    let Some(holder) = holder.filter(|holder| **holder != me.host) else {
        return Ok(ask);
    };
    if !gateways.iter().any(|gateway| gateway.name.may_be(holder)) {
        let message =
            format!("image {image} is attached on host {holder}, which is none of the gateways");
        return Err(Error::new(Kind::LeaseHeld, message).remedy(format!(
            "detach it there, `warmblock detach {image}`, then run this again; if {holder} is a gateway, name it so in the inventory"
        )));
    }
    Ok(Attach {
        break_lease: true,
        dead_host: Some(holder.clone()),
        ..ask
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::{Claim, Force, claim};
    use crate::model::{CacheMode, LeaseHolder};
    use crate::tgt::inventory::Place;

    fn me() -> Me {
        Me {
            host: "gw2".parse().unwrap(),
            boot_id: "b".into(),
        }
    }

    fn image() -> ImageSpec {
        "rbd/x".parse().unwrap()
    }

    fn held_by(host: &str) -> Lease {
        let holder = LeaseHolder {
            host: host.parse().unwrap(),
            boot_id: "b".into(),
            since: 0,
            driver: "dm-cache".parse().unwrap(),
            mode: CacheMode::Writethrough,
            dirty: false,
            cache_id: None,
            moving: None,
            client: None,
        };
        Lease {
            generation: 4,
            holder: Some(holder),
            ..Lease::default()
        }
    }

    fn asked(lease: &Lease) -> Result<Attach> {
        let gateway = |name: &str| Gateway {
            name: name.parse().unwrap(),
            portals: Vec::new(),
            ssh: format!("root@{name}"),
            place: Place {
                file: std::path::Path::new("tgt.toml").into(),
                line: 1,
            },
        };
        ask(&image(), lease, &["gw1", "gw2"].map(gateway), &me())
    }

    #[test]
    fn only_a_gateways_lease_is_broken() {
        for gateway in ["gw1", "gw1.example.org"] {
            let ask = asked(&held_by(gateway)).unwrap();
            assert!(ask.break_lease && !ask.fence && !ask.discard_dirty);
            let force = Force {
                break_lease: ask.break_lease,
                dead_host: ask.dead_host,
                ..Force::default()
            };
            let claimed = |lease: &Lease| claim(&image(), lease, &me(), &force);
            assert_eq!(claimed(&held_by(gateway)).unwrap(), Claim::Take);
            // a hypervisor that took it since keeps it
            let error = claimed(&held_by("kvm1")).unwrap_err();
            assert_eq!(error.kind(), Kind::LeaseHeld);
        }
        for lease in [Lease::default(), held_by("gw2")] {
            assert!(!asked(&lease).unwrap().break_lease);
        }
        let error = asked(&held_by("kvm1")).unwrap_err();
        assert_eq!(error.kind(), Kind::LeaseHeld);
        assert!(error.to_string().contains("kvm1"), "{error}");
    }
}
