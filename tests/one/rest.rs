//! Guests that are brought to rest for a snapshot, at a virsh that keeps one and refuses what libvirt refuses: whoever is killed
//! meanwhile, and whatever comes next, the guest goes on; unless somebody else has paused it.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail, ensure};
use warmblock::image::{ImageJob, OneSnap};
use warmblock::job::{Job, Quiet, Request, Rest, StepAsk};

use super::vm::{Vm, gone};
use crate::case::Case;
use crate::cmd::{KILLED, Out};
use crate::host::Host;
use crate::tests::same;
use crate::world::{KIB, MIB, path};

const VIRSH: &str = include_str!("../stubs/virsh/virsh");
const AT: &str = "/usr/sbin/virsh.d";
/// Where libvirt notes its guests' processes, which is here one that does not end.
const GUESTS: &str = "/run/libvirt/qemu";
/// More steps than a snapshot has.
const TOO_MANY: u32 = 60;

/// What comes next.
const NEXT: [&str; 4] = [
    "prebackup_live",
    "postbackup_live",
    "snap_create_live",
    "recover",
];

/// The guest that the host's virsh has.
struct Guest<'h> {
    host: &'h Host,
}

impl<'h> Guest<'h> {
    fn starts(host: &'h Host) -> Result<Self> {
        let stub = host.put("virsh", VIRSH.as_bytes())?;
        host.sh(&format!(
            "install -m 755 {stub} /usr/sbin/virsh && mkdir -p {AT} {GUESTS} && : >{AT}/fails && \
             echo 1 >{GUESTS}/one-12.pid"
        ))?;
        let guest = Self { host };
        guest.now("running", "booted")?;
        Ok(guest)
    }

    fn now(&self, state: &str, reason: &str) -> Result<()> {
        let line =
            format!("cd {AT} && echo '{state}' >state && echo '{reason}' >reason && rm -f frozen");
        self.host.sh(&line).map(drop)
    }

    /// Whether it is at rest, and how.
    fn rests(&self) -> Result<String> {
        let line = format!("cd {AT}; cat state; [ ! -e frozen ] || echo frozen");
        Ok(self.host.sh(&line)?.text().replace('\n', " "))
    }

    fn ends(self) -> Result<()> {
        let notes = "find /run/warmblock/guest -type f 2>/dev/null";
        same("notes", self.host.try_sh(notes)?.text(), "")?;
        let line = format!("rm -rf {AT} {GUESTS} /usr/sbin/virsh");
        self.host.sh(&line).map(drop)
    }
}

/// A snapshot as the driver asks the host for it, killed after a step: the front-end is gone as well, and undoes nothing.
fn killed(vm: &Vm<'_>, host: &Host, rest: Rest, step: u32) -> Result<Out> {
    let image: warmblock::model::ImageSpec = vm.own.spec.parse()?;
    let snap = OneSnap {
        image: image.clone(),
        snap: "5".parse()?,
    };
    let quiet = Quiet {
        image,
        domain: Some("one-12".into()),
        rest,
        steps: vec![StepAsk::new(Request::Image(ImageJob::SnapRetake(snap)))],
    };
    let job = Job {
        version: Job::VERSION,
        dry_run: false,
        request: Request::Quiet(quiet),
    };
    let job = host.put("job.json", &serde_json::to_vec(&job)?)?;
    host.try_sh(&format!(
        "WARMBLOCK_CRASH_AFTER={step} warmblock host <{job}; exit $?"
    ))
}

