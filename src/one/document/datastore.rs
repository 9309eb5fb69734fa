//! The document of a datastore action, and a datastore as oned tells it.

use std::path::PathBuf;

use roxmltree::Node;

use super::words::CacheWords;
use super::xml::{Said, access, at, parse, required, text, value, yes};
use crate::Result;
use crate::model::{Access, Bytes, Namespace, PoolName};
use crate::one::call::{Node as Host, Source};
use crate::one::{DatastoreId, ImageNumber, Megabytes, SnapshotId};

/// `DS_DRIVER_ACTION_DATA`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatastoreJob {
    /// The datastore.
    pub datastore: Datastore,
    /// The image; `monitor` has none.
    pub image: Option<ImageDocument>,
    /// Whether the disks of VMs are to be measured as well.
    pub measure_disks: bool,
}

/// A datastore: where its images are and how Ceph is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Datastore {
    /// Its number; `stat` of some releases leaves it out.
    pub id: Option<DatastoreId>,
    /// The pool of its images.
    pub pool: Option<PoolName>,
    /// The namespace in it.
    pub namespace: Said<Namespace>,
    /// The pool for data, where that is another one.
    pub data_pool: Said<PoolName>,
    /// Hosts that reach Ceph; a word that is no host's name is left out, so that the others go on.
    pub bridges: Vec<Host>,
    /// How Ceph is reached for it, on the bridges and hosts, where that is not as their configuration says.
    pub access: Option<Access>,
    /// Whether images are moved to the trash instead of being removed.
    pub trash: bool,
    /// Directories that images may come from, although a restricted one lies above them.
    pub safe_dirs: Vec<String>,
    /// Directories that they may not come from.
    pub restricted_dirs: Vec<String>,
    /// How fast images may be fetched, in bytes a second.
    pub bandwidth: Said<Bytes>,
    /// Where a bridge puts what it cannot take as a stream.
    pub staging_dir: Option<PathBuf>,
    /// Whether packed images are taken as they are.
    pub keep_packed: bool,
    /// How the disks are cached that are made in it for a VM: to those oned passes on nothing.
    pub cache: CacheWords,
}

/// An image as oned tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageDocument {
    /// Its number; `stat` has none.
    pub id: Option<ImageNumber>,
    /// When it was registered, in seconds since 1970: oned gives no number twice, but there may be several of it.
    pub registered: Option<u64>,
    /// Where it comes from: a path, a URL, or the SOURCE of the image that it is a copy of.
    pub path: Option<String>,
    /// What it is called in Ceph.
    pub source: Option<Source>,
    /// Its size.
    pub size: Option<Megabytes>,
    /// Its format; `save_as` where only a name is wanted.
    pub format: Option<String>,
    /// The file system that it is to have.
    pub fs: Option<String>,
    /// The snapshot that an action on snapshots is about.
    pub snapshot: Option<SnapshotId>,
    /// All snapshots that it has.
    pub snapshots: Vec<SnapshotId>,
    /// What its content must sum up to.
    pub md5: Option<String>,
    /// Likewise.
    pub sha1: Option<String>,
}

impl DatastoreJob {
    /// Reads the document of a datastore action.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage).
    pub fn parse(document: &str) -> Result<Self> {
        let document = parse(document, "DS_DRIVER_ACTION_DATA")?;
        let root = document.root_element();
        let datastore =
            at(root, "DATASTORE").map_or_else(|| Datastore::read(root), Datastore::read)?;
        Ok(Self {
            datastore,
            image: at(root, "IMAGE").map(ImageDocument::read).transpose()?,
            measure_disks: yes(root, "MONITOR_VM_DISKS"),
        })
    }
}

impl Datastore {
    /// Reads what `one.datastore.info` answers.
    ///
    /// # Errors
    /// [`Kind::Usage`](crate::Kind::Usage).
    pub fn parse(document: &str) -> Result<Self> {
        Self::read(parse(document, "DATASTORE")?.root_element())
    }

    /// The hosts that reach Ceph, all of them, beginning with the one whose turn it is.
    pub fn bridges_from(&self, turn: u32) -> Vec<&Host> {
        let first = (turn as usize).checked_rem(self.bridges.len()).unwrap_or(0);
        let (before, after) = self.bridges.split_at(first);
        after.iter().chain(before).collect()
    }

