//! The life of a VM and of a datastore's images, call by call.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use warmblock::sys::atomic;

use crate::Bench;
use crate::oned::Oned;
use crate::world::{SMALL, path};

/// One VM, with a clone and an image of its own, and images of a datastore.
pub struct Life<'b, 'w> {
    bench: &'b mut Bench<'w>,
    id: u32,
    dir: PathBuf,
    front_end: String,
    parent: String,
    own: String,
}

const COMMON: &str = "<TM_MAD>warmblock</TM_MAD><WARMBLOCK_SIZE>64M</WARMBLOCK_SIZE><WARMBLOCK_SEED>none</WARMBLOCK_SEED>";

impl<'b, 'w> Life<'b, 'w> {
    pub fn new(bench: &'b mut Bench<'w>, id: u32) -> Result<Self> {
        let world = bench.world;
        let lab = world.dir.file_name().context("a lab without a name")?;
        let life = Self {
            id,
            dir: Path::new("/run/links")
                .join(lab)
                .join("100")
                .join(id.to_string()),
            front_end: Oned::name()?,
            parent: world.clone_of(SMALL)?.spec,
            own: world.clone_of(SMALL)?.spec,
            bench,
        };
        let datastore = "<DATASTORE><ID>101</ID><TEMPLATE><POOL_NAME>one</POOL_NAME><BRIDGE_LIST>hv1</BRIDGE_LIST></TEMPLATE></DATASTORE>";
        life.bench.oned.datastore(101, datastore);
        life.state(1, "hv1");
        Ok(life)
    }

    fn document(&self, lcm_state: u32, host: &str) -> String {
        let Self {
            id, parent, own, ..
        } = self;
        format!(
            "<VM><ID>{id}</ID><LCM_STATE>{lcm_state}</LCM_STATE><DEPLOY_ID>one-{id}</DEPLOY_ID><TEMPLATE>\
             <DISK><DISK_ID>0</DISK_ID><IMAGE_ID>42</IMAGE_ID>{COMMON}<SOURCE>{parent}</SOURCE><CLONE>YES</CLONE></DISK>\
             <DISK><DISK_ID>1</DISK_ID><IMAGE_ID>43</IMAGE_ID>{COMMON}<SOURCE>{own}</SOURCE><CLONE>NO</CLONE></DISK>\
             <DISK><DISK_ID>2</DISK_ID><TYPE>fs</TYPE><FS>raw</FS><SIZE>16</SIZE>{COMMON}</DISK>\
             <DISK><DISK_ID>3</DISK_ID><TYPE>swap</TYPE><SIZE>8</SIZE>{COMMON}</DISK></TEMPLATE>\
             <BACKUPS><BACKUP_CONFIG><MODE>FULL</MODE></BACKUP_CONFIG></BACKUPS>\
             <HISTORY_RECORDS><HISTORY><SEQ>0</SEQ><HOSTNAME>{host}</HOSTNAME><DS_ID>100</DS_ID><TM_MAD>warmblock</TM_MAD></HISTORY>\
             </HISTORY_RECORDS></VM>"
        )
    }

    fn state(&self, lcm_state: u32, host: &str) {
        self.bench.oned.vm(self.id, &self.document(lcm_state, host));
    }

    /// A call of the transfer manager, under its name or another. `DIR` is the VM's directory, `IDS` its number and the
    /// datastore's.
    fn tm(&mut self, name: &str, line: &str) -> Result<()> {
        let line = line
            .replace("DIR", path(&self.dir)?)
            .replace("IDS", &format!("{} 101", self.id))
            .replace("FE:", &format!("{}:", self.front_end));
        let words: Vec<&str> = ["tm"].into_iter().chain(line.split_whitespace()).collect();
        self.bench.call(&format!("tm {name}"), &words, "").map(drop)
    }

    fn migration(&mut self, action: &str) -> Result<()> {
        let document = STANDARD.encode(self.document(3, "hv2"));
        let (dir, id) = (path(&self.dir)?.to_owned(), self.id.to_string());
        let words = ["tm", action, "hv1", "hv2", &dir, &id, "101"];
        self.bench
            .call(&format!("tm {action}"), &words, &document)?;
        Ok(())
    }

    fn backup(&mut self, action: &str) -> Result<()> {
        let (document, id) = (self.document(70, "hv1"), self.id.to_string());
        let place = format!("hv1:{}", path(&self.dir)?);
        let words = ["tm", action, &place, "1", "one", "-", &id, "101"];
        self.bench
            .call(&format!("tm {action}"), &words, &document)?;
        Ok(())
    }

    fn ds(&mut self, action: &str, id: u32, image: &str) -> Result<()> {
        let document = format!(
            "<DS_DRIVER_ACTION_DATA><IMAGE>{image}</IMAGE><DATASTORE><ID>101</ID><TEMPLATE><POOL_NAME>one</POOL_NAME>\
             <BRIDGE_LIST>hv1</BRIDGE_LIST><SAFE_DIRS>/</SAFE_DIRS></TEMPLATE></DATASTORE></DS_DRIVER_ACTION_DATA>"
        );
        let words = ["ds", action, &id.to_string()];
        self.bench
            .call(&format!("ds {action}"), &words, &STANDARD.encode(document))?;
        Ok(())
    }

