//! Seeds that nobody waits for: the VM's disks are there at once, and their caches come in under the running guest.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use warmblock::Kind;

use crate::case::Case;
use crate::cmd::eventually;
use crate::host::{CONFIG, Host, front};
use crate::one::oned::Oned;
use crate::one::vm::{Vm, gone};
use crate::tests::same;
use crate::world::{Image, KIB, MIB, SMALL, World};

const DIR: &str = "/run/links/datastores/100/38";
/// Nobody waits for the end of such a seed.
const HOURS: &str = "[seed]\nrate = \"16K\"\nchunk = \"64K\"\n";

struct Later<'c> {
    world: &'c World,
    host: &'c Host,
    oned: Oned,
    parent: Image,
    own: Image,
}

impl Later<'_> {
    /// A VM whose second disk has this driver and mode.
    fn new<'c>(case: &'c Case, cache: &str) -> Result<Later<'c>> {
        let vm = Later {
            world: &case.world,
            host: case.host(),
            oned: Oned::start(&case.world)?,
            parent: case.world.clone_of(SMALL)?,
            own: case.world.clone_of(SMALL)?,
        };
        let common = "<TM_MAD>warmblock</TM_MAD><WARMBLOCK_SIZE>16M</WARMBLOCK_SIZE><WARMBLOCK_SEED>allocated</WARMBLOCK_SEED>\
                      <WARMBLOCK_WAIT>NO</WARMBLOCK_WAIT>";
        let document = format!(
            "<VM><ID>38</ID><STATE>3</STATE><LCM_STATE>1</LCM_STATE><TEMPLATE>\
             <DISK><DISK_ID>0</DISK_ID><IMAGE_ID>42</IMAGE_ID>{common}<SOURCE>{}</SOURCE><CLONE>YES</CLONE></DISK>\
             <DISK><DISK_ID>1</DISK_ID><IMAGE_ID>43</IMAGE_ID>{common}{cache}<SOURCE>{}</SOURCE><CLONE>NO</CLONE></DISK>\
             </TEMPLATE><HISTORY_RECORDS><HISTORY><SEQ>0</SEQ><HOSTNAME>{}</HOSTNAME><DS_ID>100</DS_ID>\
             <TM_MAD>warmblock</TM_MAD></HISTORY></HISTORY_RECORDS></VM>",
            vm.parent.spec, vm.own.spec, vm.host.name
        );
        vm.oned.vm(38, &document);
        let plain =
            "<DATASTORE><ID>101</ID><TEMPLATE><POOL_NAME>one</POOL_NAME></TEMPLATE></DATASTORE>";
        vm.oned.datastore(101, plain);
        Ok(vm)
    }

    /// The disks are made, and made again as a prolog is that is repeated. Nobody waits for a seed of minutes.
    fn made(&self) -> Result<()> {
        let host = self.host.name;
        let clone = format!("clone fe:{} {host}:{DIR}/disk.0 38 101", self.parent.spec);
        let ln = format!("ln fe:{} {host}:{DIR}/disk.1 38 101", self.own.spec);
        for line in [&clone, &ln, &clone, &ln] {
            self.oned.tm(line)?.ok()?;
        }
        Ok(())
    }

    /// The clone, which holds what its parent does.
    fn clone(&self) -> Image {
        Image {
            spec: format!("{}-38-0", self.parent.spec),
            ..self.parent.clone()
        }
    }

    fn status(&self, image: &Image) -> Result<Value> {
        self.host.status(image)
    }

    /// The process that fills a disk's cache, as `status` tells.
    fn seeder(&self, image: &Image) -> Result<u64> {
        let work = &self.status(image)?["at_work"];
        same("what", &work["what"], "seed in the background")?;
        work["pid"].as_u64().context("nobody is at work")
    }

    /// Waits until it is at it, and has read something.
    fn seeding(&self, image: &Image) -> Result<u64> {
        eventually("the seed", 60, || {
            let status = self.status(image)?;
            let read = status["at_work"]["read"].as_u64();
            Ok(status["running"] == "filling" && read.is_some_and(|read| read > 0))
        })?;
        self.seeder(image)
    }

    /// Waits until nobody works on a disk.
    fn idle(&self, image: &Image) -> Result<()> {
        eventually("its end", 60, || {
            Ok(self.status(image)?["at_work"].is_null())
        })
    }

    fn config(&self, more: &str) -> Result<()> {
        let text = format!("{CONFIG}{more}");
        self.host.put("warmblock.toml", text.as_bytes()).map(drop)
    }
}

