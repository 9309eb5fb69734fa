//! A VM of the emulated oned, and what its transfer files have in common: prolog, epilog, a step of a migration.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::case::Case;
use crate::cmd::Out;
use crate::host::Host;
use crate::one::mad::Heard;
use crate::one::oned::Oned;
use crate::tests::same;
use crate::world::{Image, SMALL, World, path};

/// The release that most is played in.
const NOW: &str = "7.4.0";

/// A VM with a clone, an image of its own in write-back, a formatted disk and one for swapping.
pub(super) struct Vm<'c> {
    pub(super) world: &'c World,
    pub(super) oned: Oned,
    pub(super) fe: String,
    pub(super) parent: Image,
    pub(super) own: Image,
    pub(super) id: u32,
    /// Its directory, the same path everywhere.
    pub(super) dir: PathBuf,
    /// How its disks are seeded.
    pub(super) seed: &'static str,
}

impl<'c> Vm<'c> {
    pub(super) fn new(case: &'c Case, id: u32) -> Result<Self> {
        Self::seeded(case, id, "<WARMBLOCK_SEED>none</WARMBLOCK_SEED>")
    }

    pub(super) fn seeded(case: &'c Case, id: u32, seed: &'static str) -> Result<Self> {
        let world = &*case.world;
        let vm = Self {
            world,
            oned: Oned::start(world)?,
            fe: Oned::name()?,
            parent: world.clone_of(SMALL)?,
            own: world.clone_of(SMALL)?,
            id,
            // The front-end has one of that name as well, and hosts see the machine's files but for those below /run.
            dir: datastores(world)?.join("100").join(id.to_string()),
            seed,
        };
        vm.oned.datastore(
            101,
            "<DATASTORE><ID>101</ID><TEMPLATE><POOL_NAME>one</POOL_NAME><BRIDGE_LIST>hv1</BRIDGE_LIST></TEMPLATE></DATASTORE>",
        );
        vm.state(1, "hv1");
        Ok(vm)
    }

    /// The VM is in a state of its life cycle, and was last on a host.
    pub(super) fn state(&self, lcm_state: u32, host: &str) {
        self.oned.vm(self.id, &self.document(lcm_state, host));
    }

    pub(super) fn document(&self, lcm_state: u32, host: &str) -> String {
        let common = format!(
            "<TM_MAD>warmblock</TM_MAD><WARMBLOCK_SIZE>16M</WARMBLOCK_SIZE>{}",
            self.seed
        );
        format!(
            "<VM><ID>{}</ID><LCM_STATE>{lcm_state}</LCM_STATE><DEPLOY_ID>one-12</DEPLOY_ID><TEMPLATE>\
             <DISK><DISK_ID>0</DISK_ID><IMAGE_ID>42</IMAGE_ID>{common}<SOURCE>{}</SOURCE><CLONE>YES</CLONE></DISK>\
             <DISK><DISK_ID>1</DISK_ID><IMAGE_ID>43</IMAGE_ID>{common}<SOURCE>{}</SOURCE><CLONE>NO</CLONE>\
             <WARMBLOCK_MODE>writeback</WARMBLOCK_MODE></DISK></TEMPLATE>\
             <HISTORY_RECORDS><HISTORY><SEQ>0</SEQ><HOSTNAME>{host}</HOSTNAME><DS_ID>100</DS_ID><TM_MAD>warmblock</TM_MAD>\
             </HISTORY></HISTORY_RECORDS></VM>",
            self.id, self.parent.spec, self.own.spec
        )
    }

    pub(super) fn disk(&self, number: u32) -> String {
        self.dir
            .join(format!("disk.{number}"))
            .display()
            .to_string()
    }

    /// The VM leaves hv1, which oned knows as host 1, for hv2 in a state of its life cycle.
    pub(super) fn leaves(&self, lcm_state: u32) {
        self.been(lcm_state, &["hv1", "hv2"]);
    }

    /// The VM is in a state of its life cycle, and was on these hosts, one after the other; oned knows them by their digits.
    pub(super) fn been(&self, lcm_state: u32, hosts: &[&str]) {
        let stay = |(seq, host): (usize, &&str)| {
            format!(
                "<HISTORY><SEQ>{seq}</SEQ><HOSTNAME>{host}</HOSTNAME><HID>{}</HID><DS_ID>100</DS_ID><TM_MAD>warmblock</TM_MAD></HISTORY>",
                host.trim_start_matches("hv")
            )
        };
        let stays: String = hosts.iter().enumerate().map(stay).collect();
        let document = self.document(lcm_state, "hv1");
        let (begin, _) = document
            .split_once("<HISTORY_RECORDS>")
            .unwrap_or((&document, ""));
        let document = format!("{begin}<HISTORY_RECORDS>{stays}</HISTORY_RECORDS></VM>");
        self.oned.vm(self.id, &document);
    }

