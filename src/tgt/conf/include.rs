//! `include`: files, directories and patterns (facts 1.1, rule 6).

use std::borrow::Cow;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::Died;
use super::files::FileKind;
use super::glob::glob;
use super::lines::Place;
use super::oddity::Oddity;
use super::paths::{catfile, path, split};
use super::scan::Reader;
use super::text::{captured, is_space, is_true, show, to_path, trim_start};

/// Files that include files, so many deep. The script goes on until memory ends.
const DEEPEST: usize = 200;

/// The directory of the main file, if that was given by an absolute path: other files are looked for there, too.
pub(super) fn config_path(main: &Path) -> Option<PathBuf> {
    let bytes = main.as_os_str().as_bytes();
    if !bytes.starts_with(b"/") {
        return None;
    }
    let (directory, _) = split(bytes);
    let directory = directory.strip_suffix(b"/").unwrap_or(directory);
    Some(path(directory.to_vec()))
}

/// Opens the file that was asked for.
pub(super) fn open_main(reader: &mut Reader<'_>, main: &Path) -> Result<(), Died> {
    if reader.files.kind(main).is_none() {
        let why = format!("the configuration file {} is not there", main.display());
        return Err(Died::new(None, why));
    }
    open_path(reader, main, None)
}

/// The path that an include statement names; `None` for any other line.
pub(super) fn statement(text: &str, wide: bool) -> Option<PathBuf> {
    let text = trim_start(text, wide);
    let (rest, optional) = keyword(text)?;
    let file = quoted(rest, wide).or_else(|| unquoted(rest, wide))?;
    if !is_true(file) {
        return None;
    }
    let file = if optional && !has_magic(file.as_bytes()) {
        as_pattern(file)
    } else {
        Cow::Borrowed(file)
    };
    Some(to_path(&file, wide))
}

/// What follows `include` or `includeoptional`, in any case, and whether it is the latter.
fn keyword(text: &str) -> Option<(&str, bool)> {
    let after = |word: &str| {
        let (head, rest) = text.split_at_checked(word.len())?;
        head.eq_ignore_ascii_case(word).then_some(rest)
    };
    after("includeoptional")
        .map(|rest| (rest, true))
        .or_else(|| after("include").map(|rest| (rest, false)))
}

/// What stands between quotes that reach to the end of the line.
fn quoted(rest: &str, wide: bool) -> Option<&str> {
    let rest = trim_start(rest, wide);
    let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inner = rest[1..].strip_suffix(quote)?;
    (!inner.ends_with('\\')).then_some(inner)
}

/// What stands behind blanks.
fn unquoted(rest: &str, wide: bool) -> Option<&str> {
    let first = rest.chars().next().filter(|c| is_space(*c, wide))?;
    captured(&rest[first.len_utf8()..], wide)
}

/// An optional file is looked for as a pattern that only it matches, because patterns may match nothing.
fn as_pattern(file: &str) -> Cow<'_, str> {
    let directory = split(file.as_bytes()).0.len();
    let (directory, name) = file.split_at(directory);
    let name: String = name.chars().map(|c| format!("[{c}]")).collect();
    Cow::Owned(format!("{directory}{name}"))
}

/// Opens what an include statement names.
pub(super) fn open(reader: &mut Reader<'_>, path: &Path, at: Place) -> Result<(), Died> {
    if path.is_relative() {
        let path = show(&path.to_string_lossy());
        reader.note(Oddity::IncludesRelative { path }, at);
    }
    open_path(reader, path, Some(at))
}

fn open_path(reader: &mut Reader<'_>, wanted: &Path, at: Option<Place>) -> Result<(), Died> {
    if reader.depth >= DEEPEST {
        let why = "files include files without end";
        return Err(Died::new(at, why));
    }
    reader.depth += 1;
    let done = open_one(reader, wanted, at);
    reader.depth -= 1;
    done
}

fn open_one(reader: &mut Reader<'_>, wanted: &Path, at: Option<Place>) -> Result<(), Died> {
    if has_magic(wanted.as_os_str().as_bytes()) {
        for found in matches(reader, wanted, at) {
            open_path(reader, &found, at)?;
        }
        return Ok(());
    }
    let Some(path) = find(reader, wanted) else {
        let why = format!("the file {} is not there", wanted.display());
        return Err(Died::new(at, why));
    };
    if reader.files.kind(&path) == Some(FileKind::Directory) {
        return open_directory(reader, &path, at);
    }
    read_once(reader, path, at)
}

