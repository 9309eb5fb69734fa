//! The commands on cache drivers.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The commands on cache drivers.
#[derive(Debug, Clone, Subcommand)]
pub enum DriverCommand {
    /// List the cache drivers, and whether this host can use them
    #[command(after_help = "\
Drivers that are not of warmblock itself are directories in those of the
configuration's [drivers] path; what they are is asked of them.")]
    Ls,
    /// Try whether a driver does what the protocol has it promise
    #[command(after_help = "\
For authors of drivers, as root, on a host with device-mapper and without
disks of warmblock. It makes loop devices of files in /dev/shm (256 MiB) and
opens, reads, writes, flushes, breaks off and closes caches on them, in every
mode that the driver claims. The exit code is 0 if no case fails.

Example:
  warmblock driver check /usr/local/lib/warmblock/drivers/example")]
    Check(DriverCheckArgs),
}

/// `driver check`.
#[derive(Debug, Clone, Args)]
pub struct DriverCheckArgs {
    /// The driver's directory, with its executable `driver` in it
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}
