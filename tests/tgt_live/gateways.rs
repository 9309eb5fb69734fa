//! Two hosts with a tgtd each, and the inventory that both have.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use warmblock::Kind;

use crate::cmd::{Out, eventually};
use crate::host::{Call, Host};
use crate::world::World;

/// Who logs in: the machine itself.
pub const ME: &str = "10.213.0.1";

pub struct Gateways {
    pub world: Arc<World>,
    pub hosts: [Host; 2],
}

impl Gateways {
    /// Boots both and starts their daemons.
    pub fn start(world: &Arc<World>) -> Result<Self> {
        let hosts = [("hv1", false), ("hv2", false)].map(|(name, udev)| Host {
            world: Arc::clone(world),
            name,
            udev,
        });
        let gateways = Self {
            world: Arc::clone(world),
            hosts,
        };
        std::thread::scope(|scope| -> Result<()> {
            let boots = gateways
                .hosts
                .each_ref()
                .map(|host| scope.spawn(|| host.boot()));
            boots.into_iter().try_for_each(|boot| boot.join().unwrap())
        })?;
        for n in 0..2 {
            gateways.start_tgtd(n)?;
        }
        Ok(gateways)
    }

    pub fn portal(&self, n: usize) -> SocketAddr {
        format!("10.213.0.1{}:3260", n + 1).parse().unwrap()
    }

    pub fn name(&self, n: usize) -> &'static str {
        self.hosts[n].name
    }

    pub fn start_tgtd(&self, n: usize) -> Result<()> {
        let host = &self.hosts[n];
        let portal = self.portal(n);
        host.sh(&format!(
            "mkdir -p /run/tgtd /etc/tgt/conf.d /etc/warmblock; ln -sf /lab/tgt.toml /etc/warmblock/tgt.toml; \
             ln -sf /lab/bin/warmblock /usr/local/bin/warmblock; \
             setsid tgtd -f --iscsi portal={portal} </dev/null >>/lab/tgtd.log 2>&1 &"
        ))?;
        eventually("tgtd", 30, || {
            Ok(host.try_sh("tgtadm --mode sys --op show")?.code == 0)
        })
    }

    /// A signal to the daemon of a gateway.
    pub fn signal(&self, n: usize, signal: &str) -> Result<()> {
        self.hosts[n]
            .sh(&format!("pkill -{signal} -x tgtd"))
            .map(drop)
    }

    /// Kills the daemon and waits until it is gone.
    pub fn kill(&self, n: usize) -> Result<()> {
        self.signal(n, "KILL")?;
        eventually("the end of tgtd", 10, || {
            Ok(self.hosts[n].try_sh("pgrep -x tgtd")?.code != 0)
        })
    }

    /// Nothing of an earlier test: both daemons run and serve nobody.
    pub fn clear(&self) -> Result<()> {
        self.inventory("")?;
        for n in 0..2 {
            let host = &self.hosts[n];
            host.world.lab(&["host", "net", host.name, "--mend"])?;
            if host.try_sh("pkill -CONT -x tgtd")?.code != 0 {
                self.start_tgtd(n)?;
            }
            self.tgt(n, &["apply", "--force"]).ok()?;
            let shown = host.sh("tgtadm --lld iscsi --mode target --op show")?;
            ensure!(shown.text().is_empty(), "{shown}");
        }
        Ok(())
    }

    /// The inventory of both gateways: what every one begins with, then these lines.
    pub fn inventory(&self, clients: &str) -> Result<()> {
        // by ssh as root to the one, by sudo on the other
        let text = format!(
            "[site]\niqn = \"iqn.2014-02.my.domain\"\n[registry]\npool = \"one\"\nobject = \"tgt-live\"\n\
             [gateway.hv1]\nportals = [\"{}\"]\nssh = \"root@hv1\"\n[gateway.hv2]\nportals = [\"{}\"]\n{clients}",
            self.portal(0),
            self.portal(1)
        );
        for host in &self.hosts {
            host.put("tgt.toml", text.as_bytes())?;
        }
        Ok(())
    }

    /// A secret's file on both gateways; its path there.
    pub fn secret(&self, name: &str, secret: &str) -> Result<String> {
        for host in &self.hosts {
            host.sh(&format!(
                "umask 077; echo {secret} > /etc/warmblock/{name}.secret"
            ))?;
        }
        Ok(format!("/etc/warmblock/{name}.secret"))
    }

    /// `warmblock tgt …` on a gateway.
    pub fn tgt(&self, n: usize, args: &[&str]) -> Call<'_> {
        self.hosts[n].wb(&[&["tgt"], args].concat())
    }

    /// `apply` on both; the second time nothing may be left to do.
    pub fn apply(&self) -> Result<()> {
        for n in 0..2 {
            self.tgt(n, &["apply"]).ok()?;
        }
        Ok(())
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
        self.hosts[n].sh(&format!("tgtadm --lld iscsi {args}"))
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

    pub fn diagnosis(&self) -> String {
        let line = "pgrep -a tgtd; timeout 5 tgtadm --lld iscsi --mode target --op show; tail -n 8 /lab/tgtd.log; cat /lab/tgt.toml";
        self.hosts
            .iter()
            .map(|host| match host.try_sh(line) {
                Ok(out) => format!("{}: {}\n", host.name, out.stdout),
                Err(error) => format!("{}: {error:#}\n", host.name),
            })
            .collect()
    }
}

/// Everything that a status says is wrong, as one text.
pub fn complaints(status: &Value) -> String {
    let mut all = vec![status["problems"].to_string()];
    for gateway in status["gateways"].as_array().into_iter().flatten() {
        all.push(format!("{} {}", gateway["error"], gateway["problems"]));
        for target in gateway["targets"].as_array().into_iter().flatten() {
            all.push(format!("{} {}", target["drift"], target["problems"]));
        }
    }
    all.join("\n")
}
