//! Fifteen actions at once, as one_tm and one_datastore have threads, on thirty VMs and on the images of a datastore, ten rounds. Which
//! ones is drawn: whatever oned would do with a VM in the state that it is in. No two are of one VM: that much oned sees to.
//!
//! The seed of what is drawn is printed; `WARMBLOCK_STORM_SEED=N` plays it again.

mod dice;
mod disk;
mod shelf;
mod traces;
mod vm;

use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};

use self::dice::Dice;
use self::disk::Disk;
use self::shelf::Shelf;
use self::traces::Traces;
use self::vm::Vm;
use super::oned::Oned;
use super::vm::datastores;
use crate::case::Case;
use crate::cmd::eventually;
use crate::host::Host;
use crate::tests::same;
use crate::world::{Image, KIB, MIB, World};

const AT_ONCE: usize = 15;
const ROUNDS: u32 = 10;
const VMS: u32 = 30;
/// Images of the datastore's that no VM has.
const SHELVES: u32 = 6;
/// The release that it is played in.
const RELEASE: &str = "7.4.0";
/// Fifteen wait for the lock of one volume group, on hosts that share two processors.
const PATIENCE: &str = "deadline = { tool = '5m', map = '5m', flush = '5m' }";
/// How large the images are.
const SIZE: u64 = 8 * MIB;

/// Somebody to whom one thing happens after the other.
enum Actor {
    Vm(Vm),
    Shelf(Shelf),
}

impl Actor {
    /// What oned has it do next.
    fn next(&mut self, storm: &Storm<'_>) -> Result<()> {
        match self {
            Self::Vm(vm) => vm.next(storm),
            Self::Shelf(shelf) => shelf.next(storm),
        }
    }

    fn end(&mut self, storm: &Storm<'_>) -> Result<()> {
        match self {
            Self::Vm(vm) => vm.end(storm),
            Self::Shelf(shelf) => shelf.end(storm),
        }
    }

    const fn number(&self) -> u32 {
        match self {
            Self::Vm(vm) => vm.number(),
            Self::Shelf(shelf) => shelf.number(),
        }
    }

    fn told(&self) -> String {
        match self {
            Self::Vm(vm) => vm.told(),
            Self::Shelf(shelf) => shelf.told(),
        }
    }

    /// The images that it has.
    fn disks(&self) -> Vec<&Disk> {
        match self {
            Self::Vm(vm) => vm.disks(),
            Self::Shelf(shelf) => shelf.disk().into_iter().collect(),
        }
    }

    /// The names of all images that are there for it.
    fn names(&self) -> BTreeSet<String> {
        let volatile = match self {
            Self::Vm(vm) => vm.volatile_image(),
            Self::Shelf(_) => None,
        };
        let disks = self.disks();
        let names = disks.into_iter().map(|disk| disk.name().to_owned());
        names.chain(volatile).collect()
    }

    /// The images that it has on a host.
    fn at(&self, host: &Host) -> BTreeSet<String> {
        match self {
            Self::Vm(vm) if vm.is_at(host) => self.names(),
            _ => BTreeSet::new(),
        }
    }
}

struct Storm<'c> {
    world: &'c World,
    hosts: [&'c Host; 2],
    oned: Oned,
    fe: String,
    /// What all VMs have clones of, and nobody had before.
    parent: Image,
    dir: PathBuf,
    seed: u64,
}

pub fn thirty_vms(case: &Case) -> Result<()> {
    let given = std::env::var("WARMBLOCK_STORM_SEED").ok();
    let seed = match given {
        Some(seed) => seed.parse().context("WARMBLOCK_STORM_SEED")?,
        None => SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs(),
    };
    eprintln!("storm: WARMBLOCK_STORM_SEED={seed}");
    case.world.lab(&["ceph", "mgr"])?.ok()?;
    let hosts = [case.host(), case.other()];
    hosts.iter().try_for_each(|host| host.configure(PATIENCE))?;
    let played = play(case, seed).with_context(|| format!("WARMBLOCK_STORM_SEED={seed}"));
    hosts.iter().try_for_each(|host| host.configure(""))?;
    let stopped = case.world.lab(&["ceph", "stop", "mgr.x"])?.ok();
    played.and(stopped.map(drop))
}

fn play(case: &Case, seed: u64) -> Result<()> {
    let before = Traces::of(&case.world)?;
    let storm = Storm::new(case, seed)?;
    let vms = (0..VMS).map(|number| Vm::new(&storm, number).map(Actor::Vm));
    let shelves = (0..SHELVES).map(|number| Ok(Actor::Shelf(Shelf::new(&storm, number))));
    let mut actors: Vec<Actor> = vms.chain(shelves).collect::<Result<_>>()?;
    for round in 1..=ROUNDS {
        let began = Instant::now();
        actors = storm.all(actors, Actor::next)?;
        eprintln!(
            "storm: round {round}, {:.0} s",
            began.elapsed().as_secs_f64()
        );
        storm.stands(&actors, &before)?;
    }
    storm.all(actors, Actor::end)?;
    storm.gone(&before)
}

