//! CHAP accounts. The secret stands in a file of its own, never in the inventory.
//!
//! tgtd enforces nothing; the strictest rules of the peers are taken (facts 3.6): user 8 to 64 of `[A-Za-z0-9.:@_-]` and
//! secret 12 to 16 of `[A-Za-z0-9@_/-]` as ceph-iscsi has them, 12 to 16 as Windows has it; all of that passes tgt-admin's
//! unquoted shell words too.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A secret; it is shown by nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a word that is known to be good, such as one that this program made.
    pub const fn new(word: String) -> Self {
        Self(word)
    }

    /// The secret itself: for tgtadm's argument, and for a file of mode 0600.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// An account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chap {
    /// The user's name, of which a daemon has only one.
    pub user: String,
    /// The secret.
    pub secret: Secret,
}

/// Why a word is no user name, if it is none.
pub fn bad_user(word: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".:@_-".contains(c);
    if !(8..=64).contains(&word.len()) {
        return Some("must have 8 to 64 characters".into());
    }
    if word.starts_with('-') {
        return Some("begins with '-', which tgtadm takes for an option".into());
    }
    word.chars()
        .find(|c| !allowed(*c))
        .map(|c| format!("contains {c:?}; letters, digits and \".:@_-\" are allowed"))
}

/// Why a word is no secret, if it is none. Never tells the secret.
fn bad_secret(word: &str) -> Option<&'static str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "@_/-".contains(c);
    if !(12..=16).contains(&word.len()) {
        return Some("must have 12 to 16 characters");
    }
    if word.starts_with('-') {
        return Some("begins with '-', which tgtadm takes for an option");
    }
    (!word.chars().all(allowed)).then_some("may hold letters, digits and \"@_/-\" only")
}

/// Reads a secret file: one line, readable by its owner only. The error never holds the secret.
pub fn read_secret(file: &Path) -> Result<Secret, (String, &'static str)> {
    const MODE: &str = "make it readable by root only: chmod 600, chown root";
    let cannot = |error: std::io::Error| {
        (
            format!("cannot be read: {error}"),
            "make the file, with one line, mode 0600",
        )
    };
    let mut open = File::open(file).map_err(cannot)?;
    let meta = open.metadata().map_err(cannot)?;
    if !meta.is_file() {
        return Err((
            "is no ordinary file".into(),
            "name a file that holds the secret",
        ));
    }
    if meta.mode() & 0o077 != 0 {
        let mode = meta.mode() & 0o7777;
        return Err((
            format!("has mode {mode:04o}, so that others may use it"),
            MODE,
        ));
    }
    let me = nix::unistd::geteuid().as_raw();
    if meta.uid() != 0 && meta.uid() != me {
        return Err((format!("belongs to user {}", meta.uid()), MODE));
    }
    let mut text = String::new();
    let limited = Read::by_ref(&mut open).take(4096).read_to_string(&mut text);
    limited.map_err(cannot)?;
    let word = text.strip_suffix('\n').unwrap_or(&text);
    match bad_secret(word) {
        None => Ok(Secret(word.to_owned())),
        Some(why) => Err((
            format!("holds no usable secret: it {why}"),
            "write one line of 12 to 16 letters and digits into it, and set the same on the initiators",
        )),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn read(text: &str, mode: u32) -> Result<Secret, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("secret");
        crate::sys::atomic::write(&file, text.as_bytes()).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        read_secret(&file).map_err(|(why, _)| why)
    }

    #[test]
    fn a_secret_is_one_line_of_a_private_file() {
        assert_eq!(
            read("abcDEF123456\n", 0o600).unwrap().reveal(),
            "abcDEF123456"
        );
        assert_eq!(
            read("abcDEF123456", 0o400).unwrap().reveal(),
            "abcDEF123456"
        );
        assert!(read("abcDEF123456\n", 0o640).unwrap_err().contains("0640"));
        for bad in [
            "short\n",
            "seventeen-letters\n",
            "with blank 123\n",
            "dollar$123456\n",
            "two\nlines12345",
            "abcdefghijkl\r\n",
            "quo'te123456",
            "-bcdefghijkl",
        ] {
            let why = read(bad, 0o600).unwrap_err();
            assert!(
                why.contains("no usable secret") && !why.contains(bad.trim()),
                "{why}"
            );
        }
        assert_eq!(format!("{:?}", Secret::new("hidden".into())), "Secret(…)");
    }

    #[test]
    fn user_names() {
        assert_eq!(bad_user("esx-cluster.1"), None);
        for bad in [
            "short",
            "with blank",
            "semi;colon",
            "comma,comma",
            "-leading-dash",
            "",
        ] {
            assert!(bad_user(bad).is_some(), "{bad}");
        }
    }
}
