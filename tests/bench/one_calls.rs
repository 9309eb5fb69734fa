//! What each driver action costs: `one_calls BINARY ROUNDS` plays the life of a VM on hv1 and hv2 of the lab that it runs in, as
//! oned would, once per round and once more under strace. It prints a line of JSON per action: seconds as the median of the
//! rounds, split into the front-end's own, the ssh round trips, and the hosts' work; and processes, counted.

#[allow(dead_code, reason = "the lab tier's own module")]
#[path = "../lab_tier/cmd.rs"]
mod cmd;
#[allow(dead_code, reason = "the lab tier's own module")]
#[path = "../lab_tier/oned.rs"]
mod oned;
#[allow(dead_code, reason = "the lab tier's own module")]
#[path = "../lab_tier/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use warmblock::sys::atomic;

use oned::Oned;
use world::{SMALL, World, path};

/// ssh as oned's PATH has it: over a connection that stands, and noting when it began and ended. Under strace it has the host
/// note what is started there.
const SSH: &str = r#"#!/bin/bash
begun=$EPOCHREALTIME
while [ "$1" != -- ]; do shift; done
host=$2 line=${3#sudo -n }
[ ! -e "$VAR/trace" ] || line="strace -f -qq -e trace=process -o /lab/trace.$$ $line"
dir=$LABS/$host
/usr/bin/ssh -F /dev/null -o ControlPath="$dir/boot/ssh-root" -l root x "$line"
rc=$?
echo "$host $$ $begun $EPOCHREALTIME" >>"$VAR/ssh.times"
exit $rc
"#;

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().filter(|arg| arg != "--bench").collect();
    let [_, binary, rounds] = args.as_slice() else {
        bail!("one_calls BINARY ROUNDS");
    };
    let world = World::enter()?;
    std::fs::copy(binary, world.file("warmblock"))?;
    let mut bench = Bench::new(&world)?;
    for round in 0..rounds.parse()? {
        Life::new(&mut bench, 100 + round)?.live()?;
    }
    bench.tracing = true;
    atomic::write(&bench.oned.var().join("trace"), b"")?;
    Life::new(&mut bench, 99)?.live()?;
    bench.tell();
    Ok(())
}

/// What an action took.
#[derive(Debug, Default)]
struct Cost {
    /// Seconds: all of it, and that part in which an ssh ran.
    times: Vec<(f64, f64)>,
    /// Connections of one call.
    connections: usize,
    /// Processes on the front-end, the driver and the ssh's included.
    here: usize,
    /// And those on hosts.
    there: usize,
}

struct Bench<'w> {
    world: &'w World,
    oned: Oned,
    tracing: bool,
    costs: BTreeMap<String, Cost>,
    /// In the order of their first call.
    order: Vec<String>,
    round_trips: Vec<f64>,
}

impl<'w> Bench<'w> {
    fn new(world: &'w World) -> Result<Self> {
        let oned = Oned::start(world)?;
        let hosts = world.dir.join("h");
        let ssh = SSH
            .replace("$VAR", path(&oned.var())?)
            .replace("$LABS", path(&hosts)?);
        atomic::write_mode(&oned.var().join("bin/ssh"), ssh.as_bytes(), 0o755)?;
        for host in ["hv1", "hv2"] {
            world.lab(&["host", "ssh", host, "true"])?.ok()?;
        }
        Ok(Self {
            world,
            oned,
            tracing: false,
            costs: BTreeMap::new(),
            order: Vec::new(),
            round_trips: Vec::new(),
        })
    }

    /// A call of a driver; what it says on standard output.
    fn call(&mut self, name: &str, words: &[&str], stdin: &str) -> Result<String> {
        let (times, trace) = (
            self.oned.var().join("ssh.times"),
            self.oned.var().join("strace"),
        );
        atomic::remove(&times)?;
        let mut argv = vec!["strace", "-f", "-qq", "-e", "trace=process", "-o"];
        argv.push(path(&trace)?);
        if !self.tracing {
            argv.clear();
        }
        argv.extend(["warmblock", "one"]);
        let began = Instant::now();
        let out = self.oned.run(&[argv.as_slice(), words].concat(), stdin)?;
        let all = began.elapsed().as_secs_f64();
        let out = out.ok().with_context(|| name.to_owned())?;
        let connections = connections(&times)?;
        let here = self.tracing.then(|| processes(&trace)).transpose()?;
        let there = if self.tracing {
            let traced = connections.iter().map(|done| self.trace_of(done));
            traced.sum::<Result<usize>>()?
        } else {
            0
        };
        if !self.costs.contains_key(name) {
            self.order.push(name.to_owned());
        }
        let cost = self.costs.entry(name.to_owned()).or_default();
        match here {
            // Each connection of ours is a shell that has ssh as its child, where there is one process otherwise.
            Some(here) => (cost.here, cost.there) = (here - connections.len(), there),
            None => cost.times.push((all, covered(&connections))),
        }
        cost.connections = connections.len();
        Ok(out.stdout)
    }

