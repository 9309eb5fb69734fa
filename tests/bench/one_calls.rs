//! What each driver action costs: `one_calls BINARY ROUNDS` plays the life of a VM on hv1 and hv2 of the lab that it runs in, as
//! oned would, once per round and once more under strace. It prints a line of JSON per action: seconds as the median of the
//! rounds, split into the front-end's own, the ssh round trips, and the hosts' work; and processes, counted.

#[allow(dead_code, reason = "the lab tier's own module")]
#[path = "../lab_tier/cmd.rs"]
mod cmd;
#[path = "one_life.rs"]
mod life;
#[allow(dead_code, reason = "the lab tier's own module")]
#[path = "../one/oned.rs"]
mod oned;
#[allow(dead_code, reason = "the lab tier's own module")]
#[path = "../lab_tier/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};
use serde_json::json;
use warmblock::sys::atomic;

use life::Life;
use oned::Oned;
use world::{World, path};

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
