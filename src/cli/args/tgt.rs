//! The commands on iSCSI targets.

use clap::Subcommand;

use super::tgt_check::TgtCheckArgs;

/// The commands on iSCSI targets.
#[derive(Debug, Clone, Subcommand)]
pub enum TgtCommand {
    /// Check tgt-admin's files for what they do and do not say
    Check(TgtCheckArgs),
}