    fn trace_of(&self, done: &Connection) -> Result<usize> {
        let file = format!("h/{}/trace.{}", done.host, done.process);
        processes(&self.world.dir.join(file))
    }

    /// How long a command takes on a host that does nothing.
    fn round_trip(&mut self) -> Result<()> {
        let ssh = self.oned.var().join("bin/ssh");
        let began = Instant::now();
        self.oned
            .run(&[path(&ssh)?, "--", "hv1", "sudo -n true"], "")?
            .ok()?;
        if !self.tracing {
            self.round_trips.push(began.elapsed().as_secs_f64());
        }
        Ok(())
    }

    fn tell(&self) {
        let trip = median(self.round_trips.clone());
        for name in &self.order {
            let cost = &self.costs[name];
            let of = |pick: fn(&(f64, f64)) -> f64| median(cost.times.iter().map(pick).collect());
            let (all, own) = (of(|time| time.0), of(|time| time.0 - time.1));
            let trips = trip * if cost.connections > 0 { 1.0 } else { 0.0 };
            let line = json!({
                "action": name, "wall": all, "own": own, "trip": trips, "host": (all - own - trips).max(0.0),
                "ssh": cost.connections, "here": cost.here, "there": cost.there,
            });
            println!("{line}");
        }
    }
}

/// An ssh that ran.
#[derive(Debug)]
struct Connection {
    host: String,
    process: String,
    from: f64,
    to: f64,
}

fn connections(file: &Path) -> Result<Vec<Connection>> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let one = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [host, process, from, to] = words.as_slice() else {
            bail!("{line:?} in {}", file.display());
        };
        Ok(Connection {
            host: (*host).to_owned(),
            process: (*process).to_owned(),
            from: from.parse()?,
            to: to.parse()?,
        })
    };
    text.lines().map(one).collect()
}

/// The seconds in which at least one of them ran.
fn covered(connections: &[Connection]) -> f64 {
    let mut spans: Vec<(f64, f64)> = connections.iter().map(|c| (c.from, c.to)).collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut sum, mut end) = (0.0, 0.0_f64);
    for (from, to) in spans {
        sum += (to - from.max(end)).max(0.0);
        end = end.max(to);
    }
    sum
}

/// How many processes a trace has seen: the first, and each that was made and is no thread.
fn processes(trace: &Path) -> Result<usize> {
    let text = std::fs::read_to_string(trace).with_context(|| trace.display().to_string())?;
    let made = |line: &&str| {
        let call = line
            .split_once(' ')
            .map_or("", |(_, call)| call.trim_start());
        let makes = ["fork(", "vfork(", "clone(", "clone3("]
            .iter()
            .any(|name| call.starts_with(name));
        makes && !call.contains("CLONE_THREAD") && !call.contains("= -1")
    };
    Ok(1 + text.lines().filter(made).count())
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(0.0)
}

/// One VM, with a clone and an image of its own, and images of a datastore.
struct Life<'b, 'w> {
    bench: &'b mut Bench<'w>,
    id: u32,
    dir: PathBuf,
    front_end: String,
    parent: String,
    own: String,
}

const COMMON: &str = "<TM_MAD>warmblock</TM_MAD><WARMBLOCK_SIZE>64M</WARMBLOCK_SIZE><WARMBLOCK_SEED>none</WARMBLOCK_SEED>";

impl<'b, 'w> Life<'b, 'w> {
    fn new(bench: &'b mut Bench<'w>, id: u32) -> Result<Self> {
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

    fn live(mut self) -> Result<()> {
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
