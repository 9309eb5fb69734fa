//! Which image: by cluster, pool and id, which stay when it is renamed and differ when it is cloned or made anew.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::model::{DiskKey, Fsid, ImageId, ParseError, PoolId, SnapName};

/// An image of a cluster, or a snapshot of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageKey {
    /// The cluster.
    pub fsid: Fsid,
    /// The pool.
    pub pool: PoolId,
    /// The image.
    pub image: ImageId,
    /// The snapshot, `None` for the image itself.
    pub snap: Option<SnapName>,
}

/// NAA type 6 and the company id that Linux' own target puts first (facts 3.1: LIO's ids are 6001405…); the rest is ours.
const PREFIX: &str = "6001405";

impl ImageKey {
    /// The SCSI id and serial that are made of the key: the same on every gateway, even without a registry. `salt` is
    /// counted up while they are somebody else's.
    pub fn derive(&self, salt: u32) -> (String, String) {
        let mut hash = Sha256::new();
        hash.update(format!("warmblock scsi id 1\0{self}\0{salt}"));
        let digits: String = hash
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        // the serial is the beginning of what is ours in the id, so that a person sees that they belong together
        (
            format!("{PREFIX}{}", &digits[..25]),
            digits[..16].to_owned(),
        )
    }

    /// The key of the disk when it is attached.
    pub fn disk(&self) -> Result<DiskKey, ParseError> {
        DiskKey::new(&self.fsid, self.pool, &self.image)
    }
}

impl fmt::Display for ImageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.fsid, self.pool, self.image)?;
        match &self.snap {
            Some(snap) => write!(f, "@{snap}"),
            None => Ok(()),
        }
    }
}

impl FromStr for ImageKey {
    type Err = ParseError;

    fn from_str(word: &str) -> Result<Self, ParseError> {
        let refuse = || ParseError::new("image key", word, "is not FSID/POOLID/IMAGEID[@SNAP]");
        let (image, snap) = match word.split_once('@') {
            Some((image, snap)) => (image, Some(snap.parse()?)),
            None => (word, None),
        };
        let [fsid, pool, image] = image.split('/').collect::<Vec<_>>()[..] else {
            return Err(refuse());
        };
        Ok(Self {
            fsid: fsid.parse()?,
            pool: PoolId(pool.parse().map_err(|_| refuse())?),
            image: image.parse()?,
            snap,
        })
    }
}

impl TryFrom<String> for ImageKey {
    type Error = ParseError;
    fn try_from(word: String) -> Result<Self, ParseError> {
        word.parse()
    }
}

impl From<ImageKey> for String {
    fn from(key: ImageKey) -> Self {
        key.to_string()
    }
}
