//! What Ceph refused: which function, on what, with which errno; and what a person can do about it.

use std::fmt;

use super::ffi::Failed;
use super::words::{strerror, verb};
use crate::error::{Answer, Error, Kind};

/// Where in its life a connection was when something failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Before connecting: a configuration or keyring file is missing or unreadable, or an option is refused.
    Config,
    /// While connecting to the cluster.
    Connect,
    /// In a call on a connected cluster.
    Call,
    /// An image that is there, and that this program does not work with (format 1).
    Unsupported,
}

/// A failed call of librados or librbd. Two are equal if stage and errno are.
#[derive(Debug, Clone, thiserror::Error)]
pub struct CephError {
    /// The C function, such as `rbd_clone3`.
    pub call: &'static str,
    /// What it was called on, such as `one/disk-1@snap`.
    pub object: String,
    /// The errno, positive.
    pub errno: i32,
    /// When it happened.
    pub stage: Stage,
    /// What else is known: the monitors' words, or what was wrong with an argument.
    pub detail: Option<String>,
}

impl PartialEq for CephError {
    fn eq(&self, other: &Self) -> bool {
        (self.stage, self.errno) == (other.stage, other.errno)
    }
}

impl Eq for CephError {}

impl CephError {
    /// A failed call on a connected cluster.
    pub fn new(call: &'static str, object: impl Into<String>, errno: i32) -> Self {
        Self {
            call,
            object: object.into(),
            errno,
            stage: Stage::Call,
            detail: None,
        }
    }

    /// The same, at another stage.
    #[must_use]
    pub fn at(mut self, stage: Stage) -> Self {
        self.stage = stage;
        self
    }

    /// The same, with what else is known.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// `EINVAL`, with the reason.
    pub(super) fn invalid(call: &'static str, object: impl Into<String>, why: &str) -> Self {
        Self::new(call, object, libc::EINVAL).detail(why)
    }

    fn is(&self, errnos: &[i32]) -> bool {
        self.stage == Stage::Call && errnos.contains(&self.errno)
    }

    /// The pool, image, snapshot, key or lock is not there. The only proof of absence; any other error proves nothing.
    pub fn is_not_found(&self) -> bool {
        self.is(&[libc::ENOENT])
    }

    /// It is there already.
    pub fn is_exists(&self) -> bool {
        self.is(&[libc::EEXIST])
    }

    /// It is in use: watched, locked, protected, or it has snapshots.
    pub fn is_busy(&self) -> bool {
        self.is(&[libc::EBUSY, libc::ENOTEMPTY])
    }

    /// A deadline passed, while connecting or later.
    pub fn is_timeout(&self) -> bool {
        self.errno == libc::ETIMEDOUT
    }

    /// The key or its capabilities do not allow it, while connecting or later.
    pub fn is_denied(&self) -> bool {
        self.stage != Stage::Config && matches!(self.errno, libc::EACCES | libc::EPERM)
    }

    /// Stopped by a progress callback, or a comparison that did not hold.
    pub fn is_cancelled(&self) -> bool {
        self.is(&[libc::ECANCELED])
    }

    /// The cluster has put this client on its blocklist: nothing works any more but a new connection.
    pub fn is_blocklisted(&self) -> bool {
        self.is(&[libc::ESHUTDOWN])
    }

    const fn kind(&self) -> Kind {
        match (self.stage, self.errno) {
            (Stage::Config, _) => Kind::Config,
            (Stage::Connect, _) => Kind::Ceph,
            (Stage::Unsupported, _) => Kind::Failed,
            (Stage::Call, errno) => match errno {
                libc::ENOENT => Kind::NotFound,
                libc::EEXIST => Kind::Exists,
                libc::EBUSY | libc::ENOTEMPTY => Kind::Busy,
                libc::ENOSPC | libc::EDQUOT => Kind::NoSpace,
                libc::ECANCELED => Kind::Cancelled,
                libc::ETIMEDOUT
                | libc::ENOTCONN
                | libc::EACCES
                | libc::EPERM
                | libc::EROFS
                | libc::ESHUTDOWN => Kind::Ceph,
                _ => Kind::Failed,
            },
        }
    }

    fn remedy(&self) -> Option<&'static str> {
        match self.stage {
            Stage::Config => Some(
                "set [ceph] conf, keyring and id to what this host has (or --conf, --id); `warmblock doctor` says which file is missing",
            ),
            Stage::Unsupported => {
                Some("copy the image to one of format 2 (`rbd deep cp`) and use that")
            }
            Stage::Connect if !self.is_denied() => Some(
                "check with `ceph -s` whether the monitors answer, and that `mon host` in ceph.conf names them",
            ),
            Stage::Connect | Stage::Call => self.call_remedy(),
        }
    }

    fn call_remedy(&self) -> Option<&'static str> {
        let text = match (self.errno, self.call) {
            (libc::EPERM, "rbd_trash_remove_with_progress") => {
                "its delay is not over (`rbd trash ls -l`): wait, or remove it with force"
            }
            (libc::EACCES | libc::EPERM, _) => {
                "check that the keyring has the key that `ceph auth get client.ID` shows, and that its caps allow \
                 this (mon 'profile rbd', osd 'profile rbd pool=POOL' for every pool in use)"
            }
            (libc::ETIMEDOUT | libc::ENOTCONN, _) => {
                "look with `ceph -s` for monitors without quorum and inactive placement groups, and try again"
            }
            (libc::ENOTEMPTY, _) => {
                "the image has snapshots: remove those first (`rbd snap ls`, `rbd snap purge`)"
            }
            (libc::ENOENT, _) => {
                "check the name: `warmblock image ls POOL` lists what there is, `ceph osd pool ls` the pools"
            }
            (libc::EBUSY, "rbd_snap_unprotect" | "rbd_snap_remove") => {
                "the snapshot is protected or has clones: `rbd children --all` shows them; flatten or remove them"
            }
            (libc::EBUSY, _) => {
                "`rbd status` shows who has it open, `rbd lock ls` who holds a lock"
            }
            (libc::EROFS, _) => {
                "the image is open read-only, or another client holds its exclusive lock and does not let go"
            }
            (libc::ESHUTDOWN, _) => {
                "this client is on the cluster's blocklist (`ceph osd blocklist ls`), because another host took the \
                 disk from it; once it is removed from the list or expired, connect or map again"
            }
            (libc::ENOSPC | libc::EDQUOT, _) => {
                "`ceph df` shows which pool is full; free space or raise the quota"
            }
            (libc::EINVAL, "rbd_clone3") if self.detail.is_none() => {
                "clone format 1 needs a protected snapshot (`rbd snap protect`); clone format 2 needs \
                 `ceph osd set-require-min-compat-client mimic`"
            }
            _ => return None,
        };
        Some(text)
    }
}

