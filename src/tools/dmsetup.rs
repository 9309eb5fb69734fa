//! dmsetup(8): the device-mapper devices of ours, by name, always created with their UUID.

mod cache;
mod device;
mod error;
mod info;
mod ioctl;
mod replace;
mod status;
mod table;
mod targets;
mod writecache;

use std::time::Duration;

use crate::exec::{Cmd, Exec, ExecError, Output};
use crate::model::{Change, DmName};
use crate::sys::holders::{describe, holders};
use crate::sys::{Roots, wait};
use crate::tools::udev;

use ioctl::Slot;

pub use cache::{CacheMode, CacheTarget, Policy};
pub use error::DmError;
pub use info::{Device, Info};
pub use status::{CacheState, CacheStatus, Status};
pub use table::{Dev, Segment, Table, Target};
pub use targets::TargetVersion;
pub use writecache::{WritecacheStatus, WritecacheTarget};

/// How long waiting for one reply of the kernel is given beyond the caller's own deadline.
const REPLY: Duration = Duration::from_secs(10);

/// Whether a device takes writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It does.
    ReadWrite,
    /// It refuses them.
    ReadOnly,
}

/// How a suspend treats I/O that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    /// It is finished first; never returns while the device below hangs.
    Yes,
    /// It is held back and goes to the next table; dm-cache and linear both allow it.
    No,
}

/// dmsetup on this host.
#[derive(Debug, Clone, Copy)]
pub struct Dmsetup<'a> {
    exec: &'a Exec,
    roots: &'a Roots,
}

impl<'a> Dmsetup<'a> {
    /// dmsetup, run by `exec`.
    pub const fn new(exec: &'a Exec, roots: &'a Roots) -> Self {
        Self { exec, roots }
    }

    /// Creates a device with its UUID and a live table; its node is there when this returns.
    pub fn create(&self, name: &DmName, table: &Table, access: Access) -> Result<(), DmError> {
        let ran = self.run(create(name, table, access));
        match ran {
            Err(error)
                if error.says("create ioctl on") && error.says("Device or resource busy") =>
            {
                Err(DmError::Exists(name.clone()))
            }
            ran => Ok(ran.map(drop)?),
        }
    }

    /// Gives its UUID to a device that another tool created under our name, and that has none yet.
    pub fn set_uuid(&self, name: &DmName) -> Result<(), DmError> {
        self.act(name, on("rename", name).arg("--setuuid").arg(name.uuid()))
    }

    /// Removes a device, trying again while it is open until the deadline: a passing probe of udev's is no reason to fail.
    /// Dirty blocks of a write-back cache stay where they are: removing is not flushing.
    pub fn remove(&self, name: &DmName, deadline: Duration) -> Result<Change, DmError> {
        let removed = wait::poll(deadline, || match self.run(on("remove", name)) {
            Ok(_) => Some(Ok(Change::Removed)),
            Err(error) if absent(&error) => Some(Ok(Change::Absent)),
            Err(error) if error.says("Device or resource busy") => None,
            Err(error) => Some(Err(error.into())),
        });
        removed.unwrap_or_else(|| Err(self.busy(name)))
    }

    /// Loads a table into the inactive slot, replacing one that is there; [`Dmsetup::resume`] makes it live, and the device takes
    /// writes or refuses them as `access` says, whatever it did before. The device is not asked: one that has no table yet takes
    /// them, whatever it was made for.
    pub fn load(&self, name: &DmName, table: &Table, access: Access) -> Result<(), DmError> {
        Ok(self.run(load(name, table, access)).map(drop)?)
    }

    /// Empties the inactive slot.
    pub fn clear(&self, name: &DmName) -> Result<(), DmError> {
        self.act(name, on("clear", name))
    }

    /// Holds back all I/O to a device. No file system on it is frozen: what runs in a guest is not ours to freeze.
    pub fn suspend(&self, name: &DmName, flush: Flush, deadline: Duration) -> Result<(), DmError> {
        self.act(name, suspend(name, flush).deadline(deadline))
    }

    /// Lets I/O through again, to the inactive table if one is loaded.
    pub fn resume(&self, name: &DmName) -> Result<(), DmError> {
        self.act(name, resume(name))
    }

    /// Sends a message to the target at the device's start.
    pub fn message(&self, name: &DmName, message: &[&str]) -> Result<(), DmError> {
        self.act(name, on("message", name).arg("0").args(message))
    }

    /// The live table; `None` when there is no such device. A device without a table has an empty one.
    pub fn table(&self, name: &DmName) -> Result<Option<Table>, DmError> {
        Ok(self.look(name, Slot::Live)?.map(|(_, table)| table))
    }

    /// The table in the inactive slot; `None` when there is no such device, empty when the slot is.
    pub fn inactive_table(&self, name: &DmName) -> Result<Option<Table>, DmError> {
        Ok(self.look(name, Slot::Inactive)?.map(|(_, table)| table))
    }

    /// The status of each segment; `None` when there is no such device. The cache's metadata are not committed for it.
    pub fn status(&self, name: &DmName) -> Result<Option<Vec<Status>>, DmError> {
        self.ask(query("status", name).arg("--noflush"), status::parse)
    }

