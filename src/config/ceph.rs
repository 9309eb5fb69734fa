//! `[ceph]`: by which client, keys and files a cluster is reached.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{duration, fixed};
use crate::ceph::ClusterTarget;
use crate::model::{Access, ClientId, ClusterName};

/// How the cluster is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ceph {
    /// The cluster's name.
    pub cluster: ClusterName,
    /// The client's id, without `client.`.
    pub id: ClientId,
    /// `ceph.conf`; Ceph's own search path where it is absent.
    pub conf: Option<PathBuf>,
    /// Whether the caller named the cluster: a disk of another one is not meant then.
    #[serde(skip)]
    pub named: bool,
    /// A keyring file; Ceph's own search path where it is absent.
    pub keyring: Option<PathBuf>,
    /// A file that holds nothing but the key.
    pub keyfile: Option<PathBuf>,
    /// How long a connection may take to come up.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Time")]
    pub connect_deadline: Duration,
    /// How long one operation may take.
    #[serde(with = "duration")]
    #[schemars(with = "duration::Time")]
    pub op_deadline: Duration,
}

impl Ceph {
    /// How the cluster is reached.
    pub fn target(&self) -> ClusterTarget {
        ClusterTarget {
            cluster: self.cluster.clone(),
            id: self.id.clone(),
            conf: self.conf.clone(),
            keyring: self.keyring.clone(),
            keyfile: self.keyfile.clone(),
            connect_deadline: self.connect_deadline,
            op_deadline: Some(self.op_deadline),
        }
    }

    /// The same, but for what an access says. Key and keyring are of one client of one cluster, and are nobody else's.
    #[must_use]
    pub fn by(&self, access: &Access) -> Self {
        let id = access.user.as_ref().unwrap_or(&self.id);
        let conf = access.conf.as_ref().map(|file| file.path().to_owned());
        let conf = conf.or_else(|| self.conf.clone());
        let keyfile = access.keyfile.as_ref().map(|file| file.path().to_owned());
        let same = self.is_own(conf.as_deref());
        let own = *id == self.id && same && keyfile.is_none();
        let cluster = access.conf.as_ref().filter(|_| !same);
        Self {
            cluster: match cluster {
                Some(file) => file.cluster().unwrap_or_else(|| fixed("ceph")),
                None => self.cluster.clone(),
            },
            id: id.clone(),
            conf,
            keyring: self.keyring.clone().filter(|_| own),
            keyfile: keyfile.or_else(|| self.keyfile.clone().filter(|_| own)),
            ..self.clone()
        }
    }

    /// Whether this is the file that these settings read: the one that they name, or else Ceph's usual one of the cluster.
    pub fn is_own(&self, conf: Option<&Path>) -> bool {
        let usual = || PathBuf::from(format!("/etc/ceph/{}.conf", self.cluster));
        conf.is_none_or(|conf| *conf == *self.conf.clone().unwrap_or_else(usual))
    }
}

impl Default for Ceph {
    fn default() -> Self {
        Self {
            cluster: fixed("ceph"),
            id: fixed("admin"),
            conf: None,
            named: false,
            keyring: None,
            keyfile: None,
            connect_deadline: Duration::from_secs(10),
            op_deadline: Duration::from_secs(30),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_takes_over_no_key_of_another_client() {
        let own = Ceph {
            keyring: Some("/etc/ceph/admin.keyring".into()),
            ..Ceph::default()
        };
        let by = |json: &str| own.by(&serde_json::from_str(json).unwrap());
        assert_eq!(by("{}"), own);
        assert_eq!(by(r#"{"user":"admin"}"#), own);
        let other = by(r#"{"user":"libvirt"}"#);
        assert_eq!((other.id.as_str(), &other.keyring), ("libvirt", &None));
        let other = by(r#"{"conf":"/etc/ceph/backup.conf","keyfile":"/etc/ceph/key"}"#);
        assert_eq!((other.id.as_str(), &other.keyring), ("admin", &None));
        assert_eq!(other.cluster.as_str(), "backup");
        assert_eq!(other.conf, Some("/etc/ceph/backup.conf".into()));
        assert_eq!(other.keyfile, Some("/etc/ceph/key".into()));
    }
}
