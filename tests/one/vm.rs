//! A VM's life as oned plays it: prolog, start, snapshots, stop and resume, live migration, a host that dies.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::case::Case;
use crate::cmd::{Out, eventually};
use crate::host::Host;
use crate::one::mad::Heard;
use crate::one::oned::Oned;
use crate::tests::conformance::exhaustive;
use crate::tests::same;
use crate::world::{Image, KIB, MIB, SMALL, World, path};

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
        let stays = "<HISTORY><SEQ>0</SEQ><HOSTNAME>hv1</HOSTNAME><HID>1</HID><DS_ID>100</DS_ID><TM_MAD>warmblock</TM_MAD></HISTORY>\
                     <HISTORY><SEQ>1</SEQ><HOSTNAME>hv2</HOSTNAME><HID>2</HID>";
        let document = self.document(lcm_state, "hv2");
        let one = "<HISTORY><SEQ>0</SEQ><HOSTNAME>hv2</HOSTNAME>";
        self.oned.vm(self.id, &document.replace(one, stays));
    }

    /// Runs a transfer file; `DIR` is the VM's directory, `IDS` its number and the datastore's.
    pub(super) fn transfer(&self, file: &str) -> Result<Heard> {
        self.transfer_in(NOW, file)
    }

    fn transfer_in(&self, release: &str, file: &str) -> Result<Heard> {
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

    /// A step of a live migration, with the document on standard input; by premigrate, postmigrate or failmigrate.
    fn migrate(&self, action: &str, from: &Host, to: &Host) -> Result<Out> {
        use base64::Engine as _;
        let document = self.document(3, to.name);
        let document = base64::engine::general_purpose::STANDARD.encode(document);
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

/// Somebody who opened a device early, read all of it through the page cache, and keeps it open.
struct EarlyReader<'h> {
    host: &'h Host,
    name: String,
}

impl<'h> EarlyReader<'h> {
    fn start(host: &'h Host, device: &str) -> Result<(Self, crate::cmd::Running)> {
        let name = host.world.name("reader");
        let line = format!(
            "exec 3<{device}; cat <&3 >/dev/null; touch /lab/{name}.read; \
             until [ -e /lab/{name}.again ]; do sleep 0.1; done; \
             dd if=/dev/fd/3 bs=1M skip=0 status=none | sha256sum >/lab/{name}.sum"
        );
        let running = host.spawn(&line)?;
        let reader = Self { host, name };
        eventually("the early reader", 60, || reader.is_there("read"))?;
        Ok((reader, running))
    }

    fn is_there(&self, what: &str) -> Result<bool> {
        let out = self
            .host
            .try_sh(&format!("test -e /lab/{}.{what}", self.name))?;
        Ok(out.code == 0)
    }
}

/// A writer on the source, early readers on the target, and the guest goes over: there and back, some times, and not at all in
/// between. Nobody may ever read what is old.
pub fn live_migration(case: &Case) -> Result<()> {
    let vm = Vm::new(case, 31)?;
    let (world, own) = (vm.world, &vm.own);
    vm.prolog()?;
    let device = vm.disk(1);
    let rounds = if exhaustive() { 100 } else { 2 };
    let (mut from, mut to) = (case.host(), case.other());
    for round in 0..rounds {
        let seed = 1000 + 10 * round;
        from.write(&device, own, seed, MIB, 512 * KIB)?;
        // The guest writes on while its host hands the disks over.
        let writer = from.start_write(&device, seed + 1, 12 * MIB, 2 * MIB)?;
        vm.migrated("premigrate", from, to)?;
        writer.wait(Duration::from_secs(120))?.ok()?;
        own.expect(seed + 1, 12 * MIB, 2 * MIB)?;
        to.check(&device, own)?;
        let (reader, running) = EarlyReader::start(to, &device)?;
        from.write(&device, own, seed + 2, MIB + 128 * KIB, 256 * KIB)?;
        from.write(&device, own, seed + 3, 20 * MIB, 64 * KIB)?;
        // Nothing is cached on either side, nobody gets a cache, and nobody else gets in.
        same(
            "who may come in",
            holder(world, own)?["moving"]["guest"].as_str(),
            Some(to.name),
        )?;
        from.wb(&["insert", &own.spec])
            .run()?
            .refused(warmblock::Kind::Busy, &[to.name])?;
        // The switch: the target reads what the source wrote last, and writes.
        to.check(&device, own)?;
        to.write(&device, own, seed + 4, 2 * MIB, 128 * KIB)?;
        vm.migrated("postmigrate", from, to)?;
        to.check(&device, own)?;
        to.sh(&format!("touch /lab/{}.again", reader.name))?;
        running.wait(Duration::from_secs(60))?.ok()?;
        let read = to.sh(&format!("cat /lab/{}.sum", reader.name))?;
        same(
            "what the early reader reads now",
            &read.text()[..64],
            own.sha256()?.as_str(),
        )?;
        same(
            "the holder",
            holder(world, own)?["host"].as_str(),
            Some(to.name),
        )?;
        same(
            "the mode",
            to.status(own)?["mode"].as_str(),
            Some("writeback"),
        )?;
        (from, to) = (to, from);
    }
    called_off(&vm, from, to)?;
    vm.epilog(from)?;
    for host in [from, to] {
        gone(&vm, host)?;
        host.check_gone(own)?;
    }
    Ok(())
}

/// A migration that does not happen: the source goes on with its caches. Twice, and without one having begun.
fn called_off(vm: &Vm<'_>, from: &Host, to: &Host) -> Result<()> {
    let (own, device) = (&vm.own, vm.disk(1));
    vm.migrated("failmigrate", from, to)?;
    vm.migrated("premigrate", from, to)?;
    to.check(&device, own)?;
    from.write(&device, own, 77, 3 * MIB, 256 * KIB)?;
    for _ in 0..2 {
        vm.migrated("failmigrate", from, to)?;
    }
    from.check(&device, own)?;
    goes_on(vm, from, "attached")?;
    gone(vm, to)?;
    // A cache that was taken out to stay out does.
    from.wb(&["bypass", &own.spec]).ok()?;
    for action in ["failmigrate", "premigrate", "premigrate", "failmigrate"] {
        vm.migrated(action, from, to)?;
    }
    goes_on(vm, from, "bypassed")?;
    vm.state(2, from.name);
    let line = format!("LN warmblock FE:{} {}:DIR/disk.1 IDS", own.spec, from.name);
    vm.done(&line)?;
    goes_on(vm, from, "bypassed")?;
    from.check(&device, own)?;
    from.wb(&["insert", &own.spec]).ok()?;
    goes_on(vm, from, "attached")?;
    gone(vm, to)
}

/// The source has its disk, which goes nowhere.
fn goes_on(vm: &Vm<'_>, from: &Host, intent: &str) -> Result<()> {
    let holder = holder(vm.world, &vm.own)?;
    same("the holder", holder["host"].as_str(), Some(from.name))?;
    ensure!(holder["moving"].is_null(), "{holder}");
    let status = from.status(&vm.own)?;
    same("intent", status["intent"].as_str(), Some(intent))
}

/// Killed at a step of any of the three, on either host: run again, it comes to the same end.
pub fn migration_killed(case: &Case) -> Result<()> {
    let vm = Vm::new(case, 32)?;
    let (own, device) = (&vm.own, vm.disk(1));
    vm.prolog()?;
    let (mut from, mut to) = (case.host(), case.other());
    for step in 1..60 {
        let mut killed = 0;
        from.write(&device, own, u64::from(step), MIB, 256 * KIB)?;
        for action in ["premigrate", "failmigrate", "premigrate", "postmigrate"] {
            for host in [from, to] {
                vm.oned.crash(host.name, Some(step))?;
                killed += u32::from(vm.migrate(action, from, to)?.code != 0);
                vm.oned.crash(host.name, None)?;
            }
            vm.migrated(action, from, to)?;
            let serving = if action == "postmigrate" { to } else { from };
            serving.check(&device, own)?;
        }
        (from, to) = (to, from);
        from.check(&device, own)?;
        if killed == 0 {
            break;
        }
    }
    vm.epilog(from)?;
    for host in [from, to] {
        gone(&vm, host)?;
        host.check_gone(own)?;
    }
    Ok(())
}

/// The start, snapshots live and off, a revert, a copy, stop and resume with the directory.
pub fn life(case: &Case) -> Result<()> {
    let vm = Vm::new(case, 33)?;
    let (hv1, hv2, own) = (case.host(), case.other(), &vm.own);
    let device = vm.disk(1);
    vm.prolog()?;
    volatile(&vm, hv1)?;
    start(&vm, hv1)?;
    // Snapshots of a write-back disk have what was acknowledged.
    hv1.write(&device, own, 1, MIB, 256 * KIB)?;
    for _ in 0..2 {
        vm.done("SNAP_CREATE warmblock hv1:DIR/disk.1 0 IDS")?;
    }
    let then = vm.world.kept(own)?;
    hv1.write(&device, own, 2, 2 * MIB, 256 * KIB)?;
    let warned = vm.done("SNAP_CREATE_LIVE warmblock hv1:DIR/disk.1 1 IDS")?;
    ensure!(
        warned
            .iter()
            .any(|line| line.contains("could not be frozen")),
        "{warned:?}"
    );
    same(
        "the mode",
        hv1.status(own)?["mode"].as_str(),
        Some("writeback"),
    )?;
    let now = vm.world.kept(own)?;
    copies(&vm, &then, &now)?;
    // A revert that cannot be leaves the disk as it is.
    let refused = vm.transfer("SNAP_REVERT warmblock hv1:DIR/disk.1 99 IDS")?;
    ensure!(
        !refused.success && refused.info.contains("no snapshot"),
        "{refused:?}"
    );
    hv1.check(&device, own)?;
    vm.done("SNAP_REVERT warmblock hv1:DIR/disk.1 0 IDS")?;
    hv1.check(&device, &then)?;
    for id in [0, 1] {
        vm.done(&format!("SNAP_DELETE warmblock hv1:DIR/disk.1 {id} IDS"))?;
    }
    hv1.write(&device, &then, 3, 4 * MIB, 64 * KIB)?;
    stop_and_resume(&vm, hv1, hv2)?;
    hv2.check(&device, &then)?;
    vm.epilog(hv2)?;
    for host in [hv1, hv2] {
        gone(&vm, host)?;
        host.check_gone(&then)?;
    }
    Ok(())
}

/// Disks that are made for the VM: formatted, the same ones when asked again, and new ones in another stay.
fn volatile(vm: &Vm<'_>, host: &Host) -> Result<()> {
    let more = "<DISK><DISK_ID>2</DISK_ID><TYPE>fs</TYPE><FS>ext4</FS><SIZE>16</SIZE><WARMBLOCK_DRIVER>none</WARMBLOCK_DRIVER>\
                </DISK><DISK><DISK_ID>3</DISK_ID><TYPE>swap</TYPE><SIZE>8</SIZE><WARMBLOCK_DRIVER>none</WARMBLOCK_DRIVER></DISK>";
    let document = vm
        .document(1, "hv1")
        .replace("</TEMPLATE>", &format!("{more}</TEMPLATE>"));
    vm.oned.vm(vm.id, &document);
    let make = "MKIMAGE warmblock 16 raw hv1:DIR/disk.2 IDS\nMKSWAP warmblock 8 hv1:DIR/disk.3 IDS";
    vm.done(make)?;
    let magic = |disk: u32, at: u32, len: u32| -> Result<String> {
        let device = vm.disk(disk);
        let line = format!(
            "dd if={device} bs=1 skip={at} count={len} status=none | od -An -tx1 | tr -d ' \\n'"
        );
        Ok(host.sh(&line)?.text().to_owned())
    };
    same("ext4's magic", magic(2, 1080, 2)?.as_str(), "53ef")?;
    same(
        "swap's signature",
        magic(3, 4086, 10)?.as_str(),
        "53574150535041434532",
    )?;
    let uuid = magic(2, 1128, 16)?;
    vm.done(make)?;
    same("the file system's UUID", magic(2, 1128, 16)?, uuid.clone())?;
    let image = format!("one/one-sys-{}-2", vm.id);
    // Stopped, then recreated: oned deletes nothing.
    for disk in [2, 3] {
        host.wb(&["detach", &format!("one/one-sys-{}-{disk}", vm.id)])
            .ok()?;
    }
    vm.oned.vm(vm.id, &document.replace("<SEQ>0", "<SEQ>1"));
    vm.done(make)?;
    ensure!(
        magic(2, 1128, 16)? != uuid,
        "{image} is that of the earlier stay"
    );
    vm.done("DELETE warmblock hv1:DIR/disk.2 IDS\nDELETE.ssh warmblock hv1:DIR/disk.3 IDS")?;
    ensure!(
        vm.world.try_rbd(&["info", &image])?.code != 0,
        "{image} is still there"
    );
    vm.state(3, "hv1");
    Ok(())
}

/// `context`: the CD is there, and what a reboot of the host took down is up again.
fn start(vm: &Vm<'_>, host: &Host) -> Result<()> {
    let script = vm.oned.var().join("context.sh");
    warmblock::sys::atomic::write(&script, b"SECRET='of the guest'\n")?;
    host.wb(&["detach", &format!("{}-{}-0", vm.parent.spec, vm.id)])
        .ok()?;
    let line = format!(
        "CONTEXT warmblock {0} {0}:init.sh hv1:DIR/disk.4 IDS",
        path(&script)?
    );
    vm.done(&line)?;
    host.sh(&format!("test -b {}", vm.disk(0)))?;
    let cd = vm.disk(4);
    host.sh(&format!(
        "grep -aq CONTEXT {cd} && grep -aq 'of the guest' {cd} && grep -aqi init.sh {cd}"
    ))?;
    let mode = || Ok::<_, anyhow::Error>(host.sh(&format!("stat -c %a {cd}"))?.text().to_owned());
    same("its mode", mode()?.as_str(), "600")?;
    // One that is too large for a job comes behind it.
    let large = vm.oned.var().join("large.bin");
    let mut content = vec![0; 42 << 20];
    content.extend(b"the end of it");
    warmblock::sys::atomic::write(&large, &content)?;
    let line = line.replacen(" hv1:", &format!(" {} hv1:", path(&large)?), 1);
    vm.done(&line)?;
    host.sh(&format!(
        "grep -aq 'the end of it' {cd} && grep -aq 'of the guest' {cd} && [ $(stat -c %s {cd}) -gt 44040192 ]"
    ))?;
    same("its mode", mode()?.as_str(), "600")?;
    vm.done(&line.replacen(&format!(" {}", path(&large)?), "", 1))
        .map(drop)
}

/// Saved as images: the present one, and that of a snapshot; whole, and nobody's clones.
fn copies(vm: &Vm<'_>, then: &Image, now: &Image) -> Result<()> {
    for (snapshot, model) in [("-1", now), ("0", then)] {
        let copy = format!("one/{}", vm.world.name("saved"));
        let line = format!("CPDS warmblock hv1:DIR/disk.1 {copy} {snapshot} IDS");
        for _ in 0..2 {
            vm.done(&line)?;
        }
        let saved = Image {
            spec: copy.clone(),
            ..model.clone()
        };
        vm.world.check_ceph(&saved)?;
        let info = vm.world.rbd(&["info", "--format", "json", &copy])?.json()?;
        ensure!(info["parent"].is_null(), "{copy} is still a clone");
        vm.world.rbd(&["rm", "--no-progress", &copy])?;
    }
    let left = vm.world.snapshots(&vm.own)?;
    same("snapshots", left, vec!["0".to_owned(), "1".to_owned()])
}

/// Stopped: nowhere, its directory with the checkpoint at the front-end. Then it goes on elsewhere.
fn stop_and_resume(vm: &Vm<'_>, from: &Host, to: &Host) -> Result<()> {
    let checkpoint = vm.dir.join("checkpoint");
    let checkpoint = path(&checkpoint)?;
    from.sh(&format!(
        "dd if=/dev/urandom of={checkpoint} bs=64k count=16 status=none"
    ))?;
    let sum = from.sh(&format!("sha256sum {checkpoint}"))?;
    let all = |from: &str, to: &str| {
        ["/disk.0", "/disk.1", ""]
            .map(|what| format!("MV warmblock {from}:DIR{what} {to}:DIR{what} IDS"))
            .join("\n")
    };
    vm.state(10, from.name);
    for _ in 0..2 {
        vm.done(&all(from.name, &vm.fe))?;
    }
    ensure!(
        Path::new(checkpoint).exists(),
        "the checkpoint is not at the front-end"
    );
    gone(vm, from)?;
    vm.state(9, to.name);
    for _ in 0..2 {
        vm.done(&all(&vm.fe, to.name))?;
    }
    ensure!(!vm.dir.exists(), "the front-end still has the directory");
    let there = to.sh(&format!("sha256sum {checkpoint}"))?;
    same("the checkpoint", there.text(), sum.text())
}

/// The host is dead: its disks go on elsewhere, fenced and without a word to it; not those that it alone has the data of.
pub fn dead_host(case: &Case) -> Result<()> {
    let vm = Vm::new(case, 34)?;
    let (hv1, hv2, own) = (case.host(), case.other(), &vm.own);
    vm.prolog()?;
    hv1.write(&vm.disk(1), own, 5, MIB, 256 * KIB)?;
    let clone = Image {
        spec: format!("{}-{}-0", vm.parent.spec, vm.id),
        ..vm.parent.clone()
    };
    let clients = vm.world.watchers(&clone)?;
    hv1.cut_power()?;
    vm.state(60, "hv2");
    let before = vm.oned.connections().len();
    vm.done("MV warmblock hv1:DIR/disk.0 hv2:DIR/disk.0 IDS")?;
    let refused = vm.transfer("MV warmblock hv1:DIR/disk.1 hv2:DIR/disk.1 IDS")?;
    ensure!(
        !refused.success && refused.info.contains("hv1") && refused.info.contains("recover"),
        "{refused:?}"
    );
    vm.done("MV warmblock hv1:DIR hv2:DIR IDS")?;
    let spoken = vm.oned.connections().split_off(before);
    ensure!(
        spoken.iter().all(|line| line.starts_with("hv2 ")),
        "{spoken:?}"
    );
    hv2.sh(&format!("test -b {}", vm.disk(0)))?;
    let barred = vm
        .world
        .lab(&["exec", "ceph", "osd", "blocklist", "ls"])?
        .ok()?;
    ensure!(
        !clients.is_empty() && clients.iter().all(|client| barred.stdout.contains(client)),
        "{clients:?} are not in {barred}"
    );
    // It comes back, and writes home what it alone had; what was taken from it stays the other's.
    hv1.boot()?;
    let recovered = hv1.wb(&["recover"]).run()?;
    hv1.wb(&["detach", &clone.spec]).ok()?;
    hv1.detach(own)
        .with_context(|| format!("recover said {recovered}"))?;
    vm.world.check_ceph(own)?;
    vm.done("MV warmblock hv1:DIR/disk.1 hv2:DIR/disk.1 IDS")?;
    hv2.check(&vm.disk(1), own)?;
    vm.epilog(hv2)?;
    hv1.sh(&format!("rm -rf {}", path(&vm.dir)?))?;
    for host in [hv1, hv2] {
        gone(&vm, host)?;
        host.check_gone(own)?;
    }
    Ok(())
}

/// What the user is shown of a failure, in each way in which releases of oned read it.
pub fn releases(case: &Case) -> Result<()> {
    let vm = Vm::new(case, 35)?;
    for release in ["4.4.0", "5.12.0", "6.4.0", "6.10.0", "7.4.0"] {
        let heard = vm.transfer_in(release, "CLONE warmblock FE:one/none hv1:DIR/disk.7 IDS")?;
        ensure!(
            !heard.success && heard.info.starts_with("cannot plan what VM 35 needs"),
            "{release}: {heard:?}"
        );
        ensure!(
            !heard.info.contains('\n') && !heard.info.contains("secret"),
            "{release}: {heard:?}"
        );
        let ends = format!(
            "# a comment\n\nMVDS warmblock FE:DIR/disk.1 {} IDS",
            vm.own.spec
        );
        let heard = vm.transfer_in(release, &ends)?;
        ensure!(
            heard.success && heard.info.is_empty(),
            "{release}: {heard:?}"
        );
    }
    Ok(())
}
