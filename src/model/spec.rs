//! How an image and its snapshots are named as a whole: `pool[/namespace]/image[@snap]`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{ImageName, Namespace, ParseError, PoolName, SnapName};

/// An image: `pool/image` or `pool/namespace/image`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct ImageSpec {
    /// The pool with the image's header (its data may lie in another).
    pub pool: PoolName,
    /// The namespace, `None` for the default one.
    pub namespace: Option<Namespace>,
    /// The image.
    pub image: ImageName,
}

/// An image, or one of its snapshots: `pool[/namespace]/image[@snap]`.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct SnapSpec {
    /// The image.
    pub image: ImageSpec,
    /// The snapshot, `None` for the image itself.
    pub snap: Option<SnapName>,
}

impl FromStr for ImageSpec {
    type Err = ParseError;

    fn from_str(word: &str) -> Result<Self, ParseError> {
        let parts: Vec<&str> = word.split('/').collect();
        let (pool, namespace, image) = match parts[..] {
            [pool, image] => (pool, None, image),
            [pool, namespace, image] => (pool, Some(namespace), image),
            _ => {
                return Err(ParseError::new(
                    "image",
                    word,
                    "is not POOL/IMAGE or POOL/NAMESPACE/IMAGE",
                ));
            }
        };
        Ok(Self {
            pool: pool.parse()?,
            namespace: namespace.map(str::parse).transpose()?,
            image: image.parse()?,
        })
    }
}

impl FromStr for SnapSpec {
    type Err = ParseError;

    fn from_str(word: &str) -> Result<Self, ParseError> {
        let (image, snap) = match word.split_once('@') {
            Some((image, snap)) => (image, Some(snap.parse()?)),
            None => (word, None),
        };
        Ok(Self {
            image: image.parse()?,
            snap,
        })
    }
}

impl fmt::Display for ImageSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{}/{namespace}/{}", self.pool, self.image),
            None => write!(f, "{}/{}", self.pool, self.image),
        }
    }
}

impl fmt::Display for SnapSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.snap {
            Some(snap) => write!(f, "{}@{snap}", self.image),
            None => write!(f, "{}", self.image),
        }
    }
}

/// `TryFrom<String>` and `Into<String>` by way of `FromStr` and `Display`, for serde.
macro_rules! as_string {
    ($name:ident) => {
        impl TryFrom<String> for $name {
            type Error = ParseError;
            fn try_from(word: String) -> Result<Self, ParseError> {
                word.parse()
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    };
}
as_string!(ImageSpec);
as_string!(SnapSpec);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_image_is_named_by_two_or_three_parts() {
        let spec: SnapSpec = "rbd/tenant/one-3@snap".parse().unwrap();
        assert_eq!(spec.image.namespace, Some("tenant".parse().unwrap()));
        assert_eq!(spec.to_string(), "rbd/tenant/one-3@snap");
        for bad in [
            "", "one", "a/b/c/d", "/x", "x/", "a/b@", "a/b@c@d", "a//b", "a/b\n", "a/b@c/d",
        ] {
            assert!(bad.parse::<SnapSpec>().is_err(), "{bad:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn what_parses_prints_the_same(word in "\\PC{0,40}") {
            if let Ok(spec) = word.parse::<SnapSpec>() {
                prop_assert_eq!(spec.to_string(), word);
            }
        }
    }
}