/// The guest reads and writes while the cache comes in and is filled; the process that fills it is killed, and the disk is
/// brought to its cache all the same; whoever takes the disk or its cache away stops it.
fn life(case: &Case, cache: &str) -> Result<()> {
    let vm = Later::new(case, cache)?;
    let (host, world, own, clone) = (vm.host, vm.world, &vm.own, vm.clone());
    vm.config(HOURS)?;
    vm.made()?;
    let (disk0, disk1) = (format!("{DIR}/disk.0"), format!("{DIR}/disk.1"));
    vm.seeding(&clone)?;
    let seeder = vm.seeding(own)?;
    // What is written meanwhile is nowhere but where it should be.
    host.write(&disk1, own, 7, MIB, 256 * KIB)?;
    host.write(&disk0, &clone, 8, 12 * MIB, 64 * KIB)?;
    host.check(&disk1, own)?;
    let found = host.wb(&["recover"]).ok()?.to_string();
    ensure!(found.contains("being filled by process"), "{found}");
    host.sh(&format!("kill -9 {seeder}"))?;
    vm.idle(own)?;
    host.write(&disk1, own, 9, 2 * MIB, 64 * KIB)?;
    host.check(&disk1, own)?;
    // It goes on in the same way.
    vm.made()?;
    let seeder = vm.seeding(own)?;
    host.sh(&format!("kill {seeder}"))?;
    vm.idle(own)?;
    host.check(&disk1, own)?;
    vm.made()?;
    vm.seeding(own)?;
    // Who takes the cache out has it stopped.
    host.wb(&["bypass", &own.spec]).ok()?;
    same("intent", &vm.status(own)?["intent"], "bypassed")?;
    host.check(&disk1, own)?;
    // And puts it in again.
    let line = format!("ln fe:{} {}:{DIR}/disk.1 38 101", own.spec, host.name);
    vm.oned.tm(&line)?.ok()?;
    same("intent", &vm.status(own)?["intent"], "bypassed")?;
    vm.config("")?;
    host.wb(&["insert", &own.spec]).ok()?;
    eventually("the cache", 60, || {
        let status = vm.status(own)?;
        Ok(status["well"] == true && status["at_work"].is_null())
    })?;
    host.write(&disk1, own, 10, 3 * MIB, 64 * KIB)?;
    host.check(&disk1, own)?;
    // The other one is being filled yet.
    vm.seeder(&clone)?;
    for line in [
        format!("delete {}:{disk0} 38 101", host.name),
        format!("mvds {}:{disk1} {} 38 101", host.name, own.spec),
        format!("delete {}:{DIR} 38 101", host.name),
    ] {
        vm.oned.tm(&line)?.ok()?;
    }
    world.check_ceph(own)?;
    same(
        "the clone is there",
        world.try_rbd(&["info", &clone.spec])?.code == 0,
        false,
    )?;
    host.sh("[ -z \"$(find /run/links ! -type d)\" ] && rm -rf /run/links")?;
    host.check_gone(own)
}

/// As on a command line, which has the same: whoever waits for the end of what was called, by its pipe or a lock that it was
/// given, waits for no seed. Killed at any step, the same command goes on, and nothing is stale.
fn called(case: &Case) -> Result<()> {
    let (host, own) = (case.host(), case.world.clone_of(SMALL)?);
    host.put("warmblock.toml", format!("{CONFIG}{HOURS}").as_bytes())?;
    let options = ["--no-wait", "--size", "16M", "--seed", "allocated"];
    let words = [&["attach", own.spec.as_str()], &options[..]].concat();
    let mut steps = 0;
    loop {
        steps += 1;
        ensure!(steps < 60, "it never ends");
        let killed = host.wb(&words).crash_after(steps).run()?;
        if killed.code == 0 {
            break;
        }
        let device = front(&host.wb(&words).ok()?)?;
        host.write(
            &device,
            &own,
            u64::from(steps),
            u64::from(steps) * 64 * KIB,
            64 * KIB,
        )?;
        host.check(&device, &own)?;
        host.detach(&own)?;
        host.check_gone(&own)?;
    }
    let work = || Ok::<_, anyhow::Error>(host.status(&own)?["at_work"]["pid"].as_u64());
    eventually("the seed", 60, || Ok(work()?.is_some()))?;
    let seeder = work()?.context("nobody is at work")?;
    // It has pipes of its own; that it has no other of its caller's is seen below.
    let said = host.sh(&format!("cd /proc/{seeder}/fd; readlink 1 2"))?;
    same("where it speaks", said.text(), "/dev/null\n/dev/null")?;
    host.detach(&own)?;
    changed(host, &own, &words)?;
    let held = format!(
        "exec 9>/run/held; flock 9; warmblock {} | cat >/dev/null; exec 9>&-; flock -n /run/held true; rm /run/held",
        words.join(" ")
    );
    host.sh(&held)?;
    host.detach(&own)?;
    host.check_gone(&own)
}

