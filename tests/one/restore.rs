//! A VM's disks are backed up, in full and by increments, and become again what they were: in place, and as new images.

use anyhow::{Context as _, Result, bail, ensure};

use super::vm::{Vm, gone};
use crate::case::Case;
use crate::host::Host;
use crate::one::backup_store::{BackupStore, SECRET};
use crate::tests::same;
use crate::world::{Image, KIB, MIB, path};

/// The states in which oned has a VM backed up, restores it in place, and leaves it off.
const BACKUP_POWEROFF: u32 = 70;
const RESTORE: u32 = 71;

/// A VM with two disks, and its backups.
struct Story<'c> {
    vm: Vm<'c>,
    host: &'c Host,
    store: BackupStore,
    /// What its disks hold now: a clone made for it, and an image's own, in write-back.
    disks: [Image; 2],
    /// What they held at each backup.
    then: Vec<[Image; 2]>,
    /// The seed of the next write.
    seed: u64,
}

impl<'c> Story<'c> {
    /// A VM that has just begun.
    fn begin(case: &'c Case, id: u32) -> Result<Self> {
        let (vm, host) = (Vm::new(case, id)?, case.host());
        vm.oned.datastore(
            100,
            "<DATASTORE><ID>100</ID><TEMPLATE><BRIDGE_LIST>hv1</BRIDGE_LIST></TEMPLATE></DATASTORE>",
        );
        let clone = Image {
            spec: format!("{}-{id}-0", vm.parent.spec),
            ..vm.world.kept(&vm.parent)?
        };
        let store = BackupStore::new(host, &vm.oned, id)?;
        let disks = [clone, vm.own.clone()];
        vm.prolog()?;
        Ok(Self {
            vm,
            host,
            store,
            disks,
            then: Vec::new(),
            seed: 1,
        })
    }

    /// The guest writes to both disks: what stays the same, and what each write changes.
    fn write(&mut self) -> Result<()> {
        for (number, image) in (0..).zip(&self.disks) {
            let device = self.vm.disk(number);
            self.host
                .write(&device, image, self.seed, 2 * MIB, 192 * KIB)?;
            let elsewhere = 5 * MIB + self.seed % 8 * MIB;
            self.host
                .write(&device, image, self.seed + 1, elsewhere, 64 * KIB)?;
            self.seed += 2;
        }
        Ok(())
    }

    /// Both disks are what these are.
    fn check(&self, disks: &[Image; 2]) -> Result<()> {
        for (number, image) in (0..).zip(disks) {
            self.host.check(&self.vm.disk(number), image)?;
        }
        Ok(())
    }

    fn kept(&self) -> Result<[Image; 2]> {
        let [one, other] = &self.disks;
        Ok([self.vm.world.kept(one)?, self.vm.world.kept(other)?])
    }

    /// The next backup of the chain.
    fn back_up(&mut self) -> Result<()> {
        let last = i64::try_from(self.then.len())? - 1;
        let config = format!(
            "</TEMPLATE><BACKUPS><BACKUP_CONFIG><MODE>INCREMENT</MODE><LAST_INCREMENT_ID>{last}</LAST_INCREMENT_ID></BACKUP_CONFIG>\
             </BACKUPS><HISTORY_RECORDS>"
        );
        let document = self.vm.document(BACKUP_POWEROFF, "hv1");
        let document = document.replace("</TEMPLATE><HISTORY_RECORDS>", &config);
        let (dir, id) = (path(&self.vm.dir)?, self.vm.id.to_string());
        let place = format!("hv1:{dir}");
        let call = |action: &str| {
            let words = ["tm", action, &place, "0:1", "one-12", "-", &id, "101"];
            self.vm.oned.call(&words, &document)?.ok()
        };
        call("prebackup")?;
        self.store.take(&self.vm.oned, self.host, dir)?;
        call("postbackup")?;
        self.then.push(self.kept()?);
        Ok(())
    }

