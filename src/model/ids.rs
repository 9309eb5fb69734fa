//! Names of Ceph's and the host's things, each its own type, checked when it is made.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ParseError;

/// Makes a string newtype with one checked constructor (`FromStr`), `as_str` and `Display`.
macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
        #[serde(try_from = "String", into = "String")]
        #[schemars(with = "String")]
        pub struct $name(String);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseError;
            fn from_str(word: &str) -> Result<Self, ParseError> {
                let check: fn(&str) -> Result<(), String> = $check;
                check(word).map_err(|why| ParseError::new($what, word, why))?;
                Ok(Self(word.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseError;
            fn try_from(word: String) -> Result<Self, ParseError> {
                word.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

/// What every name of Ceph's must be: not empty, at most 240 bytes, no control characters, none of `banned`.
fn printable_without(word: &str, banned: &[char]) -> Result<(), String> {
    if word.is_empty() {
        return Err("must not be empty".into());
    }
    if word.len() > 240 {
        return Err("is longer than 240 bytes".into());
    }
    if let Some(c) = word.chars().find(|c| c.is_control()) {
        return Err(format!("contains the control character {c:?}"));
    }
    match word.chars().find(|c| banned.contains(c)) {
        Some(c) => Err(format!("must not contain {c:?}")),
        None => Ok(()),
    }
}

fn word_of(word: &str, extra: &[char]) -> Result<(), String> {
    printable_without(word, &[])?;
    match word
        .chars()
        .find(|c| !c.is_ascii_alphanumeric() && !extra.contains(c))
    {
        Some(c) => Err(format!("must not contain {c:?}")),
        None => Ok(()),
    }
}

fn hex_of(word: &str) -> Result<(), String> {
    match word.chars().find(|c| !matches!(c, '0'..='9' | 'a'..='f')) {
        Some(c) => Err(format!("must be lower-case hexadecimal, not {c:?}")),
        None => printable_without(word, &[]),
    }
}

name_type!(
    /// A pool's name.
    PoolName, "pool name", |w| printable_without(w, &['/', '@'])
);
name_type!(
    /// An RBD namespace inside a pool; the default one has no name and is `None` wherever this is optional.
    Namespace, "namespace", |w| printable_without(w, &['/', '@'])
);
name_type!(
    /// An image's name; `/` and `@` would make its specification ambiguous (rbd(8)).
    ImageName, "image name", |w| printable_without(w, &['/', '@'])
);
name_type!(
    /// A snapshot's name.
    SnapName, "snapshot name", |w| printable_without(w, &['/', '@'])
);
name_type!(
    /// Which replacement of images something is of: hexadecimal digits that no other one has.
    ReplacementId, "replacement", |w| hex_of(w)
);
name_type!(
    /// A Ceph client id without the `client.` in front, such as `admin`.
    ClientId, "client id", |w| {
        if w.starts_with("client.") {
            return Err("is given without the leading 'client.'".into());
        }
        printable_without(w, &[' ', ',', '='])
    }
);
name_type!(
    /// A file that Ceph's programs are told of, by its path from the root on. Blanks and commas would make a list of it.
    CephFile, "file", |w| {
        let path = std::path::Path::new(w);
        let plain = |part| !matches!(part, std::path::Component::ParentDir | std::path::Component::CurDir);
        if !path.is_absolute() || !path.components().all(plain) {
            return Err("is no path from the root on".into());
        }
        printable_without(w, &[' ', ',', ';', '='])
    }
);
name_type!(
    /// A cluster's name, `ceph` where nobody chose another.
    ClusterName, "cluster name", |w| word_of(w, &['-', '_', '.'])
);
name_type!(
    /// An image's id: what the objects are called by, stable when the image is renamed.
    ImageId, "image id", |w| word_of(w, &[])
);
name_type!(
    /// A cluster's fsid, a UUID.
    Fsid, "fsid", |w| {
        let groups: Vec<&str> = w.split('-').collect();
        let lengths: Vec<usize> = groups.iter().map(|g| g.len()).collect();
        if lengths != [8, 4, 4, 4, 12] {
            return Err("is not a UUID".into());
        }
        hex_of(&groups.concat())
    }
);
name_type!(
    /// A host's name as it is written into leases.
    HostName, "host name", |w| word_of(w, &['-', '_', '.'])
);
name_type!(
    /// An LVM volume group's name (lvm(8), VALID NAMES).
    VgName, "volume group name", |w| {
        if w.starts_with('-') || w == "." || w == ".." {
            return Err("is not allowed by LVM".into());
        }
        if w.len() > 64 {
            return Err("is longer than 64 bytes, which leaves no room for the names of the slices".into());
        }
        word_of(w, &['-', '_', '.', '+'])
    }
);

impl HostName {
    /// Whether two names may be one host's: one of them may lack the domain that the other has. An address is nobody's name
    /// but its own, and `kvm1.a` is not `kvm1.b`.
    pub fn may_be(&self, other: &Self) -> bool {
        let is_address = |name: &str| name.parse::<std::net::IpAddr>().is_ok();
        let short = |long: &Self, short: &Self| {
            let label = long.0.split_once('.').map(|(label, _domain)| label);
            label.is_some_and(|label| label.eq_ignore_ascii_case(&short.0)) && !is_address(&long.0)
        };
        self.0.eq_ignore_ascii_case(&other.0) || short(self, other) || short(other, self)
    }
}

impl Fsid {
    /// The first eight digits: enough to tell the clusters of one host apart in a device name.
    pub fn short(&self) -> &str {
        &self.0[..8]
    }
}

/// A pool's number, stable when the pool is renamed.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct PoolId(pub i64);

impl fmt::Display for PoolId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_may_be_named_with_its_domain_or_without() {
        let may = |one: &str, other: &str| {
            let (one, other): (HostName, HostName) = (one.parse().unwrap(), other.parse().unwrap());
            one.may_be(&other) && other.may_be(&one)
        };
        assert!(may("kvm1", "kvm1") && may("kvm1", "KVM1.example.org"));
        for (one, other) in [
            ("kvm1", "kvm2"),
            ("kvm1", "kvm10"),
            ("kvm1.a", "kvm1.b"),
            ("kvm1", "kvm2.kvm1"),
            ("10.0.0.1", "10"),
            ("10.0.0.1", "10.0.0.2"),
        ] {
            assert!(!may(one, other), "{one} {other}");
        }
    }

    #[test]
    fn ids_are_checked() {
        assert!("client.admin".parse::<ClientId>().is_err());
        assert!(
            "801945f3-c685-4fbf-a968-66d179c4e25c"
                .parse::<Fsid>()
                .is_ok()
        );
        assert!("801945f3".parse::<Fsid>().is_err());
        assert!("-vg".parse::<VgName>().is_err());
    }
}
