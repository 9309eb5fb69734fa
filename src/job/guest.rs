//! A guest of libvirt's, or a container of LXC's: how it comes to rest, and how it goes on.

use std::io::ErrorKind;
use std::time::Duration;

use super::request::Rest;
use crate::exec::{Cmd, Exec, ExecError};
use crate::sys::{Roots, process, wait};
use crate::{Error, Kind, Result};

/// How long a guest may take to come to rest, or to go on.
const DEADLINE: Duration = Duration::from_secs(60);

/// A libvirt domain, by its name or its UUID; or a container, by its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guest<'h> {
    pub(super) exec: &'h Exec,
    pub(super) roots: &'h Roots,
    pub(super) domain: &'h str,
    /// How long we try to let it go on.
    pub(super) patience: Duration,
}

/// What a guest does just now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// It is paused because somebody asked for that: an operator, or we.
    Suspended,
    /// It is paused for a reason of QEMU's own: an I/O error, a migration.
    Stopped,
    /// Anything else.
    Other,
}

/// What its tools call coming to rest and going on, and what it is if either fails.
pub(super) struct Words {
    rest: &'static str,
    pub(super) restless: &'static str,
    go_on: &'static str,
    stuck: &'static str,
    /// How a guest is that was left so.
    pub(super) left: &'static str,
}

pub(super) const fn words(rest: Rest) -> Words {
    match rest {
        Rest::Freeze => Words {
            rest: "domfsfreeze",
            restless: "the guest's file systems could not be frozen, so the snapshot is as after a power cut",
            go_on: "domfsthaw",
            stuck: "its file systems may still be frozen, and its writes hang",
            left: "frozen",
        },
        Rest::Suspend => Words {
            rest: "suspend",
            restless: "the guest could not be suspended, so the snapshots of its disks may be of different moments",
            go_on: "resume",
            stuck: "it may still be suspended",
            left: "suspended",
        },
        Rest::Container => Words {
            rest: "lxc-freeze",
            restless: "the container's processes could not be stopped, so the snapshots of its disks may be of different moments",
            go_on: "lxc-unfreeze",
            stuck: "its processes may still be stopped",
            left: "frozen",
        },
    }
}

impl Guest<'_> {
    /// What it does.
    pub(super) fn state(&self, rest: Rest) -> Result<State, ExecError> {
        if rest == Rest::Container {
            let said = self
                .exec
                .run(&self.container("lxc-info").args(["-s", "-H"]))?;
            return Ok(match said.text()?.trim() {
                "FROZEN" => State::Suspended,
                _ => State::Other,
            });
        }
        let said = self.exec.run(&self.query("domstate", &["--reason"]))?;
        // `paused (user)`; a reason that libvirt does not know is none.
        Ok(match said.text()?.trim() {
            "paused (user)" => State::Suspended,
            said if said.starts_with("paused") => State::Stopped,
            _ => State::Other,
        })
    }

    /// Which of the lives of its domain this is: its process, which is QEMU's or the container's first one, and when that began. The
    /// number that libvirt gives it at its start may come again after a restart of libvirtd. None of one that is off or gone.
    pub(super) fn life(&self, rest: Rest) -> Result<Option<String>> {
        let pid = match rest {
            Rest::Container => self.first_process()?,
            Rest::Freeze | Rest::Suspend => self.qemu()?,
        };
        let began = pid.and_then(|pid| Some((pid, process::began(self.roots, pid)?)));
        Ok(began.map(|(pid, began)| format!("process {pid} of {began}")))
    }

    fn first_process(&self) -> Result<Option<u32>, ExecError> {
        let asked = self.container("lxc-info").args(["-p", "-H"]);
        let said = self.unless_gone(&asked, "doesn't exist")?;
        Ok(said.and_then(|pid| pid.parse().ok()).filter(|pid| *pid > 0))
    }

    /// The process that libvirt notes by the domain's name for as long as it runs (`qemuProcessLaunch`). `domname` takes no name,
    /// which is what we may have.
    fn qemu(&self) -> Result<Option<u32>> {
        let asked = self.query("dominfo", &[]);
        let said = self.unless_gone(&asked, "failed to get domain")?;
        let name = said.as_deref().and_then(|said| {
            let name = said.lines().find_map(|line| line.strip_prefix("Name:"));
            name.map(str::trim).filter(|name| !name.contains('/'))
        });
        let Some(name) = name else { return Ok(None) };
        let file = self.roots.guests.join(format!("{name}.pid"));
        match std::fs::read_to_string(&file) {
            Ok(pid) => Ok(pid.trim().parse().ok()),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => {
                let message = format!("cannot read {}", file.display());
                Err(Error::new(Kind::Failed, message).because(error))
            }
        }
    }

    /// What a tool says of it, unless that knows none of the name.
    fn unless_gone(&self, asked: &Cmd, gone: &str) -> Result<Option<String>, ExecError> {
        match self.exec.run(asked) {
            Ok(said) => Ok(Some(said.text()?.trim().to_owned())),
            Err(error) if error.says(gone) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Brings it to rest.
    pub(super) fn rest(&self, rest: Rest) -> Result<(), ExecError> {
        self.exec
            .run(&self.change(rest, words(rest).rest))
            .map(drop)
    }

    /// Lets it go on, asked once.
    pub(super) fn go_on_once(&self, rest: Rest) -> Result<(), ExecError> {
        self.exec
            .run(&self.change(rest, words(rest).go_on))
            .map(drop)
    }

    /// Lets it go on, asked until it does: until then it hangs, or at least every write of its.
    pub(super) fn go_on(&self, rest: Rest) -> Result<()> {
        let mut last = None;
        let goes_on = wait::poll(self.patience, || {
            let asked = self.go_on_once(rest);
            asked.map_err(|error| last = Some(error)).ok()
        });
        match (goes_on, last) {
            (None, Some(error)) => Err(self.is_stuck(rest, error)),
            _ => Ok(()),
        }
    }

    fn is_stuck(&self, rest: Rest, error: ExecError) -> Error {
        let (words, domain) = (words(rest), self.domain);
        let message = format!("guest {domain} does not go on: {}", words.stuck);
        let remedy = format!(
            "on its host, until it comes through: `{}`",
            self.by_hand(rest)
        );
        Error::new(Kind::Failed, message)
            .because(Error::from(error))
            .remedy(remedy)
    }

    /// How an operator lets it go on.
    pub(super) fn by_hand(&self, rest: Rest) -> String {
        let (verb, domain) = (words(rest).go_on, self.domain);
        match rest {
            Rest::Container => format!("{verb} -n {domain}"),
            _ => format!("virsh {verb} {domain}"),
        }
    }

    fn query(&self, verb: &str, more: &[&str]) -> Cmd {
        self.virsh(Cmd::query("virsh"), verb).args(more)
    }

    fn change(&self, rest: Rest, verb: &str) -> Cmd {
        match rest {
            Rest::Container => self.container(verb),
            _ => self.virsh(Cmd::change("virsh"), verb),
        }
    }

    /// A tool of LXC's; each does one thing.
    fn container(&self, tool: &str) -> Cmd {
        let cmd = match tool {
            "lxc-info" => Cmd::query(tool),
            _ => Cmd::change(tool),
        };
        cmd.args(["-n", self.domain]).deadline(DEADLINE)
    }

    fn virsh(&self, virsh: Cmd, verb: &str) -> Cmd {
        virsh
            .args(["--connect", "qemu:///system", verb, "--domain", self.domain])
            .deadline(DEADLINE)
    }
}
