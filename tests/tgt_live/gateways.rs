//! Two gateways, and the inventory that both have: on the machine itself, with a daemon, a directory and a control socket each
//! and a script for ssh; or, where ssh, caches or the network matter, on two hosts of the lab.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use warmblock::Kind;
use warmblock::sys::atomic;

use crate::cmd::{self, Out, eventually};
use crate::host::{Host, quote};
use crate::world::{Image, World, path};

/// Who logs in: the machine itself.
pub const ME: &str = "10.213.0.1";
const NAMES: [&str; 2] = ["hv1", "hv2"];

pub struct Gateways {
    pub world: Arc<World>,
    /// The hosts; without them both are on the machine.
    pub hosts: Option<[Host; 2]>,
    /// Counts the tests, each of which has a registry of its own: numbers are never given again.
    registry: AtomicUsize,
}

/// A call of the program on a gateway.
pub struct Call<'a> {
    gateways: &'a Gateways,
    n: usize,
    args: Vec<String>,
    env: Vec<String>,
    deadline: u64,
}

impl Gateways {
    /// Both on the machine.
    pub fn on_the_machine(world: &Arc<World>) -> Result<Self> {
        let gateways = Self {
            world: Arc::clone(world),
            hosts: None,
            registry: AtomicUsize::default(),
        };
        let bin = world.file("bin");
        std::fs::create_dir_all(&bin)?;
        // what ssh does, but for the way: the same words to the same program, as root, with the other's directories
        let script = format!(
            "#!/bin/bash\nto=${{*: -2:1}} to=${{to#root@}}\n\
             exec env WARMBLOCK_ROOT={dir}/$to TGT_IPC_SOCKET={lab}/tgt/$to/s PATH={bin}:/usr/sbin:/usr/bin:/sbin:/bin bash -c \"${{*: -1}}\"\n",
            dir = path(&world.file(""))?.trim_end_matches('/'),
            lab = path(&world.dir)?,
            bin = path(&bin)?,
        );
        atomic::write_mode(&bin.join("ssh"), script.as_bytes(), 0o755)?;
        std::os::unix::fs::symlink(world.file("warmblock"), bin.join("warmblock"))?;
        for name in NAMES {
            let config = format!(
                "host = \"{name}\"\n[tools]\npath = [\"{}\", \"/usr/sbin\", \"/sbin\", \"/usr/bin\", \"/bin\"]\n",
                path(&bin)?
            );
            let file = world.file(name).join("etc/warmblock/warmblock.toml");
            atomic::write(&file, config.as_bytes())?;
        }
        (0..2).try_for_each(|n| gateways.start_tgtd(n))?;
        Ok(gateways)
    }

