//! A VM as oned tells it: its disks, where it is, what is being done with it.

use roxmltree::Node;

use super::xml::{access, at, parse, required, text, value, yes};
use crate::job::Rest;
use crate::model::{Access, Bytes, CacheMode, DriverName, ParseError, PoolName, SeedSpec, Sharing};
use crate::one::call::{Node as Host, Source};
use crate::one::{DatastoreId, DiskId, HostId, ImageNumber, Mad, Megabytes, VmId};
use crate::{Error, Kind, Result};

/// `VM`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vm {
    /// Its number.
    pub id: VmId,
    /// Its state, by the numbers of the contract, 5.1.
    pub state: u32,
    /// The state of its life cycle, by the numbers of the contract, 5.1.
    pub lcm_state: u32,
    /// The name of its domain at the hypervisor.
    pub deploy_id: Option<String>,
    /// Its disks, without the context CD.
    pub disks: Vec<Disk>,
    /// The disk that is its context CD.
    pub context: Option<DiskId>,
    /// Where it has been and is, in this order.
    pub history: Vec<Stay>,
    /// How it is backed up.
    pub backup: BackupConfig,
}

/// How a VM is backed up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BackupConfig {
    /// What is saved.
    pub mode: BackupMode,
    /// How the guest comes to rest while it is taken, if it does.
    pub rest: Option<Rest>,
    /// Whether the backup that is ended has failed. Only the newest releases say so.
    pub failed: bool,
}

/// What a backup saves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum BackupMode {
    /// All.
    #[default]
    Full,
    /// What changed since the last one.
    Increment {
        /// The number of the last one; none before the first.
        last: Option<u32>,
    },
}

impl BackupConfig {
    fn read(root: Node<'_, '_>) -> Result<Self> {
        let word = |name: &str| text(root, &format!("BACKUPS/BACKUP_CONFIG/{name}"));
        let mode = match word("MODE") {
            Some("INCREMENT") => BackupMode::Increment {
                last: match word("LAST_INCREMENT_ID") {
                    None | Some("-1") => None,
                    Some(word) => Some(number(word)?),
                },
            },
            _ => BackupMode::Full,
        };
        Ok(Self {
            mode,
            rest: match word("FS_FREEZE") {
                None | Some("NONE") => None,
                Some("SUSPEND") => Some(Rest::Suspend),
                Some(_) => Some(Rest::Freeze),
            },
            failed: text(root, "BACKUP_RESULT") == Some("FAILURE"),
        })
    }
}

/// A time on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stay {
    /// The host.
    pub host: Host,
    /// Its number; what is old does not say it.
    pub host_id: Option<HostId>,
    /// Whether it may be alive for all that oned knows, if oned was asked: see [`Vm::lost_at`].
    pub may_live: bool,
    /// The system datastore.
    pub datastore: DatastoreId,
    /// The driver of that.
    pub driver: Option<Mad>,
    /// Which of its stays, counted from 0.
    pub seq: u32,
}

/// A disk of a VM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    /// Its number in the VM.
    pub id: DiskId,
    /// What it is.
    pub kind: DiskKind,
    /// The driver of its datastore; a volatile disk has none of its own.
    pub driver: Option<Mad>,
    /// Its datastore; likewise.
    pub datastore: Option<DatastoreId>,
    /// Its size.
    pub size: Option<Megabytes>,
    /// The size of its image, where the disk is larger.
    pub original_size: Option<Megabytes>,
    /// The pool, as the VM inherited it from the datastore.
    pub pool: Option<PoolName>,
    /// How Ceph is reached for it, as the VM inherited it from the datastore; a volatile disk inherits nothing. Or why its words cannot
    /// be used, which one disk's are not the others' matter: see [`Disk::reached`].
    pub access: Result<Option<Access>, String>,
    /// The file system of a volatile disk.
    pub fs: Option<String>,
    /// The format that the hypervisor takes it for, such as `raw`.
    pub format: Option<String>,
    /// Whether it is for reading only.
    pub read_only: bool,
    /// Whether several VMs may have it at once.
    pub shareable: bool,
    /// As what the hypervisor opens it, such as `BLOCK`, `FILE` or `RBD` (contract, 4.2); `None` where oned does not say.
    pub opened_as: Option<String>,
    /// What was asked for its cache.
    pub cache: CacheWords,
}

