//! A VM that goes away while its disks are still being made: both sides end soon, and nothing is left.

use std::time::Duration;

use anyhow::{Result, ensure};
use warmblock::Kind;

use crate::case::Case;
use crate::cmd::{Out, eventually};
use crate::host::{CONFIG, Host};
use crate::one::oned::Oned;
use crate::tests::same;
use crate::world::{Image, SMALL, World};

const DIR: &str = "/run/links/datastores/100/36";
/// Nobody waits for the end of such a seed: it is longer than a detach waits for anybody else.
const HOURS: &str = "[seed]\nrate = \"64K\"\nchunk = \"64K\"\n";
/// And this one is just long enough for oned to be asked again.
const SECONDS: &str = "[seed]\nrate = \"1M\"\nchunk = \"64K\"\n";
const ACTIVE: u32 = 3;
const DONE: u32 = 6;

struct Late<'c> {
    world: &'c World,
    host: &'c Host,
    oned: Oned,
    parent: Image,
    own: Image,
}

impl Late<'_> {
    fn state(&self, state: u32) {
        let common = "<TM_MAD>warmblock</TM_MAD><WARMBLOCK_SIZE>16M</WARMBLOCK_SIZE><WARMBLOCK_SEED>allocated</WARMBLOCK_SEED>";
        self.oned.vm(
            36,
            &format!(
                "<VM><ID>36</ID><STATE>{state}</STATE><LCM_STATE>1</LCM_STATE><TEMPLATE>\
                 <DISK><DISK_ID>0</DISK_ID><IMAGE_ID>42</IMAGE_ID>{common}<SOURCE>{}</SOURCE><CLONE>YES</CLONE></DISK>\
                 <DISK><DISK_ID>1</DISK_ID><IMAGE_ID>43</IMAGE_ID>{common}<SOURCE>{}</SOURCE><CLONE>NO</CLONE></DISK>\
                 </TEMPLATE><HISTORY_RECORDS><HISTORY><SEQ>0</SEQ><HOSTNAME>{}</HOSTNAME><DS_ID>100</DS_ID>\
                 <TM_MAD>warmblock</TM_MAD></HISTORY></HISTORY_RECORDS></VM>",
                self.parent.spec, self.own.spec, self.host.name
            ),
        );
    }

    fn line(&self, disk: u32) -> String {
        let (host, parent, own) = (self.host.name, &self.parent.spec, &self.own.spec);
        match disk {
            0 => format!("clone fe:{parent} {host}:{DIR}/disk.0 36 101"),
            _ => format!("ln fe:{own} {host}:{DIR}/disk.1 36 101"),
        }
    }

    /// The image that a disk is of.
    fn image(&self, disk: u32) -> String {
        match disk {
            0 => format!("{}-36-0", self.parent.spec),
            _ => self.own.spec.clone(),
        }
    }

    /// Makes a disk, and does `meanwhile` while its cache is filled.
    fn making(&self, disk: u32, meanwhile: impl FnOnce() -> Result<()>) -> Result<Out> {
        self.state(ACTIVE);
        let line = self.line(disk);
        std::thread::scope(|scope| {
            let making = scope.spawn(|| self.oned.tm(&line));
            let met = eventually("the seed", 120, || {
                let filling = "dmsetup table | grep -q ' cache .*passthrough'";
                Ok(self.host.try_sh(filling)?.code == 0)
            });
            let met = met.and_then(|()| meanwhile());
            let made = making.join().map_err(|_| anyhow::anyhow!("it panicked"))?;
            met.and(made)
        })
    }

    /// The directory of the VM stays, with the note of whose it is: it goes by an action of its own.
    fn gone(&self, disk: u32) -> Result<()> {
        self.host.sh(
            "[ -z \"$(find /run/links ! -type d ! -name .warmblock)\" ] && rm -rf /run/links",
        )?;
        self.host.check_gone(&self.own)?;
        let there = self.world.try_rbd(&["info", &self.image(disk)])?.code == 0;
        same("its image is there", there, disk == 1)
    }
}

pub fn deleted_while_it_is_made(case: &Case) -> Result<()> {
    let late = Late {
        world: &case.world,
        host: case.host(),
        oned: Oned::start(&case.world)?,
        parent: case.world.clone_of(SMALL)?,
        own: case.world.clone_of(SMALL)?,
    };
    late.oned.datastore(
        101,
        "<DATASTORE><ID>101</ID><TEMPLATE><POOL_NAME>one</POOL_NAME></TEMPLATE></DATASTORE>",
    );
    let host = late.host;
    let hasty = host.config("[deadline]\nlock = \"1s\"")?;
    for disk in [0, 1] {
        // oned forgets the VM, and deletes its disk beside the call that makes it.
        host.put("warmblock.toml", format!("{CONFIG}{HOURS}").as_bytes())?;
        let made = late.making(disk, || {
            // Whoever only looks on is told what goes on, and stops nothing.
            let image = late.image(disk);
            let busy = host.wb(&["flush", &image]).config(&hasty).run()?;
            busy.refused(Kind::Busy, &["attach, seeding "])?;
            late.state(DONE);
            let delete = format!("delete {}:{DIR}/disk.{disk} 36 101", host.name);
            late.oned.tm(&delete)?.ok().map(drop)
        })?;
        ensure!(made.code != 0, "it should have been stopped: {made}");
        late.gone(disk)?;
        // The delete came first, found nothing, and nobody else will come.
        host.put("warmblock.toml", format!("{CONFIG}{SECONDS}").as_bytes())?;
        let made = late.making(disk, || {
            late.state(DONE);
            Ok(())
        })?;
        ensure!(
            made.code != 0 && made.stderr.contains("went away meanwhile"),
            "{made}"
        );
        late.gone(disk)?;
    }
    // Somebody else's disk is not stopped for it.
    let other = [
        "attach",
        &late.own.spec,
        "--seed",
        "allocated",
        "--size",
        "16M",
        "--link",
        "/run/links/datastores/100/37/disk.1",
    ];
    let running = host.wb(&other).spawn()?;
    eventually("its record", 60, || {
        Ok(host.try_sh("ls /var/lib/warmblock/disks/*.json")?.code == 0)
    })?;
    let delete = format!("delete {}:{DIR}/disk.1 36 101", host.name);
    late.oned.tm(&delete)?.ok()?;
    running.wait(Duration::from_secs(120))?.ok()?;
    host.detach(&late.own)?;
    host.put("warmblock.toml", CONFIG.as_bytes())?;
    late.gone(1)
}
