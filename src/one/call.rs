//! The argument vectors of all actions, as oned gives them (contract, 1.5 to 1.7).

mod backup;
mod datastore;
mod place;
mod transfer;

use super::VmId;
use crate::model::ParseError;
use crate::{Error, Kind, Result};

pub use backup::{BackupCall, Restore};
pub use datastore::{DsAction, DsCall, DsInput, on_stdin};
pub use place::{DiskPlace, Node, Place, Source, VmDir};
pub use transfer::{Migration, TmCall};

/// Which family an action belongs to: the directory that its shim stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// `datastore/warmblock/ACTION`
    Datastore,
    /// `tm/warmblock/ACTION`
    Transfer,
}

/// A call of a driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Of a datastore driver.
    Datastore(DsCall),
    /// Of a transfer-manager driver.
    Transfer(TmCall),
}

impl Call {
    /// Reads a call: the action as the shim is called, and what follows it. A suffix (`clone.ssh`) tells the other
    /// driver of a mixed mode; oned falls back to the plain script, and so do we.
    ///
    /// # Errors
    /// [`Kind::Usage`]: no such action, or arguments that are not an action's.
    pub fn parse(family: Family, action: &str, args: &[String]) -> Result<Self> {
        let plain = action.split_once('.').map_or(action, |(plain, _)| plain);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let call = match family {
            Family::Datastore => DsCall::parse(plain, &args).map(Self::Datastore),
            Family::Transfer => TmCall::parse(plain, &args).map(Self::Transfer),
        };
        call.map_err(|wrong| wrong.error(action))
    }

    /// The VM that it is about, if it is about one.
    pub fn vm(&self) -> Option<VmId> {
        match self {
            Self::Transfer(call) => call.vm(),
            Self::Datastore(_) => None,
        }
    }
}

/// What is wrong with a call.
#[derive(Debug)]
enum Wrong {
    /// There is no such action.
    Action,
    /// It takes other arguments; these.
    Arguments(&'static str),
    /// An argument is not what it should be.
    Word(ParseError),
}

impl From<ParseError> for Wrong {
    fn from(error: ParseError) -> Self {
        Self::Word(error)
    }
}

impl Wrong {
    fn error(self, action: &str) -> Error {
        let remedy = "oned and the driver speak different versions of the contract: install the driver of this release again \
                      with `warmblock one install`";
        let message = match self {
            Self::Action => format!("there is no driver action {action:?}"),
            Self::Arguments(wanted) => format!("{action} was not called as `{action} {wanted}`"),
            Self::Word(error) => format!("{action} was called with something else: {error}"),
        };
        Error::new(Kind::Usage, message).remedy(remedy)
    }
}

#[cfg(test)]
mod tests;