/// A disk's attributes about its cache, as written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CacheWords {
    /// `WARMBLOCK_DRIVER`
    pub driver: Option<String>,
    /// `WARMBLOCK_MODE`
    pub mode: Option<String>,
    /// `WARMBLOCK_SIZE`
    pub size: Option<String>,
    /// `WARMBLOCK_SEED`
    pub seed: Option<String>,
    /// `WARMBLOCK_WAIT`: whether the VM waits until the seed is complete.
    pub wait: Option<String>,
}

/// What was asked for a disk's cache, understood. What is `None` is as the host's configuration has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CacheAsk {
    /// The cache driver.
    pub driver: Option<DriverName>,
    /// How writes are treated.
    pub mode: Option<CacheMode>,
    /// The slice's size.
    pub size: Option<Bytes>,
    /// What is brought in beforehand.
    pub seed: Option<SeedSpec>,
    /// Whether the VM does not wait for that.
    pub seed_later: bool,
}

impl CacheWords {
    /// The attributes below an element.
    pub(super) fn below(node: Node<'_, '_>, path: &str) -> Self {
        let own = |name: &str| text(node, &format!("{path}WARMBLOCK_{name}")).map(str::to_owned);
        Self {
            driver: own("DRIVER"),
            mode: own("MODE"),
            size: own("SIZE"),
            seed: own("SEED"),
            wait: own("WAIT"),
        }
    }

    /// Reads them, in whatever letters OpenNebula has them.
    ///
    /// # Errors
    /// [`Kind::Usage`] for a word that cannot be used, with its attribute.
    pub fn read(&self) -> Result<CacheAsk> {
        fn word<T>(
            name: &str,
            word: Option<&str>,
            read: impl Fn(&str) -> Result<T, ParseError>,
        ) -> Result<Option<T>> {
            word.map(|word| read(word.trim()))
                .transpose()
                .map_err(|error| {
                    Error::new(
                        Kind::Usage,
                        format!("WARMBLOCK_{name} cannot be used: {error}"),
                    )
                    .remedy("mend it in the VM's template, the image or the datastore")
                })
        }
        let seed = word("SEED", self.seed.as_deref(), |word| {
            word.to_ascii_lowercase().parse()
        })?;
        Ok(CacheAsk {
            driver: word("DRIVER", self.driver.as_deref(), |word| {
                word.to_ascii_lowercase().parse()
            })?,
            mode: word("MODE", self.mode.as_deref(), mode)?,
            size: word("SIZE", self.size.as_deref(), str::parse)?,
            seed,
            seed_later: word("WAIT", self.wait.as_deref(), yes_or_no)? == Some(false),
        })
    }
}

fn yes_or_no(word: &str) -> Result<bool, ParseError> {
    match word.to_ascii_lowercase().as_str() {
        "yes" | "1" => Ok(true),
        "no" | "0" => Ok(false),
        _ => Err(ParseError::new("choice", word, "is neither YES nor NO")),
    }
}

fn mode(word: &str) -> Result<CacheMode, ParseError> {
    let parsed = clap::ValueEnum::from_str(word, true);
    parsed.map_err(|_| {
        ParseError::new(
            "mode",
            word,
            "is not writethrough, writeback, writearound or none",
        )
    })
}

/// What a disk is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiskKind {
    /// The image itself.
    Linked {
        /// The image.
        image: ImageNumber,
        /// Its name in Ceph.
        source: Source,
    },
    /// A clone of an image.
    Cloned {
        /// The image.
        image: ImageNumber,
        /// Its name in Ceph.
        source: Source,
    },
    /// Made for the VM, and gone with it.
    Volatile,
    /// Another driver's, which we do not look into.
    Others,
}

