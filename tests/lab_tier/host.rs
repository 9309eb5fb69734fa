//! A hypervisor host of the lab: the program on it, and what its kernel has.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::cmd::{self, Out, Running};
use crate::world::{Image, LAB, World, noise, path};

/// What every command of the program may take, unless a test says otherwise.
const PATIENCE: Duration = Duration::from_secs(240);

/// Small slices, and deadlines after which a test can still be told.
pub const CONFIG: &str = r#"
[slice]
vg = "ssd"
shared = "96M"
size = "64M"
min = "4M"
[drivers]
path = ["/lab/drivers"]
[deadline]
lock = "60s"
tool = "60s"
map = "90s"
flush = "120s"
"#;

#[derive(Debug, Clone)]
pub struct Host {
    pub world: Arc<World>,
    pub name: &'static str,
    pub udev: bool,
}

/// One call of the program.
#[derive(Debug)]
pub struct Call<'a> {
    host: &'a Host,
    args: Vec<String>,
    env: Vec<String>,
    deadline: Duration,
}

impl Host {
    /// Boots it, with the program and its configuration in place. What an earlier boot kept on its SSD stays.
    pub fn boot(&self) -> Result<()> {
        let udev = if self.udev { "--udev" } else { "--no-udev" };
        self.world
            .lab(&["host", "up", self.name, udev, "--vg", "ssd", "--ssd", "2G"])?
            .ok()?;
        let binary = self.world.file("warmblock");
        self.world
            .lab(&["host", "put", self.name, path(&binary)?])?
            .ok()?;
        self.put("warmblock.toml", CONFIG.as_bytes())?;
        // Where VMs have their directories, which are nobody's; a disk's record asks for its link there.
        self.sh(
            "mkdir -p /etc/warmblock && ln -sf /lab/warmblock.toml /etc/warmblock/ && install -d -o nobody /run/links",
        )
        .map(drop)
    }

    /// A power cut.
    pub fn cut_power(&self) -> Result<()> {
        self.world
            .lab(&["host", "down", self.name, "--crash"])?
            .ok()
            .map(drop)
    }

    /// Forgets the host, its SSD included, and boots a new one.
    pub fn renew(&self) -> Result<()> {
        self.world.lab(&["host", "down", self.name, "--crash"])?;
        self.world.lab(&["host", "down", self.name])?.ok()?;
        self.boot()
    }

    /// What the host sees as this name below /lab.
    pub fn shared(&self, name: &str) -> PathBuf {
        self.world.dir.join("h").join(self.name).join(name)
    }

    /// A file that the host sees below /lab.
    pub fn put(&self, name: &str, content: &[u8]) -> Result<String> {
        File::create(self.shared(name))?.write_all(content)?;
        Ok(format!("/lab/{name}"))
    }

    /// The standard configuration with something over it, for [`Call::config`].
    pub fn config(&self, more: &str) -> Result<String> {
        let name = self.world.name("config");
        self.put(&format!("{name}.toml"), over_standard(more)?.as_bytes())
    }

    /// The standard configuration with something over it, for whoever names none, until the next boot.
    pub fn configure(&self, more: &str) -> Result<()> {
        self.put("warmblock.toml", over_standard(more)?.as_bytes())
            .map(drop)
    }

    /// Runs a shell line on the host; it must succeed.
    pub fn sh(&self, line: &str) -> Result<Out> {
        self.try_sh(line)?.ok()
    }

    /// Runs a shell line on the host.
    pub fn try_sh(&self, line: &str) -> Result<Out> {
        cmd::run(&[LAB, "host", "ssh", self.name, line], PATIENCE)
    }

    /// Runs a shell line on the host in the background.
    pub fn spawn(&self, line: &str) -> Result<Running> {
        Running::start(&[LAB, "host", "ssh", self.name, line])
    }

