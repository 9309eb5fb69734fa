//! Whoever called sudo. What he names by a path is done as he might do it himself: root would follow his links, and write where he
//! may not.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;

use nix::unistd::{Gid, Uid, setfsgid, setfsuid, setgroups};
use serde::{Deserialize, Serialize};

use crate::{Error, Kind, Result};

/// A user, and the group that he has first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Caller {
    uid: u32,
    gid: u32,
}

impl Caller {
    /// As sudo says (sudo(8): `SUDO_UID`, `SUDO_GID`); `None` if it did not call us, or root called it. From here on this process
    /// has no groups beside that user's first one: sudo gave it those of root, who needs none, and the file system asks for them.
    ///
    /// # Errors
    /// [`Kind::Config`] if what it says is no number; the kernel's.
    pub fn of_sudo() -> Result<Option<Self>> {
        let number = |name: &str| {
            let word = std::env::var_os(name);
            let number = word.map(|word| word.to_str().and_then(|word| word.parse::<u32>().ok()));
            let wrong = || {
                Error::new(
                    Kind::Config,
                    format!("{name} is no number of a user or group"),
                )
            };
            number.map(|number| number.ok_or_else(wrong)).transpose()
        };
        let (Some(uid), Some(gid)) = (number("SUDO_UID")?, number("SUDO_GID")?) else {
            return Ok(None);
        };
        if uid == 0 {
            return Ok(None);
        }
        Self { uid, gid }.alone().map(Some)
    }

    /// The owner of a file, for a process that is root and could act as anybody; `None` if the file is root's, or this process is not
    /// root. Root's groups are given up as in [`Caller::of_sudo`].
    ///
    /// # Errors
    /// The kernel's.
    pub fn owner(of: &Metadata) -> Result<Option<Self>> {
        let (uid, gid) = (of.uid(), of.gid());
        if uid == 0 || !Uid::effective().is_root() {
            return Ok(None);
        }
        Self { uid, gid }.alone().map(Some)
    }

    /// With no groups beside this one.
    fn alone(self) -> Result<Self> {
        setgroups(&[Gid::from_raw(self.gid)]).map_err(|error| {
            Error::new(Kind::Failed, "cannot give up root's groups").because(error)
        })?;
        Ok(self)
    }

    /// Does something with files as this user (setfsuid(2)): what this thread opens, makes and removes meanwhile. What it has opened it
    /// keeps; programs that it starts are root's, as are its other threads.
    ///
    /// # Errors
    /// Those of `act`; [`Kind::Failed`] if this process may not act as others.
    pub fn act<T>(self, act: impl FnOnce() -> Result<T>) -> Result<T> {
        let _back = As::user(Uid::from_raw(self.uid), Gid::from_raw(self.gid))?;
        act()
    }
}

/// As whom this thread was before.
struct As {
    uid: Uid,
    gid: Gid,
}

impl As {
    /// The group first, as long as it may still be changed. The kernel gives the old numbers back, and no error.
    fn user(uid: Uid, gid: Gid) -> Result<Self> {
        let before = Self {
            gid: setfsgid(gid),
            uid: setfsuid(uid),
        };
        // Again, to learn whether it was done.
        if setfsgid(gid) == gid && setfsuid(uid) == uid {
            return Ok(before);
        }
        Err(Error::new(
            Kind::Failed,
            format!("cannot do it as user {uid}, who asks for it"),
        )
        .remedy("run this as root, by sudo"))
    }
}

impl Drop for As {
    fn drop(&mut self) {
        setfsuid(self.uid);
        setfsgid(self.gid);
    }
}

#[cfg(test)]
impl Caller {
    /// A user to whom nothing belongs; `None` where the tests do not run as root, and cannot act as others.
    pub fn nobody() -> Option<Self> {
        let nobody = Self {
            uid: 65534,
            gid: 65534,
        };
        Uid::effective().is_root().then_some(nobody)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn what_a_user_may_not_do_is_not_done_for_him() {
        let Some(nobody) = Caller::nobody() else {
            return;
        };
        let dir = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let path = dir.path().join(name);
            fs::File::create_new(path).map_err(|error| Error::new(Kind::Failed, error.to_string()))
        };
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(dir.path(), open).unwrap();
        assert!(nobody.act(|| make("a")).is_err(), "the directory is root's");
        make("a").unwrap();
        let all = fs::Permissions::from_mode(0o777);
        fs::set_permissions(dir.path(), all).unwrap();
        let made = nobody.act(|| make("b")).unwrap().metadata().unwrap();
        assert_eq!((made.uid(), made.gid()), (65534, 65534));
        // Whatever becomes of it, this thread is root's again.
        let panicked = std::panic::catch_unwind(|| nobody.act(|| -> Result<()> { panic!("gone") }));
        assert!(panicked.is_err());
        assert_eq!(make("c").unwrap().metadata().unwrap().uid(), 0);
    }
}