impl Vm {
    /// Reads what `one.vm.info` answers and what comes on standard input of migrations and backups.
    ///
    /// # Errors
    /// [`Kind::Usage`].
    pub fn parse(document: &str) -> Result<Self> {
        let document = parse(document, "VM")?;
        let root = document.root_element();
        let below = |path: &str| {
            at(root, path).map(|node| node.children().filter(Node::is_element).collect::<Vec<_>>())
        };
        let disks = below("TEMPLATE").unwrap_or_default();
        let disks = disks.into_iter().filter(|node| node.has_tag_name("DISK"));
        let history = below("HISTORY_RECORDS").unwrap_or_default();
        Ok(Self {
            id: required(root, "ID")?,
            state: text(root, "STATE").map_or(Ok(0), number)?,
            lcm_state: text(root, "LCM_STATE").map_or(Ok(0), number)?,
            deploy_id: text(root, "DEPLOY_ID").map(str::to_owned),
            disks: disks.map(Disk::read).collect::<Result<_>>()?,
            context: value(root, "TEMPLATE/CONTEXT/DISK_ID")?,
            history: history.into_iter().map(Stay::read).collect::<Result<_>>()?,
            backup: BackupConfig::read(root)?,
        })
    }

    /// Whether it is deleted, or its disks are: `DONE`, `CLEANUP_RESUBMIT`, `CLEANUP_DELETE` (contract, 5.1 and 5.4).
    pub fn is_going(&self) -> bool {
        const DONE: u32 = 6;
        self.state == DONE || matches!(self.lcm_state, 15 | 23)
    }

    /// The stay in which the VM was lost that is taken elsewhere: `PROLOG_MIGRATE_UNKNOWN` and its failure (contract, 5.1). That
    /// is the VM's state and not its host's: a host may live on that does not report a VM.
    pub fn lost_at(&self) -> Option<usize> {
        let unknown = matches!(self.lcm_state, 60 | 61);
        self.history.len().checked_sub(2).filter(|_| unknown)
    }

    /// The disks that are ours. Volatile disks are the system datastore's, which may be another driver's that calls us for our
    /// part (contract, 1.5).
    pub fn ours(&self) -> impl Iterator<Item = &Disk> {
        let system = self.history.last().and_then(|stay| stay.driver.as_ref());
        let mine = move |disk: &&Disk| disk.driver.as_ref().or(system).is_none_or(Mad::is_us);
        self.disks.iter().filter(mine)
    }

    /// A disk by its number.
    ///
    /// # Errors
    /// [`Kind::NotFound`].
    pub fn disk(&self, id: DiskId) -> Result<&Disk> {
        let found = self.disks.iter().find(|disk| disk.id == id);
        found.ok_or_else(|| {
            Error::new(Kind::NotFound, format!("VM {} has no disk {id}", self.id))
                .remedy("its document at oned says which it has: `onevm show -x`")
        })
    }
}

fn number(word: &str) -> Result<u32> {
    let parsed = word.parse();
    parsed.map_err(|_| {
        Error::new(
            Kind::Usage,
            format!("{word:?} in the VM's document is not a number"),
        )
    })
}

impl Stay {
    fn read(node: Node<'_, '_>) -> Result<Self> {
        Ok(Self {
            host: required(node, "HOSTNAME")?,
            host_id: value(node, "HID")?,
            may_live: false,
            datastore: required(node, "DS_ID")?,
            driver: value(node, "TM_MAD")?,
            seq: text(node, "SEQ").map_or(Ok(0), number)?,
        })
    }
}

impl Disk {
    /// What several VMs may do with its image at once, if they may have it at once: a SHAREABLE one, a CDROM or an IMMUTABLE
    /// one (contract, 4.3.8). What is made for one VM is never shared. One VM that only reads a SHAREABLE image has it with
    /// others that write.
    pub fn sharing(&self) -> Option<Sharing> {
        match (&self.kind, self.shareable, self.read_only) {
            (DiskKind::Linked { .. }, true, _) => Some(Sharing::ReadWrite),
            (DiskKind::Linked { .. }, false, true) => Some(Sharing::ReadOnly),
            _ => None,
        }
    }

    /// How Ceph is reached for it.
    ///
    /// # Errors
    /// [`Kind::Usage`] for words that cannot be used.
    pub fn reached(&self) -> Result<Option<&Access>> {
        self.access.as_ref().map(Option::as_ref).map_err(|why| {
            let message = format!("disk {} cannot be reached: {why}", self.id);
            Error::new(Kind::Usage, message).remedy(
                "mend it in the datastore, for what is made from now on; a VM keeps the words that it was made with: detach the disk \
                 and attach it, or make the VM anew",
            )
        })
    }

