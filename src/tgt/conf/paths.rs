//! Paths as Perl's File::Spec takes them apart and joins them: by their text alone.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

pub(super) fn path(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}

/// Directory (with its slash) and file name. A last `.` or `..` belongs to the directory.
pub(super) fn split(bytes: &[u8]) -> (&[u8], &[u8]) {
    let slash = bytes.iter().rposition(|byte| *byte == b'/');
    let at = slash.map_or(0, |slash| slash + 1);
    let at = if at > 0 && matches!(&bytes[at..], b"." | b"..") {
        bytes.len()
    } else {
        at
    };
    bytes.split_at(at)
}

/// A path below a directory, both cleaned of `//`, `/./` and the like.
pub(super) fn catfile(directory: &Path, file: &Path) -> PathBuf {
    let mut joined = directory.as_os_str().as_bytes().to_vec();
    joined.push(b'/');
    let mut whole = clean(&joined);
    if !whole.ends_with(b"/") {
        whole.push(b'/');
    }
    whole.extend(clean(file.as_os_str().as_bytes()));
    path(whole)
}

pub(super) fn clean(bytes: &[u8]) -> Vec<u8> {
    let absolute = bytes.starts_with(b"/");
    let mut parts: Vec<&[u8]> = bytes
        .split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty() && *part != b".")
        .collect();
    if absolute {
        let up = parts.iter().take_while(|part| **part == b"..").count();
        parts.drain(..up);
    }
    let joined = parts.join(&b'/');
    match (absolute, joined.is_empty(), bytes.is_empty()) {
        (true, ..) => [b"/", joined.as_slice()].concat(),
        (false, true, false) => b".".to_vec(),
        _ => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cleaned() {
        let cases = [
            ("/etc//tgt", "./a/../b/", "/etc/tgt/a/../b"),
            ("", "x", "/x"),
            ("d", ".", "d/."),
            ("/../d", "/x", "/d//x"),
        ];
        for (directory, file, expected) in cases {
            assert_eq!(
                catfile(Path::new(directory), Path::new(file)).as_os_str(),
                expected
            );
        }
    }
}
