//! Fifteen actions at once, as one_tm and one_datastore have threads, on the disks of thirty VMs. No two are of one VM: that much
//! oned sees to. All clones are of one image, which nobody has cloned before.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};

use super::vm::datastores;
use crate::case::Case;
use crate::host::Host;
use crate::one::oned::Oned;
use crate::tests::same;
use crate::world::{Image, KIB, MIB, SMALL, World, path};

const AT_ONCE: usize = 15;

/// What a VM goes through: the state of its life cycle, and lines of a transfer file with places to fill in.
type Script = &'static [(u32, &'static str)];

/// A disk that goes with its VM, on two hosts.
const CLONED: Script = &[
    (1, "CLONE warmblock FE:PARENT FROM:DIR/disk.0 IDS"),
    (1, "CLONE warmblock FE:PARENT FROM:DIR/disk.0 IDS"),
    (21, "SNAP_CREATE warmblock FROM:DIR/disk.0 0 IDS"),
    (10, "MV warmblock FROM:DIR/disk.0 FE:DIR/disk.0 IDS"),
    (9, "MV warmblock FE:DIR/disk.0 TO:DIR/disk.0 IDS"),
    (22, "SNAP_REVERT warmblock TO:DIR/disk.0 0 IDS"),
    (23, "SNAP_DELETE warmblock TO:DIR/disk.0 0 IDS"),
    (63, "RESIZE warmblock TO:DIR/disk.0 32 IDS"),
    (26, "CPDS warmblock TO:DIR/disk.0 SAVED -1 IDS"),
    (
        11,
        "DELETE warmblock TO:DIR/disk.0 IDS\nDELETE warmblock TO:DIR IDS\nDELETE warmblock FROM:DIR IDS",
    ),
];

/// A disk that is an image, in write-back, and has data that only its cache has.
const OWNED: Script = &[
    (1, "LN warmblock FE:OWN FROM:DIR/disk.1 IDS"),
    (21, "SNAP_CREATE warmblock FROM:DIR/disk.1 0 IDS"),
    (3, "SNAP_CREATE_LIVE warmblock FROM:DIR/disk.1 1 IDS"),
    (8, "MV warmblock FROM:DIR/disk.1 TO:DIR/disk.1 IDS"),
    (26, "CPDS warmblock TO:DIR/disk.1 SAVED 0 IDS"),
    (23, "SNAP_DELETE warmblock TO:DIR/disk.1 1 IDS"),
    (22, "SNAP_REVERT warmblock TO:DIR/disk.1 0 IDS"),
    (23, "SNAP_DELETE warmblock TO:DIR/disk.1 0 IDS"),
    (1, "LN warmblock FE:OWN TO:DIR/disk.1 IDS"),
    (
        11,
        "MVDS warmblock TO:DIR/disk.1 OWN IDS\nDELETE warmblock TO:DIR IDS\nDELETE warmblock FROM:DIR IDS",
    ),
];

/// Disks that are made for the VM.
const VOLATILE: Script = &[
    (1, "MKIMAGE warmblock 16 raw FROM:DIR/disk.2 IDS"),
    (1, "MKSWAP warmblock 8 FROM:DIR/disk.3 IDS"),
    (1, "MKIMAGE warmblock 16 raw FROM:DIR/disk.2 IDS"),
    (8, "MV warmblock FROM:DIR/disk.2 TO:DIR/disk.2 IDS"),
    (8, "MV warmblock FROM:DIR/disk.3 TO:DIR/disk.3 IDS"),
    (8, "MV warmblock FROM:DIR TO:DIR IDS"),
    (63, "RESIZE warmblock TO:DIR/disk.2 24 IDS"),
    (11, "DELETE warmblock TO:DIR/disk.2 IDS"),
    (11, "DELETE warmblock TO:DIR/disk.3 IDS"),
    (
        11,
        "DELETE warmblock TO:DIR IDS\nDELETE warmblock FROM:DIR IDS",
    ),
];

const COMMON: &str = "<TM_MAD>warmblock</TM_MAD><WARMBLOCK_SIZE>8M</WARMBLOCK_SIZE><WARMBLOCK_SEED>none</WARMBLOCK_SEED>";

