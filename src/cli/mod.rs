//! The command line: arguments in, jobs out; answers in words or JSON; errors with their exit codes.

mod alive;
mod apart;
pub mod args;
mod docgen;
mod driver;
mod exit;
mod host;
mod log;
mod one;
mod output;
mod paint;
mod render;
mod run;
mod settings;
mod tgt;
mod tgt_check;
mod tgt_live;

pub use args::Cli;
pub use docgen::{Document, documents};
pub use exit::meaning;
pub use one::{is_call, refuse};
pub use output::Output;
pub use paint::{Paint, Tone};
pub use render::error::{ErrorBody, ErrorReport};
pub use run::{fail, run};
pub(crate) use settings::roots;
