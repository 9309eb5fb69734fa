//! Backups are killed on the VM's host after each of their steps, and made again: what is saved is the same, and no file, snapshot or
//! link of a chain is left over or lost.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::kill::walk;
use super::vm::{Vm, gone};
use crate::case::Case;
use crate::cmd::{self, Out};
use crate::host::Host;
use crate::tests::same;
use crate::world::{KIB, MIB, path};

/// A VM whose disk 1 is backed up by increments, and both its disks in full now and then.
struct Story<'c> {
    vm: Vm<'c>,
    host: &'c Host,
    /// What the backup datastore has of disk 1, each file based on the one before.
    chain: Vec<PathBuf>,
}

impl Story<'_> {
    /// oned's document of a VM that is backed up, and of a backup that has failed.
    fn document(&self, state: u32, config: &str, failed: bool) -> String {
        let result = if failed {
            "<BACKUP_RESULT>FAILURE</BACKUP_RESULT>"
        } else {
            ""
        };
        let config = format!(
            "</TEMPLATE><BACKUPS><BACKUP_CONFIG>{config}</BACKUP_CONFIG></BACKUPS>{result}"
        );
        let document = self.vm.document(state, self.host.name);
        document.replace("</TEMPLATE>", &config)
    }

    fn call(&self, action: &str, disks: &str, document: &str) -> Result<Out> {
        self.vm.oned.vm(self.vm.id, document);
        let place = format!("{}:{}", self.host.name, path(&self.vm.dir)?);
        let id = self.vm.id.to_string();
        let words = ["tm", action, &place, disks, "one-12", "-", &id, "100"];
        self.vm.oned.call(&words, document)
    }

    fn killed_once(&self, step: u32, action: &str, disks: &str, document: &str) -> Result<bool> {
        self.vm.oned.crash(self.host.name, Some(step))?;
        let out = self.call(action, disks, document);
        self.vm.oned.crash(self.host.name, None)?;
        Ok(out?.code == 0)
    }

    /// An action, killed after a step, and done again; whether it came through without being killed.
    fn killed(&self, step: u32, action: &str, disks: &str, document: &str) -> Result<bool> {
        if self.killed_once(step, action, disks, document)? {
            return Ok(true);
        }
        let again = self.call(action, disks, document)?.ok();
        again.with_context(|| format!("{action} after a kill at step {step}"))?;
        Ok(false)
    }

    fn write(&self, seed: u64) -> Result<()> {
        let place = MIB * (seed % 20) + 64 * KIB;
        self.host
            .write(&self.vm.disk(1), &self.vm.own, seed, place, 64 * KIB)
    }

    fn has_snapshots(&self, wanted: &[String]) -> Result<()> {
        same("snapshots", self.vm.world.snapshots(&self.vm.own)?, wanted)
    }

    /// The files of the backup that is being made.
    fn has_files(&self, wanted: &str) -> Result<()> {
        let list = format!("ls -A {}/backup 2>/dev/null | xargs", path(&self.vm.dir)?);
        same("files", self.host.sh(&list)?.text(), wanted)
    }

    /// The last two of the chain, or fewer.
    fn links(&self) -> Vec<String> {
        let all = 0..self.chain.len();
        let links: Vec<String> = all.map(|nr| format!("one_backup_{nr}")).collect();
        links[links.len().saturating_sub(2)..].to_vec()
    }

    /// Takes a file, as the backup datastore does.
    fn take(&self, file: &str) -> Result<PathBuf> {
        let name = self.vm.world.name("backup");
        let dir = path(&self.vm.dir)?;
        self.host
            .sh(&format!("cp {dir}/backup/{file} /lab/{name}"))?;
        Ok(self.host.shared(&name))
    }

    /// What a file saves, with those that it is based on, is what was written.
    fn saves(&self, file: &Path) -> Result<()> {
        let line = r#"qemu-img convert -O raw "$1" "$2" && cmp "$2" "$3""#;
        let raw = self.vm.world.file("restored");
        let argv = [
            "bash",
            "-c",
            line,
            "-",
            path(file)?,
            path(&raw)?,
            path(&self.vm.own.model)?,
        ];
        let out = cmd::run(&argv, Duration::from_secs(120))?;
        ensure!(out.code == 0, "it is not what was written: {out}");
        Ok(())
    }

    /// Both disks of a VM that is off, in full.
    fn full(&self, step: u32) -> Result<bool> {
        let document = self.document(70, "<MODE>FULL</MODE>", false);
        self.write(u64::from(step) * 3)?;
        let mut through = self.killed(step, "prebackup", "0:1", &document)?;
        self.has_files("disk.0.0 disk.1.0 vm.xml")?;
        let saved = self.take("disk.1.0")?;
        self.saves(&saved)?;
        std::fs::remove_file(saved)?;
        let mut snapshots = self.links();
        snapshots.push("one_backup".to_owned());
        self.has_snapshots(&snapshots)?;
        through &= self.killed(step, "postbackup", "0:1", &document)?;
        self.has_files("")?;
        self.has_snapshots(&self.links())?;
        Ok(through)
    }

    /// What was written since the last one, of a VM that runs; first a backup of which nothing comes.
    fn increment(&mut self, step: u32) -> Result<bool> {
        let now = self.chain.len();
        let last = now
            .checked_sub(1)
            .map_or_else(|| "-1".to_owned(), |last| last.to_string());
        let config = format!("<MODE>INCREMENT</MODE><LAST_INCREMENT_ID>{last}</LAST_INCREMENT_ID>");
        let document = self.document(69, &config, false);
        self.write(u64::from(step) * 3 + 1)?;
        let mut through = self.killed_once(step, "prebackup_live", "1", &document)?;
        let failed = self.document(69, &config, true);
        through &= self.killed(step, "postbackup_live", "1", &failed)?;
        self.has_files("")?;
        self.has_snapshots(
            self.links()
                .last()
                .map(std::slice::from_ref)
                .unwrap_or_default(),
        )?;
        self.write(u64::from(step) * 3 + 2)?;
        through &= self.killed(step, "prebackup_live", "1", &document)?;
        let file = format!("disk.1.{now}");
        self.has_files(&format!("{file} vm.xml"))?;
        let file = self.take(&file)?;
        if let Some(base) = self.chain.last() {
            let argv = [
                "qemu-img",
                "rebase",
                "-u",
                "-F",
                "qcow2",
                "-b",
                path(base)?,
                path(&file)?,
            ];
            cmd::run(&argv, Duration::from_secs(60))?.ok()?;
        }
        self.saves(&file)?;
        self.chain.push(file);
        through &= self.killed(step, "postbackup_live", "1", &document)?;
        self.has_files("")?;
        self.has_snapshots(&self.links())?;
        Ok(through)
    }
}

pub fn backups(case: &Case) -> Result<()> {
    let mut story = Story {
        vm: Vm::new(case, 47)?,
        host: case.host(),
        chain: Vec::new(),
    };
    story.vm.prolog()?;
    walk(|step| story.increment(step)).context("increments")?;
    walk(|step| story.full(step)).context("full")?;
    let (own, device) = (&story.vm.own, story.vm.disk(1));
    story.host.check(&device, own)?;
    story.vm.epilog(story.host)?;
    gone(&story.vm, story.host)?;
    story
        .vm
        .world
        .rbd(&["snap", "purge", "--no-progress", &own.spec])?;
    story.host.check_gone(own)?;
    story
        .chain
        .iter()
        .try_for_each(|file| Ok(std::fs::remove_file(file)?))
}
