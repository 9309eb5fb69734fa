//! LVM (lvm(8)): the slices of the host's SSD volume group. Every call hides the guests' disks from LVM, see [`filter`].

mod error;
mod filter;
pub(crate) mod pattern;
mod report;
mod tag;

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use crate::exec::{Cmd, Exec, ExecError, Output};
use crate::model::{Bytes, Change, LvName, VgName};
use crate::sys::{Roots, wait};
use crate::tools::udev;
use error::{absent_or_removed, explain, in_use, only_missing};

pub use error::LvmError;
pub use filter::REJECTED;
pub use report::{Lv, Vg, Volumes};
pub use tag::Tag;

/// LVM on this host. It asks once which filters the administrator has, and keeps the answer where its maker wants it.
#[derive(Debug)]
pub struct Lvm<'a> {
    exec: &'a Exec,
    roots: &'a Roots,
    filter: OnceLock<String>,
    kept: Option<&'a OnceLock<String>>,
}

impl<'a> Lvm<'a> {
    /// LVM, run by `exec`.
    pub const fn new(exec: &'a Exec, roots: &'a Roots) -> Self {
        Self {
            exec,
            roots,
            filter: OnceLock::new(),
            kept: None,
        }
    }

    /// Keeps what it learns of the administrator's filters for the next one that is made.
    #[must_use]
    pub const fn keeping(mut self, kept: &'a OnceLock<String>) -> Self {
        self.kept = Some(kept);
        self
    }

    /// A volume group's size and room.
    pub fn vg(&self, vg: &VgName) -> Result<Vg, LvmError> {
        let output = self
            .run(vgs(report::VG_COLUMNS, vg))
            .map_err(|error| explain(error, vg, None))?;
        let found = report::vgs(output.text()?).map_err(|why| output.bad(why))?;
        found
            .into_iter()
            .next()
            .ok_or_else(|| LvmError::NoVg(vg.clone()))
    }

    /// The disks that a volume group is on, by the paths under which LVM found them.
    pub fn disks(&self, vg: &VgName) -> Result<Vec<String>, LvmError> {
        let output = self
            .run(vgs(report::PV_COLUMNS, vg))
            .map_err(|error| explain(error, vg, None))?;
        Ok(report::pvs(output.text()?).map_err(|why| output.bad(why))?)
    }

    /// Every volume of ours, in every volume group: those with the tag [`Tag::ours`] and a name that we give.
    pub fn list(&self) -> Result<Volumes, LvmError> {
        let output = self.run(lvs(&format!("@{}", Tag::ours())))?;
        Ok(report::lvs(output.text()?).map_err(|why| output.bad(why))?)
    }

    /// One volume; `None` when there is none of this name.
    pub fn lv(&self, vg: &VgName, lv: &LvName) -> Result<Option<Lv>, LvmError> {
        let output = match self.run(lvs(&format!("{vg}/{lv}"))) {
            Ok(output) => output,
            Err(error) => {
                return match explain(error, vg, Some(lv)) {
                    LvmError::NotFound { .. } => Ok(None),
                    error => Err(error),
                };
            }
        };
        let found = report::lvs(output.text()?).map_err(|why| output.bad(why))?;
        Ok(found.slices.into_iter().next())
    }

    /// Carves a volume, active, with its start zeroed and signatures wiped. The size is rounded up to whole extents.
    pub fn create(
        &self,
        vg: &VgName,
        lv: &impl Display,
        size: Bytes,
        tags: &[Tag],
    ) -> Result<PathBuf, LvmError> {
        match self.run(lvcreate(vg, lv, size, tags)) {
            Ok(_) => Ok(self.path(vg, lv)),
            Err(error) if error.says("insufficient free space") => Err(LvmError::Full {
                vg: vg.clone(),
                wanted: size,
                free: self.vg(vg)?.free,
            }),
            Err(error) => Err(explain(error, vg, Some(lv))),
        }
    }

    /// Removes volumes in one go, trying again while one is in use until the deadline.
    pub fn remove(
        &self,
        vg: &VgName,
        lvs: &[&impl Display],
        deadline: Duration,
    ) -> Result<Change, LvmError> {
        let mut busy = String::new();
        let removed = wait::poll(deadline, || match self.run(lvremove(vg, lvs)) {
            Ok(_) => Some(Ok(Change::Removed)),
            Err(error) if in_use(&error) => {
                busy = error
                    .stderr()
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .trim()
                    .to_owned();
                None
            }
            Err(error) if only_missing(&error) => Some(Ok(absent_or_removed(&error, lvs.len()))),
            Err(error) => Some(Err(explain(
                error,
                vg,
                lvs.first().map(|lv| *lv as &dyn Display),
            ))),
        });
        removed.unwrap_or(Err(LvmError::Busy {
            vg: vg.clone(),
            what: busy,
        }))
    }

