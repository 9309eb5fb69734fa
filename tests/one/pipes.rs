//! Who else is at the pipes of an action, and at the other end of its ssh (contract, 9.3).

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use warmblock::sys::atomic;

use super::behaviour::{ACTIONS, Talk, failed};
use super::vm::gone;
use crate::cmd::Out;
use crate::tests::same;
use crate::world::path;

impl Talk<'_> {
    /// oned closes its ends of both pipes while an action runs: what it does is done all the same, and undone the same way.
    pub(super) fn nobody_listens(&self) -> Result<()> {
        self.vm.oned.release("7.4.0")?;
        let unheard = |line: &str| self.unheard(line, "")?.ok().map(drop);
        self.vm.oned.vm(62, &self.document(1));
        unheard(ACTIONS[0])?;
        self.host.sh(&format!("test -b {}", self.vm.disk(0)))?;
        self.vm.oned.vm(62, &self.document(11));
        for line in ["tm delete H:DIR/disk.0 62 101", "tm delete H:DIR 62 100"] {
            unheard(line)?;
        }
        gone(&self.vm, self.host)?;
        self.nobody_hears_what_is_said()
    }

    /// A call whose two pipes have nobody at their other ends before it can have said a word.
    fn unheard(&self, line: &str, stdin: &str) -> Result<Out> {
        let program = path(&self.vm.world.file("warmblock"))?.to_owned();
        let line = self.filled(line)?;
        // The readers end before it begins: whatever it writes, to either of them, fails.
        let closed = "exec > >(:); wait $!; exec 2> >(:); wait $!";
        let line = format!("{closed}; {program} one {line}");
        self.vm.oned.run(&["bash", "-c", &line], stdin)
    }

    /// What is written goes nowhere: what was to be done is done, and what fails says so by its exit code, which is no panic's.
    fn nobody_hears_what_is_said(&self) -> Result<()> {
        let world = self.vm.world;
        for (action, id) in [("stat", "6206"), ("mkfs", "6206")] {
            let stdin = STANDARD.encode(self.image(action, id, ""));
            let out = self.unheard(&format!("ds {action} {id}"), &stdin)?;
            out.ok()?;
        }
        world.rbd(&["info", "one/one-6206"])?;
        world.rbd(&["rm", "--no-progress", "one/one-6206"])?;
        // A line for the user: there is no such VM, and the host's job has no such image.
        self.vm.oned.vm(62, &self.document(1));
        for line in [
            "tm ln FE:OWN H:DIR/disk.1 6299 101",
            "tm clone FE:one/none H:DIR/disk.0 62 101",
        ] {
            let out = self.unheard(line, "")?;
            ensure!((1..=100).contains(&out.code), "{line}: {out}");
        }
        // A warning: its guest cannot be frozen.
        self.unheard("tm ln FE:OWN H:DIR/disk.1 62 101", "")?.ok()?;
        self.vm.oned.vm(62, &self.document(3));
        self.unheard("tm snap_create_live H:DIR/disk.1 3 62 101", "")?
            .ok()?;
        same(
            "snapshots",
            world.snapshots(&self.vm.own)?,
            vec!["3".to_owned()],
        )?;
        self.unheard("tm snap_delete H:DIR/disk.1 3 62 101", "")?
            .ok()?;
        self.vm.oned.vm(62, &self.document(11));
        for line in ["tm delete H:DIR/disk.1 62 101", "tm delete H:DIR 62 100"] {
            self.unheard(line, "")?.ok()?;
        }
        gone(&self.vm, self.host)
    }

    /// What ssh leaves behind to share its connection has none of the pipes that oned reads to their end.
    pub(super) fn a_master_stays(&self) -> Result<()> {
        let bin = self.vm.oned.var().join("bin");
        let (ssh, real, pid) = (
            bin.join("ssh"),
            bin.join("ssh.real"),
            bin.join("master.pid"),
        );
        std::fs::rename(&ssh, &real)?;
        let script = format!(
            "#!/bin/sh\nsetsid sleep 600 & echo $! >{}\nexec {} \"$@\"\n",
            path(&pid)?,
            path(&real)?
        );
        atomic::write_mode(&ssh, script.as_bytes(), 0o755)?;
        self.vm.oned.vm(62, &self.document(11));
        let line = self.filled("tm delete H:DIR 62 100")?;
        let out = self.call(&line, "");
        std::fs::rename(&real, &ssh)?;
        let master = std::fs::read_to_string(&pid)?;
        let master = nix::unistd::Pid::from_raw(master.trim().parse()?);
        let lives = nix::sys::signal::kill(master, None);
        nix::sys::signal::kill(master, nix::sys::signal::Signal::SIGKILL)?;
        // Its output was read to the end while that one still lived.
        lives.context("it was waited for")?;
        out?.ok().map(drop)
    }

    /// A host that answers nothing: ssh waits for it no longer than it is told, and the user is told which host, and what for.
    pub(super) fn silence(&self) -> Result<()> {
        let bin = self.vm.oned.var().join("bin");
        let (ssh, real) = (bin.join("ssh"), bin.join("ssh.real"));
        std::fs::rename(&ssh, &real)?;
        let script = "#!/bin/sh\nfor word; do case $word in ConnectTimeout=?|ConnectTimeout=10) bounded=yes ;; esac; done\n\
            [ -n \"$bounded\" ] || exit 9\necho 'ssh: connect to host kvm9 port 22: Connection timed out' >&2; exit 255\n";
        atomic::write_mode(&ssh, script.as_bytes(), 0o755)?;
        self.vm.oned.vm(62, &self.document(1));
        let line = self.filled(ACTIONS[0])?;
        let out = self.call(&line, "");
        std::fs::rename(&real, &ssh)?;
        let out = out?;
        failed("7.4.0", &out)?;
        for word in [
            &format!("on host {}", self.host.name),
            "clone failed",
            "Connection timed out",
        ] {
            ensure!(out.stderr.contains(word), "{word:?} is not in {out}");
        }
        Ok(())
    }
}