    fn read(node: Node<'_, '_>) -> Result<Self> {
        let own = |path| text(node, path).map(str::to_owned);
        let driver: Option<Mad> = value(node, "TM_MAD")?;
        if let Some(driver) = driver.clone().filter(|driver| !driver.is_us()) {
            return Self::of_others(node, driver);
        }
        let kind = match (value(node, "IMAGE_ID")?, value(node, "SOURCE")?) {
            (Some(image), Some(source)) if yes(node, "CLONE") => DiskKind::Cloned { image, source },
            (Some(image), Some(source)) => DiskKind::Linked { image, source },
            (None, _) => DiskKind::Volatile,
            (Some(image), None) => {
                return Err(ParseError::new(
                    "image",
                    image.to_string(),
                    "has no SOURCE in the VM's document",
                )
                .into());
            }
        };
        Ok(Self {
            id: required(node, "DISK_ID")?,
            kind,
            driver,
            datastore: value(node, "DATASTORE_ID")?,
            size: value(node, "SIZE")?,
            original_size: value(node, "ORIGINAL_SIZE")?,
            pool: value(node, "POOL_NAME")?,
            access: access(node, "").map_err(|error| error.chain()),
            fs: own("FS").or_else(|| own("FORMAT").filter(|_| yes(node, "FORMATTED"))),
            format: own("DRIVER"),
            read_only: yes(node, "READONLY"),
            shareable: yes(node, "SHAREABLE"),
            // TYPE says of a volatile disk and of a CDROM what it is, and not how it is opened.
            opened_as: match (own("TYPE"), own("IMAGE_ID")) {
                (Some(what), Some(_)) if what != "CDROM" => Some(what),
                _ => own("DISK_TYPE"),
            },
            cache: CacheWords::below(node, ""),
        })
    }

