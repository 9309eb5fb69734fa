//! A VM of the storm: where it is in its life, what its disks must hold, and what oned may do with it then.

use anyhow::{Result, ensure};

use super::dice::Dice;
use super::{Disk, RELEASE, SIZE, Storm, shelf};
use crate::host::Host;
use crate::tests::same;
use crate::world::{Image, KIB, MIB, path};

/// What the images of the VMs' own disks are called, behind the numbers that oned has for them.
const OWN: u32 = 2000;
/// What is saved of a VM is an image of the number behind this.
const SAVED: u32 = 5000;
/// The number of the first of them; a VM that is made anew has one that nobody had.
const FIRST: u32 = 500;
/// As many snapshots a disk has at most.
const SNAPSHOTS: usize = 2;

const COMMON: &str = "<TM_MAD>warmblock</TM_MAD><WARMBLOCK_SIZE>4M</WARMBLOCK_SIZE><WARMBLOCK_SEED>none</WARMBLOCK_SEED>";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Life {
    /// There is none.
    Gone,
    Running,
    Off,
    /// It is nowhere.
    Stopped,
}

/// See the module.
pub(super) struct Vm {
    number: u32,
    id: u32,
    dice: Dice,
    life: Life,
    /// Which of the two hosts it was on, one after the other.
    stays: Vec<usize>,
    /// A clone of the parent, and an image of its own in write-back.
    disks: [Disk; 2],
    /// Whether it has a disk 2, which was made for it.
    volatile: bool,
    /// The number of the next snapshot.
    snapshot: u32,
    played: Vec<String>,
}

type Scene = (&'static str, fn(&mut Vm, &Storm<'_>) -> Result<()>);

const WHILE_GONE: &[Scene] = &[("deploy", Vm::deploy)];
const WHILE_RUNNING: &[Scene] = &[
    ("live snapshot", |vm, storm| {
        vm.snapshot(storm, "SNAP_CREATE_LIVE", 24)
    }),
    ("snapshot's end", |vm, storm| vm.snapshot_ends(storm, 59)),
    ("resize", |vm, storm| vm.resize(storm, 62)),
    ("save as", |vm, storm| vm.save_as(storm, 26)),
    ("attach or detach", |vm, storm| vm.volatile(storm, 17)),
    ("stop", |vm, storm| vm.stop(storm, 10)),
    ("undeploy", |vm, storm| vm.stop(storm, 30)),
    ("migrate", |vm, storm| vm.migrate(storm, 8)),
    ("live migration", Vm::migrate_live),
    ("live migration", Vm::migrate_live),
    ("power off", Vm::power_off),
    ("power off", Vm::power_off),
    ("terminate", |vm, storm| vm.terminate(storm, 11)),
    ("delete", Vm::delete),
];
const WHILE_OFF: &[Scene] = &[
    ("snapshot", |vm, storm| {
        vm.snapshot(storm, "SNAP_CREATE", 51)
    }),
    ("revert", |vm, storm| vm.revert(storm)),
    ("revert", |vm, storm| vm.revert(storm)),
    ("snapshot's end", |vm, storm| vm.snapshot_ends(storm, 53)),
    ("resize", |vm, storm| vm.resize(storm, 63)),
    ("save as", |vm, storm| vm.save_as(storm, 27)),
    ("attach or detach", |vm, storm| vm.volatile(storm, 33)),
    ("migrate", |vm, storm| vm.migrate(storm, 43)),
    ("resume", Vm::boot),
    ("resume", Vm::boot),
    ("terminate", |vm, storm| vm.terminate(storm, 11)),
];
const WHILE_STOPPED: &[Scene] = &[
    ("resume", Vm::resume),
    ("resume", Vm::resume),
    ("resume", Vm::resume),
    ("resize", |vm, storm| vm.resize(storm, 64)),
    ("save as", |vm, storm| vm.save_as(storm, 67)),
    ("terminate", |vm, storm| vm.terminate(storm, 11)),
];

impl Vm {
    pub(super) fn new(storm: &Storm<'_>, number: u32) -> Result<Self> {
        let spec = format!("one/one-{}", OWN + number);
        storm
            .world
            .rbd(&["create", "--size", &format!("{SIZE}B"), &spec])?;
        let own = Image {
            spec,
            ..storm.world.kept(&storm.parent)?
        };
        std::fs::File::create(&own.model)?.set_len(SIZE)?;
        let mut dice = storm.dice(number);
        let stays = vec![dice.below(2)];
        Ok(Self {
            number,
            id: FIRST + number,
            dice,
            life: Life::Gone,
            stays,
            disks: [Disk::new(storm.world.kept(&storm.parent)?), Disk::new(own)],
            volatile: false,
            snapshot: 0,
            played: Vec::new(),
        })
    }

    /// Something that happens to such a VM.
    pub(super) fn next(&mut self, storm: &Storm<'_>) -> Result<()> {
        let scenes = match self.life {
            Life::Gone => WHILE_GONE,
            Life::Running => WHILE_RUNNING,
            Life::Off => WHILE_OFF,
            Life::Stopped => WHILE_STOPPED,
        };
        let (name, scene) = *self.dice.one_of(scenes);
        self.played.push(name.to_owned());
        scene(self, storm)
    }

    /// It ends, and the image of its own is deleted.
    pub(super) fn end(&mut self, storm: &Storm<'_>) -> Result<()> {
        if self.life != Life::Gone {
            self.terminate(storm, 11)?;
        }
        let own = self.disks[1].image.clone();
        let lease = storm.world.lease(&own)?;
        ensure!(
            lease["holder"].is_null(),
            "the lease of {}: {lease}",
            own.spec
        );
        storm.world.check_ceph(&own)?;
        shelf::remove(storm, &own.spec)
    }

