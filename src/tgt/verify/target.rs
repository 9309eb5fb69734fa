//! One target: who is let in, who is not, and its LUNs.

use std::net::{IpAddr, SocketAddr};

use super::truth::Truth;
use super::{Check, TargetVerified, lun};
use crate::Result;
use crate::ceph::Cluster;
use crate::iscsi::{IscsiError, Session};
use crate::tgt::daemon::{TargetState, Tgtadm};
use crate::tgt::guest::{Guest, login};
use crate::tgt::inventory::ClientRole;
use crate::tgt::render::{ClientView, TargetView};

/// What is needed to look at targets.
pub(super) struct Look<'a> {
    pub(super) tgtadm: &'a Tgtadm<'a>,
    pub(super) portals: &'a [SocketAddr],
    pub(super) ceph: Option<&'a Cluster>,
}

impl Look<'_> {
    /// Everything about one target.
    pub(super) fn target(
        &self,
        view: &ClientView,
        target: &TargetView,
        state: Option<&TargetState>,
    ) -> Result<TargetVerified> {
        let checks = match state {
            None => vec![Check::failed(
                None,
                "target",
                "the daemon does not have it: `warmblock tgt apply`",
            )],
            Some(state) => self.checks(view, target, state)?,
        };
        Ok(TargetVerified {
            client: view.client.clone(),
            iqn: target.iqn.clone(),
            role: view.role,
            checks,
        })
    }

    fn checks(
        &self,
        view: &ClientView,
        target: &TargetView,
        state: &TargetState,
    ) -> Result<Vec<Check>> {
        let guest = Guest::admit(self.tgtadm, state.tid)?;
        let mut checks = Vec::new();
        for portal in self.portals {
            let session = login(*portal, view, target, guest.name(), true);
            if view.role == ClientRole::Standby {
                checks.push(held_back(*portal, view.redirect, session));
                continue;
            }
            let mut session = match session {
                Ok(session) => session,
                Err(error) => {
                    checks.push(Check::failed(None, "login", format!("{portal}: {error}")));
                    continue;
                }
            };
            checks.push(Check::passed(None, "login", format!("at {portal}")));
            checks.extend(self.refusals(*portal, view, target, state, &guest, &session)?);
            if portal == &self.portals[0] {
                checks.extend(self.luns(&mut session, target));
            }
            // a session that was looked through ends well or not at all
            let _ended = session.logout();
        }
        guest.dismiss()?;
        Ok(checks)
    }

    /// Who must not be let in is not.
    fn refusals(
        &self,
        portal: SocketAddr,
        view: &ClientView,
        target: &TargetView,
        state: &TargetState,
        guest: &Guest<'_>,
        session: &Session,
    ) -> Result<Vec<Check>> {
        let mut checks = Vec::new();
        if view.chap.is_some() {
            let bare = login(portal, view, target, guest.name(), false);
            checks.push(refused("login without a secret", bare));
        }
        let from = session.local_addr().map(|addr| addr.ip()).ok();
        let open = from.and_then(|from| state.acl.iter().find(|entry| admits(entry, from)));
        checks.push(match open {
            Some(entry) if entry != "ALL" => Check::skipped(
                None,
                "login of a stranger",
                format!("the access list admits this host itself, by {entry}"),
            ),
            _ => refused(
                "login of a stranger",
                login(portal, view, target, &Guest::stranger()?, true),
            ),
        });
        Ok(checks)
    }

    fn luns(&self, session: &mut Session, target: &TargetView) -> Vec<Check> {
        let mut wanted: Vec<u8> = target.luns.iter().map(|lun| lun.number).collect();
        wanted.insert(0, 0);
        wanted.sort_unstable();
        let mut checks = vec![match session.luns() {
            Ok(found) => Check::same(None, "LUNs", format!("{found:?}"), &format!("{wanted:?}")),
            Err(error) => Check::failed(None, "LUNs", error.to_string()),
        }];
        for lun in &target.luns {
            let ceph = self.ceph.filter(|_| target.bs_type == "rbd");
            checks.extend(lun::checks(session, lun, Truth::open(lun, ceph)));
        }
        checks
    }
}