    /// On two hosts, which are booted at the first need.
    pub fn far(&self) -> Result<&'static Self> {
        static FAR: OnceLock<Gateways> = OnceLock::new();
        if FAR.get().is_none() {
            let _nobody_else = FAR.set(Self::on_hosts(&self.world)?);
        }
        let far = FAR.get().context("the hosts were booted a moment ago")?;
        far.clear()?;
        Ok(far)
    }

    fn on_hosts(world: &Arc<World>) -> Result<Self> {
        let hosts = NAMES.map(|name| Host {
            world: Arc::clone(world),
            name,
            udev: false,
        });
        std::thread::scope(|scope| -> Result<()> {
            let boots = hosts.each_ref().map(|host| scope.spawn(|| host.boot()));
            boots.into_iter().try_for_each(|boot| boot.join().unwrap())
        })?;
        let gateways = Self {
            world: Arc::clone(world),
            hosts: Some(hosts),
            registry: AtomicUsize::default(),
        };
        (0..2).try_for_each(|n| gateways.start_tgtd(n))?;
        Ok(gateways)
    }

    pub fn portal(&self, n: usize) -> SocketAddr {
        let portal = match self.hosts {
            Some(_) => format!("10.213.0.1{}:3260", n + 1),
            None => format!("{ME}:328{n}"),
        };
        portal.parse().unwrap()
    }

    /// A shell line on a gateway; it must succeed.
    pub fn sh(&self, n: usize, line: &str) -> Result<Out> {
        self.try_sh(n, line)?.ok()
    }

    pub fn try_sh(&self, n: usize, line: &str) -> Result<Out> {
        let Some(hosts) = &self.hosts else {
            let line = format!(
                "TGT_IPC_SOCKET={}; export TGT_IPC_SOCKET; {line}",
                self.socket(n)?
            );
            return cmd::run(&["bash", "-c", &line], Duration::from_secs(60));
        };
        hosts[n].try_sh(line)
    }

    fn socket(&self, n: usize) -> Result<String> {
        Ok(format!("{}/tgt/{}/s", path(&self.world.dir)?, NAMES[n]))
    }

    /// Where a gateway's `/etc` is.
    fn etc(&self, n: usize) -> Result<String> {
        match &self.hosts {
            Some(_) => Ok("/etc".into()),
            None => Ok(format!("{}/etc", path(&self.world.file(NAMES[n]))?)),
        }
    }

    pub fn start_tgtd(&self, n: usize) -> Result<()> {
        let portal = self.portal(n);
        let Some(hosts) = &self.hosts else {
            let up = ["tgt", "up", NAMES[n], &portal.to_string()];
            return self.world.lab(&up)?.ok().map(drop);
        };
        hosts[n].sh(&format!(
            "mkdir -p /run/tgtd /etc/tgt/conf.d /etc/warmblock; ln -sf /lab/tgt.toml /etc/warmblock/tgt.toml; \
             ln -sf /lab/bin/warmblock /usr/local/bin/warmblock; \
             setsid tgtd -f --iscsi portal={portal} </dev/null >>/lab/tgtd.log 2>&1 &"
        ))?;
        eventually("tgtd", 30, || {
            Ok(hosts[n].try_sh("tgtadm --mode sys --op show")?.code == 0)
        })
    }

    fn pid(&self, n: usize) -> Result<PathBuf> {
        Ok(self.world.dir.join("tgt").join(NAMES[n]).join("pid"))
    }

    /// A signal to the daemon of a gateway; whether it is there.
    pub fn signal(&self, n: usize, signal: &str) -> Result<bool> {
        let line = match &self.hosts {
            Some(_) => format!("pkill -{signal} -x tgtd"),
            None => {
                // A start that failed has left none.
                let Ok(pid) = std::fs::read_to_string(self.pid(n)?) else {
                    return Ok(false);
                };
                format!("kill -{signal} {}", pid.trim())
            }
        };
        Ok(self.try_sh(n, &line)?.code == 0)
    }

    /// Kills the daemon and waits until it is gone.
    pub fn kill(&self, n: usize) -> Result<()> {
        ensure!(self.signal(n, "KILL")?, "there is no tgtd");
        eventually("the end of tgtd", 10, || {
            let shown = self.try_sh(n, "tgtadm --mode sys --op show")?;
            Ok(shown.code != 0)
        })
    }

    /// Nothing of an earlier test: both daemons run and serve nobody.
    pub fn clear(&self) -> Result<()> {
        self.inventory("")?;
        for n in 0..2 {
            let _may_be_gone = self.signal(n, "CONT")?;
            if self.try_sh(n, "tgtadm --mode sys --op show")?.code != 0 {
                self.start_tgtd(n)?;
            }
            self.tgt(n, &["apply", "--force"]).ok()?;
            let shown = self.sh(n, "tgtadm --lld iscsi --mode target --op show")?;
            ensure!(shown.text().is_empty(), "{shown}");
        }
        self.registry.fetch_add(1, Ordering::Relaxed);
        self.inventory("")
    }

    /// The inventory of both gateways: what every one begins with, then these lines.
    pub fn inventory(&self, clients: &str) -> Result<()> {
        let portals = [self.portal(0), self.portal(1)].map(|portal| portal.to_string());
        self.inventory_with_portals(&portals, clients)
    }

    /// The same with other portals than the daemons have.
    pub fn inventory_with_portals(&self, portals: &[String; 2], clients: &str) -> Result<()> {
        // on hosts by ssh as root to the one, by sudo on the other
        let second = if self.hosts.is_some() {
            "hv2"
        } else {
            "root@hv2"
        };
        let place = if self.hosts.is_some() {
            "hosts"
        } else {
            "machine"
        };
        let registry = format!("{place}-{}", self.registry.load(Ordering::Relaxed));
        let text = format!(
            "[site]\niqn = \"iqn.2014-02.my.domain\"\n[registry]\npool = \"one\"\nobject = \"tgt-live-{registry}\"\n\
             [gateway.hv1]\nportals = [\"{}\"]\nssh = \"root@hv1\"\n[gateway.hv2]\nportals = [\"{}\"]\nssh = \"{second}\"\n{clients}",
            portals[0], portals[1]
        );
        for n in 0..2 {
            match &self.hosts {
                Some(hosts) => drop(hosts[n].put("tgt.toml", text.as_bytes())?),
                None => {
                    let file = self.world.file(NAMES[n]).join("etc/warmblock/tgt.toml");
                    atomic::write(&file, text.as_bytes())?;
                }
            }
        }
        Ok(())
    }

    /// A secret's file on both gateways; its path there.
    pub fn secret(&self, name: &str, secret: &str) -> Result<String> {
        let file = path(&self.world.file(&format!("{name}.secret")))?.to_owned();
        for n in 0..2 {
            self.sh(n, &format!("umask 077; echo {secret} > {file}"))?;
        }
        Ok(file)
    }

    /// `warmblock tgt …` on a gateway.
    pub fn tgt(&self, n: usize, args: &[&str]) -> Call<'_> {
        self.call(n, &[&["tgt"], args].concat())
    }

    /// `warmblock …` on a gateway.
    pub fn call(&self, n: usize, args: &[&str]) -> Call<'_> {
        Call {
            gateways: self,
            n,
            args: args.iter().map(|word| (*word).to_owned()).collect(),
            env: Vec::new(),
            deadline: 120,
        }
    }

    /// `apply` on both.
    pub fn apply(&self) -> Result<()> {
        (0..2).try_for_each(|n| self.tgt(n, &["apply"]).ok().map(drop))
    }

    /// What `verify` says, and that it ends as it should.
    pub fn verify(&self, n: usize, args: &[&str], well: bool) -> Result<Value> {
        let out = self.tgt(n, &[&["verify"], args].concat()).run()?;
        let wanted = if well {
            0
        } else {
            i32::from(Kind::Mismatch.exit_code())
        };
        ensure!(out.code == wanted, "exit code {wanted} was wanted: {out}");
        out.json()
    }

    /// `status --all`, as one gateway sees it.
    pub fn status(&self, n: usize) -> Result<Value> {
        self.tgt(n, &["status", "--all"]).ok()
    }

    pub fn tgtadm(&self, n: usize, args: &str) -> Result<Out> {
        self.sh(n, &format!("tgtadm --lld iscsi {args}"))
    }

    /// What a restart of the distribution's unit does: a new daemon, then tgt-admin's files.
    pub fn restart(&self, n: usize) -> Result<()> {
        self.start_tgtd(n)?;
        let conf = format!("{}/tgt/conf.d", self.etc(n)?);
        self.sh(
            n,
            &format!(
                "cat {conf}/*.conf >{conf}/all && tgt-admin -e -c {conf}/all && rm {conf}/all"
            ),
        )
        .map(drop)
    }

    /// A file of tgt-admin's.
    pub fn file(&self, n: usize, client: &str) -> Result<String> {
        let line = format!("cat {}/tgt/conf.d/{client}.conf", self.etc(n)?);
        Ok(self.sh(n, &line)?.stdout)
    }

    /// `apply` knows nothing of what it set before.
    pub fn forget(&self, n: usize) -> Result<()> {
        let file = match &self.hosts {
            Some(_) => "/run/warmblock/tgt-applied.json".into(),
            None => format!(
                "{}/run/warmblock/tgt-applied.json",
                path(&self.world.file(NAMES[n]))?
            ),
        };
        self.sh(n, &format!("rm -f {file}")).map(drop)
    }

    /// The number of a target in the daemon.
    pub fn tid(&self, n: usize, iqn: &str) -> Result<String> {
        let shown = self.tgtadm(n, "--mode target --op show")?;
        let line = shown
            .stdout
            .lines()
            .find(|line| line.ends_with(iqn))
            .with_context(|| format!("no {iqn} in {shown}"))?;
        let tid = line.trim_start_matches("Target ").split(':').next();
        Ok(tid.unwrap_or_default().to_owned())
    }

    /// Bars whoever has an image open from Ceph, as an administrator does.
    pub fn bar(&self, image: &Image) -> Result<()> {
        for addr in self.world.watchers(image)? {
            let bar = ["ceph", "osd", "blocklist", "add", &addr];
            cmd::run(&bar, Duration::from_secs(30))?.ok()?;
        }
        eventually("the watch to go", 30, || {
            Ok(self.world.watchers(image)?.is_empty())
        })
    }

    pub fn diagnosis(&self) -> String {
        let line = "timeout 5 tgtadm --lld iscsi --mode target --op show";
        (0..2)
            .map(|n| match self.try_sh(n, line) {
                Ok(out) => format!("{}: {}{}\n", NAMES[n], out.stdout, out.stderr),
                Err(error) => format!("{}: {error:#}\n", NAMES[n]),
            })
            .collect()
    }
}

