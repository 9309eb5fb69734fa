//! A guest: an initiator of a name that nobody can guess, admitted for the moment of a look.
//!
//! tgtd lets in whoever an address or a name of the access list matches (facts 3.6). So a name of 128 random bits admits this
//! process and nobody else; CHAP is asked for all the same. A guest that was killed is left in the list until the next
//! `apply`, which removes what the inventory does not have.

use std::net::SocketAddr;
use std::time::Duration;

use super::daemon::Tgtadm;
use super::render::{ChapView, ClientView, TargetView};
use crate::Result;
use crate::iscsi::{self, Account, IscsiError, Login, Session};
use crate::sys::random;

/// How its name begins; the month is that of this scheme, the domain one that is reserved (RFC 2606).
const NAME: &str = "iqn.2025-11.invalid.warmblock:guest.";
/// For the connection and for each answer.
const DEADLINE: Duration = Duration::from_secs(10);

/// A name that a target admits until this is dropped.
#[derive(Debug)]
pub(super) struct Guest<'a> {
    tgtadm: &'a Tgtadm<'a>,
    tid: u16,
    name: String,
    bound: bool,
}

impl<'a> Guest<'a> {
    /// Admits a guest to a target.
    pub(super) fn admit(tgtadm: &'a Tgtadm<'a>, tid: u16) -> Result<Self> {
        let name = format!("{NAME}{}", random::hex(32)?);
        tgtadm.initiator(tid, &name, true)?;
        Ok(Self {
            tgtadm,
            tid,
            name,
            bound: true,
        })
    }

    /// Somebody whom no target knows.
    pub(super) fn stranger() -> Result<String> {
        Ok(format!("{NAME}{}", random::hex(32)?))
    }

    /// Its name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Admits it no more, and says whether that went well.
    pub(super) fn dismiss(mut self) -> Result<()> {
        self.bound = false;
        self.tgtadm.initiator(self.tid, &self.name, false)
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        if self.bound {
            // on the way out of an error, which is told; the next apply removes what is left
            let _left = self.tgtadm.initiator(self.tid, &self.name, false);
        }
    }
}

/// Whether an entry of an access list is a guest's.
pub(super) fn is_guest(entry: &str) -> bool {
    entry.starts_with(NAME)
}

/// Logs in to a target as somebody, with the client's accounts unless told to come without.
pub(super) fn login(
    portal: SocketAddr,
    view: &ClientView,
    target: &TargetView,
    initiator: &str,
    with_chap: bool,
) -> Result<Session, IscsiError> {
    let account = |chap: &Option<ChapView>| {
        let chap = chap.as_ref().filter(|_| with_chap)?;
        Some(Account {
            user: chap.user.clone(),
            secret: chap.secret.clone(),
        })
    };
    let (chap, mutual) = (account(&view.chap), account(&view.chap_mutual));
    iscsi::login(&Login {
        portal,
        target: &target.iqn,
        initiator,
        chap: chap.as_ref(),
        mutual: mutual.as_ref(),
        deadline: DEADLINE,
    })
}
