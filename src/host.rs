//! The machine a job runs on: its configuration, where things are, how tools are run, who watches.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use crate::cache::Drivers;
use crate::cancel::Cancel;
use crate::ceph::{Cluster, ClusterTarget};
use crate::config::{self, Config};
use crate::disk::Me;
use crate::exec::Exec;
use crate::model::Access;
use crate::progress::{Progress, ProgressMode};
use crate::sys::trust::{self, Trust};
use crate::sys::{Caller, Roots, host};
use crate::tools::dmsetup::Dmsetup;
use crate::tools::krbd::{Client, Krbd, MapOptions};
use crate::tools::lvm::Lvm;
use crate::{Context, Error, Kind, Result};

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
    pub drivers: Arc<Drivers>,
    /// How Ceph is reached for what is asked now, where that is not as the settings say.
    pub access: Option<Access>,
    /// Who called sudo for what is asked now; root does with his paths what he might do himself.
    pub caller: Option<Caller>,
    /// The words that give this program the same settings once more, in another process.
    pub settings: Vec<OsString>,
    lvm_filter: OnceLock<String>,
}

impl Host {
    /// A host with these settings.
    pub fn new(config: Config, roots: Roots, progress_mode: ProgressMode, cancel: Cancel) -> Self {
        let exec = Exec::new(config.tools.path.clone());
        Self {
            drivers: Arc::new(Drivers::new(&config, &exec, &roots)),
            access: None,
            caller: None,
            config,
            roots,
            exec,
            progress: Progress::new(progress_mode),
            progress_mode,
            cancel,
            settings: Vec::new(),
            lvm_filter: OnceLock::new(),
        }
    }

    /// The same machine for what is asked by another access, or by its own again ([`Access::OWN`]).
    #[must_use]
    pub fn by(&self, access: &Access) -> Self {
        Self {
            config: self.config.clone(),
            roots: self.roots.clone(),
            exec: self.exec.clone(),
            progress: Progress::new(self.progress_mode),
            progress_mode: self.progress_mode,
            cancel: self.cancel.clone(),
            drivers: Arc::clone(&self.drivers),
            access: Some(access.clone()).filter(|access| *access != Access::OWN),
            caller: self.caller,
            settings: self.settings.clone(),
            lvm_filter: self.lvm_filter.clone(),
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

    /// As whom rbd(8) maps, by an access or as the settings say.
    ///
    /// # Errors
    /// As for [`Host::connect_by`], before anything is reached.
    pub fn krbd_client(&self, access: Option<&Access>) -> Result<Client> {
        let ceph = self.ceph(access)?;
        Ok(Client {
            id: Some(ceph.id),
            conf: ceph.conf,
            keyring: ceph.keyring,
            keyfile: ceph.keyfile,
            cluster: Some(ceph.cluster),
        })
    }

    /// Does something with the files of whoever asks, see [`Caller::act`].
    ///
    /// # Errors
    /// Those of `act`.
    pub fn as_caller<T>(&self, act: impl FnOnce() -> Result<T>) -> Result<T> {
        match self.caller {
            Some(caller) => caller.act(act),
            None => act(),
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

    /// The settings for Ceph, but for what an access says. Its configuration file names programs and files to whoever reads
    /// it, which is root here.
    fn ceph(&self, access: Option<&Access>) -> Result<config::Ceph> {
        let own = &self.config.ceph;
        let Some(access) = access else {
            return Ok(own.clone());
        };
        let mut settings = own.by(access);
        let conf = access.conf.as_ref().map(|file| file.path());
        if let Some(conf) = conf.filter(|conf| !own.is_own(Some(conf))) {
            settings.conf = Some(trusted(conf)?);
        }
        Ok(settings)
    }

    /// How the cluster is reached, as the settings say.
    pub fn ceph_target(&self) -> ClusterTarget {
        self.config.ceph.target()
    }

    /// Connects to the cluster, by what is asked now. Takes at most `[ceph] connect_deadline`.
    pub fn connect(&self) -> Result<Cluster> {
        self.connect_by(self.access.as_ref())
    }

    /// Connects to the cluster, by an access or as the settings say. Takes at most `[ceph] connect_deadline`.
    ///
    /// # Errors
    /// [`Kind::Config`] for files that are not there, or that others than root could exchange.
    pub fn connect_by(&self, access: Option<&Access>) -> Result<Cluster> {
        let target = self.ceph(access)?.target();
        Cluster::connect(&target).context(|| format!("cannot reach Ceph as client.{}", target.id))
    }
}

/// A configuration file by the path that nobody but root can exchange. By another one it might be another file when it is read.
fn trusted(conf: &Path) -> Result<PathBuf> {
    let shown = conf.display();
    let judged = trust::judge(conf).map_err(|error| {
        let message = format!("cannot look at the configuration file {shown}");
        Error::new(Kind::Config, message)
            .because(error)
            .remedy("name one that is on this host, as CEPH_CONF says")
    })?;
    match judged {
        Trust::Roots(path) => Ok(path),
        Trust::Exchangeable { part, why } => {
            let part = part.display();
            let message = format!("the configuration file {shown} is not used: {part} {why}");
            Err(Error::new(Kind::Config, message).remedy(format!(
                "`chown root: {part}; chmod go-w {part}`, once you know who put it there"
            )))
        }
    }
}
