//! One change of the daemon, as a value: planned, shown, done.

use std::fmt;
use std::net::SocketAddr;

use super::super::Tgtadm;
use crate::Result;
use crate::tgt::inventory::Secret;
use crate::tgt::render::LunView;

/// tgt-admin's own mode page 8 for `write-cache off`: WCE 0, so that tgtd flushes after each write (facts 2.3).
const WRITE_CACHE_OFF: &str =
    "8:0:18:0x10:0:0xff:0xff:0:0:0xff:0xff:0xff:0xff:0x80:0x14:0:0:0:0:0:0";

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each is a verb of Tgtadm, where its words are explained"
)]
pub enum Step {
    TargetNew {
        tid: u16,
        iqn: String,
    },
    TargetDelete {
        tid: u16,
        force: bool,
    },
    Parameter {
        tid: u16,
        name: String,
        value: String,
    },
    State {
        tid: u16,
        ready: bool,
    },
    Redirect {
        tid: u16,
        to: Option<SocketAddr>,
    },
    Disconnect {
        tid: u16,
        session: u64,
        connection: u64,
    },
    Address {
        tid: u16,
        address: String,
        bind: bool,
    },
    Initiator {
        tid: u16,
        name: String,
        bind: bool,
    },
    LunNew {
        tid: u16,
        lun: Box<LunView>,
        bs_type: &'static str,
        bsopts: String,
    },
    LunIdentity {
        tid: u16,
        lun: Box<LunView>,
    },
    LunShape {
        tid: u16,
        lun: Box<LunView>,
    },
    LunDelete {
        tid: u16,
        number: u64,
    },
    AccountNew {
        user: String,
        secret: Secret,
    },
    AccountDelete {
        user: String,
    },
    Account {
        tid: u16,
        user: String,
        outgoing: bool,
        bind: bool,
    },
}

impl Step {
    /// Whether it lets fewer in, and does nothing else.
    pub const fn shuts(&self) -> bool {
        matches!(
            self,
            Self::Address { bind: false, .. } | Self::Initiator { bind: false, .. }
        )
    }

    /// The LUN that is made by it: from then on its image can be written here, by a client of tgtd's own or, behind a cached
    /// disk, by the kernel's.
    pub fn exports(&self) -> Option<&LunView> {
        match self {
            Self::LunNew { lun, .. } => Some(lun),
            _ => None,
        }
    }

    /// Whether tgtd opens an image in Ceph by it.
    pub fn opens(&self) -> bool {
        matches!(self, Self::LunNew { bs_type, .. } if *bs_type == "rbd")
    }

    /// Does it.
    pub fn run(&self, tgtadm: &Tgtadm<'_>) -> Result<()> {
        match self {
            Self::TargetNew { tid, iqn } => tgtadm.target_new(*tid, iqn),
            Self::TargetDelete { tid, force } => tgtadm.target_delete(*tid, *force),
            Self::Parameter { tid, name, value } => tgtadm.parameter(*tid, name, value),
            Self::State { tid, ready } => tgtadm.state(*tid, *ready),
            Self::Redirect { tid, to } => tgtadm.redirect(*tid, *to),
            Self::Disconnect {
                tid,
                session,
                connection,
            } => tgtadm.disconnect(*tid, *session, *connection),
            Self::Address { tid, address, bind } => tgtadm.address(*tid, address, *bind),
            Self::Initiator { tid, name, bind } => tgtadm.initiator(*tid, name, *bind),
            Self::LunNew {
                tid,
                lun,
                bs_type,
                bsopts,
            } => tgtadm.lun_new(*tid, lun.number, &lun.path, bs_type, bsopts),
            Self::LunIdentity { tid, lun } => tgtadm.lun_params(*tid, lun.number, &identity(lun)),
            Self::LunShape { tid, lun } => {
                tgtadm.lun_params(*tid, lun.number, &shape(lun))?;
                let page = [("mode_page".to_owned(), WRITE_CACHE_OFF.to_owned())];
                tgtadm.lun_params(*tid, lun.number, &page)
            }
            Self::LunDelete { tid, number } => tgtadm.lun_delete(*tid, *number),
            Self::AccountNew { user, secret } => tgtadm.account_new(user, secret.reveal()),
            Self::AccountDelete { user } => tgtadm.account_delete(user),
            Self::Account {
                tid,
                user,
                outgoing,
                bind,
            } => tgtadm.account(*tid, user, *outgoing, *bind),
        }
    }
}

/// What the daemon shows of a LUN.
fn identity(lun: &LunView) -> Vec<(String, String)> {
    vec![
        ("scsi_id".into(), lun.scsi_id.clone()),
        ("scsi_sn".into(), lun.scsi_sn.clone()),
        ("readonly".into(), u8::from(lun.readonly).to_string()),
    ]
}

/// What it does not show.
pub(super) fn shape(lun: &LunView) -> Vec<(String, String)> {
    vec![
        ("vendor_id".into(), lun.vendor.clone()),
        ("product_id".into(), lun.product.clone()),
        ("lbppbe".into(), lun.lbppbe.to_string()),
    ]
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = |bind: &bool| if *bind { "admit" } else { "admit no more" };
        match self {
            Self::TargetNew { tid, .. } => write!(f, "make the target, tid {tid}"),
            Self::TargetDelete { .. } => f.write_str("remove the target"),
            Self::Parameter { name, value, .. } => write!(f, "set {name} to {value}"),
            Self::State { ready: true, .. } => f.write_str("let logins in"),
            Self::State { ready: false, .. } => f.write_str("go offline"),
            Self::Redirect { to: Some(to), .. } => write!(f, "send logins to {to}"),
            Self::Redirect { to: None, .. } => f.write_str("send logins nowhere else"),
            Self::Disconnect { session, .. } => write!(f, "end session {session}"),
            Self::Address { address, bind, .. } => write!(f, "{} {address}", bound(bind)),
            Self::Initiator { name, bind, .. } => write!(f, "{} {name}", bound(bind)),
            Self::LunNew { lun, .. } => write!(f, "make LUN {} of {}", lun.number, lun.path),
            Self::LunIdentity { lun, .. } => write!(
                f,
                "LUN {}: id {}, serial {}{}",
                lun.number,
                lun.scsi_id,
                lun.scsi_sn,
                if lun.readonly { ", read-only" } else { "" }
            ),
            Self::LunShape { lun, .. } => write!(
                f,
                "LUN {}: {} {}, lbppbe {}, write cache off",
                lun.number, lun.vendor, lun.product, lun.lbppbe
            ),
            Self::LunDelete { number, .. } => write!(f, "remove LUN {number}"),
            Self::AccountNew { user, .. } => write!(f, "make the account {user}"),
            Self::AccountDelete { user } => write!(f, "remove the account {user}"),
            Self::Account {
                user,
                outgoing,
                bind,
                ..
            } => {
                let way = if *outgoing {
                    "prove itself as"
                } else {
                    "ask for"
                };
                write!(f, "{way} {user}{}", if *bind { "" } else { " no more" })
            }
        }
    }
}