    /// What the kernel knows about a device apart from its table; `None` when there is none.
    pub fn info(&self, name: &DmName) -> Result<Option<Info>, DmError> {
        Ok(self.look(name, Slot::Live)?.map(|(info, _)| info))
    }

    /// Info and a table in one call of the kernel. A device whose UUID is not of ours is none.
    fn look(&self, name: &DmName, slot: Slot) -> Result<Option<(Info, Table)>, DmError> {
        let asked = ioctl::ask(&self.roots.mapper("control"), name, slot);
        let failed = |why: String| DmError::Kernel {
            name: name.clone(),
            why,
        };
        let Some((info, text)) = asked.map_err(|error| failed(error.to_string()))? else {
            return Ok(None);
        };
        if !info.is_ours() {
            tracing::warn!("{name} has the UUID {:?}, which is none of ours", info.uuid);
            return Ok(None);
        }
        Ok(Some((info, table::parse(&text).map_err(failed)?)))
    }

    /// All devices of ours with what is known of them, in three processes, however many there are. A device that comes or
    /// goes meanwhile is left out.
    pub fn list(&self) -> Result<Vec<Device>, DmError> {
        let all = |verb: &str| Cmd::query("dmsetup").arg(verb);
        let infos = self.ask(info_columns(), info::parse)?.unwrap_or_default();
        if infos.is_empty() {
            return Ok(Vec::new());
        }
        let tables = self
            .ask(all("table"), table::parse_all)?
            .unwrap_or_default();
        let status = all("status").arg("--noflush");
        let statuses = self.ask(status, status::parse_all)?.unwrap_or_default();
        Ok(info::join(infos, tables, statuses))
    }

    /// Waits until a device has had more events than `event` (see [`Info::event`]); false when the deadline passes first.
    pub fn wait_event(
        &self,
        name: &DmName,
        event: u32,
        deadline: Duration,
    ) -> Result<bool, DmError> {
        let cmd = query("wait", name).arg(event.to_string()).arg("--noflush");
        match self.run(cmd.deadline(deadline)) {
            Ok(_) => Ok(true),
            Err(ExecError::Timeout { .. }) => Ok(false),
            Err(error) if absent(&error) => Err(DmError::NotFound(name.clone())),
            Err(error) => Err(error.into()),
        }
    }

    fn run(&self, cmd: Cmd) -> Result<Output, ExecError> {
        self.exec.run(&udev::with_dm_env(cmd, self.roots))
    }

    fn act(&self, name: &DmName, cmd: Cmd) -> Result<(), DmError> {
        match self.run(cmd) {
            Ok(_) => Ok(()),
            Err(error) if absent(&error) => Err(DmError::NotFound(name.clone())),
            Err(error) => Err(error.into()),
        }
    }

    fn ask<T>(
        &self,
        cmd: Cmd,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, DmError> {
        let output = match self.run(cmd.deadline(REPLY)) {
            Ok(output) => output,
            Err(error) if absent(&error) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let parsed = parse(output.text()?);
        Ok(Some(parsed.map_err(|why| output.bad(why))?))
    }

    fn busy(&self, name: &DmName) -> DmError {
        let num = self.info(name).ok().flatten().map(|info| info.num);
        let holders = num.map_or_else(Vec::new, |num| holders(self.roots, num));
        DmError::Busy {
            name: name.clone(),
            holders: describe(&holders),
        }
    }
}

/// How dmsetup says that there is no such device. ENXIO alone will not do: a table that names a device that is missing
/// fails with it as well (`reload ioctl on X (254:4) failed: No such device or address`).
fn absent(error: &ExecError) -> bool {
    error.says("Device does not exist")
        || (error.says("No such device or address") && !error.says("reload ioctl"))
}

fn on(verb: &str, name: &DmName) -> Cmd {
    Cmd::change("dmsetup").arg(verb).arg(name.to_string())
}

fn query(verb: &str, name: &DmName) -> Cmd {
    Cmd::query("dmsetup").arg(verb).arg(name.to_string())
}

/// The table goes through standard input: `--table` takes one line only, and a table may have several.
fn create(name: &DmName, table: &Table, access: Access) -> Cmd {
    let cmd = on("create", name).arg("--uuid").arg(name.uuid());
    let cmd = with_access(cmd, access);
    cmd.arg("--verifyudev").stdin(table.to_string())
}

fn load(name: &DmName, table: &Table, access: Access) -> Cmd {
    with_access(on("load", name), access).stdin(table.to_string())
}

fn with_access(cmd: Cmd, access: Access) -> Cmd {
    match access {
        Access::ReadWrite => cmd,
        Access::ReadOnly => cmd.arg("--readonly"),
    }
}

fn resume(name: &DmName) -> Cmd {
    on("resume", name).arg("--verifyudev")
}

fn suspend(name: &DmName, flush: Flush) -> Cmd {
    let cmd = on("suspend", name).arg("--nolockfs");
    match flush {
        Flush::Yes => cmd,
        Flush::No => cmd.arg("--noflush"),
    }
}

fn info_columns() -> Cmd {
    Cmd::query("dmsetup")
        .args(["info", "--columns", "--noheadings", "--separator", "|"])
        .args(["-o", info::COLUMNS])
}

#[cfg(test)]
mod tests;