impl CephError {
    /// Which call it was, and on what.
    fn tried(&self) -> String {
        format!("cannot {} {}", verb(self.call), self.object)
    }

    /// What Ceph said to that.
    fn answer(&self) -> String {
        let why = match &self.detail {
            Some(detail) if self.errno == libc::EINVAL || self.stage != Stage::Call => {
                detail.clone()
            }
            Some(detail) => format!("{} ({detail})", strerror(self.errno)),
            None => strerror(self.errno),
        };
        format!("{why} ({}, error {})", self.call, self.errno)
    }
}

impl fmt::Display for CephError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.tried(), self.answer())
    }
}

impl From<CephError> for Error {
    fn from(error: CephError) -> Self {
        let wrapped = Self::new(error.kind(), error.tried()).because(Answer::new(error.answer()));
        match error.remedy() {
            Some(remedy) => wrapped.remedy(remedy),
            None => wrapped,
        }
    }
}

/// Says what a wrapper's failure was about.
pub(super) trait On<T> {
    /// Adds the object.
    fn on(self, object: &dyn fmt::Display) -> Result<T, CephError>;
}

impl<T> On<T> for Result<T, Failed> {
    fn on(self, object: &dyn fmt::Display) -> Result<T, CephError> {
        self.map_err(|failed| CephError::new(failed.call, object.to_string(), failed.errno))
    }
}

/// Turns "not found" into `None`.
pub(super) fn optional<T>(result: Result<T, CephError>) -> Result<Option<T>, CephError> {
    match result {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// A word that came from Ceph, as a type of the model.
pub(super) fn parsed<T: std::str::FromStr<Err = crate::model::ParseError>>(
    call: &'static str,
    word: &str,
) -> Result<T, CephError> {
    word.parse()
        .map_err(|why: T::Err| CephError::invalid(call, format!("{word:?}"), &why.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(call: &'static str, errno: i32) -> Kind {
        Error::from(CephError::new(call, "one/x", errno)).kind()
    }

    #[test]
    fn kinds_follow_the_errno() {
        assert_eq!(kind_of("rbd_open", libc::ENOENT), Kind::NotFound);
        assert_eq!(kind_of("rbd_create4", libc::EEXIST), Kind::Exists);
        assert_eq!(
            kind_of("rbd_remove_with_progress", libc::ENOTEMPTY),
            Kind::Busy
        );
        assert_eq!(kind_of("rbd_write", libc::EDQUOT), Kind::NoSpace);
        assert_eq!(kind_of("rbd_write", libc::ESHUTDOWN), Kind::Ceph);
        assert_eq!(kind_of("rbd_write", libc::EIO), Kind::Failed);
    }

    #[test]
    fn the_message_says_what_on_what_and_why() {
        let error = CephError::new("rbd_open", "one/disk", libc::ENOENT);
        assert_eq!(
            error.to_string(),
            "cannot open image one/disk: no such file or directory (rbd_open, error 2)"
        );
        let error = CephError::invalid("rbd_create4", "one/x", "the object size is odd");
        assert_eq!(
            error.to_string(),
            "cannot create image one/x: the object size is odd (rbd_create4, error 22)"
        );
    }

    #[test]
    fn a_missing_keyring_is_not_a_missing_image() {
        let error = CephError::new("rados_connect", "ceph", libc::ENOENT).at(Stage::Config);
        assert!(!error.is_not_found());
        assert_eq!(Error::from(error).kind(), Kind::Config);
    }

    #[test]
    fn who_is_denied_is_told_about_keyring_and_caps() {
        let error = CephError::new("rados_connect", "ceph", libc::EACCES).at(Stage::Connect);
        assert!(error.is_denied());
        let error = Error::from(error);
        assert_eq!(error.kind(), Kind::Ceph);
        assert!(error.remedy_text().unwrap().contains("keyring"));
    }

    #[test]
    fn errors_are_equal_by_errno() {
        let one = CephError::new("rbd_open", "one/a", libc::ENOENT);
        assert_eq!(one, CephError::new("rbd_rename", "one/b", libc::ENOENT));
        assert_ne!(one, CephError::new("rbd_open", "one/a", libc::EACCES));
    }
}
