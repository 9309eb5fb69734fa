//! How Ceph is reached for one image, where it is not as the host's configuration has it.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{CephFile, ClientId, ClusterName};

/// As whom, and which cluster. What is `None` is left to the host's configuration. No secret is in it: of the key it has the
/// path.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// The client, without `client.`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<ClientId>,
    /// The cluster's configuration file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conf: Option<CephFile>,
    /// A file that holds nothing but the client's key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keyfile: Option<CephFile>,
}

impl Access {
    /// Says nothing: as the host's configuration has it, within what goes by another access.
    pub const OWN: Self = Self {
        user: None,
        conf: None,
        keyfile: None,
    };

    /// An access that says something; `None` if nothing is told.
    pub fn told(
        user: Option<ClientId>,
        conf: Option<CephFile>,
        keyfile: Option<CephFile>,
    ) -> Option<Self> {
        let says = user.is_some() || conf.is_some() || keyfile.is_some();
        says.then_some(Self {
            user,
            conf,
            keyfile,
        })
    }
}

impl CephFile {
    /// The path.
    pub fn path(&self) -> &Path {
        Path::new(self.as_str())
    }

    /// The cluster whose configuration this is, as Ceph's own programs have it: `/etc/ceph/backup.conf` is of `backup`.
    pub fn cluster(&self) -> Option<ClusterName> {
        let name = self.path().file_name()?.to_str()?;
        name.strip_suffix(".conf")?.parse().ok()
    }
}

impl fmt::Display for Access {
    /// `client.libvirt, /etc/ceph/backup.conf`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.user {
            Some(user) => write!(f, "client.{user}")?,
            None => f.write_str("the host's client")?,
        }
        let files = [&self.conf, &self.keyfile];
        let mut files = files.into_iter().flatten();
        files.try_for_each(|file| write!(f, ", {file}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_from_the_root_on() {
        for good in ["/etc/ceph/backup.conf", "/a"] {
            assert!(good.parse::<CephFile>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "ceph.conf",
            "/a/../b",
            "/a,/b",
            "/a b",
            "/a;b",
            "-K",
            "/a\n",
        ] {
            assert!(bad.parse::<CephFile>().is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn a_cluster_is_called_as_its_file() {
        let cluster = |file: &str| file.parse::<CephFile>().unwrap().cluster();
        assert_eq!(cluster("/etc/ceph/backup.conf").unwrap().as_str(), "backup");
        assert_eq!(cluster("/etc/ceph/backup"), None);
    }

    #[test]
    fn it_says_who_and_where() {
        let access: Access =
            serde_json::from_str(r#"{"user":"libvirt","conf":"/etc/ceph/b.conf"}"#).unwrap();
        assert_eq!(access.to_string(), "client.libvirt, /etc/ceph/b.conf");
        assert_eq!(Access::told(None, None, None), None);
        assert!(serde_json::from_str::<Access>(r#"{"user":"a","key":"b"}"#).is_err());
    }
}