impl Call<'_> {
    /// Kills itself after its n-th step.
    pub fn crash_after(mut self, step: u32) -> Self {
        self.env.push(format!("WARMBLOCK_CRASH_AFTER={step}"));
        self
    }

    pub fn run(&self) -> Result<Out> {
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        let gateways = self.gateways;
        if let Some(hosts) = &gateways.hosts {
            let mut call = hosts[self.n].wb(&args).deadline(self.deadline);
            for (name, value) in self.env.iter().filter_map(|pair| pair.split_once('=')) {
                call = call.env(name, value);
            }
            return call.run();
        }
        let root = format!(
            "WARMBLOCK_ROOT={}",
            path(&gateways.world.file(NAMES[self.n]))?
        );
        let socket = format!("TGT_IPC_SOCKET={}", gateways.socket(self.n)?);
        let binary = gateways.world.file("warmblock");
        let mut argv = vec!["env", &root, &socket];
        argv.extend(self.env.iter().map(String::as_str));
        argv.extend([path(&binary)?, "--json", "-q"]);
        argv.extend(args);
        cmd::run(&argv, Duration::from_secs(self.deadline))
    }

    /// It must succeed; its answer.
    pub fn ok(&self) -> Result<Value> {
        self.run()?.ok()?.json()
    }

    /// It must end with this exit code, and say these words.
    pub fn says(&self, kind: Kind, words: &str) -> Result<()> {
        let out = self.run()?;
        ensure!(
            out.code == i32::from(kind.exit_code()) && out.stdout.contains(words),
            "it should have failed as {kind:?} with {}: {out}",
            quote(words)
        );
        Ok(())
    }
}

/// Everything that a status says is wrong, as one text.
pub fn complaints(status: &Value) -> String {
    let mut all = Vec::new();
    let mut add = |value: &Value| match value {
        Value::String(text) => all.push(text.clone()),
        Value::Array(texts) => {
            all.extend(texts.iter().filter_map(Value::as_str).map(str::to_owned))
        }
        _ => {}
    };
    add(&status["problems"]);
    for gateway in status["gateways"].as_array().into_iter().flatten() {
        add(&gateway["error"]);
        add(&gateway["problems"]);
        for target in gateway["targets"].as_array().into_iter().flatten() {
            add(&target["drift"]);
            add(&target["problems"]);
        }
    }
    all.join("\n")
}
