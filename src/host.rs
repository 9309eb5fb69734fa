//! The machine a job runs on: its configuration, where things are, how tools are run, who watches.

use std::sync::OnceLock;

use crate::cache::Drivers;
use crate::cancel::Cancel;
use crate::ceph::{Cluster, ClusterTarget};
use crate::config::Config;
use crate::disk::Me;
use crate::exec::Exec;
use crate::progress::{Progress, ProgressMode};
use crate::sys::{Roots, host};
use crate::tools::dmsetup::Dmsetup;
use crate::tools::krbd::{Client, Krbd, MapOptions};
use crate::tools::lvm::Lvm;
use crate::{Context, Result};

/// Everything a job needs of its host. Made once per process.
#[derive(Debug)]
pub struct Host {
    /// The settings.
    pub config: Config,
    /// Where the machine's directories are.
    pub roots: Roots,
    /// What runs tools.
    pub exec: Exec,
    /// Where long work is shown.
    pub progress: Progress,
    /// How it is shown, for a child that shows its own.
    pub progress_mode: ProgressMode,
    /// Set when somebody asks to stop.
    pub cancel: Cancel,
    /// The cache drivers.
    pub drivers: Drivers,
    lvm_filter: OnceLock<String>,
}

impl Host {
    /// A host with these settings.
    pub fn new(config: Config, roots: Roots, progress_mode: ProgressMode, cancel: Cancel) -> Self {
        let exec = Exec::new(config.tools.path.clone());
        Self {
            drivers: Drivers::new(&config, &exec, &roots),
            config,
            roots,
            exec,
            progress: Progress::new(progress_mode),
            progress_mode,
            cancel,
            lvm_filter: OnceLock::new(),
        }
    }

    /// Device-mapper on this host.
    pub const fn dm(&self) -> Dmsetup<'_> {
        Dmsetup::new(&self.exec, &self.roots)
    }

    /// LVM on this host.
    pub const fn lvm(&self) -> Lvm<'_> {
        Lvm::new(&self.exec, &self.roots).keeping(&self.lvm_filter)
    }

    /// krbd on this host.
    pub const fn krbd(&self) -> Krbd<'_> {
        Krbd::new(&self.exec, &self.roots)
    }

    /// As whom rbd(8) maps.
    pub fn krbd_client(&self) -> Client {
        let ceph = &self.config.ceph;
        Client {
            id: Some(ceph.id.clone()),
            conf: ceph.conf.clone(),
            keyring: ceph.keyring.clone(),
            cluster: Some(ceph.cluster.clone()),
        }
    }

    /// How images are mapped.
    pub fn krbd_options(&self) -> MapOptions {
        MapOptions {
            extra: self.config.krbd.options.clone(),
            ..MapOptions::default()
        }
    }

    /// This host as leases know it.
    pub fn me(&self) -> Result<Me> {
        let host = match &self.config.host {
            Some(host) => host.clone(),
            None => host::hostname()?,
        };
        Ok(Me {
            host,
            boot_id: host::boot_id(&self.roots)?,
        })
    }

    /// How the cluster is reached.
    pub fn ceph_target(&self) -> ClusterTarget {
        let ceph = &self.config.ceph;
        ClusterTarget {
            cluster: ceph.cluster.clone(),
            id: ceph.id.clone(),
            conf: ceph.conf.clone(),
            keyring: ceph.keyring.clone(),
            keyfile: ceph.keyfile.clone(),
            connect_deadline: ceph.connect_deadline,
            op_deadline: Some(ceph.op_deadline),
        }
    }

    /// Connects to the cluster. Takes at most `[ceph] connect_deadline`.
    pub fn connect(&self) -> Result<Cluster> {
        let target = self.ceph_target();
        Cluster::connect(&target).context(|| format!("cannot reach Ceph as client.{}", target.id))
    }
}