/// The files that a pattern matches, here or else beside the main file.
fn matches(reader: &mut Reader<'_>, wanted: &Path, at: Option<Place>) -> Vec<PathBuf> {
    let mut found = glob(reader.files, wanted);
    let mut kept = regular(reader, &found);
    if kept.is_empty()
        && let Some(directory) = &reader.config_path
    {
        let (below, _) = split(wanted.as_os_str().as_bytes());
        if is_directory(reader, &catfile(directory, &path(below.to_vec()))) {
            let more = glob(reader.files, &catfile(directory, wanted));
            kept = regular(reader, &more);
            found.extend(more);
        }
    }
    if let Some(at) = at {
        for path in &found {
            if reader.files.kind(path).is_none() {
                let path = path.clone();
                reader.note(Oddity::SkipsDangling { path }, at);
            }
        }
        if kept.is_empty() {
            let pattern = wanted.to_string_lossy().into_owned();
            reader.note(Oddity::IncludesNothing { pattern }, at);
        }
    }
    kept
}

fn regular(reader: &Reader<'_>, found: &[PathBuf]) -> Vec<PathBuf> {
    let is_file = |path: &&PathBuf| reader.files.kind(path) == Some(FileKind::File);
    found.iter().filter(is_file).cloned().collect()
}

fn is_directory(reader: &Reader<'_>, path: &Path) -> bool {
    reader.files.kind(path) == Some(FileKind::Directory)
}

fn find(reader: &Reader<'_>, wanted: &Path) -> Option<PathBuf> {
    let there = |path: PathBuf| reader.files.kind(&path).map(|_| path);
    there(wanted.to_path_buf()).or_else(|| there(catfile(reader.config_path.as_deref()?, wanted)))
}

fn open_directory(reader: &mut Reader<'_>, path: &Path, at: Option<Place>) -> Result<(), Died> {
    if let Some(at) = at {
        let path = path.to_path_buf();
        reader.note(Oddity::IncludesDirectory { path }, at);
    }
    let mut names = reader
        .files
        .list(path)
        .map_err(|error| unreadable(path, &error, at))?;
    names.sort_unstable();
    for name in names {
        let file = catfile(path, Path::new(&name));
        if reader.files.kind(&file) == Some(FileKind::File) {
            read_once(reader, file, at)?;
        }
    }
    Ok(())
}

fn read_once(reader: &mut Reader<'_>, path: PathBuf, at: Option<Place>) -> Result<(), Died> {
    if reader.seen.contains(path.as_os_str()) {
        if let Some(at) = at {
            reader.note(Oddity::IncludedAgain { path }, at);
        }
        return Ok(());
    }
    let bytes = reader
        .files
        .read(&path)
        .map_err(|error| unreadable(&path, &error, at))?;
    if let (Some(at), true) = (at, is_backup(&path)) {
        let path = path.clone();
        reader.note(Oddity::IncludesBackup { path }, at);
    }
    reader.seen.insert(path.clone().into_os_string());
    reader.read_file(path, bytes)
}

fn unreadable(path: &Path, error: &io::Error, at: Option<Place>) -> Died {
    Died::new(at, format!("cannot read {}: {error}", path.display()))
}

/// What editors and package managers leave beside a file.
fn is_backup(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let ends = [
        "~", ".bak", ".orig", ".old", ".save", ".swp", ".rej", ".tmp", ".rpmsave", ".rpmnew",
        ".rpmorig",
    ];
    ends.iter().any(|end| name.ends_with(end))
        || name.contains(".dpkg-")
        || name.contains(".ucf-")
        || name.starts_with(['.', '#'])
}

fn has_magic(path: &[u8]) -> bool {
    path.iter()
        .any(|byte| matches!(byte, b'*' | b'?' | b'[' | b'{' | b'\\'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn include_statements() {
        let cases = [
            ("include /a/b", Some("/a/b")),
            ("  INCLUDE \"a b\"", Some("a b")),
            ("include'a'", Some("a")),
            ("include \"a\" ", Some("\"a\"")),
            ("includeoptional d/x", Some("d/[x]")),
            ("IncludeOptional *.x", Some("*.x")),
            ("include = a", Some("= a")),
            ("include  ", Some(" ")),
            ("include ", None),
            ("include", None),
            ("included a", None),
            ("include \"\"", None),
            ("include \"a\\\"", Some("\"a\\\"")),
        ];
        for (text, expected) in cases {
            let found = statement(text, false);
            assert_eq!(found.as_deref(), expected.map(Path::new), "{text:?}");
        }
    }
}