/// A seed under way is what was asked for, or is stopped, or what is asked for is refused, as of a disk that is attached.
fn changed(host: &Host, own: &Image, words: &[&str]) -> Result<()> {
    let work = || Ok::<_, anyhow::Error>(host.status(own)?["at_work"]["pid"].as_u64());
    let again = |more: &[&str]| host.wb(&[words, more].concat()).run();
    again(&[])?.ok()?;
    eventually("the seed", 60, || Ok(work()?.is_some()))?;
    let seeder = work()?;
    again(&[])?.ok()?;
    let mode = again(&["--mode", "writeback"])?;
    mode.refused(Kind::Exists, &["writethrough", "warmblock mode"])?;
    let size = host.wb(&["attach", &own.spec, "--no-wait", "--size", "20M"]);
    size.run()?.refused(Kind::Exists, &["a slice of"])?;
    same("the process that fills it", work()?, seeder)?;
    // What they say to do instead.
    for mode in ["writeback", "writethrough"] {
        host.wb(&["mode", &own.spec, mode]).ok()?;
        same("the mode", &host.status(own)?["mode"], mode)?;
        eventually("the seed in it", 60, || Ok(work()?.is_some()))?;
    }
    let seeder = work()?;
    // Another rate is another seed.
    again(&["--rate", "32K"])?.ok()?;
    eventually("the other seed", 60, || {
        Ok(work()?.is_some_and(|pid| Some(pid) != seeder))
    })?;
    let seeder = work()?;
    again(&["--rate", "32K"])?.ok()?;
    same("the process that fills it", work()?, seeder)?;
    // What is refused only when it was stopped has it go on, in the same way.
    let refused = host.wb(&["mode", &own.spec, "writearound"]).run()?;
    refused.refused(Kind::Usage, &["has no mode"])?;
    eventually("the seed as before", 60, || {
        Ok(work()?.is_some_and(|pid| Some(pid) != seeder))
    })?;
    same("what is wanted", &host.status(own)?["intent"], "attached")?;
    // And so is another driver.
    host.put("warmblock.toml", CONFIG.as_bytes())?;
    let bcache = host.wb(&["attach", &own.spec, "--no-wait", "--driver", "bcache"]);
    let device = front(&bcache.ok()?)?;
    let status = host.status(own)?;
    same("the driver", &status["driver"], "bcache")?;
    same("it is well", &status["well"], true)?;
    host.check(&device, own)?;
    host.put("warmblock.toml", format!("{CONFIG}{HOURS}").as_bytes())?;
    host.detach(own)?;
    // As fast as was asked for: the configured rate would take many minutes.
    again(&["--rate", "64M"])?.ok()?;
    eventually("its end", 120, || {
        let status = host.status(own)?;
        Ok(status["well"] == true && status["at_work"].is_null())
    })?;
    host.detach(own).map(drop)
}

/// The guest moves, and nobody waits for the seed on its new host either.
pub fn moved(case: &Case) -> Result<()> {
    let seed = "<WARMBLOCK_SEED>allocated</WARMBLOCK_SEED><WARMBLOCK_WAIT>NO</WARMBLOCK_WAIT>";
    let vm = Vm::seeded(case, 39, seed)?;
    let (from, to, own, device) = (case.host(), case.other(), &vm.own, vm.disk(1));
    for host in [from, to] {
        host.put("warmblock.toml", format!("{CONFIG}{HOURS}").as_bytes())?;
    }
    vm.prolog()?;
    from.write(&device, own, 1, MIB, 256 * KIB)?;
    // The source's seed is not done yet.
    vm.migrated("premigrate", from, to)?;
    from.write(&device, own, 2, 2 * MIB, 256 * KIB)?;
    to.check(&device, own)?;
    to.write(&device, own, 3, 3 * MIB, 64 * KIB)?;
    for _ in 0..2 {
        vm.migrated("postmigrate", from, to)?;
    }
    let status = to.status(own)?;
    same("what", &status["at_work"]["what"], "seed in the background")?;
    same("the mode", &status["mode"], "writeback")?;
    // What the guest writes meanwhile is nowhere but where it should be.
    to.write(&device, own, 4, 4 * MIB, 64 * KIB)?;
    to.check(&device, own)?;
    // And back, from a host whose seed is not done.
    vm.migrated("premigrate", to, from)?;
    to.write(&device, own, 5, 5 * MIB, 64 * KIB)?;
    from.check(&device, own)?;
    vm.migrated("postmigrate", to, from)?;
    from.check(&device, own)?;
    // And not at all, which takes no longer: the VM is on its way for oned until it is through.
    vm.migrated("premigrate", from, to)?;
    for _ in 0..2 {
        vm.migrated("failmigrate", from, to)?;
        let status = from.status(own)?;
        same("what", &status["at_work"]["what"], "seed in the background")?;
        same("the intent", &status["intent"], "attached")?;
    }
    from.write(&device, own, 6, 6 * MIB, 64 * KIB)?;
    from.check(&device, own)?;
    vm.epilog(from)?;
    for host in [from, to] {
        gone(&vm, host)?;
        host.check_gone(own)?;
    }
    vm.world.check_ceph(own)
}

pub fn write_through(case: &Case) -> Result<()> {
    called(case)?;
    life(case, "")
}

pub fn write_back_by_reading(case: &Case) -> Result<()> {
    life(
        case,
        "<WARMBLOCK_DRIVER>bcache</WARMBLOCK_DRIVER><WARMBLOCK_MODE>writeback</WARMBLOCK_MODE>",
    )
}
