//! Images that are replaced together: a restore has all disks of a VM become others, or none.

use serde::{Deserialize, Serialize};

use super::{Access, ImageSpec, ReplacementId};

/// One replacement of one or several images. What is to replace them says in its metadata which replacement it is of, so that two
/// that overlap cannot take each other's for their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Replacement {
    /// No other one has it.
    pub id: ReplacementId,
    /// All images that are replaced. What becomes of them all is decided at the first.
    pub images: Vec<ReplacedImage>,
}

/// An image that is replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct ReplacedImage {
    /// Its name.
    pub image: ImageSpec,
    /// How Ceph is reached for it; as the host's configuration says where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access: Option<Access>,
}