    /// The full backup, and two increments.
    fn back_up_thrice(&mut self) -> Result<()> {
        for _ in 0..3 {
            self.write()?;
            self.back_up()?;
        }
        self.write()
    }

    /// A restore, which must come through; from now on the disks hold what they held then.
    fn restore(&mut self, increment: &str, backup: usize) -> Result<()> {
        self.vm.done(&self.store.restore(increment, "-1"))?;
        self.restored(backup)
    }

    /// The disks are what they were at a backup, and nothing else is left.
    fn restored(&mut self, backup: usize) -> Result<()> {
        let then = self.then.get(backup).context("no such backup")?.clone();
        self.check(&then)?;
        self.now_hold(&then)?;
        self.nothing_beside()
    }

    fn nothing_beside(&self) -> Result<()> {
        let images = self.vm.world.rbd(&["ls", "one"])?;
        let stems = self
            .disks
            .iter()
            .map(|disk| disk.spec.trim_start_matches("one/"));
        for stem in stems {
            let beside: Vec<&str> = images
                .stdout
                .lines()
                .filter(|name| name.starts_with(&format!("{stem}.")))
                .collect();
            same("images beside", beside, Vec::<&str>::new())?;
        }
        Ok(())
    }

    /// A restore that must fail, with these words and no secret, and change nothing.
    fn refused(&self, increment: &str, disk: &str, words: &[&str]) -> Result<()> {
        let heard = self.vm.transfer(&self.store.restore(increment, disk))?;
        ensure!(!heard.success, "it came through");
        for word in words {
            ensure!(heard.info.contains(word), "{word:?} is not in {heard:?}");
        }
        ensure!(!format!("{heard:?}").contains(SECRET), "{heard:?}");
        self.check(&self.disks)?;
        self.nothing_beside()
    }

    /// A new image is made of a disk of the backup, by the URL that the backup's datastore gives.
    fn as_image(&self, id: u32, disk: usize, increments: usize) -> Result<()> {
        let url = self.store.url(u32::try_from(disk)?, increments)?;
        let document = of_url(id, &url);
        let left = self.store.leftovers()?;
        let stat = self.vm.oned.ds("stat", id, &document)?.ok()?;
        same("stat", stat.stdout.as_str(), "24\n")?;
        let cp = self.vm.oned.ds("cp", id, &document)?.ok()?;
        same("cp", cp.stdout, format!("one/one-{id} raw\n"))?;
        let spec = format!("one/one-{id}");
        let then = self.then.get(increments).context("no such backup")?;
        self.vm.world.check_ceph(&Image {
            spec: spec.clone(),
            ..then[disk].clone()
        })?;
        same("left by the downloader", self.store.leftovers()?, left)?;
        self.vm.world.rbd(&["rm", "--no-progress", &spec]).map(drop)
    }

    /// No image can be made of a disk of the backup, for these reasons and without a secret.
    fn not_as_image(&self, id: u32, words: &[&str]) -> Result<()> {
        let url = self.store.url(0, 0)?;
        let document = of_url(id, &url);
        for action in ["stat", "cp"] {
            let said = self.vm.oned.ds(action, id, &document)?;
            ensure!(said.code != 0, "{action} came through: {said}");
            for word in words {
                ensure!(
                    said.stderr.contains(word),
                    "{action}: {word:?} is not in {said}"
                );
            }
            ensure!(!format!("{said}").contains(SECRET), "{action}: {said}");
        }
        Ok(())
    }

    /// The VM is started, as far as its disks go; or is refused a disk that may be of another moment than the others.
    fn start(&self) -> Result<bool> {
        let script = self.vm.oned.var().join("context.sh");
        warmblock::sys::atomic::write(&script, b"A='b'\n")?;
        let line = format!("CONTEXT warmblock {} hv1:DIR/disk.4 IDS", path(&script)?);
        let heard = self.vm.transfer(&line)?;
        if !heard.success {
            let told = heard
                .info
                .contains("a restore of it was begun and not finished");
            ensure!(
                told && heard.info.contains("restore the VM again"),
                "{heard:?}"
            );
        }
        Ok(heard.success)
    }