struct Vm {
    id: u32,
    script: Script,
    done: usize,
    from: &'static str,
    to: &'static str,
    own: Option<Image>,
    saved: String,
}

struct Storm<'c> {
    world: &'c World,
    hosts: [&'c Host; 2],
    oned: Oned,
    fe: String,
    parent: Image,
    dir: PathBuf,
}

pub fn thirty_vms(case: &Case) -> Result<()> {
    let world = &*case.world;
    let storm = Storm {
        world,
        hosts: [case.host(), case.other()],
        oned: Oned::start(world)?,
        fe: Oned::name()?,
        parent: world.clone_of(SMALL)?,
        dir: datastores(world)?.join("100"),
    };
    storm.oned.release("7.4.0")?;
    storm.oned.datastore(
        101,
        "<DATASTORE><ID>101</ID><TEMPLATE><POOL_NAME>one</POOL_NAME><BRIDGE_LIST>hv1 hv2</BRIDGE_LIST></TEMPLATE></DATASTORE>",
    );
    let vms: VecDeque<Vm> = (0..30).map(|n| storm.vm(500 + n)).collect::<Result<_>>()?;
    let waiting = Mutex::new(vms);
    let ended = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE)
            .map(|_| scope.spawn(|| storm.work(&waiting)))
            .collect();
        let ended = workers.into_iter().map(|worker| {
            let done = worker
                .join()
                .map_err(|_| anyhow::anyhow!("a worker panicked"));
            done.and_then(|done| done)
        });
        ended.collect::<Result<Vec<_>>>()
    })?;
    let ended: Vec<Vm> = ended.into_iter().flatten().collect();
    same("VMs that came through", ended.len(), 30)?;
    storm.check(&ended)
}

