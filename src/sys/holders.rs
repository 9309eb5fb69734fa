//! Who uses a device: for the error that says why it cannot be removed.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::block::{DevNum, attribute, entries};
use super::{Block, Roots, wait};
use crate::Result;

/// Somebody who uses a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// Another block device is built on it.
    Device {
        /// Its kernel name.
        name: String,
        /// Its device-mapper name, if it has one.
        dm: Option<String>,
    },
    /// A file system on it is mounted here.
    Mount(PathBuf),
    /// A process has it open.
    Process {
        /// The process.
        pid: u32,
        /// Its short name, `/proc/PID/comm`.
        name: String,
    },
}

impl Holder {
    /// Whether it only looks, and is gone in a moment: udev probes a device that was written once it is closed (udev(7), `watch`).
    pub fn is_passing(&self) -> bool {
        const LOOKS: [&str; 5] = ["(udev-worker)", "systemd-udevd", "udevd", "blkid", "lvm"];
        matches!(self, Self::Process { name, .. } if LOOKS.contains(&name.as_str()))
    }
}

/// Who has a device open for longer than a look: asked until nobody has, or somebody stays, or for so long. `None` if nobody has
/// it open any more. Of whom nothing is known may be a look that is over already.
pub fn staying(
    patience: Duration,
    mut ask: impl FnMut() -> Result<Option<Vec<Holder>>>,
) -> Result<Option<Vec<Holder>>> {
    let mut last = None;
    let end = wait::poll(patience, || match ask() {
        Ok(Some(holders)) if holders.iter().all(Holder::is_passing) => {
            last = Some(holders);
            None
        }
        other => Some(other),
    });
    end.unwrap_or(Ok(last))
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device { dm: Some(dm), .. } => write!(f, "/dev/mapper/{dm}"),
            Self::Device { name, dm: None } => write!(f, "/dev/{name}"),
            Self::Mount(path) => write!(f, "a mount at {}", path.display()),
            Self::Process { pid, name } => write!(f, "process {pid} ({name})"),
        }
    }
}

/// Everybody of this mount namespace who is known to use a device. Walks all of /proc: for error messages only.
pub fn holders(roots: &Roots, num: DevNum) -> Vec<Holder> {
    let mut found = devices(roots, num);
    found.extend(mounts(roots, num));
    found.extend(processes(roots, num));
    found
}

/// The holders as the end of a sentence: `held by A, B`, or that nobody is known.
pub fn describe(holders: &[Holder]) -> String {
    if holders.is_empty() {
        return "held by nobody that can be seen from here (another mount namespace, or a passing probe)".into();
    }
    let names: Vec<String> = holders.iter().map(Holder::to_string).collect();
    format!("held by {}", names.join(", "))
}

fn devices(roots: &Roots, num: DevNum) -> Vec<Holder> {
    let block = Block::read(roots, num).ok().flatten();
    let names = block.map(|block| block.holders).unwrap_or_default();
    let dm = |name: &str| attribute(&roots.sys.join("class/block").join(name), "dm/name");
    names
        .into_iter()
        .map(|name| Holder::Device {
            dm: dm(&name),
            name,
        })
        .collect()
}

/// `/proc/self/mountinfo` (proc(5)): the third field is the device, the fifth the mount point with octal escapes.
fn mounts(roots: &Roots, num: DevNum) -> Vec<Holder> {
    let text = std::fs::read_to_string(roots.proc.join("self/mountinfo")).unwrap_or_default();
    let wanted = num.to_string();
    let point = |line: &str| {
        let mut fields = line.split(' ').skip(2);
        let device = fields.next()?;
        let point = fields.nth(1)?;
        (device == wanted).then(|| Holder::Mount(unescape(point).into()))
    };
    text.lines().filter_map(point).collect()
}

fn unescape(field: &str) -> String {
    [
        ("\\040", " "),
        ("\\011", "\t"),
        ("\\012", "\n"),
        ("\\134", "\\"),
    ]
    .iter()
    .fold(field.to_owned(), |text, (from, to)| text.replace(from, to))
}

fn processes(roots: &Roots, num: DevNum) -> Vec<Holder> {
    let pids = entries(&roots.proc);
    let pids = pids.iter().filter_map(|name| name.parse::<u32>().ok());
    let pids = pids.filter(|pid| *pid != std::process::id());
    let holder = |pid: u32| {
        let dir = roots.proc.join(pid.to_string());
        has_open(&dir, num).then(|| Holder::Process {
            pid,
            name: attribute(&dir, "comm").unwrap_or_default(),
        })
    };
    pids.filter_map(holder).collect()
}

fn has_open(process: &Path, num: DevNum) -> bool {
    let fds = std::fs::read_dir(process.join("fd"))
        .into_iter()
        .flatten()
        .flatten();
    // the link is looked at first: following one to a hung network file system would hang us as well
    fds.filter(|fd| std::fs::read_link(fd.path()).is_ok_and(|target| target.starts_with("/dev")))
        .filter_map(|fd| fd.path().metadata().ok())
        .any(|meta| {
            meta.mode() & libc::S_IFMT == libc::S_IFBLK && DevNum::from_raw(meta.rdev()) == num
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::block::tests::fake;

    #[test]
    fn a_look_is_waited_for_and_a_user_is_not() {
        let process = |name: &str| Holder::Process {
            pid: 7,
            name: name.into(),
        };
        let (udev, guest) = (process("(udev-worker)"), process("qemu-system-x86"));
        let played = |patience, rounds: &[Option<Vec<Holder>>]| {
            let mut left = rounds.iter().cloned();
            let ask = || {
                Ok(left
                    .next()
                    .unwrap_or_else(|| rounds.last().unwrap().clone()))
            };
            let end = staying(patience, ask).unwrap();
            (end, left.len())
        };
        let long = Duration::from_secs(60);
        let looks = [Some(vec![udev.clone()]), Some(Vec::new()), None];
        assert_eq!(played(long, &looks), (None, 0));
        // Who stays is told at once, also beside one who looks.
        let both = Some(vec![udev.clone(), guest]);
        assert_eq!(played(long, &[both.clone(), None]), (both, 1));
        // One who looks all the time does not only look.
        let stuck = Some(vec![udev]);
        assert_eq!(
            played(Duration::ZERO, std::slice::from_ref(&stuck)).0,
            stuck
        );
    }

    #[test]
    fn devices_and_mounts_are_named() {
        let root = tempfile::tempdir().unwrap();
        let roots = Roots::at(root.path());
        fake(
            &roots,
            "252:0",
            "rbd0",
            &[
                ("size", "8"),
                ("holders/dm-3/", ""),
                ("holders/bcache0/", ""),
            ],
        );
        let class = roots.sys.join("class/block");
        crate::sys::atomic::write(&class.join("dm-3/dm/name"), b"wb-1\n").unwrap();
        let mountinfo = "22 1 252:0 / /srv/a\\040b rw - ext4 /dev/rbd0 rw\n23 1 252:1 / /other rw - ext4 x rw\nshort\n";
        crate::sys::atomic::write(&roots.proc.join("self/mountinfo"), mountinfo.as_bytes())
            .unwrap();
        let found = holders(&roots, "252:0".parse().unwrap());
        assert_eq!(
            describe(&found),
            "held by /dev/bcache0, /dev/mapper/wb-1, a mount at /srv/a b"
        );
        assert!(describe(&[]).contains("nobody"));
    }
}
