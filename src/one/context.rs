//! The context CD: an ISO 9660 image with the files that a guest configures itself by.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tempfile::TempDir;

use super::web::{Patience, get, without_secrets};
use crate::exec::{Cmd, Exec, ExecError};
use crate::{Context, Error, Kind, Result};

/// The tools that can make one, and what each needs to behave as the others do; the first that is there does it.
const TOOLS: [(&str, &[&str]); 3] = [
    ("genisoimage", &["-quiet"]),
    ("mkisofs", &["-quiet"]),
    ("xorriso", &["-as", "mkisofs", "-quiet"]),
];
/// How long it may take, and so may the fetching of each file.
const DEADLINE: Duration = Duration::from_secs(120);
/// One that is larger goes behind its job and not in it: no job is longer than 64 MiB, and its content grows by a third in base64.
const INLINE: u64 = 40 << 20;
/// No file on a CD is as large (ECMA-119 counts its bytes with 32 bits), so what is fetched is read no further.
const LIMIT: u64 = 4 << 30;

/// A context CD.
pub enum Cd {
    /// In base64.
    Inline(String),
    /// In a file without a name: whatever ends this process, no passwords are left in a directory.
    File(File),
}

impl Cd {
    /// The path by which this process reads one that is not inline.
    pub fn path(&self) -> Option<PathBuf> {
        match self {
            Self::Inline(_) => None,
            Self::File(file) => Some(format!("/proc/self/fd/{}", file.as_raw_fd()).into()),
        }
    }
}

impl std::fmt::Debug for Cd {
    /// It holds passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cd")
    }
}

/// Makes the CD of the files, each as `PATH`, `PATH:NAME` or a URL.
///
/// Only what is fetched lies in a directory meanwhile. The others are read where they are: a copy of `context.sh` would outlive
/// a process that is killed.
///
/// # Errors
/// [`Kind::NotFound`] for a file that is not there; [`Kind::Missing`] if no tool is there that makes one; [`Kind::Usage`] for
/// a name that is none, and for a file that no CD can hold.
pub(super) fn build(files: &[String]) -> Result<Cd> {
    let failed =
        |error| Error::new(Kind::Failed, "cannot make a file for the context CD").because(error);
    // What is in memory, as `/tmp` often is, has no room for what is large.
    let place = std::env::var_os("TMPDIR").unwrap_or_else(|| "/var/tmp".into());
    let iso = tempfile::tempfile_in(&place).map_err(failed)?;
    let mut fetched = Fetched {
        place: place.into(),
        dir: None,
    };
    let mut content = BTreeMap::new();
    for file in files {
        let (name, from) = bring(file, &mut fetched)
            .context(|| format!("cannot put {file} onto the context CD"))?;
        // As if they were copied one after the other: of two of one name the last.
        content.insert(name, from);
    }
    burn(&Exec::default(), &content, &iso)?;
    carried(iso, INLINE)
}

/// The CD as it goes to a host.
fn carried(mut iso: File, inline: u64) -> Result<Cd> {
    let unreadable =
        |error| Error::new(Kind::Failed, "cannot read the context CD that was made").because(error);
    if iso.metadata().map_err(unreadable)?.len() > inline {
        return Ok(Cd::File(iso));
    }
    let mut content = Vec::new();
    iso.rewind().map_err(unreadable)?;
    iso.read_to_end(&mut content).map_err(unreadable)?;
    Ok(Cd::Inline(BASE64_STANDARD.encode(content)))
}

/// Burns files under their names. Of a file that is named by a link it is the file that goes onto it.
fn burn(exec: &Exec, content: &BTreeMap<String, PathBuf>, iso: &File) -> Result<()> {
    let failed = |error| Error::new(Kind::Failed, "cannot write the context CD").because(error);
    let grafts: Vec<OsString> = content
        .iter()
        .map(|(name, from)| graft(name, from))
        .collect();
    for (tool, first) in TOOLS {
        let cmd = Cmd::change(tool)
            .args(first)
            .args(["-V", "CONTEXT", "-J", "-R", "-graft-points"])
            .args(&grafts)
            .deadline(DEADLINE);
        match exec.run_into(&cmd, iso.try_clone().map_err(failed)?) {
            Ok(_) => return Ok(()),
            Err(ExecError::Missing { .. }) => {}
            Err(error) => return Err(error).context(|| "cannot make the context CD".into()),
        }
    }
    Err(Error::new(
        Kind::Missing,
        "there is no genisoimage, mkisofs or xorriso to make the context CD",
    )
    .remedy("install one of them on the front-end"))
}

