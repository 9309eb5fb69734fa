//! The directory of a VM on a host: where its disks' links stand.

use std::fs;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use serde::{Deserialize, Serialize};

use crate::host::Host;
use crate::model::{Change, HostName, PlainPath};
use crate::sys::{atomic, host};
use crate::{Error, Kind, Result};

/// The file in a VM's directory that says whose it is: the name of the host that made it, or that several have it; on a line of
/// its own then the directory's mark, by which it is known again whatever a host is called that has it.
pub const OWNER: &str = ".warmblock";
/// What it says once a second host has found it: the directory lies on storage that hosts share. No host is called so.
const SHARED: &str = "*";

/// The file in which libvirt saves a suspended guest's memory (contract, 5.2).
const CHECKPOINT: &str = "checkpoint";

/// `make-dir`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VmDirJob {
    /// `…/DATASTORE/VM`, both of them numbers.
    pub path: PathBuf,
    /// Only if the memory of a guest that was suspended is in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub with_checkpoint: bool,
}

impl VmDirJob {
    /// Whatever is in it.
    pub const fn new(path: PathBuf) -> Self {
        Self {
            path,
            with_checkpoint: false,
        }
    }
}

/// `remove-dir`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveDir {
    /// `…/DATASTORE/VM`, both of them numbers.
    pub path: PathBuf,
    /// Only if it is this host's alone: what has moved to another host is not to be removed there as well.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub own: bool,
}

/// What became of a VM's directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct VmDirReport {
    /// The directory.
    pub path: PathBuf,
    /// What happened to it, or would.
    pub change: Change,
    /// Whether other hosts have it too.
    pub shared: bool,
    /// What no other directory has: two hosts that tell the same have the same one, or are the same machine.
    pub mark: Option<String>,
}

/// What [`OWNER`] says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Owner {
    name: String,
    /// `None` if an older release wrote it.
    mark: Option<String>,
}

/// Makes a VM's directory, and those above it.
///
/// # Errors
/// [`Kind::Usage`] for a path that is no VM's directory; [`Kind::Exists`] if something else stands there; [`Kind::NotFound`] if
/// the guest's memory is not in it.
pub(super) fn make(host: &Host, job: &VmDirJob, dry_run: bool) -> Result<VmDirReport> {
    check(&job.path)?;
    look_for_checkpoint(job)?;
    let missing: Vec<&Path> = job
        .path
        .ancestors()
        .take_while(|dir| !dir.exists())
        .collect();
    if let Some(there) = job.path.ancestors().find(|dir| dir.exists())
        && !there.is_dir()
    {
        let message = format!("{} is no directory", there.display());
        return Err(Error::new(Kind::Exists, message).remedy("move it away"));
    }
    let change = if missing.is_empty() {
        Change::Kept
    } else {
        Change::Made
    };
    if !dry_run {
        for dir in missing.iter().rev() {
            make_one(dir).map_err(|error| failed("make", dir, error))?;
        }
    }
    let new = || host::new_id(&host.roots);
    let (shared, mark) = own(&host.me()?.host, &job.path, new, dry_run)?;
    Ok(VmDirReport {
        mark,
        ..report(&job.path, change, shared)
    })
}

fn look_for_checkpoint(job: &VmDirJob) -> Result<()> {
    let checkpoint = job.path.join(CHECKPOINT);
    if !job.with_checkpoint || checkpoint.exists() {
        return Ok(());
    }
    let message = format!(
        "the memory of the suspended guest, {}, is on its old host alone",
        checkpoint.display()
    );
    Err(Error::new(Kind::NotFound, message).remedy(
        "start that host again, then `onevm recover --retry`; if it never comes back the guest's memory is lost: `onevm recover \
         --failure`, and then `onevm recover --recreate` or `onevm terminate`",
    ))
}

fn make_one(dir: &Path) -> std::io::Result<()> {
    match fs::DirBuilder::new().mode(0o755).create(dir) {
        Ok(()) => {}
        // Another action of the same VM was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(()),
        Err(error) => return Err(error),
    }
    crate::fault::step(&format!("make {}", dir.display()));
    Ok(())
}

