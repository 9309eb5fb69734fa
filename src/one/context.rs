//! The context CD: an ISO 9660 image with the files that a guest configures itself by.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

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
/// A CD that is larger goes over no job.
const LIMIT: u64 = 40 << 20;

/// Makes the CD of the files, each as `PATH`, `PATH:NAME` or a URL; in base64.
///
/// # Errors
/// [`Kind::NotFound`] for a file that is not there; [`Kind::Missing`] if no tool is there that makes one; [`Kind::Usage`] for
/// a name that is none, and if it gets too large.
pub(super) fn build(files: &[String]) -> Result<String> {
    let failed =
        |error| Error::new(Kind::Failed, "cannot make a directory for the context").because(error);
    let work = tempfile::tempdir().map_err(failed)?;
    let (root, iso) = (work.path().join("root"), work.path().join("iso"));
    std::fs::create_dir(&root).map_err(failed)?;
    for file in files {
        bring(file, &root).context(|| format!("cannot put {file} onto the context CD"))?;
    }
    burn(&Exec::default(), &root, &iso)?;
    let content = std::fs::read(&iso).map_err(|error| {
        Error::new(Kind::Failed, "cannot read the context CD that was made").because(error)
    })?;
    if content.len() as u64 > LIMIT {
        return Err(too_large());
    }
    Ok(BASE64_STANDARD.encode(content))
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
        return download(word, &target(root, name)?);
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

fn download(url: &str, to: &Path) -> Result<()> {
    let answer = get(url, Patience::Within(DEADLINE))?;
    let mut content = Vec::new();
    let read = answer.body.take(LIMIT + 1).read_to_end(&mut content);
    read.map_err(|error| {
        let url = without_secrets(url);
        Error::new(Kind::Failed, format!("cannot fetch {url}")).because(error)
    })?;
    match content.len() as u64 > LIMIT {
        true => Err(too_large()),
        false => crate::sys::atomic::write(to, &content),
    }
}

fn too_large() -> Error {
    Error::new(Kind::Usage, "the context CD is larger than 40 MiB")
        .remedy("give the guest what is large in an image of its own")
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
            let size = if asked.contains("/large") {
                LIMIT + 1
            } else {
                2
            };
            let said =
                format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n");
            let _gone = caller.write_all(said.as_bytes());
            let _gone = caller.write_all(&vec![b'x'; usize::try_from(size).unwrap()]);
        });
        bring(&format!("http://{server}/a/init.sh?token=1"), dir.path()).unwrap();
        assert_eq!(
            std::fs::read_to_string(dir.path().join("init.sh")).unwrap(),
            "xx"
        );
        let large = bring(&format!("http://{server}/large"), dir.path()).unwrap_err();
        assert!(large.chain().contains("40 MiB"), "{}", large.chain());
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
