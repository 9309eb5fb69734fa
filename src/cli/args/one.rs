//! What oned calls: the shims in `one-tm/` and `one-datastore/` become these commands.

use clap::{Args, Subcommand};

/// The commands of OpenNebula's drivers.
#[derive(Debug, Clone, Subcommand)]
pub enum OneCommand {
    /// Do an action of the transfer-manager driver
    Tm(OneCall),
    /// Do an action of the datastore driver
    Ds(OneCall),
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