impl<'c> Storm<'c> {
    fn new(case: &'c Case, seed: u64) -> Result<Self> {
        let world = &*case.world;
        let storm = Self {
            world,
            hosts: [case.host(), case.other()],
            oned: Oned::start(world)?,
            fe: Oned::name()?,
            parent: world.blank(SIZE)?,
            dir: datastores(world)?.join("100"),
            seed,
        };
        world.write_elsewhere(&storm.parent, seed, 0, 2 * MIB)?;
        world.write_elsewhere(&storm.parent, seed, SIZE - 64 * KIB, 64 * KIB)?;
        storm.oned.release(RELEASE)?;
        let template = "<POOL_NAME>one</POOL_NAME><BRIDGE_LIST>hv1 hv2</BRIDGE_LIST>";
        let document =
            format!("<DATASTORE><ID>101</ID><TEMPLATE>{template}</TEMPLATE></DATASTORE>");
        storm.oned.datastore(101, &document);
        let script = storm.oned.var().join("context.sh");
        warmblock::sys::atomic::write(&script, b"A='b'\n")?;
        Ok(storm)
    }

    fn dice(&self, actor: u32) -> Dice {
        Dice::new(self.seed, actor.into())
    }

    /// Each of them does something, in this order, as many at once as oned has threads.
    fn all(
        &self,
        actors: Vec<Actor>,
        act: fn(&mut Actor, &Self) -> Result<()>,
    ) -> Result<Vec<Actor>> {
        let waiting = Mutex::new(VecDeque::from(actors));
        let lock = || waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let work = || -> Result<Vec<Actor>> {
            let mut done = Vec::new();
            loop {
                let Some(mut actor) = lock().pop_front() else {
                    return Ok(done);
                };
                if let Err(error) = act(&mut actor, self) {
                    // The others need not go on.
                    lock().clear();
                    return Err(error.context(actor.told()));
                }
                done.push(actor);
            }
        };
        let done = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
            let done = workers.into_iter().map(|worker| {
                let done = worker.join();
                done.map_err(|_| anyhow::anyhow!("a worker panicked"))?
            });
            done.collect::<Result<Vec<_>>>()
        })?;
        let mut done: Vec<Actor> = done.into_iter().flatten().collect();
        done.sort_by_key(Actor::number);
        Ok(done)
    }

    /// After a round: each VM has its disks where it is, and they are well; there are the images and snapshots that there are to be;
    /// nobody is at work.
    fn stands(&self, actors: &[Actor], before: &Traces) -> Result<()> {
        for host in self.hosts {
            rests(host)?;
            let status = host.wb(&["status"]).ok()?;
            let disks = status["disks"].as_array().cloned().unwrap_or_default();
            ensure!(
                disks.iter().all(|disk| disk["well"] == true),
                "not well on {}: {status}",
                host.name
            );
            let name = |disk: &serde_json::Value| disk["image"].as_str().map(str::to_owned);
            let have: BTreeSet<String> = disks.iter().filter_map(name).collect();
            let want = actors.iter().flat_map(|actor| actor.at(host));
            let want: BTreeSet<String> = want.map(|name| format!("one/{name}")).collect();
            same(&format!("disks on {}", host.name), have, want)?;
        }
        let own = actors.iter().flat_map(Actor::names);
        let parent = self.parent.spec.trim_start_matches("one/").to_owned();
        let want: BTreeSet<String> = own.chain([parent]).collect();
        same("images", before.new_images(self.world)?, want)?;
        for disk in actors.iter().flat_map(Actor::disks) {
            let have: BTreeSet<String> = self.world.snapshots(&disk.image)?.into_iter().collect();
            let want = disk.snapshots.keys().map(u32::to_string).collect();
            same(&format!("snapshots of {}", disk.name()), have, want)?;
        }
        Ok(())
    }

    /// At the end of all there is what was before, and nothing else.
    fn gone(&self, before: &Traces) -> Result<()> {
        self.world.check_ceph(&self.parent)?;
        shelf::remove(self, &self.parent.spec)?;
        for host in self.hosts {
            rests(host)?;
            host.sh("[ -z \"$(find /run/links -mindepth 3)\" ] && rm -rf /run/links")?;
            host.check_empty()?;
        }
        traces::front_end(self.world, &self.dir)?;
        before.are_all(self.world)
    }
}

/// Nothing of ours is at work on a host.
fn rests(host: &Host) -> Result<()> {
    eventually(&format!("{} to rest", host.name), 60, || {
        Ok(host.try_sh("pgrep -x warmblock")?.code == 1)
    })
}
