//! Who has an image open, as Ceph sees it: the addresses of the clients that watch it, here and elsewhere.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use crate::ceph::{CephError, Cluster};
use crate::host::Host;
use crate::model::ImageSpec;
use crate::sys::host::addresses;
use crate::tgt::registry::ImageKey;
use crate::{Context, Result};

/// The clients that have an image open for writing; who only reads does not watch.
pub(in crate::tgt) fn watchers(cluster: &Cluster, image: &ImageSpec) -> Result<Vec<String>> {
    let ask = || {
        let pool = cluster.pool(&image.pool, image.namespace.as_ref())?;
        pool.open_read_only(&image.image, None)?.watchers()
    };
    let all = ask().context(|| format!("cannot ask who has {image} open"))?;
    Ok(all.into_iter().map(|watcher| watcher.addr).collect())
}

/// The same of an image by its ids; none if it is not there any more.
pub(in crate::tgt) fn watchers_of(cluster: &Cluster, key: &ImageKey) -> Result<Vec<String>> {
    let ask = || -> Result<Vec<String>, CephError> {
        let pool = cluster.pool(&cluster.pool_name(key.pool)?, None)?;
        let all = pool.open_by_id_read_only(&key.image, None)?.watchers()?;
        Ok(all.into_iter().map(|watcher| watcher.addr).collect())
    };
    match ask() {
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        answer => answer.context(|| format!("cannot ask who has image {key} open")),
    }
}

/// By what the clients of this host's tgtd are known among the watchers of an image.
#[derive(Debug, Clone, Default)]
pub(in crate::tgt) struct Own {
    /// Ceph knows this host by one of them.
    pub(in crate::tgt) addresses: BTreeSet<IpAddr>,
    /// The kernel's clients, which are never tgtd's.
    pub(in crate::tgt) kernel: BTreeSet<String>,
}

impl Own {
    /// Those of this host.
    pub(in crate::tgt) fn of(host: &Host) -> Result<Self> {
        let mapped = host.krbd().list().into_iter();
        Ok(Self {
            addresses: addresses()?,
            kernel: mapped.map(|image| image.client_addr).collect(),
        })
    }

    /// The clients that would be second writers beside a LUN that is made of an image, once as many LUNs of it as are `going` are
    /// closed here: tgtd has one client for each. If there are more of this host, nobody can tell which is tgtd's.
    pub(in crate::tgt) fn strangers(&self, watchers: &[String], going: usize) -> Vec<String> {
        let tgtds = |addr: &&String| is_here(addr, &self.addresses) && !self.kernel.contains(*addr);
        let spared = watchers.iter().filter(tgtds).count() <= going;
        let others = watchers.iter().filter(|addr| !(spared && tgtds(addr)));
        others.cloned().collect()
    }
}

/// Whether a client's address (`10.0.0.7:0/1234`) is one of this host's.
pub(in crate::tgt) fn is_here(addr: &str, own: &BTreeSet<IpAddr>) -> bool {
    ip(addr).is_some_and(|ip| own.contains(&ip))
}

/// The clients of other hosts.
pub(in crate::tgt) fn open_elsewhere(watchers: &[String], own: &BTreeSet<IpAddr>) -> Vec<String> {
    let mut others: Vec<String> = watchers
        .iter()
        .filter(|addr| !is_here(addr, own))
        .cloned()
        .collect();
    others.sort();
    others
}

fn ip(addr: &str) -> Option<IpAddr> {
    let addr = addr.rsplit_once('/').map_or(addr, |(addr, _nonce)| addr);
    let addr = addr.trim_start_matches("v1:").trim_start_matches("v2:");
    Some(addr.parse::<SocketAddr>().ok()?.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_known_by_their_address() {
        let own = BTreeSet::from(["10.0.0.7".parse().unwrap(), "fd00::1".parse().unwrap()]);
        for here in ["10.0.0.7:0/1234", "v1:10.0.0.7:0/9", "[fd00::1]:0/77"] {
            assert!(is_here(here, &own), "{here}");
        }
        for other in ["10.0.0.8:0/1234", "[fd00::2]:0/1", "nonsense", ""] {
            assert!(!is_here(other, &own), "{other}");
        }
        let all = ["10.0.0.8:0/1".to_owned(), "10.0.0.7:0/2".into()];
        assert_eq!(open_elsewhere(&all, &own), ["10.0.0.8:0/1"]);
    }

    #[test]
    fn only_the_client_that_goes_with_its_lun_is_no_second_writer() {
        let own = Own {
            addresses: BTreeSet::from(["10.0.0.7".parse().unwrap()]),
            kernel: BTreeSet::from(["10.0.0.7:0/99".to_owned()]),
        };
        let (tgtd, vm) = ("10.0.0.7:0/1", "10.0.0.7:0/2");
        let (hypervisor, kernel) = ("10.0.0.8:0/1", "10.0.0.7:0/99");
        let cases: [(&[&str], usize, &[&str]); 8] = [
            // watchers, LUNs that go, second writers
            (&[], 0, &[]),
            (&[tgtd], 0, &[tgtd]),
            (&[tgtd], 1, &[]),
            (&[], 1, &[]),
            (&[tgtd, hypervisor], 1, &[hypervisor]),
            (&[hypervisor], 1, &[hypervisor]),
            (&[tgtd, vm], 1, &[tgtd, vm]),
            (&[tgtd, kernel], 1, &[kernel]),
        ];
        for (watchers, going, wanted) in cases {
            let watchers: Vec<String> = watchers.iter().map(|addr| (*addr).into()).collect();
            assert_eq!(
                own.strangers(&watchers, going),
                wanted,
                "{watchers:?} {going}"
            );
        }
    }
}
