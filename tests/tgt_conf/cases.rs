//! A case: a few files. Those that are written by hand stand in `*.cases`, whose format their first lines tell.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use warmblock::tgt::conf::{Disk, FileKind, Files};

/// A few files, the first being the main one.
#[derive(Debug, Clone)]
pub struct Case {
    pub name: String,
    pub files: Vec<(String, Vec<u8>)>,
    /// The main file is given by a path that is not absolute.
    pub relative: bool,
}

impl Case {
    /// Writes the files into a directory. `@DIR@` in them stands for it.
    pub fn put(&self, directory: &Path) {
        for (name, text) in &self.files {
            let path = directory.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            if let Some(to) = text.strip_prefix(b"->") {
                let to = String::from_utf8_lossy(to).trim().to_owned();
                std::os::unix::fs::symlink(to, path).unwrap();
                continue;
            }
            put(
                &path,
                &replace(text, b"@DIR@", directory.to_string_lossy().as_bytes()),
            );
        }
    }

    /// The path that is given with `-c`.
    pub fn main(&self, directory: &Path) -> String {
        let name = &self.files[0].0;
        if self.relative {
            name.clone()
        } else {
            directory.join(name).display().to_string()
        }
    }

    /// All of it, for a message.
    pub fn text(&self) -> String {
        let file = |(name, text): &(String, Vec<u8>)| {
            format!("== {name}\n{}", String::from_utf8_lossy(text))
        };
        self.files.iter().map(file).collect()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a file of a test, and many of them"
)]
fn put(path: &Path, text: &[u8]) {
    fs::write(path, text).unwrap();
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(byte) = rest.first() {
        if rest.starts_with(from) {
            whole.extend_from_slice(to);
            rest = &rest[from.len()..];
        } else {
            whole.push(*byte);
            rest = &rest[1..];
        }
    }
    whole
}

/// The cases that are written by hand.
pub fn written() -> Vec<Case> {
    [
        include_str!("stores.cases"),
        include_str!("values.cases"),
        include_str!("files.cases"),
        include_str!("lines.cases"),
    ]
    .into_iter()
    .flat_map(parse)
    .collect()
}

fn parse(text: &str) -> Vec<Case> {
    text.split("#: ").skip(1).map(case).collect()
}

fn case(text: &str) -> Case {
    let (title, body) = text.split_once('\n').unwrap();
    let mut parts = body.split("#> ");
    let escaped = title.contains("[escaped]");
    let bytes = |text: &str| {
        if escaped {
            unescape(text.trim_end_matches('\n'))
        } else {
            text.as_bytes().to_vec()
        }
    };
    let mut files = vec![("main.conf".to_owned(), bytes(parts.next().unwrap()))];
    for part in parts {
        let (name, text) = part.split_once('\n').unwrap();
        files.push((name.to_owned(), bytes(text)));
    }
    Case {
        name: title.to_owned(),
        files,
        relative: title.contains("[relative]"),
    }
}

/// `\n`, `\r`, `\t`, `\\` and `\xNN`; line ends count only where they are written so.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'\n' => {}
            b'\\' => match rest.next().unwrap() {
                b'n' => bytes.push(b'\n'),
                b'r' => bytes.push(b'\r'),
                b't' => bytes.push(b'\t'),
                b'x' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    bytes.push(
                        u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap(),
                    );
                }
                other => bytes.push(other),
            },
            other => bytes.push(other),
        }
    }
    bytes
}

/// The file system as a process sees it that works in a directory.
pub struct Below {
    pub directory: PathBuf,
    pub disk: Disk,
}

impl Below {
    fn at(&self, path: &Path) -> PathBuf {
        if path.as_os_str().is_empty() {
            PathBuf::new()
        } else {
            self.directory.join(path)
        }
    }
}

impl Files for Below {
    fn kind(&self, path: &Path) -> Option<FileKind> {
        self.disk.kind(&self.at(path))
    }
    fn is_named(&self, path: &Path) -> bool {
        self.disk.is_named(&self.at(path))
    }
    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        self.disk.read(&self.at(path))
    }
    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        self.disk.list(&self.at(directory))
    }
    fn mode(&self, path: &Path) -> Option<u32> {
        self.disk.mode(&self.at(path))
    }
}
