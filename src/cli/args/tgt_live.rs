//! The commands on targets that are in force: what they are asked.

use clap::Args;

use super::tgt::{TgtDaemonArgs, TgtSiteArgs};
use crate::model::{HostName, SnapSpec};

/// Which inventory, and which daemon.
#[derive(Debug, Clone, Default, Args)]
pub struct TgtOnArgs {
    /// The inventory.
    #[command(flatten)]
    pub site: TgtSiteArgs,
    /// The daemon.
    #[command(flatten)]
    pub daemon: TgtDaemonArgs,
}

/// `tgt status`.
#[derive(Debug, Clone, Args)]
pub struct TgtStatusArgs {
    /// The inventory and the daemon.
    #[command(flatten)]
    pub on: TgtOnArgs,
    /// Ask the other gateways too, over ssh
    #[arg(long)]
    pub all: bool,
}

/// `tgt verify`.
#[derive(Debug, Clone, Args)]
pub struct TgtVerifyArgs {
    /// Only these clients
    #[arg(value_name = "CLIENT")]
    pub clients: Vec<String>,
    /// The inventory and the daemon.
    #[command(flatten)]
    pub on: TgtOnArgs,
    /// Ask the other gateways too, and compare them
    #[arg(long)]
    pub all: bool,
    /// Make LUNs anew whose client Ceph has thrown out
    #[arg(long)]
    pub heal: bool,
    /// How it is done.
    #[command(flatten)]
    pub changing: super::Changing,
}

/// `tgt resize`.
#[derive(Debug, Clone, Args)]
pub struct TgtResizeArgs {
    /// The image; all that this gateway serves without it
    #[arg(value_name = "POOL/IMAGE")]
    pub image: Option<SnapSpec>,
    /// Although initiators are connected: their I/O has been stopped
    #[arg(long)]
    pub force: bool,
    /// The inventory and the daemon.
    #[command(flatten)]
    pub on: TgtOnArgs,
    /// How it is done.
    #[command(flatten)]
    pub changing: super::Changing,
}

/// `tgt failover`.
#[derive(Debug, Clone, Args)]
pub struct TgtFailoverArgs {
    /// The client
    #[arg(value_name = "CLIENT")]
    pub client: String,
    /// The gateway that is to serve it; asked over ssh if it is another
    #[arg(long, value_name = "NODE")]
    pub to: HostName,
    /// Do not ask the old gateway to let go: it is dead. It is fenced
    /// all the same
    #[arg(long)]
    pub dead: bool,
    /// How many seconds the old gateway has to let go by itself
    #[arg(long, value_name = "SECONDS", default_value_t = 15)]
    pub patience: u64,
    /// The inventory and the daemon.
    #[command(flatten)]
    pub on: TgtOnArgs,
    /// How it is done.
    #[command(flatten)]
    pub changing: super::Changing,
}

/// `tgt release`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
`tgt failover` asks the old gateway for this. By hand it is for a gateway
that was away meanwhile: sessions that are left there end, its LUNs are
closed, its cached disks flushed and detached. Refused on the gateway that
serves the client.

Example:
  warmblock tgt release my-client")]
pub struct TgtReleaseArgs {
    /// The client
    #[arg(value_name = "CLIENT")]
    pub client: String,
    /// The inventory and the daemon.
    #[command(flatten)]
    pub on: TgtOnArgs,
    /// How it is done.
    #[command(flatten)]
    pub changing: super::Changing,
}
