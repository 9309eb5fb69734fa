//! `tgt check`.

use std::path::PathBuf;

use clap::Args;

/// `tgt check`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "\
Reads anybody's files as tgt-admin does, with their includes, and finds what
it takes otherwise than it looks: targets open to everyone, LUNs that are
passed over, options that are dropped, passwords that are cut, lines that a
root shell takes for commands. Nothing is run and nothing is changed. Each
PATH is read for itself, as with tgt-admin -c PATH; one that ends in .toml
is an inventory of warmblock, and refused if an image has two writers.

Exit status:
   0  clean: notes at most
  20  warnings: probably not what was meant
  21  dangers: open, missing or lost, or nothing is configured at all
  Any other code is that of an error, as for every command.

Passwords are hidden in findings; --commands prints them as tgt-admin does.

Example:
  warmblock tgt check /etc/tgt/conf.d/client.conf")]
pub struct TgtCheckArgs {
    /// What to read [default: /etc/tgt/targets.conf, and the inventory
    /// /etc/warmblock/tgt.toml where there is one]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Print what tgt-admin --pretend --execute would, passwords included
    #[arg(long)]
    pub commands: bool,
}