/// A standby refuses, or sends the initiator to the gateway that serves; not one that logs in from there, so refusing is
/// right either way.
fn held_back(
    portal: SocketAddr,
    redirect: Option<SocketAddr>,
    session: Result<Session, IscsiError>,
) -> Check {
    const WHAT: &str = "held back";
    let (held, found) = match session {
        Err(IscsiError::Redirected(to)) => {
            let right = redirect.is_some_and(|wanted| is_portal(&to, wanted));
            (right, format!("{portal} sends logins to {to}"))
        }
        Err(error) => (error.is_refusal(), format!("{portal}: {error}")),
        Ok(_) => {
            let found = format!("{portal} takes logins, and another gateway serves the client");
            (false, found)
        }
    };
    if held {
        Check::passed(None, WHAT, found)
    } else {
        Check::failed(None, WHAT, found)
    }
}

/// Whether a redirect (`ADDRESS:PORT[,GROUP]`) leads to a portal.
fn is_portal(to: &str, portal: SocketAddr) -> bool {
    let to = to.split_once(',').map_or(to, |(to, _group)| to);
    to.parse() == Ok(portal)
}

fn refused(what: &'static str, session: Result<Session, IscsiError>) -> Check {
    match session {
        Err(error) if error.is_refusal() => Check::passed(None, what, error.to_string()),
        // offered nothing, it wants a secret, and says so in its own way
        Err(error @ IscsiError::Protocol(_)) => Check::passed(None, what, error.to_string()),
        Err(error) => Check::failed(None, what, error.to_string()),
        Ok(_) => Check::failed(None, what, "is let in"),
    }
}

/// Whether an entry of an access list matches an address, as tgtd does it (facts 3.6).
fn admits(entry: &str, from: IpAddr) -> bool {
    if entry == "ALL" {
        return true;
    }
    let (address, prefix) = entry
        .split_once('/')
        .map_or((entry, None), |(address, prefix)| (address, Some(prefix)));
    let Ok(address) = address.trim_matches(['[', ']']).parse::<IpAddr>() else {
        return false;
    };
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()), 32),
        IpAddr::V6(ip) => (ip.to_bits(), 128),
    };
    let ((wanted, width), (has, other)) = (bits(address), bits(from));
    let prefix = match prefix.map(str::parse::<u32>) {
        None => width,
        Some(Ok(prefix)) if prefix <= width => prefix,
        Some(_) => return false,
    };
    width == other && (prefix == 0 || wanted >> (width - prefix) == has >> (width - prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_list_is_read_as_tgtd_reads_it() {
        let from: IpAddr = "10.0.0.11".parse().unwrap();
        for entry in ["ALL", "10.0.0.11", "10.0.0.0/24"] {
            assert!(admits(entry, from), "{entry}");
        }
        for entry in [
            "10.0.0.12",
            "10.0.1.0/24",
            "[fd00::]/8",
            "iqn.2001-01.x.y",
            "10.0.0.0/99",
        ] {
            assert!(!admits(entry, from), "{entry}");
        }
        assert!(admits("[fd00::]/8", "fd00::5".parse().unwrap()));
    }

    #[test]
    fn a_redirect_leads_to_a_portal() {
        let portal = "10.0.0.1:3260".parse().unwrap();
        assert!(is_portal("10.0.0.1:3260,1", portal) && is_portal("10.0.0.1:3260", portal));
        assert!(!is_portal("10.0.0.2:3260,1", portal) && !is_portal("nowhere", portal));
        assert!(is_portal(
            "[fd00::1]:3260,1",
            "[fd00::1]:3260".parse().unwrap()
        ));
    }
}