    /// What another driver means by its words is none of ours: only whose the disk is.
    fn of_others(node: Node<'_, '_>, driver: Mad) -> Result<Self> {
        Ok(Self {
            id: required(node, "DISK_ID")?,
            kind: DiskKind::Others,
            driver: Some(driver),
            datastore: None,
            size: None,
            original_size: None,
            pool: None,
            access: Ok(None),
            fs: None,
            format: None,
            read_only: yes(node, "READONLY"),
            shareable: false,
            opened_as: None,
            cache: CacheWords::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VM: &str = "<VM><ID>12</ID><STATE>3</STATE><LCM_STATE>62</LCM_STATE><DEPLOY_ID>4d3c</DEPLOY_ID><TEMPLATE>
        <DISK><DISK_ID>0</DISK_ID><IMAGE_ID>42</IMAGE_ID><DATASTORE_ID>101</DATASTORE_ID><TM_MAD>warmblock</TM_MAD>
          <TYPE>BLOCK</TYPE><SOURCE><![CDATA[one/one-42]]></SOURCE><CLONE>YES</CLONE><SIZE>20480</SIZE>
          <ORIGINAL_SIZE>10240</ORIGINAL_SIZE><POOL_NAME>one</POOL_NAME><WARMBLOCK_MODE>writeback</WARMBLOCK_MODE></DISK>
        <DISK><DISK_ID>1</DISK_ID><TYPE>fs</TYPE><FORMAT>raw</FORMAT><SIZE>1024</SIZE></DISK>
        <DISK><DISK_ID>3</DISK_ID><IMAGE_ID>43</IMAGE_ID><TM_MAD>fs_lvm_ssh</TM_MAD><SOURCE>one/one-43</SOURCE><CLONE>NO</CLONE>
          <READONLY>YES</READONLY></DISK>
        <CONTEXT><DISK_ID>2</DISK_ID><TARGET>hda</TARGET></CONTEXT></TEMPLATE><HISTORY_RECORDS>
        <HISTORY><HOSTNAME>kvm1</HOSTNAME><DS_ID>100</DS_ID><TM_MAD>warmblock</TM_MAD></HISTORY>
        <HISTORY><HOSTNAME>kvm2</HOSTNAME><DS_ID>100</DS_ID></HISTORY></HISTORY_RECORDS></VM>";

    #[test]
    fn a_vm() {
        let vm = Vm::parse(VM).unwrap();
        assert_eq!(
            (vm.id, vm.lcm_state, vm.context),
            (VmId(12), 62, Some(DiskId(2)))
        );
        let kinds: Vec<&DiskKind> = vm.disks.iter().map(|disk| &disk.kind).collect();
        assert!(matches!(
            kinds[..],
            [
                DiskKind::Cloned { .. },
                DiskKind::Volatile,
                DiskKind::Others
            ]
        ));
        let first = vm.disk(DiskId(0)).unwrap();
        assert_eq!(first.cache.mode.as_deref(), Some("writeback"));
        assert_eq!(first.original_size, Some(Megabytes(10240)));
        let last = vm.disk(DiskId(3)).unwrap();
        assert!(last.read_only && last.driver.as_ref().unwrap().as_str() == "fs_lvm_ssh");
        assert_eq!(vm.history.last().unwrap().host.as_str(), "kvm2");
        assert_eq!(vm.disk(DiskId(9)).unwrap_err().kind(), Kind::NotFound);
    }

    #[test]
    fn what_is_asked_for_a_cache() {
        let words = |mode: &str, seed: &str, wait: &str| CacheWords {
            mode: Some(mode.into()),
            seed: Some(seed.into()),
            wait: Some(wait.into()),
            ..CacheWords::default()
        };
        let asked = words("WriteBack", "FIRST:1G", "yes").read().unwrap();
        assert_eq!(asked.mode, Some(CacheMode::Writeback));
        assert_eq!(asked.seed, Some(SeedSpec::First(Bytes::gib(1))));
        assert!(!asked.seed_later);
        let quick = words("none", "allocated", "NO").read().unwrap();
        assert!(quick.seed_later && quick.seed == Some(SeedSpec::Allocated));
        for (bad, what) in [
            (words("fast", "none", "yes"), "WARMBLOCK_MODE"),
            (words("none", "much", "yes"), "WARMBLOCK_SEED"),
            (words("none", "none", "maybe"), "WARMBLOCK_WAIT"),
        ] {
            let error = bad.read().unwrap_err().chain();
            assert!(error.contains(what), "{error}");
        }
    }

    #[test]
    fn how_ceph_is_reached_is_understood_of_disks_that_are_ours() {
        let words = "<CEPH_USER>libvirt</CEPH_USER><CEPH_KEY>k</CEPH_KEY>";
        let with = |driver: &str, words: &str| {
            let driver = format!("<TM_MAD>{driver}</TM_MAD>");
            VM.replacen(&driver, &format!("{driver}{words}"), 1)
        };
        let vm = Vm::parse(&with("warmblock", words)).unwrap();
        let error = vm.disk(DiskId(0)).unwrap().reached().unwrap_err().chain();
        assert!(error.contains("CEPH_KEY"), "{error}");
        assert_eq!(vm.disk(DiskId(1)).unwrap().reached().unwrap(), None);
        let vm = Vm::parse(&with("ceph", words)).unwrap();
        assert_eq!(vm.disk(DiskId(3)).unwrap().access, Ok(None));
        let vm = Vm::parse(&with("warmblock", &words.replace(">k<", ">/etc/k<"))).unwrap();
        let access = vm.disk(DiskId(0)).unwrap().reached().unwrap().unwrap();
        assert_eq!(access.to_string(), "client.libvirt, /etc/k");
    }

    #[test]
    fn a_vm_with_next_to_nothing() {
        let vm = Vm::parse("<VM><ID>1</ID><TEMPLATE/></VM>").unwrap();
        assert!(vm.disks.is_empty() && vm.history.is_empty() && vm.context.is_none());
        assert!(Vm::parse("<VM><TEMPLATE/></VM>").is_err());
    }

    #[test]
    fn an_image_without_a_name_in_ceph_is_no_volatile_disk() {
        let text = VM.replacen("<SOURCE><![CDATA[one/one-42]]></SOURCE>", "", 1);
        assert!(Vm::parse(&text).unwrap_err().chain().contains("no SOURCE"));
        // But another driver may have its own way of naming them.
        for words in [
            "",
            "<SIZE>1.5G</SIZE>",
            "<POOL_NAME>-x /</POOL_NAME>",
            "<SOURCE>a b</SOURCE>",
        ] {
            let text = VM.replacen("<SOURCE>one/one-43</SOURCE>", words, 1);
            assert_ne!(text, VM);
            let vm = Vm::parse(&text).unwrap();
            assert_eq!(vm.disk(DiskId(3)).unwrap().kind, DiskKind::Others);
        }
    }
}