    /// Why words of a datastore's template cannot be used: for all that need them, or for some.
    pub(super) fn unusable(node: Node<'_, '_>) -> Vec<String> {
        let read = match Self::read(node) {
            Ok(read) => read,
            Err(error) => return vec![error.chain()],
        };
        let words = [
            read.namespace.get().err(),
            read.data_pool.get().err(),
            read.bandwidth.get().err(),
        ];
        let words = words.into_iter().flatten();
        words.map(|error| error.chain()).collect()
    }

    fn read(node: Node<'_, '_>) -> Result<Self> {
        let words = |path| text(node, path).map(split).unwrap_or_default();
        let own = |path| text(node, path).map(str::to_owned);
        let bridges = words("TEMPLATE/BRIDGE_LIST");
        Ok(Self {
            id: value(node, "ID")?,
            pool: value(node, "TEMPLATE/POOL_NAME")?,
            namespace: Said::read(node, "TEMPLATE/RBD_NAMESPACE"),
            data_pool: Said::read(node, "TEMPLATE/EC_POOL_NAME"),
            bridges: bridges
                .iter()
                .filter_map(|host| host.parse().ok())
                .collect(),
            access: access(node, "TEMPLATE/")?,
            trash: yes(node, "TEMPLATE/CEPH_TRASH"),
            safe_dirs: words("TEMPLATE/SAFE_DIRS"),
            restricted_dirs: words("TEMPLATE/RESTRICTED_DIRS"),
            bandwidth: Said::read(node, "TEMPLATE/LIMIT_TRANSFER_BW"),
            staging_dir: own("TEMPLATE/STAGING_DIR").map(PathBuf::from),
            keep_packed: yes(node, "TEMPLATE/NO_DECOMPRESS"),
            cache: CacheWords::below(node, "TEMPLATE/"),
        })
    }
}

impl ImageDocument {
    fn read(node: Node<'_, '_>) -> Result<Self> {
        let own = |path| text(node, path).map(str::to_owned);
        let snapshot = match text(node, "TARGET_SNAPSHOT") {
            None | Some("-1") => None,
            Some(_) => Some(required(node, "TARGET_SNAPSHOT")?),
        };
        let snapshots = at(node, "SNAPSHOTS").map(|all| all.children().collect::<Vec<_>>());
        let snapshots = snapshots.unwrap_or_default().into_iter();
        Ok(Self {
            snapshots: snapshots
                .filter(|child| child.has_tag_name("SNAPSHOT"))
                .map(|child| required(child, "ID"))
                .collect::<Result<_>>()?,
            id: value(node, "ID")?,
            registered: own("REGTIME").and_then(|time| time.trim().parse().ok()),
            path: own("PATH"),
            source: value(node, "SOURCE")?,
            size: value(node, "SIZE")?,
            format: own("FORMAT").or_else(|| own("FSTYPE").filter(|word| is_format(word))),
            fs: own("FS").or_else(|| own("FSTYPE").filter(|word| !is_format(word))),
            snapshot,
            md5: own("TEMPLATE/MD5"),
            sha1: own("TEMPLATE/SHA1"),
        })
    }
}

/// Whether FSTYPE, which older releases have for FORMAT and FS in one, is the former.
fn is_format(word: &str) -> bool {
    ["raw", "save_as", "qcow2"].contains(&word.to_ascii_lowercase().as_str())
}