    pub fn live(mut self) -> Result<()> {
        for _ in 0..3 {
            self.bench.round_trip()?;
        }
        self.images()?;
        self.begin()?;
        self.change()?;
        self.migrate()?;
        self.end()
    }

    fn images(&mut self) -> Result<()> {
        let (world, first) = (self.bench.world, 10 * self.id);
        let (file, copy) = (world.file(SMALL.name), first + 1);
        let file = format!("<PATH>{}</PATH><SIZE>24</SIZE>", path(&file)?);
        self.ds("stat", first, &file)?;
        self.ds("cp", first, &file)?;
        self.ds("mkfs", first + 2, "<SIZE>24</SIZE><FORMAT>raw</FORMAT>")?;
        self.ds("clone", copy, &format!("<PATH>one/one-{first}</PATH>"))?;
        for snap in [0, 1, 2] {
            world.rbd(&[
                "snap",
                "create",
                "--no-progress",
                &format!("one/one-{copy}@{snap}"),
            ])?;
        }
        let all =
            "<SNAPSHOTS><SNAPSHOT><ID>0</ID></SNAPSHOT><SNAPSHOT><ID>1</ID></SNAPSHOT></SNAPSHOTS>";
        let snap = |id| {
            format!(
                "<SOURCE>one/one-{copy}</SOURCE><SIZE>24</SIZE><TARGET_SNAPSHOT>{id}</TARGET_SNAPSHOT>{all}"
            )
        };
        self.ds("snap_delete", copy, &snap(2))?;
        self.ds("snap_revert", copy, &snap(0))?;
        self.ds("snap_flatten", copy, &snap(1))?;
        self.ds("export", copy, &snap(0))?;
        for id in [copy, first + 2, first] {
            self.ds("rm", id, &format!("<SOURCE>one/one-{id}</SOURCE>"))?;
        }
        self.ds("monitor", 101, "")
    }

    fn begin(&mut self) -> Result<()> {
        let (parent, own) = (self.parent.clone(), self.own.clone());
        let clone = format!("clone FE:{parent} hv1:DIR/disk.0 IDS");
        self.tm("clone (first)", &clone)?;
        self.tm("clone (exists)", &clone)?;
        self.tm("ln", &format!("ln FE:{own} hv1:DIR/disk.1 IDS"))?;
        self.tm("mkimage", "mkimage 16 raw hv1:DIR/disk.2 IDS")?;
        self.tm("mkswap", "mkswap 8 hv1:DIR/disk.3 IDS")?;
        let script = self.bench.oned.var().join("context.sh");
        atomic::write(&script, b"A='b'\n")?;
        self.tm(
            "context",
            &format!("context {} hv1:DIR/disk.4 IDS", path(&script)?),
        )
    }

    fn change(&mut self) -> Result<()> {
        self.state(3, "hv1");
        self.tm("snap_create", "snap_create hv1:DIR/disk.0 0 IDS")?;
        self.tm("snap_create_live", "snap_create_live hv1:DIR/disk.0 1 IDS")?;
        self.tm("snap_delete", "snap_delete hv1:DIR/disk.0 1 IDS")?;
        self.tm("snap_revert", "snap_revert hv1:DIR/disk.0 0 IDS")?;
        self.tm("resize", "resize hv1:DIR/disk.0 32 IDS")?;
        let copy = format!("one/saved-{}", self.id);
        self.tm("cpds", &format!("cpds hv1:DIR/disk.1 {copy} -1 IDS"))?;
        self.bench.world.rbd(&["rm", "--no-progress", &copy])?;
        self.backup("prebackup")?;
        self.backup("postbackup")
    }

    fn migrate(&mut self) -> Result<()> {
        self.migration("premigrate")?;
        self.migration("failmigrate")?;
        self.migration("premigrate")?;
        self.migration("postmigrate")?;
        self.state(10, "hv2");
        self.tm("mv disk, away", "mv hv2:DIR/disk.1 FE:DIR/disk.1 IDS")?;
        self.state(9, "hv2");
        self.tm("mv disk, back", "mv FE:DIR/disk.1 hv2:DIR/disk.1 IDS")?;
        self.state(8, "hv1");
        for disk in [0, 1, 2, 3] {
            let line = format!("mv hv2:DIR/disk.{disk} hv1:DIR/disk.{disk} IDS");
            self.tm("mv disk, across", &line)?;
        }
        self.tm("mv directory", "mv hv2:DIR hv1:DIR IDS")
    }

    fn end(&mut self) -> Result<()> {
        let (own, encoded) = (self.own.clone(), STANDARD.encode(MONITOR));
        self.bench
            .call("tm monitor", &["tm", "monitor", "101"], &encoded)?;
        for disk in [0, 2, 3] {
            let line = format!("delete hv1:DIR/disk.{disk} IDS");
            self.tm("delete disk", &line)?;
        }
        self.tm("mvds", &format!("mvds hv1:DIR/disk.1 {own} IDS"))?;
        self.tm("delete directory", "delete hv1:DIR IDS")
    }
}

const MONITOR: &str = "<DS_DRIVER_ACTION_DATA><DATASTORE><ID>101</ID><TEMPLATE><POOL_NAME>one</POOL_NAME><BRIDGE_LIST>hv1</BRIDGE_LIST>\
     </TEMPLATE></DATASTORE><MONITOR_VM_DISKS>0</MONITOR_VM_DISKS></DS_DRIVER_ACTION_DATA>";