/// `/NAME=PATH`, as mkisofs(8) has it: a backslash before what would be read otherwise.
fn graft(name: &str, from: &Path) -> OsString {
    let mut word = OsString::from("/");
    word.push(name.replace('\\', "\\\\").replace('=', "\\="));
    word.push("=");
    let escaped = from.as_os_str().as_bytes().iter().flat_map(|byte| {
        let escape = matches!(byte, b'\\' | b'=').then_some(b'\\');
        escape.into_iter().chain([*byte])
    });
    word.push(OsString::from_vec(escaped.collect()));
    word
}

/// What came from the web, in a directory that is made when it is needed.
struct Fetched {
    place: PathBuf,
    dir: Option<TempDir>,
}

impl Fetched {
    fn dir(&mut self) -> Result<&Path> {
        let failed =
            |error| Error::new(Kind::Failed, "cannot make a directory for it").because(error);
        let dir = match self.dir.take() {
            Some(dir) => dir,
            None => tempfile::tempdir_in(&self.place).map_err(failed)?,
        };
        Ok(self.dir.insert(dir).path())
    }
}

/// The name of one file on the CD, and where it is.
fn bring(word: &str, fetched: &mut Fetched) -> Result<(String, PathBuf)> {
    if word.starts_with("http://") || word.starts_with("https://") {
        let name = word.rsplit('/').next().unwrap_or_default();
        let name = name.split(['?', '#']).next().unwrap_or_default();
        must_be_name(name)?;
        let to = fetched.dir()?.join(name);
        download(word, &to, LIMIT)?;
        return Ok((name.to_owned(), to));
    }
    let (path, name) = match word.rsplit_once(':') {
        Some((path, name)) => (PathBuf::from(path), name.to_owned()),
        None => {
            let path = PathBuf::from(word);
            let name = path.file_name().unwrap_or_default();
            let name = name.to_string_lossy().into_owned();
            (path, name)
        }
    };
    must_be_name(&name)?;
    let found = path.canonicalize().and_then(|found| {
        let is_file = File::open(&found)?.metadata()?.is_file();
        is_file
            .then_some(found)
            .ok_or_else(|| io::ErrorKind::InvalidInput.into())
    });
    let found = found.map_err(|error| {
        let kind = match error.kind() {
            io::ErrorKind::NotFound => Kind::NotFound,
            _ => Kind::Failed,
        };
        Error::new(kind, format!("cannot read {}", path.display())).because(error)
    })?;
    Ok((name, found))
}

/// What can be a file's name on the CD, and leads nowhere else.
fn must_be_name(name: &str) -> Result<()> {
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err(Error::new(
            Kind::Usage,
            format!("{name:?} is no file's name"),
        ));
    }
    Ok(())
}

