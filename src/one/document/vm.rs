//! A VM as oned tells it: its disks, where it is, what is being done with it.

use roxmltree::Node;

use super::disk::Disk;
use super::xml::{at, parse, required, text, value};
use crate::job::Rest;
use crate::one::call::Node as Host;
use crate::one::{DatastoreId, DiskId, HostId, Mad, VmId};
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
    /// When it was made, in seconds since 1970: oned gives no number twice, but there may be several of it, or one that was set
    /// back to what it was before. It says so of every VM, and never changes it.
    pub since: Option<u64>,
    /// The name of its domain at the hypervisor.
    pub deploy_id: Option<String>,
    /// Whether it is a container of LXC's, and no guest of libvirt's.
    pub is_container: bool,
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
    /// Whether it may be alive for all that oned knows; it may unless oned was asked and said that it does not. See [`Vm::left_at`].
    pub may_live: bool,
    /// The system datastore.
    pub datastore: DatastoreId,
    /// The driver of that.
    pub driver: Option<Mad>,
    /// Which of its stays, counted from 0.
    pub seq: u32,
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
            since: text(root, "STIME").and_then(|time| time.trim().parse().ok()),
            deploy_id: text(root, "DEPLOY_ID").map(str::to_owned),
            is_container: history
                .iter()
                .rev()
                .find_map(|stay| text(*stay, "VM_MAD"))
                .is_some_and(|driver| driver == "lxc"),
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

    /// The stay that the VM leaves without having run in it just before, so that nobody would have noticed if its host is dead:
    /// `PROLOG_MIGRATE_POWEROFF`, `…_SUSPEND`, `…_UNKNOWN` and their failures (contract, 5.1). Unknown is the VM's state and not its
    /// host's: a host may live on that does not report a VM.
    pub fn left_at(&self) -> Option<usize> {
        let off = matches!(self.lcm_state, 43..=46 | 60 | 61);
        self.history.len().checked_sub(2).filter(|_| off)
    }

    /// The disks that are ours. Volatile disks are the system datastore's, which may be another driver's that calls us for our
    /// part (contract, 1.5).
    pub fn ours(&self) -> impl Iterator<Item = &Disk> {
        let system = self.history.last().and_then(|stay| stay.driver.as_ref());
        let mine = move |disk: &&Disk| disk.driver.as_ref().or(system).is_none_or(Mad::is_us);
        self.disks.iter().filter(mine)
    }

    /// How it comes to rest, where a guest of libvirt's would as asked.
    pub const fn at_rest(&self, asked: Rest) -> Rest {
        match self.is_container {
            true => Rest::Container,
            false => asked,
        }
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
            may_live: true,
            datastore: required(node, "DS_ID")?,
            driver: value(node, "TM_MAD")?,
            seq: text(node, "SEQ").map_or(Ok(0), number)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::disk::DiskKind;
    use super::*;
    use crate::one::Megabytes;

    const VM: &str = "<VM><ID>12</ID><STATE>3</STATE><LCM_STATE>62</LCM_STATE><STIME>1700000000</STIME><DEPLOY_ID>4d3c</DEPLOY_ID>
        <TEMPLATE>
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
            (vm.id, vm.since, vm.lcm_state, vm.context),
            (VmId(12), Some(1_700_000_000), 62, Some(DiskId(2)))
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