    /// The disks are both what they were, or both what they were at a backup.
    fn one_moment(&mut self, backup: usize) -> Result<()> {
        if self.check(&self.disks).is_ok() {
            return Ok(());
        }
        let then = self.then.get(backup).context("no such backup")?.clone();
        self.check(&then)
            .context("nor are they both what they were")?;
        self.now_hold(&then)
    }

    fn now_hold(&self, then: &[Image; 2]) -> Result<()> {
        for (now, then) in self.disks.iter().zip(then) {
            std::fs::copy(&then.model, &now.model)?;
        }
        Ok(())
    }

    /// The VM ends, and nothing is left of it.
    fn end(&self) -> Result<()> {
        self.vm.state(11, "hv1");
        self.vm.epilog(self.host)?;
        gone(&self.vm, self.host)?;
        self.vm.world.check_ceph(&self.disks[1])?;
        same(
            "info",
            self.vm.world.try_rbd(&["info", &self.disks[0].spec])?.code,
            2,
        )?;
        self.nothing_beside()
    }
}

/// The document of an image that is to be made of what is at a URL.
fn of_url(id: u32, url: &str) -> String {
    format!(
        "<DS_DRIVER_ACTION_DATA><IMAGE><ID>{id}</ID><PATH>{url}</PATH></IMAGE><DATASTORE><ID>101</ID><TEMPLATE>\
         <POOL_NAME>one</POOL_NAME><BRIDGE_LIST>hv1</BRIDGE_LIST></TEMPLATE></DATASTORE></DS_DRIVER_ACTION_DATA>"
    )
}

pub fn in_place(case: &Case) -> Result<()> {
    let mut story = Story::begin(case, 61)?;
    story.back_up_thrice()?;
    story.vm.state(RESTORE, "hv1");
    // The first of the two increments; its mode stays.
    story.restore("1", 1)?;
    same("left by the downloader", story.store.leftovers()?, 0)?;
    let mode = story.host.status(&story.vm.own)?["mode"].clone();
    same("the mode", mode.as_str(), Some("writeback"))?;
    // A backup that breaks off in its second disk, or is not there, changes neither.
    story.write()?;
    story.store.breaks_off(Some(1))?;
    story.refused("-1", "-1", &["disk 1", "went away"])?;
    story.store.breaks_off(None)?;
    story.store.goes_away(true)?;
    story.refused("-1", "-1", &["disk 0", "No route to host"])?;
    story.not_as_image(9020, &["***", "No route to host"])?;
    story.store.goes_away(false)?;
    story.refused("-1", "7", &["no disk 7"])?;
    // One of them alone, of the full backup; and then all of the newest.
    story.vm.done(&story.store.restore("0", "1"))?;
    let mixed = [story.disks[0].clone(), story.then[0][1].clone()];
    story.check(&mixed)?;
    story.restore("-1", 2)?;
    // It still is what was made for this VM: a prolog that is repeated keeps it.
    story.vm.state(1, "hv1");
    story.vm.prolog()?;
    story.check(&story.then[2])?;
    story.as_image(9021, 0, 0)?;
    story.as_image(9022, 1, 2)?;
    story.end()
}