impl Storm<'_> {
    fn vm(&self, id: u32) -> Result<Vm> {
        let kind = id % 3;
        let (from, to) = match id / 3 % 2 {
            0 => ("hv1", "hv2"),
            _ => ("hv2", "hv1"),
        };
        let own = (kind == 1)
            .then(|| self.world.clone_of(SMALL))
            .transpose()?;
        Ok(Vm {
            id,
            script: [CLONED, OWNED, VOLATILE][kind as usize],
            done: 0,
            from,
            to,
            own,
            saved: format!("one/{}", self.world.name("saved")),
        })
    }

    /// Takes the VM that has waited longest through its next action, until none waits; those that it saw end.
    fn work(&self, waiting: &Mutex<VecDeque<Vm>>) -> Result<Vec<Vm>> {
        let lock = || waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ended = Vec::new();
        loop {
            let Some(mut vm) = lock().pop_front() else {
                return Ok(ended);
            };
            if let Err(error) = self.act(&mut vm) {
                // The others need not go on.
                lock().clear();
                return Err(error.context(format!("VM {}, action {}", vm.id, vm.done)));
            }
            vm.done += 1;
            match vm.done == vm.script.len() {
                true => ended.push(vm),
                false => lock().push_back(vm),
            }
        }
    }

    fn act(&self, vm: &mut Vm) -> Result<()> {
        let (state, lines) = vm.script.get(vm.done).context("no such action")?;
        let dir = self.dir.join(vm.id.to_string());
        let own = vm.own.as_ref().map_or("", |own| own.spec.as_str());
        let lines = lines
            .replace("DIR", &format!("/{}", path(&dir)?))
            .replace("IDS", &format!("{} 101", vm.id))
            .replace("PARENT", &self.parent.spec)
            .replace("SAVED", &vm.saved)
            .replace("OWN", own)
            .replace("FE:", &format!("{}:", self.fe))
            .replace("FROM:", &format!("{}:", vm.from))
            .replace("TO:", &format!("{}:", vm.to));
        let at = if lines.contains(&format!(" {}:", vm.to)) {
            vm.to
        } else {
            vm.from
        };
        self.oned.vm(vm.id, &self.document(vm, *state, at));
        let heard = self.oned.lines("7.4.0", vm.id, &lines)?;
        ensure!(heard.success, "{lines}: {}", heard.info);
        // Data that only the cache has yet.
        let host = self.hosts.into_iter().find(|host| host.name == vm.from);
        if let (Some(own), 0, Some(host)) = (&vm.own, vm.done, host) {
            host.write(path(&dir.join("disk.1"))?, own, vm.id.into(), MIB, 64 * KIB)?;
        }
        Ok(())
    }

    fn document(&self, vm: &Vm, state: u32, host: &str) -> String {
        let disk = |number: u32, rest: &str| {
            format!("<DISK><DISK_ID>{number}</DISK_ID>{COMMON}{rest}</DISK>")
        };
        let own = vm.own.as_ref().map_or("one/none", |own| own.spec.as_str());
        let disks = [
            disk(
                0,
                &format!(
                    "<IMAGE_ID>42</IMAGE_ID><SOURCE>{}</SOURCE><CLONE>YES</CLONE>",
                    self.parent.spec
                ),
            ),
            disk(
                1,
                &format!(
                    "<IMAGE_ID>43</IMAGE_ID><SOURCE>{own}</SOURCE><CLONE>NO</CLONE><WARMBLOCK_MODE>writeback</WARMBLOCK_MODE>"
                ),
            ),
            disk(2, "<TYPE>fs</TYPE><SIZE>16</SIZE>"),
            disk(3, "<TYPE>swap</TYPE><SIZE>8</SIZE>"),
        ];
        let hosts = [vm.from, vm.to];
        let stay = |host: &&str| {
            format!(
                "<HISTORY><SEQ>0</SEQ><HOSTNAME>{host}</HOSTNAME><DS_ID>100</DS_ID><TM_MAD>warmblock</TM_MAD></HISTORY>"
            )
        };
        let stays: String = hosts
            .iter()
            .take(1 + usize::from(host == vm.to))
            .map(stay)
            .collect();
        format!(
            "<VM><ID>{}</ID><LCM_STATE>{state}</LCM_STATE><TEMPLATE>{}</TEMPLATE><HISTORY_RECORDS>{stays}</HISTORY_RECORDS></VM>",
            vm.id,
            disks.concat()
        )
    }

    /// Nothing is left of any VM but what was saved of it, and the images that were there before.
    fn check(&self, vms: &[Vm]) -> Result<()> {
        for host in self.hosts {
            host.sh("[ -z \"$(find /run/links ! -type d)\" ] && rm -rf /run/links")?;
            host.check_empty()?;
        }
        let names = self.world.rbd(&["ls", "one"])?;
        let names: Vec<&str> = names.stdout.lines().collect();
        let clone = format!("{}-", self.parent.spec.trim_start_matches("one/"));
        for vm in vms {
            let left = |name: &&&str| {
                let end = format!("-{}-", vm.id);
                name.contains(&end) && (name.starts_with(&clone) || name.starts_with("one-sys"))
            };
            same("left of a VM", names.iter().find(left), None)?;
            let saved = vm.saved.trim_start_matches("one/");
            if let Some(own) = &vm.own {
                same(
                    "snapshots",
                    self.world.snapshots(own)?,
                    Vec::<String>::new(),
                )?;
                let lease = self.world.lease(own)?;
                ensure!(
                    lease["holder"].is_null(),
                    "the lease of {}: {lease}",
                    own.spec
                );
                self.world.check_ceph(own)?;
                let spec = vm.saved.clone();
                self.world.check_ceph(&Image {
                    spec,
                    ..own.clone()
                })?;
            }
            same(
                "it was saved",
                names.contains(&saved),
                !std::ptr::eq(vm.script, VOLATILE),
            )?;
            if names.contains(&saved) {
                self.world.rbd(&["rm", "--no-progress", &vm.saved])?;
            }
        }
        let unfinished: Vec<_> = names.iter().filter(|name| name.contains(".wb-")).collect();
        same("unfinished images", unfinished, Vec::<&&str>::new())?;
        self.world.check_ceph(&self.parent)?;
        let trash = self.world.rbd(&["trash", "ls", "--all", "one"])?;
        same("the trash", trash.text(), "")
    }
}
