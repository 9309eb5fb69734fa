//! How rbd(8) is called.

use std::path::{Path, PathBuf};

use crate::exec::Cmd;
use crate::model::{Bytes, ClientId, ClusterName, SnapSpec};

/// As whom, and with which configuration, rbd(8) connects. What is `None` is left to Ceph's defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Client {
    /// The client's id, without `client.`.
    pub id: Option<ClientId>,
    /// The configuration file.
    pub conf: Option<PathBuf>,
    /// The keyring file.
    pub keyring: Option<PathBuf>,
    /// A file with nothing but the key, instead of a keyring.
    pub keyfile: Option<PathBuf>,
    /// The cluster's name, for the default places of both.
    pub cluster: Option<ClusterName>,
}

/// How messages are protected (rbd(8), `ms_mode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MsMode {
    /// Messenger 1, the kernel's default.
    Legacy,
    /// Messenger 2 with checksums.
    Crc,
    /// Messenger 2 with encryption.
    Secure,
    /// Messenger 2, with encryption if the other side insists.
    PreferCrc,
    /// Messenger 2, without encryption if the other side insists.
    PreferSecure,
}

impl MsMode {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Crc => "crc",
            Self::Secure => "secure",
            Self::PreferCrc => "prefer-crc",
            Self::PreferSecure => "prefer-secure",
        }
    }
}

/// How an image is mapped (rbd(8), KERNEL RBD OPTIONS).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapOptions {
    /// Take the exclusive lock and do not hand it over while mapped.
    pub exclusive: bool,
    /// Refuse writes.
    pub read_only: bool,
    /// The smallest discard that is passed on. 4 KiB is BlueStore's allocation unit since Pacific; the kernel's default of
    /// 64 KiB drops most of what a guest's fstrim sends.
    pub alloc_size: Option<Bytes>,
    /// How many requests may be under way; 128 by default.
    pub queue_depth: Option<u32>,
    /// How messages are protected.
    pub ms_mode: Option<MsMode>,
    /// Options for which there is no field here, such as `rxbounce`.
    pub extra: Vec<String>,
}

impl Default for MapOptions {
    fn default() -> Self {
        Self {
            exclusive: false,
            read_only: false,
            alloc_size: Some(Bytes::kib(4)),
            queue_depth: None,
            ms_mode: None,
            extra: Vec::new(),
        }
    }
}

/// Names go as `--image=NAME`, not as a specification, so that one that begins with `-` is not read as an option.
pub(super) fn map(client: &Client, image: &SnapSpec, options: &MapOptions) -> Cmd {
    let cmd = Cmd::change("rbd").args(["device", "map"]);
    let cmd = option(cmd, "id", client.id.as_ref().map(|id| id.as_str()));
    let cmd = option(cmd, "conf", client.conf.as_deref().and_then(Path::to_str));
    let cmd = option(
        cmd,
        "keyring",
        client.keyring.as_deref().and_then(Path::to_str),
    );
    let cmd = option(
        cmd,
        "keyfile",
        client.keyfile.as_deref().and_then(Path::to_str),
    );
    let cmd = option(
        cmd,
        "cluster",
        client.cluster.as_ref().map(|name| name.as_str()),
    );
    let spec = &image.image;
    let cmd = option(cmd, "pool", Some(spec.pool.as_str()));
    let cmd = option(
        cmd,
        "namespace",
        spec.namespace.as_ref().map(|name| name.as_str()),
    );
    let cmd = option(cmd, "image", Some(spec.image.as_str()));
    let cmd = option(cmd, "snap", image.snap.as_ref().map(|snap| snap.as_str()));
    cmd.arg("--options").arg(krbd_options(options))
}

fn option(cmd: Cmd, name: &str, value: Option<&str>) -> Cmd {
    match value {
        Some(value) => cmd.arg(format!("--{name}={value}")),
        None => cmd,
    }
}

fn krbd_options(options: &MapOptions) -> String {
    let mut words = vec!["noudev".to_owned()];
    words.extend(options.exclusive.then(|| "exclusive".to_owned()));
    words.extend(options.read_only.then(|| "ro".to_owned()));
    words.extend(
        options
            .alloc_size
            .map(|size| format!("alloc_size={}", size.0)),
    );
    words.extend(
        options
            .queue_depth
            .map(|depth| format!("queue_depth={depth}")),
    );
    words.extend(
        options
            .ms_mode
            .map(|mode| format!("ms_mode={}", mode.as_str())),
    );
    words.extend_from_slice(&options.extra);
    words.join(",")
}

pub(super) fn unmap(device: &Path) -> Cmd {
    Cmd::change("rbd")
        .args(["device", "unmap", "--options", "noudev"])
        .arg(device)
}