/// What is known of a disk's snapshots would be wrong; who is deleted meanwhile stays deleted.
pub fn refused(case: &Case) -> Result<()> {
    let mut story = Story::begin(case, 62)?;
    story.back_up_thrice()?;
    let snap = "warmblock hv1:DIR/disk.1 0 IDS";
    story.vm.done(&format!("SNAP_CREATE {snap}"))?;
    story.vm.state(RESTORE, "hv1");
    story.refused("-1", "-1", &["snapshot 0"])?;
    story.vm.done(&format!("SNAP_DELETE {snap}"))?;
    // Clones of the disk's image that somebody made.
    let own = story.vm.own.spec.clone();
    let world = story.vm.world;
    world.rbd(&["snap", "create", "--no-progress", &format!("{own}@mine")])?;
    world.rbd(&["snap", "protect", &format!("{own}@mine")])?;
    let foreign = format!("{own}-mine");
    world.rbd(&["clone", &format!("{own}@mine"), &foreign])?;
    story.refused("-1", "-1", &[&foreign])?;
    world.rbd(&["rm", "--no-progress", &foreign])?;
    // Nor does any other snapshot of somebody's go with what it is of.
    story.refused("-1", "-1", &["by hand", "(mine)"])?;
    world.rbd(&["snap", "unprotect", &format!("{own}@mine")])?;
    world.rbd(&["snap", "rm", "--no-progress", &format!("{own}@mine")])?;
    story.restore("-1", 2)?;
    story.end()
}

/// The calls of a restore of two disks: room is made, each is brought, they are taken down, exchanged, settled, and attached.
const CALLS: u32 = 7;
/// Those in which names change.
const NAMES: [u32; 2] = [5, 6];
/// More steps than it takes to change one.
const RENAMES: u32 = 8;
/// More steps than any of them has.
const TOO_MANY: u32 = 120;

/// Killed at steps of every call, once: what comes after it puts right what was.
pub fn killed_once(case: &Case) -> Result<()> {
    killed(case, true)
}

/// Killed at steps of every call, each time it is tried.
pub fn killed_for_good(case: &Case) -> Result<()> {
    killed(case, false)
}

/// A restore that fails comes after it, or none, and the VM is started; then another restore is asked for, as a user would.
fn killed(case: &Case, once: bool) -> Result<()> {
    let mut story = Story::begin(case, 63)?;
    story.back_up_thrice()?;
    story.vm.state(RESTORE, "hv1");
    for call in 1..=CALLS {
        let mut step = 1;
        loop {
            ensure!(step < TOO_MANY, "call {call} never came through");
            let told = killed_at(&mut story, call, step, once);
            if told.with_context(|| format!("call {call} killed after step {step}"))? {
                break;
            }
            // What an attach or an import leaves is tried elsewhere, step by step; so is that of the calls after one that is
            // killed for good.
            let names = NAMES.contains(&call) && step < RENAMES;
            step += if names { 1 } else { 5 };
        }
        println!("call {call}: came through at {step}, once: {once}");
    }
    story.end()
}

/// A restore with one of its calls killed, what comes after it, and another; whether it came through without being killed.
fn killed_at(story: &mut Story<'_>, call: u32, step: u32, once: bool) -> Result<bool> {
    story.write()?;
    let line = story.store.restore("1", "-1");
    story.vm.oned.crash_call("hv1", call, step, once)?;
    let heard = story.vm.transfer(&line)?;
    let unused = story.vm.oned.crash_to_come("hv1");
    story.vm.oned.crash("hv1", None)?;
    if heard.success {
        story.restored(1)?;
        return Ok(true);
    }
    if unused && once {
        bail!("it failed by itself: {heard:?}");
    }
    ensure!(!format!("{heard:?}").contains(SECRET), "{heard:?}");
    // What was not killed put right what was: the disks are what they were.
    if once && call < NAMES[1] {
        story.check(&story.disks)?;
        story.nothing_beside()?;
    }
    fails_next(story, step).context("the restore that fails")?;
    story.vm.done(&line)?;
    story.restored(1)?;
    Ok(false)
}

/// The VM is started as it is; then a restore, of both or of the second disk alone, does not come through.
fn fails_next(story: &mut Story<'_>, step: u32) -> Result<()> {
    if story.start()? {
        story.one_moment(1).context("it was started")?;
    }
    let disk = if step.is_multiple_of(2) { "-1" } else { "1" };
    story.store.breaks_off(Some(1))?;
    let heard = story.vm.transfer(&story.store.restore("1", disk))?;
    ensure!(!heard.success, "it came through");
    story.store.breaks_off(None)?;
    ensure!(story.start()?, "its disks are refused");
    story.one_moment(1)
}