    /// Makes a volume's device; nothing happens to one that is active.
    pub fn activate(&self, vg: &VgName, lv: &impl Display) -> Result<PathBuf, LvmError> {
        self.change(vg, lv, lvchange(vg, lv).arg("-ay"))?;
        Ok(self.path(vg, lv))
    }

    /// Takes a volume's device away; the volume stays.
    pub fn deactivate(&self, vg: &VgName, lv: &impl Display) -> Result<(), LvmError> {
        self.change(vg, lv, lvchange(vg, lv).arg("-an"))
    }

    /// Adds and removes tags; one that is there already, or is not there, is no error.
    pub fn retag(
        &self,
        vg: &VgName,
        lv: &impl Display,
        add: &[Tag],
        remove: &[Tag],
    ) -> Result<(), LvmError> {
        if add.is_empty() && remove.is_empty() {
            return Ok(());
        }
        let cmd = remove.iter().fold(lvchange(vg, lv), |cmd, tag| {
            cmd.arg("--deltag").arg(tag.as_str())
        });
        self.change(vg, lv, add.iter().fold(cmd, add_tag))
    }

    /// The node of a volume, `/dev/VG/LV`.
    pub fn path(&self, vg: &VgName, lv: &impl Display) -> PathBuf {
        self.roots.dev.join(vg.as_str()).join(lv.to_string())
    }

    /// Its other node, `/dev/mapper/VG-LV`, in which hyphens of the names are doubled (lvm(8)).
    pub fn mapper_path(&self, vg: &VgName, lv: &impl Display) -> PathBuf {
        let double = |name: &str| name.replace('-', "--");
        self.roots.mapper(format!(
            "{}-{}",
            double(vg.as_str()),
            double(&lv.to_string())
        ))
    }

    fn change(&self, vg: &VgName, lv: &impl Display, cmd: Cmd) -> Result<(), LvmError> {
        let ran = self.run(cmd);
        ran.map(drop).map_err(|error| explain(error, vg, Some(lv)))
    }

    fn run(&self, cmd: Cmd) -> Result<Output, ExecError> {
        let kept = self.kept.unwrap_or(&self.filter);
        let filter = match kept.get() {
            Some(filter) => filter,
            None => {
                let current = self.exec.run(&self.env(filter::ask()))?;
                kept.get_or_init(|| filter::config(current.text().unwrap_or_default()))
            }
        };
        self.exec.run(&self.env(cmd.arg("--config").arg(filter)))
    }

    /// A caller such as oned may have left file descriptors open to us; LVM warns about each unless told not to (lvm(8)).
    fn env(&self, cmd: Cmd) -> Cmd {
        udev::with_dm_env(cmd.env("LVM_SUPPRESS_FD_WARNINGS", "1"), self.roots)
    }
}

fn report_of(tool: &str, columns: &str) -> Cmd {
    Cmd::query(tool)
        .args([
            "--reportformat",
            "json",
            "--units",
            "b",
            "--nosuffix",
            "--binary",
        ])
        .args(["-o", columns])
}

fn vgs(columns: &str, vg: &VgName) -> Cmd {
    report_of("vgs", columns).arg(vg.as_str())
}

fn lvs(which: &str) -> Cmd {
    report_of("lvs", report::LV_COLUMNS).arg(which)
}

fn lvcreate(vg: &VgName, lv: &impl Display, size: Bytes, tags: &[Tag]) -> Cmd {
    let cmd = Cmd::change("lvcreate").args(["--yes", "--wipesignatures", "y", "--zero", "y"]);
    let cmd = tags.iter().fold(cmd, add_tag);
    // LVM refuses a size that is no multiple of 512; it rounds up to whole extents itself
    cmd.arg("--size")
        .arg(format!("{}b", size.sectors().bytes().0))
        .arg("--name")
        .arg(lv.to_string())
        .arg(vg.as_str())
}

fn lvremove(vg: &VgName, lvs: &[&impl Display]) -> Cmd {
    let names = lvs.iter().map(|lv| format!("{vg}/{lv}"));
    Cmd::change("lvremove").arg("--yes").args(names)
}

fn lvchange(vg: &VgName, lv: &impl Display) -> Cmd {
    Cmd::change("lvchange")
        .arg("--yes")
        .arg(format!("{vg}/{lv}"))
}

fn add_tag(cmd: Cmd, tag: &Tag) -> Cmd {
    cmd.arg("--addtag").arg(tag.as_str())
}

#[cfg(test)]
mod tests;
