//! Words of the command line that the model has no type for.

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

#[cfg(test)]
mod tests {
    use super::*;

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
