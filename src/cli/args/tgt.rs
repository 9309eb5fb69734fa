//! The commands on iSCSI targets.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::Global;
use super::tgt_check::TgtCheckArgs;
use super::tgt_live::{
    TgtFailoverArgs, TgtReleaseArgs, TgtResizeArgs, TgtStatusArgs, TgtVerifyArgs,
};
use crate::model::HostName;

/// The commands on iSCSI targets.
#[derive(Debug, Clone, Subcommand)]
pub enum TgtCommand {
    /// Check the inventory and list what it serves
    Inventory(TgtInventoryArgs),
    /// Write tgt-admin's file of every client
    #[command(after_help = "\
Writes /etc/tgt/conf.d/CLIENT.conf for every client that this gateway serves
or stands by for, so that a restart of tgt restores it. Files of clients that
are gone are removed; files that warmblock did not write are left alone.

Example:
  warmblock tgt render --diff")]
    Render(TgtRenderArgs),
    /// Check tgt-admin's files for what they do and do not say
    Check(TgtCheckArgs),
    /// Bring the running tgtd to what the inventory says
    #[command(after_help = "\
Compares the daemon with the inventory and changes what differs, live where
tgtd can. What would disturb a session is refused, with the names of those
who are connected, unless --force is given. Targets that are not of the
inventory or its registry are never touched. The files are written first.

Example:
  warmblock tgt apply --dry-run")]
    Apply(TgtApplyArgs),
    /// Show what tgtd has, beside what it should have
    #[command(after_help = "\
Reads the daemon and asks Ceph who has the images open: drift from the
inventory, sessions, LUNs whose client Ceph has thrown out, images with two
writers. --all asks the other gateways over ssh. Nothing is changed and
nobody logs in; `tgt verify` does.

Example:
  warmblock tgt status --all")]
    Status(TgtStatusArgs),
    /// Log in as an initiator does, and compare what is found
    #[command(after_help = "\
Admits a name that nobody can guess for the moment, logs in over the portal
with the client's secret, and compares vendor, pages 80, 83 and B0, size,
sectors, write cache and reads of every LUN with what they should be.
Strangers and logins without a secret must be refused, standbys must hold
back. Exit status 14 if anything is otherwise.

Example:
  warmblock tgt verify --all --heal")]
    Verify(TgtVerifyArgs),
    /// Let a live LUN show its image's new size
    #[command(after_help = "\
tgtd reads an image's size once. This opens it anew under the running
sessions; then let the initiators scan again. A LUN never becomes smaller.

Example:
  warmblock image resize rbd/vmfs01 4T && warmblock tgt resize rbd/vmfs01")]
    Resize(TgtResizeArgs),
    /// Let another gateway serve a client
    #[command(after_help = "\
The registry notes who serves; the old gateway is asked to let go, and
whatever it still has open is put on Ceph's blocklist; then the images are
opened here. Cached disks are flushed and detached there, attached here.
Run again after any interruption, it finishes what was begun.

Example:
  warmblock tgt failover my-client --to gw2")]
    Failover(TgtFailoverArgs),
    /// Let go of a client that another gateway serves
    Release(TgtReleaseArgs),
}

/// Which inventory, and who we are in it.
#[derive(Debug, Clone, Default, Args)]
pub struct TgtSiteArgs {
    /// The inventory; tgt.d/*.toml beside it is read after it
    /// [default: /etc/warmblock/tgt.toml]
    #[arg(long, value_name = "FILE")]
    pub inventory: Option<PathBuf>,
    /// Who we are in it.
    #[command(flatten)]
    pub who: TgtWhoArgs,
}

/// Who we are in an inventory, and whether Ceph is asked about it.
#[derive(Debug, Clone, Default, Args)]
pub struct TgtWhoArgs {
    /// Which of its gateways this host is [default: the host's name]
    #[arg(long, value_name = "NAME")]
    pub gateway: Option<HostName>,
    /// Do without Ceph, with the image ids known from the last time
    #[arg(long)]
    pub offline: bool,
}

impl TgtSiteArgs {
    /// The inventory's file.
    pub fn file(&self, global: &Global) -> PathBuf {
        let default = crate::cli::roots(global).etc.join("tgt.toml");
        self.inventory.clone().unwrap_or(default)
    }
}

/// The inventory, of a command that reads nothing else.
#[derive(Debug, Clone, Default, Args)]
pub struct TgtFileArgs {
    /// The inventory; tgt.d/*.toml beside it is read after it
    /// [default: /etc/warmblock/tgt.toml]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Who we are in it.
    #[command(flatten)]
    pub who: TgtWhoArgs,
}

impl TgtFileArgs {
    /// The same, as the commands on a running tgtd are told it.
    pub fn site(&self) -> TgtSiteArgs {
        TgtSiteArgs {
            inventory: self.file.clone(),
            who: self.who.clone(),
        }
    }
}

/// `tgt inventory`.
#[derive(Debug, Clone, Args)]
pub struct TgtInventoryArgs {
    /// The inventory.
    #[command(flatten)]
    pub of: TgtFileArgs,
    /// Ask Ceph about every image: is it there, with exclusive-lock?
    #[arg(long, conflicts_with = "offline")]
    pub online: bool,
}

/// `tgt render`.
#[derive(Debug, Clone, Args)]
pub struct TgtRenderArgs {
    /// The inventory.
    #[command(flatten)]
    pub of: TgtFileArgs,
    /// Where the files go [default: /etc/tgt/conf.d]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Show what would change, and write nothing
    #[arg(long)]
    pub diff: bool,
    /// tgtd is about to be started from the files: note in the registry
    /// which images it opens. `tgt apply` notes then by which clients
    #[arg(long, conflicts_with_all = ["diff", "offline"])]
    pub starting: bool,
}

/// `tgt apply`.
#[derive(Debug, Clone, Args)]
pub struct TgtApplyArgs {
    /// The inventory.
    #[command(flatten)]
    pub site: TgtSiteArgs,
    /// Where the files go [default: /etc/tgt/conf.d]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Change also what disturbs initiators that are connected
    #[arg(long)]
    pub force: bool,
    /// Touch this client only
    #[arg(long, value_name = "CLIENT")]
    pub client: Option<String>,
    /// The daemon.
    #[command(flatten)]
    pub daemon: TgtDaemonArgs,
    /// How it is done.
    #[command(flatten)]
    pub changing: super::Changing,
}

/// Which tgtd.
#[derive(Debug, Clone, Default, Args)]
pub struct TgtDaemonArgs {
    /// tgtd's control socket, without the port at its end
    /// [default: /var/run/tgtd/socket]
    #[arg(
        long,
        value_name = "PATH",
        env = "TGT_IPC_SOCKET",
        hide_env_values = true
    )]
    pub socket: Option<PathBuf>,
    /// tgtd's control port
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub control_port: u16,
}

/// Where tgt-admin's files are.
pub fn conf_d(out: Option<&Path>, global: &Global) -> PathBuf {
    let etc = crate::cli::roots(global).etc;
    out.map_or_else(|| etc.with_file_name("tgt").join("conf.d"), Path::to_owned)
}
