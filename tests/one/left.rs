//! What moves leave that end half way, where oned calls nothing: a VM that starts where it is, goes elsewhere, is made anew, or runs
//! on after its source died, all the same.

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::vm::{Vm, gone, holder};
use crate::case::Case;
use crate::cmd::Out;
use crate::host::Host;
use crate::tests::same;
use crate::world::{KIB, MIB, path};

/// A VM that has been on hosts, one after the other.
struct Travelled<'v> {
    vm: &'v Vm<'v>,
    hosts: Vec<&'static str>,
}

impl Travelled<'_> {
    /// It goes there: a new stay in its history, which also a failure gives it.
    fn goes(&mut self, lcm_state: u32, host: &'static str) {
        self.hosts.push(host);
        self.vm.oned.vm(self.vm.id, &self.document(lcm_state));
    }

    fn document(&self, lcm_state: u32) -> String {
        let stay = |(seq, host): (usize, &&str)| {
            format!(
                "<HISTORY><SEQ>{seq}</SEQ><HOSTNAME>{host}</HOSTNAME><DS_ID>100</DS_ID><TM_MAD>warmblock</TM_MAD></HISTORY>"
            )
        };
        let stays: String = self.hosts.iter().enumerate().map(stay).collect();
        let document = self.vm.document(lcm_state, "hv1");
        let begin = document.find("<HISTORY_RECORDS>").unwrap_or_default();
        format!(
            "{}<HISTORY_RECORDS>{stays}</HISTORY_RECORDS></VM>",
            &document[..begin]
        )
    }

    fn migrate(&self, action: &str) -> Result<Out> {
        let document = STANDARD.encode(self.document(4));
        let (dir, id) = (path(&self.vm.dir)?, self.vm.id.to_string());
        let words = ["tm", action, "hv1", "hv2", dir, &id, "101"];
        self.vm.oned.call(&words, &document)
    }

    /// `context`: the VM starts on hv1.
    fn starts(&self) -> Result<()> {
        let script = self.vm.oned.var().join("context.sh");
        warmblock::sys::atomic::write(&script, b"A='b'\n")?;
        let line = format!("CONTEXT warmblock {} hv1:DIR/disk.4 IDS", path(&script)?);
        self.vm.done(&line).map(drop)
    }
}

/// The host has nothing of the VM's disks any more; of its directory only files are left.
fn let_go(vm: &Vm<'_>, host: &Host) -> Result<()> {
    let dir = path(&vm.dir)?;
    host.sh(&format!(
        "[ -z \"$(find /run/links -type l)\" ] && rm -rf {dir} /run/links"
    ))?;
    host.check_empty()
}

/// One VM through all of it.
pub fn what_failed_moves_left(case: &Case) -> Result<()> {
    let vm = Vm::new(case, 36)?;
    let (hv1, hv2, own) = (case.host(), case.other(), &vm.own);
    let device = vm.disk(1);
    let mut life = Travelled {
        vm: &vm,
        hosts: vec!["hv1"],
    };
    vm.prolog()?;
    hv1.write(&device, own, 1, MIB, 256 * KIB)?;

    // `vnm pre` fails on the target, and nothing is called. Stopped and started again, the VM has its disks and caches.
    life.goes(4, "hv2");
    life.migrate("premigrate")?.ok()?;
    life.goes(3, "hv1");
    life.starts()?;
    let_go(&vm, hv2)?;
    hv1.check(&device, own)?;
    same(
        "intent",
        hv1.status(own)?["intent"].as_str(),
        Some("attached"),
    )?;
    ensure!(
        holder(vm.world, own)?["moving"].is_null(),
        "still on its way"
    );

    // The same, and it is undeployed: the target has the images mapped that nobody holds. It goes on elsewhere.
    life.goes(4, "hv2");
    life.migrate("premigrate")?.ok()?;
    life.goes(30, "hv1");
    for what in ["/disk.0", "/disk.1", ""] {
        vm.done(&format!("MV warmblock hv1:DIR{what} FE:DIR{what} IDS"))?;
    }
    hv2.sh(&format!("test -b {device}"))?;
    life.goes(31, "hv1");
    for what in ["/disk.0", "/disk.1", ""] {
        vm.done(&format!("MV warmblock FE:DIR{what} hv1:DIR{what} IDS"))?;
    }
    let_go(&vm, hv2)?;
    hv1.check(&device, own)?;

    // A cold migration is declared a failure after one of its disks had moved. What the target wrote of it is not lost.
    life.goes(8, "hv2");
    vm.done("MV warmblock hv1:DIR/disk.1 hv2:DIR/disk.1 IDS")?;
    hv2.write(&device, own, 2, 2 * MIB, 256 * KIB)?;
    life.goes(2, "hv1");
    life.starts()?;
    let_go(&vm, hv2)?;
    hv1.check(&device, own)?;

    // Made anew on the very host whose `delete` failed: a clone of this life, and the image's own disk as it was.
    let clone = vm.disk(0);
    hv1.sh(&format!(
        "dd if=/dev/urandom of={clone} bs=64k count=4 oflag=direct conv=fsync status=none"
    ))?;
    life.goes(1, "hv1");
    vm.prolog()?;
    hv1.check(&clone, &vm.parent)?;
    hv1.check(&device, own)?;

    source_is_lost(&mut life, hv1, hv2)?;
    hv2.check(&device, own)?;
    hv1.boot()?;
    hv1.detach(own)?;
    hv1.wb(&["detach", &format!("{}-{}-0", vm.parent.spec, vm.id)])
        .ok()?;
    vm.epilog(hv2)?;
    hv1.sh(&format!("rm -rf {}", path(&vm.dir)?))?;
    for host in [hv1, hv2] {
        gone(&vm, host)?;
        host.check_gone(own)?;
    }
    Ok(())
}

/// The source is not reached after the switch. As long as it lives nothing is taken from it; once it is dead, the target has the
/// leases and its caches.
fn source_is_lost(life: &mut Travelled<'_>, hv1: &Host, hv2: &Host) -> Result<()> {
    let own = &life.vm.own;
    life.goes(4, "hv2");
    life.migrate("premigrate")?.ok()?;
    life.vm.oned.silent("hv1", true)?;
    let hasty = hv2.config("[deadline]\nmap = \"2s\"")?;
    let configured = |file: &str| hv2.sh(&format!("ln -sf {file} /etc/warmblock/warmblock.toml"));
    configured(&hasty)?;
    let refused = life.migrate("postmigrate")?;
    configured("/lab/warmblock.toml")?;
    ensure!(
        refused.code != 0 && refused.stderr.contains("runs on hv2"),
        "{refused:?}"
    );
    same(
        "the holder",
        holder(life.vm.world, own)?["host"].as_str(),
        Some("hv1"),
    )?;
    hv1.check(&life.vm.disk(1), own)
        .context("it lives, and is not barred")?;

    hv1.cut_power()?;
    life.migrate("postmigrate")?.ok()?;
    same(
        "the holder",
        holder(life.vm.world, own)?["host"].as_str(),
        Some("hv2"),
    )?;
    let status = hv2.status(own)?;
    same("intent", status["intent"].as_str(), Some("attached"))?;
    same("the mode", status["mode"].as_str(), Some("writeback"))
}