    /// Runs a transfer file; `DIR` is the VM's directory, `IDS` its number and the datastore's.
    pub(super) fn transfer(&self, file: &str) -> Result<Heard> {
        self.transfer_in(NOW, file)
    }

    pub(super) fn transfer_in(&self, release: &str, file: &str) -> Result<Heard> {
        let dir = format!("/{}", path(&self.dir)?);
        let file = file
            .replace("DIR", &dir)
            .replace("IDS", &format!("{} 101", self.id));
        self.oned.transfer(
            release,
            self.id,
            &file.replace("FE:", &format!("{}:", self.fe)),
        )
    }

    /// The same, which must come through and say nothing but warnings of this VM.
    pub(super) fn done(&self, file: &str) -> Result<Vec<String>> {
        let heard = self.transfer(file)?;
        ensure!(heard.success, "{file}: {}", heard.info);
        let id = i64::from(self.id);
        ensure!(
            heard.log.iter().all(|(vm, _)| *vm == id),
            "{file}: {heard:?}"
        );
        Ok(heard.log.into_iter().map(|(_, line)| line).collect())
    }

    pub(super) fn prolog(&self) -> Result<()> {
        let file = format!(
            "CLONE warmblock FE:{} hv1:DIR/disk.0 IDS\nLN warmblock FE:{} hv1:DIR/disk.1 IDS\n",
            self.parent.spec, self.own.spec
        );
        // A prolog that failed is repeated as a whole.
        self.done(&file).and_then(|_| self.done(&file)).map(drop)
    }

    pub(super) fn epilog(&self, host: &Host) -> Result<()> {
        self.state(11, host.name);
        let file = format!(
            "DELETE warmblock {0}:DIR/disk.0 IDS\nMVDS warmblock {0}:DIR/disk.1 {1} IDS\nDELETE warmblock {0}:DIR IDS",
            host.name, self.own.spec
        );
        self.done(&file).and_then(|_| self.done(&file))?;
        let left = host.try_sh(&format!("test -e {}", path(&self.dir)?))?;
        same("the directory is gone", left.code, 1)?;
        match std::fs::remove_dir_all(datastores(self.world)?) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The same as oned gives it to an action on its standard input.
    pub(super) fn given(&self, lcm_state: u32, host: &str) -> String {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(self.document(lcm_state, host))
    }

    /// A step of a live migration, with the document on standard input; by premigrate, postmigrate or failmigrate.
    pub(super) fn migrate(&self, action: &str, from: &Host, to: &Host) -> Result<Out> {
        let document = self.given(3, to.name);
        let (dir, id) = (path(&self.dir)?, self.id.to_string());
        let words = ["tm", action, from.name, to.name, dir, &id, "101"];
        self.oned.call(&words, &document)
    }

    pub(super) fn migrated(&self, action: &str, from: &Host, to: &Host) -> Result<()> {
        let out = self.migrate(action, from, to)?.ok()?;
        same("stdout", out.stdout.as_str(), "")
    }
}

/// Where the datastores are: nobody else's on this machine.
pub(super) fn datastores(world: &World) -> Result<PathBuf> {
    let lab = world.dir.file_name().context("a lab without a name")?;
    Ok(Path::new("/run/links").join(lab))
}

/// The VM has left nothing on a host but directories of the datastore's.
pub(super) fn gone(vm: &Vm<'_>, host: &Host) -> Result<()> {
    let dir = path(&vm.dir)?.to_owned();
    host.sh(&format!(
        "test ! -e {dir} && [ -z \"$(find /run/links ! -type d)\" ] && rm -rf /run/links"
    ))?;
    host.check_empty()
}

/// What the lease of an image says of its holder.
pub(super) fn holder(world: &World, image: &Image) -> Result<Value> {
    Ok(world.lease(image)?["holder"].clone())
}

/// Ceph has the image whole, and no host has it.
pub(super) fn let_go(host: &Host, image: &Image) -> Result<()> {
    same("the holder", holder(&host.world, image)?, Value::Null)?;
    let status = host.wb(&["status", &image.spec]).run()?;
    status.refused(warmblock::Kind::NotFound, &[])?;
    host.world.check_ceph(image)
}
