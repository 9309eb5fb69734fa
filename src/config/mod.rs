//! The configuration: `warmblock.toml` and the drop-ins beside it, read once, refused as a whole when a key is unknown.

mod load;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ceph::ClusterTarget;
use crate::model::{
    Access, Bytes, CacheMode, ClientId, ClusterName, DriverName, HostName, OnFull, SeedSpec,
    SlicePolicy, SliceSize, VgName,
};

/// Everything an operator can set. Every key has a default; `warmblock config show` prints the effective values.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// This host's name in leases; the kernel's host name where it is absent.
    pub host: Option<HostName>,
    /// How Ceph is reached.
    pub ceph: Ceph,
    /// The SSD slices.
    pub slice: Slice,
    /// The cache.
    pub cache: Cache,
    /// The seeding.
    pub seed: Seed,
    /// Kernel RBD.
    pub krbd: Krbd,
    /// How long things may take.
    pub deadline: Deadline,
    /// Where the tools are.
    pub tools: Tools,
    /// Where cache drivers from outside are.
    pub drivers: Drivers,
}

/// `[ceph]`: how the cluster is reached.
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
    /// A keyring file.
    pub keyring: Option<PathBuf>,
    /// A file that holds nothing but the key.
    pub keyfile: Option<PathBuf>,
    /// How long a connection may take to come up.
    #[serde(with = "duration")]
    #[schemars(with = "String")]
    pub connect_deadline: Duration,
    /// How long one operation may take.
    #[serde(with = "duration")]
    #[schemars(with = "String")]
    pub op_deadline: Duration,
}

/// `[slice]`: what is carved from the host's SSD.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Slice {
    /// The volume group on the SSD. Without it, disks are served uncached or refused, as `on_full` says.
    pub vg: Option<VgName>,
    /// How large a slice is: `8G`, or a share of its image, `10%`; never more than the image needs.
    pub size: SliceSize,
    /// At least this.
    pub min: Bytes,
    /// At most this.
    pub max: Bytes,
    /// How large the volume is that all disks of a host have in common, of a driver that shares one cache (`bcache-shared`). It
    /// is carved when the first of them is attached, and holds until the last one is gone.
    pub shared: Bytes,
    /// What to do when there is no room.
    pub on_full: OnFull,
}

impl Slice {
    /// How large a slice is, for an image of a given size.
    pub const fn policy(&self) -> SlicePolicy {
        SlicePolicy {
            size: self.size,
            min: self.min,
            max: self.max,
        }
    }
}

/// `[cache]`: which cache, and how it works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    /// The driver.
    pub driver: DriverName,
    /// How writes are treated.
    pub mode: CacheMode,
    /// The cache block: a multiple of 32 KiB, up to 1 GiB (kernel's admin-guide, device-mapper/cache).
    pub block: Bytes,
}

/// `[seed]`: what is brought into the cache beforehand, and how fast.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Seed {
    /// `none`, `allocated` or `first:SIZE`.
    pub what: SeedSpec,
    /// At most so many bytes a second; as fast as it goes where it is absent.
    pub rate: Option<Bytes>,
    /// Reads in flight.
    pub depth: usize,
    /// Bytes of one read.
    pub chunk: Bytes,
}

/// `[krbd]`: the kernel's RBD client.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Krbd {
    /// Map options as in rbd(8), such as `rxbounce` for Windows guests or `ms_mode=secure`.
    pub options: Vec<String>,
}

/// `[deadline]`: every wait ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Deadline {
    /// For another job on the same disk.
    #[serde(with = "duration")]
    #[schemars(with = "String")]
    pub lock: Duration,
    /// For one call of a tool.
    #[serde(with = "duration")]
    #[schemars(with = "String")]
    pub tool: Duration,
    /// For mapping an image, the wait for a dead client's watch (30 s by default in Ceph) included.
    #[serde(with = "duration")]
    #[schemars(with = "String")]
    pub map: Duration,
    /// For a copy that moves no data any more.
    #[serde(with = "duration")]
    #[schemars(with = "String")]
    pub stall: Duration,
    /// For writing dirty blocks back.
    #[serde(with = "duration")]
    #[schemars(with = "String")]
    pub flush: Duration,
}

/// `[tools]`: where the external tools are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tools {
    /// The directories searched, in order; `$PATH` is not used.
    pub path: Vec<PathBuf>,
}

/// `[drivers]`: cache drivers that are not of this program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Drivers {
    /// The directories searched, in order: each driver is a directory in one of them, named as the driver is. They, and all
    /// above them, must belong to root and be writable by nobody else.
    pub path: Vec<PathBuf>,
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
}

impl Ceph {
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

impl Default for Slice {
    /// 8 GiB, as DESIGN's cache defaults say.
    fn default() -> Self {
        Self {
            vg: None,
            size: SliceSize::Fixed(Bytes::gib(8)),
            min: Bytes::mib(64),
            max: Bytes::gib(256),
            shared: Bytes::gib(32),
            on_full: OnFull::default(),
        }
    }
}

impl Default for Cache {
    fn default() -> Self {
        Self {
            driver: fixed("dm-cache"),
            mode: CacheMode::Writethrough,
            block: Bytes::kib(256),
        }
    }
}

impl Default for Seed {
    fn default() -> Self {
        Self {
            what: SeedSpec::Allocated,
            rate: None,
            depth: 16,
            chunk: Bytes::mib(4),
        }
    }
}

impl Default for Deadline {
    fn default() -> Self {
        Self {
            lock: Duration::from_secs(30),
            tool: Duration::from_secs(60),
            map: Duration::from_secs(60),
            stall: Duration::from_secs(60),
            flush: Duration::from_secs(600),
        }
    }
}

impl Default for Tools {
    fn default() -> Self {
        Self {
            path: ["/usr/sbin", "/sbin", "/usr/bin", "/bin"]
                .map(PathBuf::from)
                .to_vec(),
        }
    }
}

impl Default for Drivers {
    /// The operator's own first, then those of packages.
    fn default() -> Self {
        Self {
            path: [
                "/usr/local/lib/warmblock/drivers",
                "/usr/lib/warmblock/drivers",
            ]
            .map(PathBuf::from)
            .to_vec(),
        }
    }
}

/// A default that is known to parse; the test below builds them all.
#[expect(
    clippy::panic,
    reason = "the words are constants of this file, and a test builds every one of them"
)]
pub(crate) fn fixed<T: std::str::FromStr>(word: &str) -> T {
    match word.parse() {
        Ok(value) => value,
        Err(_) => panic!("{word} is a constant of this file"),
    }
}

/// Durations as people write them: `10s`, `5m`, `1h 30m`.
mod duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&humantime::format_duration(*value))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        let word = String::deserialize(from)?;
        let value = humantime::parse_duration(&word).map_err(D::Error::custom)?;
        if value.is_zero() {
            return Err(D::Error::custom("a deadline cannot be zero"));
        }
        Ok(value)
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
