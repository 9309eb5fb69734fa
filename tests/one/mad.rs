//! What oned hears of its drivers: a transfer is asked for in a line, as oned does it, and the answer is what the user and the logs
//! of VMs are told (contract, 1.3 and 1.4). The drivers' side is `wire`.

use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result, bail};
use warmblock::sys::atomic;

use super::wire::{Class, Mad};
use crate::cmd::Out;
use crate::one::oned::Oned;
use crate::world::path;

/// What oned makes of a script's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Whether it came through.
    pub success: bool,
    /// What the user is shown, or of a datastore's action that came through what it answers.
    pub info: String,
    /// What goes into the log of a VM, by its number; `-1` is oned's own log.
    pub log: Vec<(i64, String)>,
}

impl Oned {
    /// Is of a release from now on.
    pub fn release(&self, version: &str) -> Result<()> {
        Ok(atomic::write(
            &self.var().join("remotes/VERSION"),
            version.as_bytes(),
        )?)
    }

    /// Has a VM's transfer file run: line after line, until one fails.
    pub fn transfer(&self, version: &str, vm: u32, file: &str) -> Result<Heard> {
        self.release(version)?;
        self.lines(version, vm, file)
    }

    /// The same, of the release that oned is already: it may be done several times at once.
    pub fn lines(&self, version: &str, vm: u32, file: &str) -> Result<Heard> {
        let line = self.transfer_line(vm, file)?;
        Mad::start(&self.place, Class::Transfer, version)?.ask(&line)
    }

    /// Writes a VM's transfer file; the line by which it is asked for.
    pub fn transfer_line(&self, vm: u32, file: &str) -> Result<String> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let dir = self.var().join("vms").join(vm.to_string());
        std::fs::create_dir_all(&dir)?;
        let transfer = dir.join(format!("transfer.{number}.prolog"));
        atomic::write(&transfer, file.as_bytes())?;
        Ok(format!("TRANSFER {vm} {}", path(&transfer)?))
    }

    /// Runs a line's script by itself: `ACTION DRIVER ARGUMENT…`, with this on its standard input.
    pub fn script(&self, line: &str, stdin: &str) -> Result<Out> {
        let mut words = line.split_whitespace();
        let action = words.next().unwrap_or_default().to_lowercase();
        let driver = words.next().unwrap_or_default();
        let script = Class::Transfer
            .script(&self.var(), driver, &action)
            .with_context(|| format!("{driver} has no {action}"))?;
        let argv: Vec<&str> = [path(&script)?].into_iter().chain(words).collect();
        self.run(&argv, stdin)
    }
}

impl Heard {
    /// Takes in a line of a driver's: log, or the answer to `action` on `id`, after which there is nothing more to hear.
    pub(super) fn take(&mut self, line: &str, action: &str, id: &str) -> Result<bool> {
        let mut words = line.splitn(4, ' ');
        let mut word = || words.next().unwrap_or_default();
        match (word(), word(), word(), word()) {
            ("LOG", "E" | "W" | "I" | "D", vm, text) => {
                self.log.push((vm.parse()?, text.to_owned()));
                Ok(false)
            }
            (of, end @ ("SUCCESS" | "FAILURE"), to, info) if (of, to) == (action, id) => {
                self.success = end == "SUCCESS";
                self.info = info.to_owned();
                Ok(true)
            }
            _ => bail!("oned would not understand {line:?}"),
        }
    }
}
