//! Options that every command takes, and those of commands that change something.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{ArgAction, Args};

use crate::model::{ClientId, ClusterName};
use crate::progress::ProgressMode;

/// Options of every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Configuration file; conf.d/*.toml beside it is read after it
    /// [default: /etc/warmblock/warmblock.toml]
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        env = "WARMBLOCK_CONFIG",
        hide_env_values = true
    )]
    pub config: Option<PathBuf>,

    /// Put every path below this directory, for tests
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "WARMBLOCK_ROOT",
        hide_env_values = true
    )]
    pub root: Option<PathBuf>,

    /// Answer with one JSON document on standard output, errors too
    #[arg(long, global = true)]
    pub json: bool,

    /// How progress is shown on standard error: bar, json (one line each), quiet
    /// or auto: a bar on a terminal, nothing elsewhere
    #[arg(long, global = true, value_name = "HOW", default_value_t)]
    pub progress: ProgressMode,

    /// Say more on standard error; twice for every external command
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,

    /// Say nothing on standard error but errors; commands on disks tell no
    /// steps that were done, doctor no checks that are well
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Ceph client id, without "client."
    #[arg(long, global = true, value_name = "ID")]
    pub id: Option<ClientId>,

    /// Ceph configuration file
    #[arg(long, global = true, value_name = "FILE")]
    pub conf: Option<PathBuf>,

    /// Ceph keyring file
    #[arg(long, global = true, value_name = "FILE")]
    pub keyring: Option<PathBuf>,

    /// Ceph cluster name
    #[arg(long, global = true, value_name = "NAME")]
    pub cluster: Option<ClusterName>,
}

impl Global {
    /// The words that give another process of this program the same settings, with nothing to say to anybody.
    pub fn again(&self) -> Vec<OsString> {
        let text = |value: String| value.into();
        let options: [(&str, Option<OsString>); 6] = [
            ("--config", self.config.clone().map(Into::into)),
            ("--root", self.root.clone().map(Into::into)),
            ("--id", self.id.as_ref().map(ToString::to_string).map(text)),
            ("--conf", self.conf.clone().map(Into::into)),
            ("--keyring", self.keyring.clone().map(Into::into)),
            (
                "--cluster",
                self.cluster.as_ref().map(ToString::to_string).map(text),
            ),
        ];
        let given = options
            .into_iter()
            .filter_map(|(name, value)| Some([name.into(), value?]));
        given.flatten().chain(["--quiet".into()]).collect()
    }

    /// Where the configuration is looked for unless the command line says otherwise.
    pub const CONFIG: &str = "/etc/warmblock/warmblock.toml";

    /// The configuration file, and whether it must exist: only one that somebody named must.
    pub fn config_file(&self) -> (PathBuf, bool) {
        match (&self.config, &self.root) {
            (Some(file), _) => (file.clone(), true),
            (None, Some(root)) => (below(root, Path::new(Self::CONFIG)), false),
            (None, None) => (PathBuf::from(Self::CONFIG), false),
        }
    }
}

/// `path` as it is called when `root` stands for `/`.
fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// The option of every command that changes something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Args)]
pub struct Changing {
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
}
