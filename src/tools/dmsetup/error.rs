//! Why a device could not be brought where it was wanted.

use crate::error::{Error, Kind};
use crate::exec::ExecError;
use crate::model::DmName;

/// A device-mapper device that could not be brought where it was wanted.
#[derive(Debug, thiserror::Error)]
pub enum DmError {
    /// There is a device of this name or UUID already.
    #[error("{0} exists already")]
    Exists(DmName),
    /// There is none of this name.
    #[error("{0} does not exist")]
    NotFound(DmName),
    /// Somebody has it open.
    #[error("{name} is {holders}")]
    Busy {
        /// The device.
        name: DmName,
        /// Who, as the end of a sentence.
        holders: String,
    },
    /// The kernel did not tell what the device is.
    #[error("cannot ask the kernel for {name}: {why}")]
    Kernel {
        /// The device.
        name: DmName,
        /// What it says instead.
        why: String,
    },
    /// dmsetup failed otherwise.
    #[error(transparent)]
    Exec(#[from] ExecError),
}

impl DmError {
    /// Whether a device of a table that was to be loaded is held by somebody else.
    pub fn is_busy_below(&self) -> bool {
        match self {
            Self::Exec(error) => {
                error.says("reload ioctl") && error.says("Device or resource busy")
            }
            _ => false,
        }
    }
}

impl From<DmError> for Error {
    fn from(error: DmError) -> Self {
        let message = error.to_string();
        match error {
            DmError::Exists(_) => Self::new(Kind::Exists, message),
            DmError::NotFound(_) => Self::new(Kind::NotFound, message),
            DmError::Busy { .. } => Self::new(Kind::Busy, message)
                .remedy("stop what has it open, then run the same command again"),
            DmError::Kernel { .. } => Self::new(Kind::Failed, message)
                .remedy("it needs root, and a kernel with device-mapper: see `warmblock doctor`"),
            DmError::Exec(error) if error.says("/dev/mapper/control") => {
                Self::new(Kind::Missing, message).remedy(
                    "device-mapper is not there, or not for this user: run it as root, on a host with the module dm-mod; \
                     `warmblock doctor` looks at all that is needed",
                )
            }
            DmError::Exec(error) => error.into(),
        }
    }
}
