//! The context CD: an ISO 9660 image with the files that a guest configures itself by.

use std::io::Read as _;
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
    /// In a file, which goes with it.
    File {
        /// Where that is.
        iso: PathBuf,
        /// Its directory.
        _work: TempDir,
    },
}

impl std::fmt::Debug for Cd {
    /// It holds passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cd")
    }
}

/// Makes the CD of the files, each as `PATH`, `PATH:NAME` or a URL.
///
/// # Errors
/// [`Kind::NotFound`] for a file that is not there; [`Kind::Missing`] if no tool is there that makes one; [`Kind::Usage`] for
/// a name that is none, and for a file that no CD can hold.
pub(super) fn build(files: &[String]) -> Result<Cd> {
    let failed =
        |error| Error::new(Kind::Failed, "cannot make a directory for the context").because(error);
    // What is in memory, as `/tmp` often is, has no room for what is large.
    let place = std::env::var_os("TMPDIR").unwrap_or_else(|| "/var/tmp".into());
    let work = tempfile::tempdir_in(place).map_err(failed)?;
    let (root, iso) = (work.path().join("root"), work.path().join("iso"));
    std::fs::create_dir(&root).map_err(failed)?;
    for file in files {
        bring(file, &root).context(|| format!("cannot put {file} onto the context CD"))?;
    }
    burn(&Exec::default(), &root, &iso)?;
    carried(work, iso, INLINE)
}

/// The CD as it goes to a host.
fn carried(work: TempDir, iso: PathBuf, inline: u64) -> Result<Cd> {
    let unreadable =
        |error| Error::new(Kind::Failed, "cannot read the context CD that was made").because(error);
    if iso.metadata().map_err(unreadable)?.len() > inline {
        return Ok(Cd::File { iso, _work: work });
    }
    let content = std::fs::read(&iso).map_err(unreadable)?;
    Ok(Cd::Inline(BASE64_STANDARD.encode(content)))
}

fn burn(exec: &Exec, root: &Path, iso: &Path) -> Result<()> {
    for (tool, first) in TOOLS {
        let cmd = Cmd::change(tool)
            .args(first)
            .args(["-V", "CONTEXT", "-J", "-R", "-o"])
            .arg(iso)
            .arg(root)
            .deadline(DEADLINE);
        match exec.run(&cmd) {
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

/// Puts one file into the directory.
fn bring(word: &str, root: &Path) -> Result<()> {
    if word.starts_with("http://") || word.starts_with("https://") {
        let name = word.rsplit('/').next().unwrap_or_default();
        let name = name.split(['?', '#']).next().unwrap_or_default();
        return download(word, &target(root, name)?, LIMIT);
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
    let to = target(root, &name)?;
    std::fs::copy(&path, &to).map(drop).map_err(|error| {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => Kind::NotFound,
            _ => Kind::Failed,
        };
        Error::new(kind, format!("cannot copy {}", path.display())).because(error)
    })
}

/// Where a file of a name goes: into the directory, and nowhere else.
fn target(root: &Path, name: &str) -> Result<PathBuf> {
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err(Error::new(
            Kind::Usage,
            format!("{name:?} is no file's name"),
        ));
    }
    Ok(root.join(name))
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

    #[test]
    fn files_go_onto_it_under_their_names() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        std::fs::create_dir(&root).unwrap();
        let one = dir.path().join("context.sh");
        crate::sys::atomic::write(&one, b"A=1\n").unwrap();
        let one = one.to_str().unwrap();
        bring(one, &root).unwrap();
        bring(&format!("{one}:init.sh"), &root).unwrap();
        for name in ["context.sh", "init.sh"] {
            assert_eq!(std::fs::read_to_string(root.join(name)).unwrap(), "A=1\n");
        }
        let missing = bring("/no/such/file", &root).unwrap_err();
        assert_eq!(missing.kind(), Kind::NotFound);
        for name in ["..", "a/b", ""] {
            assert_eq!(
                bring(&format!("{one}:{name}"), &root).unwrap_err().kind(),
                Kind::Usage,
                "{name}"
            );
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
        bring(&format!("http://{server}/a/init.sh?token=1"), dir.path()).unwrap();
        assert_eq!(
            std::fs::read_to_string(dir.path().join("init.sh")).unwrap(),
            "xx"
        );
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
            let work = tempfile::tempdir().unwrap();
            let (dir, iso) = (work.path().to_owned(), work.path().join("iso"));
            crate::sys::atomic::write(&iso, b"abc").unwrap();
            let cd = carried(work, iso, limit).unwrap();
            match &cd {
                Cd::Inline(text) => assert!(inline && text == "YWJj"),
                Cd::File { iso, .. } => assert!(!inline && iso.exists()),
            }
            assert_eq!(format!("{cd:?}"), "Cd");
            drop(cd);
            assert!(!dir.exists());
        }
    }

    #[test]
    fn a_front_end_without_a_tool_says_which() {
        let dir = tempfile::tempdir().unwrap();
        let exec = Exec::new([dir.path().to_owned()]);
        let error = burn(&exec, dir.path(), &dir.path().join("iso")).unwrap_err();
        assert_eq!(error.kind(), Kind::Missing);
        assert!(error.chain().contains("genisoimage"));
    }
}
