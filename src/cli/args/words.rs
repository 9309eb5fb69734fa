//! Words of the command line that the model has no type for.

use std::fmt;
use std::str::FromStr;

use crate::model::{ImageSpec, Namespace, ParseError, PoolName, SnapName, SnapSpec};

/// A snapshot that is named for certain: [`SnapSpec`] leaves the name open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedSnap {
    /// The image.
    pub image: ImageSpec,
    /// The snapshot.
    pub snap: SnapName,
}

impl FromStr for NamedSnap {
    type Err = ParseError;
    fn from_str(word: &str) -> Result<Self, ParseError> {
        let SnapSpec { image, snap } = word.parse()?;
        let snap = snap.ok_or_else(|| {
            ParseError::new("snapshot", word, "names no snapshot: POOL/IMAGE@SNAP")
        })?;
        Ok(Self { image, snap })
    }
}

impl From<NamedSnap> for SnapSpec {
    fn from(named: NamedSnap) -> Self {
        Self {
            image: named.image,
            snap: Some(named.snap),
        }
    }
}

/// A pool, or a namespace in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolSpec {
    /// The pool.
    pub pool: PoolName,
    /// The namespace, `None` for the default one.
    pub namespace: Option<Namespace>,
}

impl FromStr for PoolSpec {
    type Err = ParseError;
    fn from_str(word: &str) -> Result<Self, ParseError> {
        let (pool, namespace) = match word.split_once('/') {
            Some((pool, namespace)) => (pool, Some(namespace.parse()?)),
            None => (word, None),
        };
        Ok(Self {
            pool: pool.parse()?,
            namespace,
        })
    }
}

/// A checksum that was given: algorithm and digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Digest {
    /// SHA-256, 64 hexadecimal digits, lower case.
    Sha256(String),
    /// MD5, 32 hexadecimal digits, lower case: what OpenNebula's marketplaces give.
    Md5(String),
}

impl FromStr for Digest {
    type Err = ParseError;
    fn from_str(word: &str) -> Result<Self, ParseError> {
        let refuse = |why| ParseError::new("checksum", word, why);
        let (algorithm, hex) = word
            .split_once(':')
            .ok_or_else(|| refuse("is not ALGORITHM:HEX"))?;
        let hex = hex.to_ascii_lowercase();
        let (digest, length) = match algorithm {
            "sha256" => (Self::Sha256(hex.clone()), 64),
            "md5" => (Self::Md5(hex.clone()), 32),
            _ => return Err(refuse("is of an unknown algorithm; use sha256 or md5")),
        };
        if hex.len() != length || !hex.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(refuse("has not the right number of hexadecimal digits"));
        }
        Ok(digest)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(hex) => write!(f, "sha256:{hex}"),
            Self::Md5(hex) => write!(f, "md5:{hex}"),
        }
    }
}

/// A format's name as qemu-img has them; it becomes an argument, so it must not look like an option.
pub(super) fn format_name(word: &str) -> Result<String, ParseError> {
    if word.is_empty()
        || !word
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    {
        return Err(ParseError::new(
            "format",
            word,
            "is not auto, raw or a format of qemu-img",
        ));
    }
    Ok(word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_has_its_length() {
        let hex = "d41d8cd98f00b204e9800998ecf8427E";
        let digest: Digest = format!("md5:{hex}").parse().unwrap();
        assert_eq!(digest.to_string(), format!("md5:{}", hex.to_lowercase()));
        for bad in [
            "",
            "md5",
            "md5:",
            "sha1:00",
            &format!("sha256:{hex}"),
            "md5:zz",
        ] {
            assert!(bad.parse::<Digest>().is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn a_snapshot_and_a_pool_are_named() {
        assert!("one/a".parse::<NamedSnap>().is_err());
        assert_eq!("one/a@b".parse::<NamedSnap>().unwrap().snap.as_str(), "b");
        let spec: PoolSpec = "one/tenant".parse().unwrap();
        assert_eq!(spec.namespace, Some("tenant".parse().unwrap()));
        for bad in ["", "/x", "a/", "a/b/c"] {
            assert!(bad.parse::<PoolSpec>().is_err(), "{bad:?} was taken");
        }
    }
}
