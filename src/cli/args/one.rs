//! What oned calls: the shims in `one-tm/` and `one-datastore/` become these commands.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Changing;
use crate::one::Tree;

/// The commands of OpenNebula's drivers.
#[derive(Debug, Clone, Subcommand)]
pub enum OneCommand {
    /// Do an action of the transfer-manager driver
    Tm(OneCall),
    /// Do an action of the datastore driver
    Ds(OneCall),
    /// Install the drivers into this OpenNebula front-end
    #[command(after_help = INSTALL_HELP)]
    Install(InstallArgs),
    /// Take the drivers out of this OpenNebula front-end
    #[command(after_help = UNINSTALL_HELP)]
    Uninstall(InstallArgs),
    /// Check the drivers' installation, from oned.conf to every host
    #[command(after_help = DOCTOR_HELP)]
    Doctor(TreeArgs),
}

impl OneCommand {
    /// Whether it is oned that calls.
    pub const fn is_call(&self) -> bool {
        matches!(self, Self::Tm(_) | Self::Ds(_))
    }
}

const INSTALL_HELP: &str = "\
It puts the scripts that oned calls into its remotes directory, and adds to
oned.conf and vmm_execrc what they lack; both are kept as they were beside
it. Run again, it mends what an upgrade took away. It restarts nothing and
says what has to be.

Example:
  sudo warmblock one install --dry-run";

const UNINSTALL_HELP: &str = "\
It takes out what `warmblock one install` put in: the scripts, and of
oned.conf and vmm_execrc what is about the drivers; both are kept as they
were beside them. It asks oned for its datastores, and refuses while any is
of these drivers. What is to be done on the hosts it says.

Example:
  sudo warmblock one uninstall --dry-run";

const DOCTOR_HELP: &str = "\
Run it as oneadmin on the front-end: it asks oned for its datastores and
hosts, and every host, by ssh as the drivers do, for its warmblock.

Example:
  sudo -u oneadmin warmblock one doctor";

/// Which OpenNebula is meant.
#[derive(Debug, Clone, Args)]
pub struct TreeArgs {
    /// Directory of a self-contained installation [default: $ONE_LOCATION,
    /// or the directories of the packages]
    #[arg(long, value_name = "DIR")]
    pub location: Option<PathBuf>,
}

impl TreeArgs {
    /// The directories.
    pub fn tree(&self) -> Tree {
        self.location.as_ref().map_or_else(Tree::find, Tree::at)
    }
}

/// `one install` and `one uninstall`.
#[derive(Debug, Clone, Args)]
pub struct InstallArgs {
    /// Which one.
    #[command(flatten)]
    pub tree: TreeArgs,
    /// Whether to change anything.
    #[command(flatten)]
    pub changing: Changing,
}

/// A call of a driver, as oned makes it.
#[derive(Debug, Clone, Args)]
pub struct OneCall {
    /// The action, such as clone
    pub action: String,
    /// Its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub args: Vec<String>,
}