    pub(super) const fn number(&self) -> u32 {
        self.number
    }

    pub(super) fn told(&self) -> String {
        format!("VM {}, {}", self.id, self.played.join(", "))
    }

    pub(super) fn disks(&self) -> Vec<&Disk> {
        let from = usize::from(self.life == Life::Gone);
        self.disks.iter().skip(from).collect()
    }

    pub(super) fn volatile_image(&self) -> Option<String> {
        self.volatile.then(|| format!("one-sys-{}-2", self.id))
    }

    pub(super) fn is_at(&self, host: &Host) -> bool {
        let here = ["hv1", "hv2"][self.at()] == host.name;
        here && matches!(self.life, Life::Running | Life::Off)
    }

    fn at(&self) -> usize {
        self.stays.last().copied().unwrap_or_default()
    }

    /// What oned calls the place where it is.
    fn place<'s>(&self, storm: &'s Storm<'_>) -> &'s str {
        match self.life {
            Life::Stopped => &storm.fe,
            _ => storm.hosts[self.at()].name,
        }
    }

    fn link(&self, storm: &Storm<'_>, disk: usize) -> Result<String> {
        let link = storm.dir.join(format!("{}/disk.{disk}", self.id));
        Ok(path(&link)?.to_owned())
    }

    /// Runs the lines of a transfer file; `AT` is where the VM is, `DIR` its directory, `IDS` its number and the datastore's.
    fn lines(&self, storm: &Storm<'_>, state: u32, lines: &str) -> Result<()> {
        let dir = storm.dir.join(self.id.to_string());
        let lines = lines
            .replace("AT:", &format!("{}:", self.place(storm)))
            .replace("FE:", &format!("{}:", storm.fe))
            .replace("DIR", &format!("/{}", path(&dir)?))
            .replace("IDS", &format!("{} 101", self.id));
        storm.oned.vm(self.id, &self.document(storm, state));
        let heard = storm.oned.lines(RELEASE, self.id, &lines)?;
        ensure!(heard.success, "{lines}: {}", heard.info);
        let own = i64::from(self.id);
        ensure!(heard.log.iter().all(|(vm, _)| *vm == own), "{heard:?}");
        Ok(())
    }

    /// The same line for each of its disks, `N` being its number.
    fn each(&self, storm: &Storm<'_>, state: u32, line: &str) -> Result<()> {
        let disks = 0..2 + usize::from(self.volatile);
        let lines: Vec<String> = disks
            .map(|disk| line.replace(".N", &format!(".{disk}")))
            .collect();
        self.lines(storm, state, &lines.join("\n"))
    }

    /// What oned says of it. Every other one has a cache before its clone, and the others before their own image, in write-back.
    fn document(&self, storm: &Storm<'_>, state: u32) -> String {
        let (cached, none) = (self.number % 2, "<WARMBLOCK_DRIVER>none</WARMBLOCK_DRIVER>");
        let disk = |number: u32, rest: &str| {
            let cache = match (number, number == cached) {
                (1, true) => "<WARMBLOCK_MODE>writeback</WARMBLOCK_MODE>",
                (_, true) => "",
                (_, false) => none,
            };
            format!("<DISK><DISK_ID>{number}</DISK_ID>{COMMON}{cache}{rest}</DISK>")
        };
        let of = |image: u32, spec: &str, clone: &str| {
            let image = format!("<IMAGE_ID>{image}</IMAGE_ID><SOURCE>{spec}</SOURCE>");
            format!("{image}<CLONE>{clone}</CLONE>")
        };
        let (parent, own) = (&storm.parent.spec, &self.disks[1].image.spec);
        let mut disks = vec![
            disk(0, &of(42, parent, "YES")),
            disk(1, &of(OWN + self.number, own, "NO")),
        ];
        if self.volatile {
            disks.push(disk(2, "<TYPE>fs</TYPE><SIZE>8</SIZE>"));
        }
        let stay = |(seq, at): (usize, &usize)| {
            let host = format!(
                "<SEQ>{seq}</SEQ><HOSTNAME>{}</HOSTNAME>",
                storm.hosts[*at].name
            );
            format!("<HISTORY>{host}<DS_ID>100</DS_ID><TM_MAD>warmblock</TM_MAD></HISTORY>")
        };
        let stays: String = self.stays.iter().enumerate().map(stay).collect();
        format!(
            "<VM><ID>{}</ID><LCM_STATE>{state}</LCM_STATE><TEMPLATE>{}</TEMPLATE><HISTORY_RECORDS>{stays}</HISTORY_RECORDS></VM>",
            self.id,
            disks.concat()
        )
    }

    /// The guest writes somewhere on one of its disks.
    fn write(&mut self, storm: &Storm<'_>, disk: usize) -> Result<()> {
        const LEN: u64 = 64 * KIB;
        let (seed, place) = (self.dice.next(), self.dice.below(128) as u64);
        let link = self.link(storm, disk)?;
        let host = storm.hosts[self.at()];
        host.write(&link, &self.disks[disk].image, seed, place * LEN, LEN)
    }

    /// Both disks hold what they are to hold.
    fn holds(&self, storm: &Storm<'_>) -> Result<()> {
        let host = storm.hosts[self.at()];
        for (number, disk) in self.disks.iter().enumerate() {
            host.check(&self.link(storm, number)?, &disk.image)?;
        }
        Ok(())
    }
}

mod scenes;
