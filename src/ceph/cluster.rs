//! A connection to a cluster.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::connect;
use super::error::{CephError, On, parsed};
use super::ffi::{ClusterHandle, IoCtxHandle};
use super::pool::Pool;
use super::target::ClusterTarget;
use crate::model::{Fsid, Namespace, PoolId, PoolName};

/// A connection. Clones share it; it is shut down when the last of them, and of the pools and images opened through
/// it, is gone.
#[derive(Clone)]
pub struct Cluster {
    handle: Arc<ClusterHandle>,
    target: Arc<ClusterTarget>,
}

impl fmt::Debug for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cluster({})", self.target)
    }
}

impl fmt::Display for Cluster {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.target.fmt(f)
    }
}

impl Cluster {
    /// Connects, or fails at about the target's connect deadline; missing files are named before that.
    ///
    /// Implements `rados_create2`, `rados_conf_read_file`, `rados_conf_set`, `rados_connect`.
    pub fn connect(target: &ClusterTarget) -> Result<Self, CephError> {
        let handle = connect::connect(target)?;
        Ok(Self {
            handle: Arc::new(handle),
            target: Arc::new(target.clone()),
        })
    }

    /// How it was reached.
    pub fn target(&self) -> &ClusterTarget {
        &self.target
    }

    /// The cluster's fsid. Implements `rados_cluster_fsid`.
    pub fn fsid(&self) -> Result<Fsid, CephError> {
        parsed("rados_cluster_fsid", &self.handle.fsid().on(self)?)
    }

    /// This connection's number, as in the `client.4711` of lock owners and watchers. Implements
    /// `rados_get_instance_id`.
    pub fn instance_id(&self) -> u64 {
        self.handle.instance_id()
    }

    /// Whether the cluster's clients all know clones of format 2, so that librbd makes such by itself: a snapshot need not
    /// be protected then. From the map that the connection has; nothing is asked. Implements
    /// `rados_get_min_compatible_client`.
    pub fn allows_clone_v2(&self) -> Result<bool, CephError> {
        const MIMIC: i8 = 13;
        let (needed, required) = self.handle.min_compatible_client().on(self)?;
        Ok(needed.max(required) >= MIMIC)
    }

    /// Opens a pool, and a namespace of it; whether the namespace exists shows with the first image. Implements
    /// `rados_ioctx_create`, `rados_ioctx_set_namespace`.
    pub fn pool(&self, name: &PoolName, namespace: Option<&Namespace>) -> Result<Pool, CephError> {
        let within = namespace.map(Namespace::as_str);
        let io = IoCtxHandle::create(&self.handle, name.as_str(), within).on(name)?;
        Ok(Pool::new(self, io, name, namespace))
    }

    /// The names of all pools, but for those that no [`PoolName`] can be: none of ours is called so. Implements `rados_pool_list`.
    pub fn pools(&self) -> Result<Vec<PoolName>, CephError> {
        let names = self.handle.pools().on(self)?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// The name of a pool. Implements `rados_pool_reverse_lookup`.
    pub fn pool_name(&self, id: PoolId) -> Result<PoolName, CephError> {
        let name = self.handle.pool_name(id.0).on(&id)?;
        parsed("rados_pool_reverse_lookup", &name)
    }

    /// Sends the monitors a command, `{"prefix": "status", "format": "json"}`, and returns what they answer; what they
    /// say when they refuse is in the error. Implements `rados_mon_command`.
    pub fn mon_command(&self, command: &Value) -> Result<Vec<u8>, CephError> {
        let prefix = command.get("prefix").and_then(Value::as_str);
        let prefix = prefix.unwrap_or("(no prefix)");
        let (returned, answer, said) = self.handle.mon_command(&command.to_string()).on(&prefix)?;
        if returned >= 0 {
            return Ok(answer);
        }
        let error = CephError::new("rados_mon_command", prefix, returned.wrapping_neg());
        let said = said.trim();
        Err(if said.is_empty() {
            error
        } else {
            error.detail(said)
        })
    }

    /// An option's value as this connection has it. Implements `rados_conf_get`.
    pub fn conf_get(&self, option: &str) -> Result<String, CephError> {
        self.handle.conf_get(option).on(&option)
    }

    /// Bars a client (`10.0.0.7:0/1234`, as watchers and lock owners show it) from the cluster for a time, at least a
    /// second; without a time for as long as the cluster has it (one hour). An object that this connection reads or
    /// writes after this takes no more writes of the barred client. Implements `ceph osd blocklist add` (`blacklist` on
    /// clusters before 16) and `rados_wait_for_latest_osdmap`.
    pub fn blocklist_add(&self, addr: &str, expire: Option<Duration>) -> Result<(), CephError> {
        self.blocklist("add", addr, expire)?;
        crate::fault::step("ceph osd blocklist add");
        let handle = Arc::clone(&self.handle);
        let waited = connect::in_time(self.target.connect_deadline, move || {
            handle.wait_for_latest_osdmap()
        });
        match waited {
            Ok(waited) => waited.on(self),
            Err(errno) => Err(CephError::new(
                "rados_wait_for_latest_osdmap",
                self.to_string(),
                errno,
            )),
        }
    }

    /// Lets a barred client in again; one that is not barred is no error. Implements `ceph osd blocklist rm`.
    pub fn blocklist_remove(&self, addr: &str) -> Result<(), CephError> {
        self.blocklist("rm", addr, None)?;
        crate::fault::step("ceph osd blocklist rm");
        Ok(())
    }

    fn blocklist(&self, op: &str, addr: &str, expire: Option<Duration>) -> Result<(), CephError> {
        let command = |word: &str| {
            let mut command = json!({
                "prefix": format!("osd {word}"), format!("{word}op"): op, "addr": addr,
            });
            if let Some(expire) = expire {
                command["expire"] = json!(expire.as_secs_f64().max(1.0));
            }
            self.mon_command(&command)
        };
        match command("blocklist") {
            // What a monitor says to a command that it does not know, and also to a bad address: the old name tells.
            Err(error) if error.errno == libc::EINVAL => command("blacklist").map_err(|_| error),
            answer => answer,
        }
        .map(drop)
    }
}
