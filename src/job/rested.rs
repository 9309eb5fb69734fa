//! A guest that is at rest for our sake, and the note of that: whoever comes after one of us that was killed lets it go on, and
//! nobody lets a guest go on that somebody else has paused.
//!
//! The note stands in the host's run directory, for no guest outlives its host's boot, and is written before the guest is asked. It
//! names the guest's life, by its process: a guest that was started anew since is at nobody's rest.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::guest::{Guest, State, words};
use super::request::{Rest, Rouse};
use crate::exec::ExecError;
use crate::host::Host;
use crate::model::Change;
use crate::sys::atomic;
use crate::sys::lock::DiskLock;
use crate::{Context, Error, Kind, Result, disk};

/// How long we try to let a guest go on.
const PATIENCE: Duration = Duration::from_secs(150);

/// What became of a guest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct GuestReport {
    /// Its domain.
    pub domain: String,
    /// Altered if it goes on, or would; kept if nobody had left it at rest.
    pub change: Change,
    /// What may be wrong with it.
    pub warnings: Vec<String>,
}

/// That a guest is at rest for our sake, or about to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    domain: String,
    life: String,
    rest: Rest,
    /// Whether it is known to have come to rest.
    rests: bool,
}

/// Who has to let a guest go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// We: it rests, or may come to rest yet.
    Ours,
    /// We, if there is anything to do: what it was asked for failed, maybe half way.
    Perhaps,
    /// Nobody, or somebody else.
    Nobodys,
}

/// A guest that nobody else brings to rest or lets go on meanwhile.
#[derive(Debug)]
pub(super) struct Held<'h> {
    guest: Guest<'h>,
    note: PathBuf,
    _lock: DiskLock,
}

impl<'h> Held<'h> {
    /// Waits for whoever has it at rest just now. `what` is shown to others who wait.
    pub(super) fn wait_for(host: &'h Host, domain: &'h str, what: &str) -> Result<Self> {
        let guest = Guest {
            exec: &host.exec,
            roots: &host.roots,
            domain,
            patience: PATIENCE,
        };
        Self::of(guest, what, host.config.deadline.lock)
    }

    fn of(guest: Guest<'h>, what: &str, deadline: Duration) -> Result<Self> {
        let run = &guest.roots.run;
        let name = file_name(guest.domain);
        let lock = run.join(format!("lock/guest-{name}.lock"));
        let whose = format!("guest {}", guest.domain);
        Ok(Self {
            _lock: DiskLock::of_file(&lock, &whose, what, deadline)?,
            note: notes(run).join(format!("{name}.json")),
            guest,
        })
    }

    /// Does `work` while the guest is at rest. It goes on whatever comes of that, also if its freezing failed: that may have got
    /// half way. One that is paused already, or could not be suspended, is left as it was: it is at rest for somebody else.
    pub(super) fn at_rest<T>(
        &self,
        rest: Rest,
        warnings: &mut Vec<String>,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        self.roused(warnings, false)?;
        let turn = self.rest(rest, warnings);
        let done = work();
        match (done, self.let_go(turn, rest)) {
            (Ok(done), goes_on) => {
                warnings.extend(goes_on.err().map(|error| told(&error)));
                Ok(done)
            }
            (Err(error), goes_on) => Err(error.and_then_cleanup(goes_on)),
        }
    }

    /// Lets it go on if one of us that was killed left it at rest; whether it did, or would.
    ///
    /// # Errors
    /// It does not; or nobody can tell whether it has to.
    pub(super) fn roused(&self, warnings: &mut Vec<String>, dry_run: bool) -> Result<bool> {
        let Some(note) = atomic::read_json::<Note>(&self.note)? else {
            return Ok(false);
        };
        let unknown = || format!("cannot tell how guest {} is", self.guest.domain);
        let life = self.guest.life(note.rest).context(unknown)?;
        let left = life.is_some_and(|life| life == note.life)
            && match note.rest {
                // There is no way to ask whether it is frozen, and thawing one that is not does nothing.
                Rest::Freeze => true,
                Rest::Suspend | Rest::Container => {
                    let state = self.guest.state(note.rest);
                    let state = state.map_err(Error::from).context(unknown)?;
                    if state == State::Stopped {
                        warnings.push(format!(
                            "guest {} is paused, but not by us: see `virsh domstate --reason`",
                            self.guest.domain
                        ));
                    }
                    state == State::Suspended
                }
            };
        if dry_run {
            return Ok(left);
        }
        if left && let Err(error) = self.guest.go_on(note.rest) {
            // It may not even have been asked to come to rest, and one without an agent can never be asked to go on.
            if note.rests || note.rest != Rest::Freeze {
                return Err(error);
            }
            warnings.push(told(&error));
        }
        self.forget()?;
        Ok(left)
    }

