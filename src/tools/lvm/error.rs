//! What LVM says when it does not do what it was asked, as variants.

use std::fmt::Display;

use crate::error::{Error, Kind};
use crate::exec::ExecError;
use crate::model::{Bytes, Change, VgName};

/// LVM that could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum LvmError {
    /// There is no such volume group on this host.
    #[error("there is no volume group {0}")]
    NoVg(VgName),
    /// The volume group has no room.
    #[error("volume group {vg} has {free} free, {wanted} are wanted")]
    Full {
        /// The group.
        vg: VgName,
        /// What was asked for.
        wanted: Bytes,
        /// What is left.
        free: Bytes,
    },
    /// There is a volume of this name.
    #[error("logical volume {vg}/{lv} exists already")]
    Exists {
        /// The group.
        vg: VgName,
        /// The volume.
        lv: String,
    },
    /// There is no volume of this name.
    #[error("there is no logical volume {vg}/{lv}")]
    NotFound {
        /// The group.
        vg: VgName,
        /// The volume.
        lv: String,
    },
    /// A volume is in use.
    #[error("a logical volume of {vg} is in use: {what}")]
    Busy {
        /// The group.
        vg: VgName,
        /// What LVM says about it.
        what: String,
    },
    /// LVM failed otherwise.
    #[error(transparent)]
    Exec(#[from] ExecError),
}

impl From<LvmError> for Error {
    fn from(error: LvmError) -> Self {
        let message = error.to_string();
        match error {
            LvmError::NoVg(vg) => Self::new(Kind::Missing, message)
                .remedy(format!("create it on the SSD (vgcreate {vg} /dev/…), or name another one in the configuration")),
            LvmError::Full { .. } => Self::new(Kind::NoSpace, message)
                .remedy("remove slices that nobody uses, extend the volume group, or ask for smaller slices"),
            LvmError::Exists { .. } => Self::new(Kind::Exists, message),
            LvmError::NotFound { .. } => Self::new(Kind::NotFound, message),
            LvmError::Busy { .. } => Self::new(Kind::Busy, message),
            LvmError::Exec(error) => error.into(),
        }
    }
}

/// Makes a variant of what LVM says; recorded from LVM 2.03.16.
pub(super) fn explain(error: ExecError, vg: &VgName, lv: Option<&dyn Display>) -> LvmError {
    let (vg, lv) = (vg.clone(), lv.map(ToString::to_string));
    match lv {
        _ if error.says(&format!("Volume group \"{vg}\" not found")) => LvmError::NoVg(vg),
        Some(lv) if error.says("already exists in volume group") => LvmError::Exists { vg, lv },
        Some(lv) if error.says("Failed to find logical volume") => LvmError::NotFound { vg, lv },
        _ if in_use(&error) => LvmError::Busy {
            vg,
            what: error.stderr().to_owned(),
        },
        _ => error.into(),
    }
}

pub(super) fn in_use(error: &ExecError) -> bool {
    error.says("is used by another device") || error.says(" in use.")
}

/// Every line says that a volume is not there: nothing else went wrong.
pub(super) fn only_missing(error: &ExecError) -> bool {
    let mut lines = error
        .stderr()
        .lines()
        .filter(|line| !line.contains("WARNING"))
        .peekable();
    matches!(error, ExecError::Failed { .. })
        && lines.peek().is_some()
        && lines.all(|line| line.contains("Failed to find logical volume"))
}

pub(super) fn absent_or_removed(error: &ExecError, asked: usize) -> Change {
    let missing = error
        .stderr()
        .lines()
        .filter(|line| line.contains("Failed to find"))
        .count();
    if missing < asked {
        Change::Removed
    } else {
        Change::Absent
    }
}
