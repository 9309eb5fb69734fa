//! iSCSI targets of stgt (tgtd, tgtadm, tgt-admin) on RBD, for VMware ESXi.

pub mod check;
pub mod conf;
