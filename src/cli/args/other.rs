//! The commands that change no disk and no image.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::model::ImageSpec;

/// `status`.
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    /// The image; every disk of this host without it
    #[arg(value_name = "POOL[/NS]/IMAGE")]
    pub image: Option<ImageSpec>,
    /// Ask Ceph for all leases too; for a named image it is always asked
    #[arg(long)]
    pub lease: bool,
    /// End with 13 unless all of them are well, for monitoring
    #[arg(long)]
    pub check: bool,
}

/// `doctor`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Nothing is changed, but kernel modules may be loaded by the tools it asks.
The exit code is 0 unless a check fails.")]
pub struct DoctorArgs {
    /// Print the udev rules that keep the host away from guest disks
    #[arg(long)]
    pub print_udev_rules: bool,
    /// Print the systemd unit that brings the host's disks up at boot
    #[arg(long, conflicts_with = "print_udev_rules")]
    pub print_recover_unit: bool,
    /// Print the sudoers file that lets OpenNebula's user act here
    #[arg(long, value_name = "USER", num_args = 0..=1, default_missing_value = "oneadmin",
          conflicts_with_all = ["print_udev_rules", "print_recover_unit"])]
    pub print_sudoers: Option<String>,
}

/// The commands on the configuration.
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// Print every key with its value in effect
    Show,
}

/// `docgen`.
#[derive(Debug, Clone, Args)]
pub struct DocgenArgs {
    /// Where to write man/, completions/ and schema/
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
}
