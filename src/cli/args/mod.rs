//! The command line as types: every command and option, with its help.
//!
//! Words become the model's types here, by their own `FromStr`, so that a bad one is refused before anything is done
//! and nothing below sees bare strings. What a command does is not decided here: a command that changes a disk becomes
//! a [`Job`](crate::job::Job), the same that OpenNebula's drivers send.

mod disk;
mod driver;
mod global;
mod image;
mod image_job;
mod offered;
mod one;
mod other;
mod tgt;
mod tgt_check;
mod tgt_live;
mod words;

pub use disk::{
    AttachArgs, DetachArgs, DiskArgs, DiskCommand, InsertArgs, ModeArgs, RecoverArgs, SeedArgs,
};
pub use driver::{DriverCheckArgs, DriverCommand};
pub use global::{Changing, Global};
pub use image::{
    CloneArgs, FlattenArgs, ImageCommand, ImportArgs, InfoArgs, LsArgs, RenameArgs, ResizeArgs,
    RmArgs, SnapArgs, SnapCommand, SnapLsArgs,
};
pub use one::{InstallArgs, OneCall, OneCommand, TreeArgs};
pub use other::{ConfigCommand, DocgenArgs, DoctorArgs, StatusArgs};
pub use tgt::{
    TgtApplyArgs, TgtCommand, TgtDaemonArgs, TgtInventoryArgs, TgtRenderArgs, TgtSiteArgs, conf_d,
};
pub use tgt_check::TgtCheckArgs;
pub use tgt_live::{TgtFailoverArgs, TgtReleaseArgs, TgtResizeArgs, TgtStatusArgs, TgtVerifyArgs};
pub use words::{NamedSnap, PoolSpec};

use clap::{Parser, Subcommand};

/// Put a warm SSD cache in front of Ceph RBD disks
#[derive(Debug, Parser)]
#[command(
    name = "warmblock",
    version,
    max_term_width = 80,
    help_expected = true,
    after_long_help = super::exit::help()
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// On disks: what changes them.
    #[command(flatten)]
    Disk(DiskCommand),
    /// Show the disks of this host, layer by layer
    Status(StatusArgs),
    /// Import, clone, list and remove images
    Image {
        /// What to do with images.
        #[command(subcommand)]
        command: ImageCommand,
    },
    /// Export images to ESXi as iSCSI targets, through stgt
    Tgt {
        /// What to do with targets.
        #[command(subcommand)]
        command: TgtCommand,
    },
    /// List the cache drivers, or try one that is not of warmblock itself
    Driver {
        /// What to do with drivers.
        #[command(subcommand)]
        command: DriverCommand,
    },
    /// Serve OpenNebula as its datastore and transfer-manager driver
    One {
        /// Which action of which driver.
        #[command(subcommand)]
        command: OneCommand,
    },
    /// Check that this host has what warmblock needs, and say what to do
    Doctor(DoctorArgs),
    /// Show the configuration in effect
    Config {
        /// What to do with the configuration.
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Read one job as JSON on standard input, answer in JSON
    #[command(after_help = HOST_HELP)]
    Host,
    /// Copy blocks for a job that watches this process
    #[command(hide = true, name = crate::seed::COMMAND)]
    Copier,
    /// Fill the cache that an attach left for later
    #[command(hide = true, name = crate::disk::SEEDER)]
    Seeder,
    /// Write man pages, completions and schemas
    #[command(hide = true)]
    Docgen(DocgenArgs),
}

const HOST_HELP: &str = "\
This is what another host runs over ssh. The job and the answer are described
by the schemas job.json, answer.json and error.json. The answer is one JSON
document on standard output, also when the job fails.

Example:
  echo '{\"version\":1,\"request\":{\"op\":\"flush\",\"image\":\"one/vm-7\"}}' |
    ssh host1 sudo -n warmblock host";

impl Cli {
    /// Whether the answer is JSON; that of `host` always is.
    pub const fn json(&self) -> bool {
        self.global.json || matches!(self.command, Command::Host)
    }
}

#[cfg(test)]
mod tests;