fn download(url: &str, to: &Path, limit: u64) -> Result<()> {
    let answer = get(url, Patience::Within(DEADLINE))?;
    let fetched = std::fs::File::create(to)
        .and_then(|mut file| std::io::copy(&mut answer.body.take(limit), &mut file));
    let len = fetched.map_err(|error| {
        let url = without_secrets(url);
        Error::new(Kind::Failed, format!("cannot fetch {url}")).because(error)
    })?;
    if len == limit {
        let message = format!(
            "{} is larger than a file on a CD may be",
            without_secrets(url)
        );
        return Err(Error::new(Kind::Usage, message)
            .remedy("give the guest what is large in an image of its own"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::one::web::tests::{asked, serve};

    fn nothing_fetched(place: &Path) -> Fetched {
        Fetched {
            place: place.to_owned(),
            dir: None,
        }
    }

    #[test]
    fn files_go_onto_it_under_their_names() {
        let dir = tempfile::tempdir().unwrap();
        let one = dir.path().join("a=b\\context.sh");
        crate::sys::atomic::write(&one, b"SECRET=1\n").unwrap();
        let link = dir.path().join("link.sh");
        std::os::unix::fs::symlink(&one, &link).unwrap();
        let mut fetched = nothing_fetched(dir.path());
        let one = one.to_str().unwrap();
        let words = [
            one.to_owned(),
            format!("{one}:-init=.sh"),
            link.display().to_string(),
        ];
        let content: BTreeMap<_, _> = words
            .iter()
            .map(|word| bring(word, &mut fetched).unwrap())
            .collect();
        let names: Vec<&str> = content.keys().map(String::as_str).collect();
        assert_eq!(names, ["-init=.sh", "a=b\\context.sh", "link.sh"]);
        let iso = tempfile::tempfile().unwrap();
        burn(&Exec::default(), &content, &iso).unwrap();
        let Cd::Inline(text) = carried(iso, INLINE).unwrap() else {
            panic!("it is small");
        };
        let iso = BASE64_STANDARD.decode(text).unwrap();
        let has = |what: &[u8]| iso.windows(what.len()).filter(|some| *some == what).count();
        assert!(
            has(b"a=b\\context.sh") > 0 && has(b"-init=.sh") > 0,
            "no names"
        );
        // The same file, or that of a link, is there once for all its names.
        assert!(has(b"SECRET=1\n") > 0, "no content");
        // Nothing was copied to anywhere.
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
        let missing = bring("/no/such/file", &mut fetched).unwrap_err();
        assert_eq!(missing.kind(), Kind::NotFound);
        let directory = bring(dir.path().to_str().unwrap(), &mut fetched).unwrap_err();
        assert_eq!(directory.kind(), Kind::Failed);
        for name in ["..", "a/b", ""] {
            let error = bring(&format!("{one}:{name}"), &mut fetched).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{name}");
        }
    }

    #[test]
    fn a_url_goes_onto_it_under_its_last_name() {
        let dir = tempfile::tempdir().unwrap();
        let server = serve(|mut caller| {
            let asked = asked(&mut caller);
            let size = if asked.contains("/large") { 9 } else { 2 };
            let said =
                format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n");
            let _gone = caller.write_all(said.as_bytes());
            let _gone = caller.write_all(&vec![b'x'; size]);
        });
        let mut fetched = nothing_fetched(dir.path());
        let url = format!("http://{server}/a/init.sh?token=1");
        let (name, from) = bring(&url, &mut fetched).unwrap();
        assert_eq!(name, "init.sh");
        assert_eq!(std::fs::read_to_string(&from).unwrap(), "xx");
        drop(fetched);
        assert!(!from.exists());
        let large = download(&format!("http://{server}/large"), &dir.path().join("l"), 9);
        let large = large.unwrap_err();
        assert!(
            large.chain().contains("larger than a file on a CD"),
            "{large}"
        );
    }

    #[test]
    fn a_large_one_goes_as_a_file() {
        for (limit, inline) in [(3, true), (2, false)] {
            let mut iso = tempfile::tempfile().unwrap();
            iso.write_all(b"abc").unwrap();
            let cd = carried(iso, limit).unwrap();
            match (&cd, cd.path()) {
                (Cd::Inline(text), None) => assert!(inline && text == "YWJj"),
                (Cd::File(_), Some(path)) => {
                    assert!(!inline);
                    assert_eq!(std::fs::read(path).unwrap(), b"abc");
                }
                other => panic!("{other:?}"),
            }
            assert_eq!(format!("{cd:?}"), "Cd");
        }
    }

    #[test]
    fn a_front_end_without_a_tool_says_which() {
        let dir = tempfile::tempdir().unwrap();
        let exec = Exec::new([dir.path().to_owned()]);
        let iso = tempfile::tempfile().unwrap();
        let error = burn(&exec, &BTreeMap::new(), &iso).unwrap_err();
        assert_eq!(error.kind(), Kind::Missing);
        assert!(error.chain().contains("genisoimage"));
    }
}
