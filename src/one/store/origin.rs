//! Where the bytes of a new image come from: a file of the front-end, a web server, or a backup.

use std::fs::{File, OpenOptions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::model::Bytes;
use crate::one::Remote;
use crate::one::act::JOB_DEADLINE;
use crate::one::backups::{BackupUrl, Part, download};
use crate::one::document::Datastore;
use crate::one::remote::Data;
use crate::one::web::{Patience, get};
use crate::{Error, Kind, Result};

/// What no user may make an image of, whatever the datastore says: oned's own settings and keys.
const ALWAYS_RESTRICTED: [&str; 4] = ["/etc", "/root", "/proc", "/sys"];

/// Where the bytes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// A file, which may be read as the datastore's rules are.
    File(PathBuf, Rules),
    /// An URL of a web server.
    Web(String),
    /// A disk of a backup, which oned's downloader reads.
    Backup {
        /// Its URL.
        url: BackupUrl,
        /// oned's own directory.
        var: PathBuf,
    },
}

/// Which directories images may come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rules {
    /// From these, although one above them is restricted.
    safe: Vec<PathBuf>,
    /// Not from these.
    restricted: Vec<PathBuf>,
}

impl Origin {
    /// Reads IMAGE/PATH. `var` is oned's own directory, which is restricted.
    ///
    /// # Errors
    /// [`Kind::Usage`] for an URL that nobody can fetch, and for a path that is not absolute.
    pub(super) fn of(path: &str, datastore: &Datastore, var: &Path) -> Result<Self> {
        if let Some((scheme, _)) = path.split_once("://") {
            let web = ["http", "https"].contains(&scheme.to_ascii_lowercase().as_str());
            if web && !path.chars().any(|c| c.is_control() || c == ' ') {
                return Ok(Self::Web(path.to_owned()));
            }
            if BackupUrl::is(path) {
                let (url, var) = (path.parse()?, var.to_owned());
                return Ok(Self::Backup { url, var });
            }
            return Err(
                Error::new(Kind::Usage, format!("cannot fetch images from {scheme}://"))
                    .remedy("fetch it to a file of the front-end, and give its path"),
            );
        }
        if !path.starts_with('/') {
            let message =
                format!("the image's PATH {path:?} is neither an absolute path nor an URL");
            return Err(Error::new(Kind::Usage, message));
        }
        Ok(Self::File(path.into(), Rules::of(datastore, var)))
    }

    /// How many bytes of data it has at most, if that can be told before it is read: a file's holes are none.
    pub(super) fn data(&self) -> Option<Bytes> {
        let Self::File(path, rules) = self else {
            return None;
        };
        let meta = open(path, rules).ok()?.metadata().ok()?;
        Some(Bytes(meta.len().min(meta.blocks() * 512)))
    }

    /// Opens it to be read from the front to the end.
    pub(super) fn open(&self, rate: Option<Bytes>) -> Result<Data> {
        match self {
            Self::File(path, rules) => Ok(Data::new(open(path, rules)?)),
            Self::Web(url) => {
                Ok(Data::new(get(url, Patience::WhileItComes)?.body).limited_to(rate))
            }
            Self::Backup { url, var } => {
                let bytes = download(&Remote::new(JOB_DEADLINE), url, Part::Whole, var)?;
                Ok(Data::new(bytes).limited_to(rate))
            }
        }
    }
}

impl Rules {
    fn of(datastore: &Datastore, var: &Path) -> Self {
        let dirs = |words: &[String]| words.iter().map(PathBuf::from).collect::<Vec<_>>();
        let mut restricted = dirs(&datastore.restricted_dirs);
        restricted.extend(ALWAYS_RESTRICTED.map(PathBuf::from));
        restricted.push(var.to_owned());
        Self {
            safe: dirs(&datastore.safe_dirs),
            restricted,
        }
    }

    /// Whether a file may be read, by its real path: in no restricted directory, or in a safe one.
    fn allow(&self, path: &Path) -> bool {
        let within = |dirs: &[PathBuf]| {
            dirs.iter().any(|dir| {
                let real = dir.canonicalize();
                path.starts_with(real.as_deref().unwrap_or(dir))
            })
        };
        within(&self.safe) || !within(&self.restricted)
    }
}