/// What comes next, at the front-end or on the host.
fn next(vm: &Vm<'_>, host: &Host, what: &str, rest: Rest) -> Result<()> {
    let freeze = match rest {
        Rest::Suspend => "SUSPEND",
        Rest::Freeze => "AGENT",
        Rest::Container => anyhow::bail!("libvirt has no containers"),
    };
    let config = format!(
        "</TEMPLATE><BACKUPS><BACKUP_CONFIG><MODE>FULL</MODE><FS_FREEZE>{freeze}</FS_FREEZE></BACKUP_CONFIG></BACKUPS>"
    );
    let document = vm.document(69, host.name).replace("</TEMPLATE>", &config);
    let (dir, id) = (
        format!("{}:{}", host.name, path(&vm.dir)?),
        vm.id.to_string(),
    );
    match what {
        "recover" => host.wb(&["recover"]).ok().map(drop),
        "snap_create_live" => {
            vm.state(3, host.name);
            let line = format!("SNAP_CREATE_LIVE warmblock {}:DIR/disk.1 7 IDS", host.name);
            vm.done(&line).map(drop)
        }
        backup => {
            vm.oned.vm(vm.id, &document);
            let words = ["tm", backup, &dir, "1", "one-12", "-", &id, "100"];
            vm.oned.call(&words, &document)?.ok().map(drop)
        }
    }
}

/// The snapshots that were taken, or not, are nobody's: the next ones are taken anew.
fn forgotten(vm: &Vm<'_>) -> Result<()> {
    for taken in vm.world.snapshots(&vm.own)? {
        if ["5", "7"].contains(&taken.as_str()) {
            let spec = format!("{}@{taken}", vm.own.spec);
            vm.world.rbd(&["snap", "rm", "--no-progress", &spec])?;
        }
    }
    Ok(())
}

pub fn goes_on(case: &Case) -> Result<()> {
    let (vm, host) = (Vm::new(case, 45)?, case.host());
    vm.prolog()?;
    host.write(&vm.disk(1), &vm.own, 1, MIB, 64 * KIB)?;
    let guest = Guest::starts(host)?;
    let mut left = BTreeSet::new();
    for step in 1..=TOO_MANY {
        let mut through = true;
        for (rest, shift) in [(Rest::Suspend, 0), (Rest::Freeze, 2)] {
            let out = killed(&vm, host, rest, step)?;
            ensure!([0, KILLED].contains(&out.code), "{out}");
            through &= out.code == 0;
            let what = NEXT[(step as usize + shift) % NEXT.len()];
            if guest.rests()? != "running" {
                left.insert((guest.rests()?, what));
            }
            let told = || format!("{what}, {rest:?} killed after step {step}");
            next(&vm, host, what, rest).with_context(told)?;
            forgotten(&vm)?;
            same(&told(), guest.rests()?.as_str(), "running")?;
        }
        if through {
            break;
        }
        if step == TOO_MANY {
            bail!("it has not come through");
        }
    }
    // Suspended by one that was killed, and frozen, before each that may come next.
    same("how it was left", left.len(), 2 * NEXT.len())?;
    somebody_elses(&vm, host, &guest)?;
    guest.ends()?;
    next(&vm, host, "postbackup_live", Rest::Freeze)?;
    forgotten(&vm)?;
    vm.epilog(host)?;
    gone(&vm, host)?;
    host.check_gone(&vm.own)
}

/// An operator has paused it, before the snapshot that is killed or after it was started anew: it stays so.
fn somebody_elses(vm: &Vm<'_>, host: &Host, guest: &Guest<'_>) -> Result<()> {
    guest.now("paused", "user")?;
    for step in [1, 3, 6] {
        killed(vm, host, Rest::Suspend, step)?;
        for what in NEXT {
            next(vm, host, what, Rest::Suspend)?;
            forgotten(vm)?;
            same(what, guest.rests()?.as_str(), "paused")?;
        }
    }
    guest.now("running", "booted")?;
    let mut step = 1;
    while guest.rests()? == "running" {
        ensure!(step < TOO_MANY, "it was never left suspended");
        killed(vm, host, Rest::Suspend, step)?;
        forgotten(vm)?;
        step += 1;
    }
    host.sh(&format!("echo 2 >{GUESTS}/one-12.pid"))?;
    next(vm, host, "recover", Rest::Suspend)?;
    same("started anew", guest.rests()?.as_str(), "paused")?;
    guest.now("running", "booted")
}
