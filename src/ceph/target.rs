//! How a cluster is reached: which configuration, as whom, and how long to wait.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{ClientId, ClusterName};

/// A cluster, a client of it, and deadlines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ClusterTarget {
    /// The cluster's name, which Ceph puts into the default paths.
    pub cluster: ClusterName,
    /// The client, without `client.`.
    pub id: ClientId,
    /// The configuration file; `None` is the first of Ceph's own places.
    pub conf: Option<PathBuf>,
    /// The keyring; `None` is what the configuration says.
    pub keyring: Option<PathBuf>,
    /// A file with nothing but the key, instead of a keyring.
    pub keyfile: Option<PathBuf>,
    /// How long to wait for the monitors, when connecting and for their answers.
    pub connect_deadline: Duration,
    /// How long to wait for each operation of an OSD; `None` is for ever, as Ceph has it. A write that timed out may
    /// still be done later.
    pub op_deadline: Option<Duration>,
}

impl Default for ClusterTarget {
    #[expect(
        clippy::expect_used,
        reason = "both words are constants that a test parses"
    )]
    fn default() -> Self {
        Self {
            cluster: "ceph".parse().expect("is a cluster name"),
            id: "admin".parse().expect("is a client id"),
            conf: None,
            keyring: None,
            keyfile: None,
            connect_deadline: Duration::from_secs(10),
            op_deadline: None,
        }
    }
}

impl fmt::Display for ClusterTarget {
    /// `cluster ceph as client.admin`, with the configuration file if one was given.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cluster {} as client.{}", self.cluster, self.id)?;
        match &self.conf {
            Some(conf) => write!(f, " ({})", conf.display()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_what_ceph_has() {
        let target = ClusterTarget::default();
        assert_eq!(target.to_string(), "cluster ceph as client.admin");
        assert_eq!(serde_json::from_str::<ClusterTarget>("{}").unwrap(), target);
    }

    #[test]
    fn it_reads_back() {
        let target = ClusterTarget {
            conf: Some("/etc/ceph/other.conf".into()),
            op_deadline: Some(Duration::from_millis(1500)),
            ..ClusterTarget::default()
        };
        let text = serde_json::to_string(&target).unwrap();
        assert_eq!(
            serde_json::from_str::<ClusterTarget>(&text).unwrap(),
            target
        );
    }
}
