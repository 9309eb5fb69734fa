//! The key of a disk: `FSID8-POOLID-IMAGEID`. Names of images may change and may hold any character; ids do not.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{DmName, Fsid, ImageId, LvName, ParseError, PoolId, Role};

/// Which disk, without its human name: cluster, pool and image, by id.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct DiskKey {
    fsid8: String,
    pool: PoolId,
    image: ImageId,
}

impl DiskKey {
    /// The key of an image of a cluster. Fails if the image's id is longer than 64 bytes (RBD's own limit is 64).
    pub fn new(fsid: &Fsid, pool: PoolId, image: &ImageId) -> Result<Self, ParseError> {
        if image.as_str().len() > 64 {
            return Err(ParseError::new(
                "image id",
                image.as_str(),
                "is longer than 64 bytes",
            ));
        }
        if pool.0 < 0 {
            return Err(ParseError::new("pool id", pool.to_string(), "is negative"));
        }
        Ok(Self {
            fsid8: fsid.short().to_owned(),
            pool,
            image: image.clone(),
        })
    }

    /// Whether the image is of this cluster.
    pub fn is_of(&self, fsid: &Fsid) -> bool {
        self.fsid8 == fsid.short()
    }

    /// The pool's id.
    pub const fn pool(&self) -> PoolId {
        self.pool
    }

    /// The image's id.
    pub const fn image(&self) -> &ImageId {
        &self.image
    }

    /// The device-mapper device of this disk in a role.
    pub fn dm(&self, role: Role) -> DmName {
        DmName {
            key: self.clone(),
            role,
        }
    }

    /// The logical volume of this disk in a role.
    pub fn lv(&self, role: Role) -> LvName {
        LvName {
            key: self.clone(),
            role,
        }
    }
}

impl fmt::Display for DiskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.fsid8, self.pool, self.image)
    }
}

impl FromStr for DiskKey {
    type Err = ParseError;
    fn from_str(word: &str) -> Result<Self, ParseError> {
        let refuse = |why| ParseError::new("disk key", word, why);
        let [fsid8, pool, image] = word.split('-').collect::<Vec<_>>()[..] else {
            return Err(refuse("is not FSID8-POOLID-IMAGEID"));
        };
        let hex = |c: char| matches!(c, '0'..='9' | 'a'..='f');
        if fsid8.len() != 8 || !fsid8.chars().all(hex) {
            return Err(refuse("does not begin with eight digits of an fsid"));
        }
        let digits = !pool.is_empty() && pool.chars().all(|c| c.is_ascii_digit());
        let pool = digits.then(|| pool.parse().ok()).flatten();
        let pool = PoolId(pool.ok_or_else(|| refuse("has no pool id"))?);
        let image: ImageId = image.parse()?;
        if image.as_str().len() > 64 {
            return Err(refuse("has an image id longer than 64 bytes"));
        }
        Ok(Self {
            fsid8: fsid8.to_owned(),
            pool,
            image,
        })
    }
}

impl TryFrom<String> for DiskKey {
    type Error = ParseError;
    fn try_from(word: String) -> Result<Self, ParseError> {
        word.parse()
    }
}

impl From<DiskKey> for String {
    fn from(key: DiskKey) -> Self {
        key.to_string()
    }
}
