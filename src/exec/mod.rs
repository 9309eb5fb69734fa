//! The one place that starts processes: a command is a value ([`Cmd`]), [`Exec`] runs it with a deadline.

mod cmd;
mod drain;
mod error;
mod find;
mod moves;
mod pipe;
mod read;
mod run;

pub use cmd::{Cmd, Effect};
pub use error::{ExecError, Status};
pub use read::Reading;
pub(crate) use run::memory_file;
pub use run::{Exec, Output};

#[cfg(test)]
mod tests;