/// Notes that this host has the directory; whether others have it too, and its mark, which is a `new` one if it has none.
fn own(
    me: &HostName,
    dir: &Path,
    new: impl FnOnce() -> Result<String>,
    dry_run: bool,
) -> Result<(bool, Option<String>)> {
    let there = owner(dir)?;
    let shared = there
        .as_ref()
        .is_some_and(|there| there.name != me.as_str());
    let mark = there.as_ref().and_then(|there| there.mark.clone());
    if dry_run {
        return Ok((shared, mark));
    }
    let mark = mark.map_or_else(new, Ok)?;
    let name = if shared { SHARED } else { me.as_str() };
    let now = Owner {
        name: name.to_owned(),
        mark: Some(mark.clone()),
    };
    if there.as_ref() != Some(&now) {
        let file = dir.join(OWNER);
        atomic::write_mode(&file, format!("{name}\n{mark}\n").as_bytes(), 0o644)?;
    }
    Ok((shared, Some(mark)))
}

/// Whose a directory is; `None` if nobody said, or it is not there. The file is that of whoever calls sudo, who may have put anything
/// there, and what it says is told to him.
fn owner(dir: &Path) -> Result<Option<Owner>> {
    let file = dir.join(OWNER);
    match read(&file) {
        Ok(text) => {
            let mut words = text.split_whitespace().map(str::to_owned);
            let (name, mark) = (words.next(), words.next());
            let mark = mark.filter(|mark| is_mark(mark));
            Ok(name.map(|name| Owner { name, mark }))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", &file, error)),
    }
}

/// The head of a regular file; no link is followed, and nothing that is read hangs.
fn read(file: &Path) -> std::io::Result<String> {
    const LONGEST: u64 = 512;
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let mut open = fs::OpenOptions::new();
    let file = open.read(true).custom_flags(flags.bits()).open(file)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("it is no regular file"));
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

/// Whether a word is one that [`host::new_id`] gave.
fn is_mark(word: &str) -> bool {
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-');
    word.len() == 36 && word.bytes().all(digit)
}

/// Whether other hosts may have a directory too: somebody else says that it is his, or all do. Not if nobody says anything.
pub(crate) fn is_others_too(me: &HostName, dir: &Path) -> Result<bool> {
    Ok(owner(dir)?.is_some_and(|there| there.name != me.as_str()))
}

/// Removes a VM's directory with the files and links in it. Links are not followed.
///
/// # Errors
/// [`Kind::Usage`] for a path that is no VM's directory.
pub(super) fn remove(host: &Host, job: &RemoveDir, dry_run: bool) -> Result<VmDirReport> {
    check(&job.path)?;
    let there = match fs::symlink_metadata(&job.path) {
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        other => Some(other.map_err(|error| failed("look at", &job.path, error))?),
    };
    match there {
        None => return Ok(report(&job.path, Change::Absent, false)),
        Some(there) if !there.is_dir() => {
            let message = format!("{} is no directory", job.path.display());
            return Err(Error::new(Kind::Exists, message)
                .remedy("look at what it is, and remove it yourself"));
        }
        Some(_) => {}
    }
    if job.own {
        let me = host.me()?.host;
        if owner(&job.path)?.is_none_or(|owner| owner.name != me.as_str()) {
            return Ok(report(&job.path, Change::Kept, true));
        }
    }
    if !dry_run {
        fs::remove_dir_all(&job.path).map_err(|error| failed("remove", &job.path, error))?;
        crate::fault::step(&format!("remove {}", job.path.display()));
    }
    Ok(report(&job.path, Change::Removed, false))
}

pub(super) fn report(path: &Path, change: Change, shared: bool) -> VmDirReport {
    VmDirReport {
        path: path.to_owned(),
        change,
        shared,
        mark: None,
    }
}

/// What to do where whoever asks may not do what has to be done.
pub(super) const MAY_NOT: &str = "it must be allowed to the user who asks for it by sudo, as oneadmin is in his datastores: \
     `ls -ld` tells whose the directory is";

pub(super) fn failed(what: &str, path: &Path, error: std::io::Error) -> Error {
    let may_not = error.kind() == ErrorKind::PermissionDenied;
    let failed = Error::new(Kind::Failed, format!("cannot {what} {}", path.display()));
    match may_not {
        true => failed.because(error).remedy(MAY_NOT),
        false => failed.because(error),
    }
}

/// What is removed with all that is in it must be what we think it is: an absolute path without a way up, that ends with
/// two numbers below at least one more directory.
pub(super) fn check(path: &Path) -> Result<()> {
    if PlainPath::of(path, 3).is_some_and(|path| path.ends_with_numbers(2)) {
        return Ok(());
    }
    let message = format!("{} is no VM's directory", path.display());
    Err(Error::new(Kind::Usage, message)
        .remedy("it ends with the numbers of a datastore and of a VM"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const M: &str = "11111111-2222-4333-8444-555555555555";
    const N: &str = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee";

    #[test]
    fn only_a_vms_directory_is_made_or_removed() {
        for bad in [
            "/",
            "",
            "/100/12",
            "relative/100/12",
            "/d/100/../12",
            "/d/100/x",
            "/d/x/12",
            "/d/100/12/disk.0",
        ] {
            assert_eq!(
                check(Path::new(bad)).unwrap_err().kind(),
                Kind::Usage,
                "{bad}"
            );
        }
        assert!(check(Path::new("/var/lib/one/datastores/100/12")).is_ok());
        assert!(check(Path::new("/var/lib/one//datastores/100/12")).is_ok());
    }

    /// The memory of a suspended guest is nowhere else.
    #[test]
    fn a_directory_without_a_checkpoint_is_not_made_for_a_suspended_guest() {
        let dir = tempfile::tempdir().unwrap();
        let mut job = VmDirJob::new(dir.path().join("100/12"));
        assert!(look_for_checkpoint(&job).is_ok());
        job.with_checkpoint = true;
        let refused = look_for_checkpoint(&job).unwrap_err();
        assert_eq!(refused.kind(), Kind::NotFound);
        assert!(refused.remedy_text().unwrap().contains("--retry"));
        fs::create_dir_all(&job.path).unwrap();
        atomic::write(&job.path.join(CHECKPOINT), b"").unwrap();
        assert!(look_for_checkpoint(&job).is_ok());
    }

    /// The first host that has it says so, and the second finds that out; from then on it is nobody's alone.
    #[test]
    fn a_directory_that_hosts_share_is_nobodys_alone() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let [hv1, hv2]: [HostName; 2] = ["hv1", "hv2"].map(|name| name.parse().unwrap());
        let others = |me| is_others_too(me, dir).unwrap();
        assert!(!others(&hv1) && !others(&hv2), "nobody has said anything");
        let own = |me: &HostName, mark: &str, dry_run| {
            own(me, dir, || Ok(mark.to_owned()), dry_run).unwrap()
        };
        assert_eq!(own(&hv1, M, true), (false, None));
        assert_eq!(owner(dir).unwrap(), None, "it is only looked at");
        let marked = Some(M.to_owned());
        for mark in [M, N] {
            assert_eq!(own(&hv1, mark, false), (false, marked.clone()));
            assert!(!others(&hv1) && others(&hv2));
        }
        assert_eq!(own(&hv2, N, true), (true, marked.clone()));
        assert!(!own(&hv1, N, false).0, "that was only looked at");
        for me in [&hv2, &hv1, &hv2] {
            assert_eq!(own(me, N, false), (true, marked.clone()));
            assert!(others(&hv1) && others(&hv2));
            assert_eq!(owner(dir).unwrap().unwrap().name, SHARED);
        }
        // An older release wrote only the name.
        atomic::write(&dir.join(OWNER), b"hv1").unwrap();
        assert_eq!(own(&hv1, N, false), (false, Some(N.into())));
        assert!(!others(&hv1));
    }

    /// The file is that of whoever calls sudo: he gets nothing of anybody else's told, and keeps nobody waiting.
    #[test]
    fn no_link_is_followed_to_learn_whose_a_directory_is() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(OWNER);
        let secret = dir.path().join("secret");
        atomic::write(&secret, format!("hv1\n{M}\n").as_bytes()).unwrap();
        std::os::unix::fs::symlink(&secret, &file).unwrap();
        assert!(owner(dir.path()).is_err());
        fs::remove_file(&file).unwrap();
        nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRUSR).unwrap();
        assert!(owner(dir.path()).is_err());
        fs::remove_file(&file).unwrap();
        atomic::write(&file, b"hv1\nwhat-stands-elsewhere\n").unwrap();
        assert_eq!(owner(dir.path()).unwrap().unwrap().mark, None);
    }
}