    /// A call of the program, which answers in JSON.
    pub fn wb(&self, args: &[&str]) -> Call<'_> {
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        Call {
            host: self,
            args,
            env: Vec::new(),
            deadline: PATIENCE,
        }
    }

    /// Attaches an image and gives the answer.
    pub fn attach(&self, image: &Image, options: &[&str]) -> Result<Value> {
        self.wb(&[&["attach", &image.spec], options].concat()).ok()
    }

    /// Detaches an image.
    pub fn detach(&self, image: &Image) -> Result<Value> {
        self.wb(&["detach", &image.spec]).ok()
    }

    /// The status of one disk, with its lease.
    pub fn status(&self, image: &Image) -> Result<Value> {
        let status = self.wb(&["status", "--lease", &image.spec]).ok()?;
        status["disks"]
            .get(0)
            .cloned()
            .with_context(|| format!("no disk in {status}"))
    }

    /// Writes `noise(seed)` to a device, past the page cache, and notes it in the model.
    pub fn write(
        &self,
        device: &str,
        image: &Image,
        seed: u64,
        offset: u64,
        len: u64,
    ) -> Result<()> {
        self.try_write(device, seed, offset, len)?.ok()?;
        image.expect(seed, offset, len)
    }

    /// Writes without noting it.
    pub fn try_write(&self, device: &str, seed: u64, offset: u64, len: u64) -> Result<Out> {
        self.start_write(device, seed, offset, len)?.wait(PATIENCE)
    }

    /// Begins to write, without noting it.
    pub fn start_write(&self, device: &str, seed: u64, offset: u64, len: u64) -> Result<Running> {
        let name = self.world.name("noise");
        let file = self.put(&name, &noise(seed, len))?;
        self.spawn(&format!(
            "dd if={file} of={device} bs=64k seek={offset} oflag=direct,seek_bytes conv=notrunc,fsync status=none"
        ))
    }

    /// What a device holds, read past the page cache.
    pub fn sha256(&self, device: &str) -> Result<String> {
        let out = self.sh(&format!(
            "set -o pipefail; dd if={device} bs=1M iflag=direct status=none | sha256sum"
        ))?;
        Ok(out.text().chars().take(64).collect())
    }

    /// The device must hold what the model holds.
    pub fn check(&self, device: &str, image: &Image) -> Result<()> {
        let (have, want) = (self.sha256(device)?, image.sha256()?);
        ensure!(
            have == want,
            "{device} of {} does not hold what was written to it",
            image.spec
        );
        Ok(())
    }

    /// `rbdN` of an image.
    pub fn rbd_device(&self, image: &Image) -> Result<String> {
        let name = image.spec.rsplit('/').next().unwrap_or_default();
        let line = format!(
            "cd /sys/bus/rbd/devices; for d in *; do [ \"$(cat $d/name)\" != {} ] || echo rbd$d; done",
            quote(name)
        );
        let out = self.sh(&line)?;
        ensure!(
            !out.text().is_empty(),
            "{} is not mapped on {}",
            image.spec,
            self.name
        );
        Ok(out.text().to_owned())
    }

    /// Sectors read from and written to a block device so far.
    pub fn sectors(&self, device: &str) -> Result<(u64, u64)> {
        let out = self.sh(&format!("cat /sys/block/{device}/stat"))?;
        let field = |n: usize| -> Result<u64> {
            Ok(out
                .text()
                .split_whitespace()
                .nth(n)
                .context("stat")?
                .parse()?)
        };
        Ok((field(2)?, field(6)?))
    }

    /// Everything of ours on the host that is not gone.
    pub fn leftovers(&self) -> Result<Vec<String>> {
        const LINE: &str = r#"
            dmsetup ls | grep -o '^wb-[^[:space:]]*' | sed 's/^/device /'
            lvs --noheadings -o lv_name,lv_tags | sed 's/^ */volume /'
            for d in /sys/bus/rbd/devices/*; do [ ! -e "$d/name" ] || echo "map of $(cat "$d/name")"; done
            find /var/lib/warmblock -type f | sed 's/^/file /'
            # not below /tmp/*: directories there may be of tests that run on the machine meanwhile, beneath this host's overlay
            find /run/warmblock /dev/shm /tmp -maxdepth 1 -name '*warmblock*' -o -name 'wb-*.tmp' -o -name '.wb*' | grep -v '^/run/warmblock' | sed 's/^/file /'
            find /run/warmblock -type f | while read -r f; do flock -n "$f" true || echo "held lock $f"; done
            find /run/links -mindepth 1 2>/dev/null | sed 's/^/link /'
            true"#;
        Ok(self.sh(LINE)?.text().lines().map(str::to_owned).collect())
    }

    /// Nothing of ours may be on the host.
    pub fn check_empty(&self) -> Result<()> {
        let left = self.leftovers()?;
        ensure!(
            left.is_empty(),
            "left behind on {}: {}",
            self.name,
            left.join("; ")
        );
        Ok(())
    }

    /// Nothing may be left of this image's attachment, here and in Ceph, and the image must hold what the model holds.
    pub fn check_gone(&self, image: &Image) -> Result<()> {
        self.check_empty()?;
        let lease = self.world.lease(image)?;
        ensure!(
            lease["holder"].is_null(),
            "the lease of {} is still held: {lease}",
            image.spec
        );
        let left = self.world.snapshots(image)?;
        ensure!(
            left.is_empty(),
            "{} has still snapshots {left:?}",
            image.spec
        );
        // The watch of a process that was killed while it changed a snapshot expires by itself.
        cmd::eventually(&format!("the watches of {} to end", image.spec), 60, || {
            Ok(self.world.watchers(image)?.is_empty())
        })?;
        self.world.check_ceph(image)
    }

    /// For the report of a failed test.
    pub fn diagnosis(&self) -> String {
        let line = "dmsetup status; dmsetup table; dmsetup info -c; lvs -o name,size,tags; ls /sys/bus/rbd/devices; \
                    tail -n +1 /var/lib/warmblock/disks/*; dmesg | tail -n 12";
        match cmd::run(
            &[LAB, "host", "ssh", self.name, line],
            Duration::from_secs(20),
        ) {
            Ok(out) => format!("{}: {}", self.name, out.stdout),
            Err(error) => format!("{}: {error:#}", self.name),
        }
    }
}

impl Call<'_> {
    /// Kills itself after its n-th step.
    pub fn crash_after(self, step: u32) -> Self {
        self.env("WARMBLOCK_CRASH_AFTER", &step.to_string())
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push(format!("{name}={value}"));
        self
    }

    /// Another configuration, see [`Host::config`].
    pub fn config(self, file: &str) -> Self {
        self.env("WARMBLOCK_CONFIG", file)
    }

    pub fn deadline(mut self, seconds: u64) -> Self {
        self.deadline = Duration::from_secs(seconds);
        self
    }

    fn line(&self) -> String {
        let words = ["env"]
            .into_iter()
            .map(str::to_owned)
            .chain(self.env.iter().cloned());
        let words = words
            .chain(["warmblock", "--json", "-q"].map(str::to_owned))
            .chain(self.args.iter().cloned());
        let line: Vec<String> = words.map(|word| quote(&word)).collect();
        // Not the shell's last command, so that it tells a signal as an exit code.
        format!("{}; exit $?", line.join(" "))
    }

    pub fn run(&self) -> Result<Out> {
        let began = Instant::now();
        let mut out = cmd::run(
            &[LAB, "host", "ssh", self.host.name, &self.line()],
            self.deadline,
        )?;
        out.what = format!(
            "{}: {} warmblock {}",
            self.host.name,
            self.env.join(" "),
            self.args.join(" ")
        );
        if std::env::var_os("WARMBLOCK_LAB_TRACE").is_some() {
            eprintln!(
                "{:6.2} s  {}  exit code {}",
                began.elapsed().as_secs_f64(),
                out.what,
                out.code
            );
        }
        Ok(out)
    }

    pub fn spawn(&self) -> Result<Running> {
        self.host.spawn(&self.line())
    }

    /// It must succeed; its answer.
    pub fn ok(&self) -> Result<Value> {
        self.run()?.ok()?.json()
    }
}

/// Quoted for a shell.
pub fn quote(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| "''".to_owned(), std::borrow::Cow::into_owned)
}

fn over_standard(more: &str) -> Result<String> {
    Ok(merge(CONFIG.parse()?, more.parse()?).to_string())
}

fn merge(mut base: toml::Table, over: toml::Table) -> toml::Table {
    for (key, value) in over {
        let value = match (base.remove(&key), value) {
            (Some(toml::Value::Table(base)), toml::Value::Table(over)) => {
                toml::Value::Table(merge(base, over))
            }
            (_, value) => value,
        };
        base.insert(key, value);
    }
    base
}

/// The path of the front in an answer.
pub fn front(report: &Value) -> Result<String> {
    report["front"]
        .as_str()
        .map(str::to_owned)
        .with_context(|| format!("no front in {report}"))
}

/// What each layer became: `["record made", …]`.
pub fn changes(report: &Value) -> Vec<String> {
    let word = |step: &Value, key: &str| step[key].as_str().unwrap_or_default().to_owned();
    let steps = report["steps"].as_array().cloned().unwrap_or_default();
    steps
        .iter()
        .map(|step| format!("{} {}", word(step, "layer"), word(step, "change")))
        .collect()
}

/// A status without what differs between two runs that did the same.
fn essence(status: &Value) -> Value {
    let layers = status["layers"].as_array().cloned().unwrap_or_default();
    let layers: Vec<Value> = layers
        .iter()
        .map(|layer| json!([layer["layer"], layer["well"]]))
        .collect();
    let (stats, lease) = (&status["stats"], &status["lease"]["holder"]);
    json!({
        "intent": status["intent"], "driver": status["driver"], "mode": status["mode"], "link": status["link"],
        "well": status["well"], "layers": layers, "running": status["running"],
        "capacity": stats["capacity"],
        "lease": [lease["host"], lease["driver"], lease["mode"], lease["dirty"]],
    })
}

/// Two states must be alike: the same essence, and no less resident, but for a few blocks that a guest that wrote while they
/// were filled has driven out. More may be: udev's probes and the guest's own I/O bring blocks in as the policy likes.
pub fn alike(now: &Value, then: &Value) -> Result<()> {
    let (have, want) = (essence(now), essence(then));
    ensure!(have == want, "status: {have} instead of {want}");
    let resident = |status: &Value| status["stats"]["resident"].as_u64().unwrap_or(0);
    let (have, want) = (resident(now), resident(then));
    ensure!(
        have + 4 * 256 * 1024 >= want,
        "resident: {have} instead of {want} bytes"
    );
    Ok(())
}