/// Words between blanks, as OpenNebula writes lists.
fn split(words: &str) -> Vec<String> {
    words.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "<DS_DRIVER_ACTION_DATA><IMAGE><ID>42</ID><NAME>d\u{fffd}b &amp; co</NAME>
        <SOURCE><![CDATA[one/one-42]]></SOURCE><PATH><![CDATA[/var/tmp/debian 12.qcow2]]></PATH><FORMAT>raw</FORMAT>
        <SIZE>10240</SIZE><TARGET_SNAPSHOT>-1</TARGET_SNAPSHOT><TEMPLATE><MD5><![CDATA[abc]]></MD5></TEMPLATE></IMAGE>
        <DATASTORE><ID>101</ID><TEMPLATE><BRIDGE_LIST><![CDATA[c1  c2]]></BRIDGE_LIST><POOL_NAME><![CDATA[one]]></POOL_NAME>
        <CEPH_USER><![CDATA[libvirt]]></CEPH_USER><CEPH_TRASH>yes</CEPH_TRASH></TEMPLATE></DATASTORE>
        <MONITOR_VM_DISKS>1</MONITOR_VM_DISKS></DS_DRIVER_ACTION_DATA>";

    #[test]
    fn a_document() {
        let job = DatastoreJob::parse(DOCUMENT).unwrap();
        let image = job.image.unwrap();
        assert_eq!(image.id, Some(ImageNumber(42)));
        assert_eq!(image.path.as_deref(), Some("/var/tmp/debian 12.qcow2"));
        assert_eq!((image.snapshot, image.md5.as_deref()), (None, Some("abc")));
        let bridges: Vec<&str> = job.datastore.bridges.iter().map(Host::as_str).collect();
        assert_eq!(bridges, ["c1", "c2"]);
        assert!(job.datastore.trash && job.measure_disks);
        assert_eq!(job.datastore.data_pool.get().unwrap(), None);
        let access = job.datastore.access.unwrap();
        assert_eq!(access.to_string(), "client.libvirt");
    }

    #[test]
    fn the_document_of_stat_has_next_to_nothing() {
        let text = "<DS_DRIVER_ACTION_DATA><IMAGE><PATH>/a</PATH></IMAGE><DATASTORE><TEMPLATE/></DATASTORE></DS_DRIVER_ACTION_DATA>";
        let job = DatastoreJob::parse(text).unwrap();
        assert_eq!(job.image.unwrap().id, None);
        assert_eq!(job.datastore.pool, None);
    }

    #[test]
    fn bridges_take_turns() {
        let order = |list: &str, turn| {
            let document = format!(
                "<DATASTORE><TEMPLATE><BRIDGE_LIST>{list}</BRIDGE_LIST></TEMPLATE></DATASTORE>"
            );
            let datastore = Datastore::parse(&document).unwrap();
            let nodes = datastore.bridges_from(turn);
            nodes.iter().map(|node| node.as_str()).collect::<String>()
        };
        let turns = [0, 4, u32::MAX].map(|turn| order("a b c", turn));
        assert_eq!(turns, ["abc", "bca", "abc"]);
        assert_eq!(order("", 7), "");
    }

    /// And hurts nobody who does not need it.
    #[test]
    fn a_word_that_cannot_be_used_is_told_by_whoever_needs_it() {
        let with = |words: &str| {
            let document = format!("<DATASTORE><TEMPLATE>{words}</TEMPLATE></DATASTORE>");
            Datastore::parse(&document).unwrap()
        };
        let bad = with(
            "<LIMIT_TRANSFER_BW>10MB/s</LIMIT_TRANSFER_BW><EC_POOL_NAME>a/b</EC_POOL_NAME><RBD_NAMESPACE>a/b</RBD_NAMESPACE>",
        );
        let errors = [
            bad.bandwidth.get().unwrap_err(),
            bad.data_pool.get().unwrap_err(),
            bad.namespace.get().unwrap_err(),
        ];
        for (error, name) in
            errors
                .iter()
                .zip(["LIMIT_TRANSFER_BW", "EC_POOL_NAME", "RBD_NAMESPACE"])
        {
            assert!(error.chain().contains(name), "{}", error.chain());
            assert!(error.remedy_text().is_some());
        }
        let good = with("<LIMIT_TRANSFER_BW>10M</LIMIT_TRANSFER_BW>");
        assert_eq!(good.bandwidth.get().unwrap(), Some(Bytes::mib(10)));
        for (list, hosts) in [
            ("c1,c2", vec![]),
            ("oneadmin@c1 c2", vec!["c2"]),
            ("c1 -oProxyCommand=x", vec!["c1"]),
            ("c1 $(reboot)", vec!["c1"]),
        ] {
            let datastore = with(&format!("<BRIDGE_LIST>{list}</BRIDGE_LIST>"));
            let names: Vec<&str> = datastore.bridges.iter().map(Host::as_str).collect();
            assert_eq!(names, hosts, "{list}");
        }
    }

    #[test]
    fn what_could_hurt_a_host_is_refused() {
        for (from, to) in [
            ("[one]]", "[-oX]]"),
            ("[libvirt]]", "[a b]]"),
            ("CEPH_USER", "CEPH_CONF"),
            ("CEPH_USER", "CEPH_KEY"),
            ("<ID>42", "<ID>x"),
            (
                "<DS_DRIVER_ACTION_DATA>",
                "<!DOCTYPE a [<!ENTITY b 'c'>]><DS_DRIVER_ACTION_DATA>",
            ),
        ] {
            let changed = DOCUMENT.replace(from, to);
            assert_ne!(changed, DOCUMENT);
            let read = DatastoreJob::parse(&changed);
            assert!(read.is_err() || from == "[one]]", "{to}: {read:?}");
        }
        assert!(DatastoreJob::parse("<VM/>").is_err());
        assert!(DatastoreJob::parse("no XML").is_err());
    }
}