    fn rest(&self, rest: Rest, warnings: &mut Vec<String>) -> Turn {
        let mut restless = |why: &dyn std::fmt::Display| {
            warnings.push(format!("{}: {why}", words(rest).restless));
        };
        match self.begin(rest) {
            Ok(None) => {}
            Ok(Some(paused)) => {
                warnings.push(paused);
                return Turn::Nobodys;
            }
            Err(error) => {
                restless(&error.chain());
                return Turn::Nobodys;
            }
        }
        match self.guest.rest(rest) {
            Ok(()) => {
                // Of the note that stands already, every word stays true.
                if let Err(error) = self.note(rest, true) {
                    tracing::debug!("cannot note that the guest rests: {error}");
                }
                Turn::Ours
            }
            Err(error) => {
                restless(&error);
                // One that took too long may come to rest yet.
                match (&error, rest) {
                    (ExecError::Timeout { .. }, _) => Turn::Ours,
                    // Of its processes some may have stopped.
                    (_, Rest::Freeze | Rest::Container) => Turn::Perhaps,
                    (_, Rest::Suspend) => Turn::Nobodys,
                }
            }
        }
    }

    /// Notes that it is about to come to rest; or says why it is at rest for somebody else. To suspend it once more is no failure
    /// for libvirt, so afterwards nobody could tell for whom it is paused.
    fn begin(&self, rest: Rest) -> Result<Option<String>> {
        if rest != Rest::Freeze && self.guest.state(rest)? != State::Other {
            let (domain, by_hand) = (self.guest.domain, self.guest.by_hand(rest));
            return Ok(Some(format!(
                "guest {domain} was paused already, and stays so; `{by_hand}` if nobody wants that any more"
            )));
        }
        self.note(rest, false).map(|()| None)
    }

    fn let_go(&self, turn: Turn, rest: Rest) -> Result<()> {
        match turn {
            Turn::Ours => self.guest.go_on(rest)?,
            // Whether there was anything to thaw is not known, and a guest without an agent cannot be asked.
            Turn::Perhaps => self.guest.go_on_once(rest).unwrap_or(()),
            Turn::Nobodys => {}
        }
        self.forget()
    }

    fn note(&self, rest: Rest, rests: bool) -> Result<()> {
        let off = || Error::new(Kind::NotFound, "it does not run");
        let note = Note {
            domain: self.guest.domain.to_owned(),
            life: self.guest.life(rest)?.ok_or_else(off)?,
            rest,
            rests,
        };
        atomic::write_json(&self.note, &note)
    }

    /// With what was left half written by anybody who was killed.
    fn forget(&self) -> Result<()> {
        atomic::remove(&self.note)?;
        self.note.parent().map_or(Ok(0), atomic::sweep).map(drop)
    }
}

/// `rouse`: lets a guest go on if one of us that was killed left it at rest. Nothing is asked of libvirt where none was.
pub(super) fn rouse(host: &Host, ask: &Rouse, dry_run: bool) -> Result<GuestReport> {
    let mut warnings = Vec::new();
    let held = Held::wait_for(host, &ask.domain, "rouse")?;
    let change = match held.roused(&mut warnings, dry_run)? {
        true => Change::Altered,
        false => Change::Kept,
    };
    Ok(GuestReport {
        domain: ask.domain.clone(),
        change,
        warnings,
    })
}

/// The same of all guests of this host, but for those that are at rest for somebody who works.
pub(super) fn recover(host: &Host, dry_run: bool) -> Vec<disk::Finding> {
    let left = std::fs::read_dir(notes(&host.roots.run)).into_iter();
    let left = left.flatten().flatten().map(|entry| entry.path());
    let left = left.filter(|path| path.extension().is_some_and(|ending| ending == "json"));
    left.filter_map(|path| found(host, &path, dry_run))
        .collect()
}

fn found(host: &Host, note: &Path, dry_run: bool) -> Option<disk::Finding> {
    let note = match atomic::read_json::<Note>(note) {
        Ok(note) => note?,
        Err(error) => {
            let found = "a note of a guest that cannot be read".to_owned();
            return Some(disk::Finding::of_host(found, Err(&error)));
        }
    };
    let guest = Guest {
        exec: &host.exec,
        roots: &host.roots,
        domain: &note.domain,
        patience: PATIENCE,
    };
    let left = words(note.rest).left;
    let found = format!("guest {} was left {left}", note.domain);
    let mut warnings = Vec::new();
    let held = Held::of(guest, "recover", Duration::ZERO);
    let roused = held.and_then(|held| held.roused(&mut warnings, dry_run));
    let found = warnings
        .iter()
        .fold(found, |found, warning| format!("{found}; {warning}"));
    Some(match &roused {
        // It is at rest for somebody who works.
        Err(error) if error.kind() == Kind::Busy => return None,
        Err(error) => disk::Finding::of_host(found, Err(error)),
        Ok(true) => disk::Finding::of_host(found, Ok(Some("goes on"))),
        Ok(false) => disk::Finding::of_host(found, Ok(Some("is not any more"))),
    })
}

fn notes(run: &Path) -> PathBuf {
    run.join("guest")
}

/// A domain's name may hold anything.
fn file_name(domain: &str) -> String {
    let plain = |byte: u8| match byte {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' | b'_' => char::from(byte).to_string(),
        other => format!("%{other:02x}"),
    };
    domain.bytes().map(plain).collect()
}

fn told(error: &Error) -> String {
    match error.remedy_text() {
        Some(remedy) => format!("{}; {remedy}", error.chain()),
        None => error.chain(),
    }
}

#[cfg(test)]
mod tests;