/// Opens a file of the front-end. The rules are asked of the file that is open, so no link can be exchanged meanwhile.
pub(super) fn open(path: &Path, rules: &Rules) -> Result<File> {
    let refuse = |kind, why: &str| {
        Error::new(
            kind,
            format!("cannot make an image of {}: {why}", path.display()),
        )
    };
    // A pipe would wait for its writer: it is refused below, once it is open.
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(libc::O_NONBLOCK);
    let file = options.open(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => {
            refuse(Kind::NotFound, "there is no such file on the front-end")
        }
        std::io::ErrorKind::PermissionDenied => refuse(Kind::Missing, "oneadmin may not read it"),
        _ => refuse(Kind::Failed, "the system refused").because(error),
    })?;
    let real = std::fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()));
    let real =
        real.map_err(|error| refuse(Kind::Failed, "its real path is unknown").because(error))?;
    if !rules.allow(&real) {
        return Err(
            refuse(Kind::Usage, "images may not come from that directory")
                .remedy("the datastore's SAFE_DIRS and RESTRICTED_DIRS say which ones"),
        );
    }
    if !file.metadata().is_ok_and(|meta| meta.is_file()) {
        return Err(refuse(Kind::Usage, "it is no regular file"));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(safe: &[&Path], restricted: &[&Path]) -> Rules {
        let dirs = |dirs: &[&Path]| dirs.iter().map(|dir| dir.to_path_buf()).collect();
        Rules {
            safe: dirs(safe),
            restricted: dirs(restricted),
        }
    }

    #[test]
    fn a_safe_directory_wins_over_a_restricted_one_and_links_do_not_help() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().canonicalize().unwrap();
        let (open_to_all, secret) = (dir.join("images"), dir.join("secret"));
        for dir in [&open_to_all, &secret] {
            std::fs::create_dir(dir).unwrap();
            crate::sys::atomic::write(&dir.join("a"), b"x").unwrap();
        }
        std::os::unix::fs::symlink(secret.join("a"), open_to_all.join("link")).unwrap();
        let root = Path::new("/");
        let rules = rules(&[&open_to_all], &[root]);
        assert!(open(&open_to_all.join("a"), &rules).is_ok());
        for bad in [
            secret.join("a"),
            open_to_all.join("link"),
            open_to_all.join("../secret/a"),
        ] {
            let error = open(&bad, &rules).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{}", bad.display());
        }
        let error = open(&open_to_all.join("none"), &rules).unwrap_err();
        assert_eq!(error.kind(), Kind::NotFound);
        assert!(open(&open_to_all, &rules).is_err());
        // Nobody writes into it: it is refused, not waited for.
        let pipe = open_to_all.join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(open(&pipe, &rules).unwrap_err().kind(), Kind::Usage);
    }

    #[test]
    fn what_a_file_holds_without_its_holes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sparse");
        let file = File::create(&path).unwrap();
        file.set_len(1 << 30).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, &[1; 1 << 20], 0).unwrap();
        file.sync_all().unwrap();
        let data = Origin::File(path, rules(&[], &[])).data().unwrap();
        assert!((1 << 20..1 << 24).contains(&data.0), "{data}");
        assert_eq!(Origin::Web("http://h/a".into()).data(), None);
    }

    #[test]
    fn a_prefix_of_a_name_is_no_directory() {
        let rules = rules(&[], &[Path::new("/no/such")]);
        assert!(rules.allow(Path::new("/no/such-thing/a")));
        assert!(!rules.allow(Path::new("/no/such/a")));
    }

    #[test]
    fn what_cannot_be_fetched_is_told() {
        let document =
            "<DATASTORE><ID>1</ID><TEMPLATE><SAFE_DIRS>/var/tmp</SAFE_DIRS></TEMPLATE></DATASTORE>";
        let datastore = Datastore::parse(document).unwrap();
        let of = |path: &str| Origin::of(path, &datastore, Path::new("/var/lib/one"));
        assert!(matches!(of("https://h/a.qcow2"), Ok(Origin::Web(_))));
        assert!(of("HTTP://h/a").is_ok());
        let backup = of("rsync://100//0:3ffce7/var/lib/one/datastores/100/1/3ffce7/disk.0.0");
        assert!(matches!(backup, Ok(Origin::Backup { .. })));
        for bad in [
            "ftp://h/a",
            "rbd://h/p/i",
            "restic://1/0/$(id)/disk.0",
            "rsync+rbd://1//0:a/d/1/6/a/disk.0.rbd2",
            "ssh://h:/etc/shadow",
            "http://h/a b",
            "a/b",
            "",
        ] {
            assert_eq!(of(bad).unwrap_err().kind(), Kind::Usage, "{bad}");
        }
        let Ok(Origin::File(_, rules)) = of("/var/lib/one/.one/one_auth") else {
            panic!()
        };
        assert!(!rules.allow(Path::new("/var/lib/one/.one/one_auth")));
        assert!(
            rules.allow(Path::new("/var/tmp/a")) && !rules.allow(Path::new("/etc/one/oned.conf"))
        );
    }
}
