//! Images that are made: anew, from a file or a stream, as clones, in another's place.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::ImageJob;
use crate::ceph::CloneFormat;
use crate::image::checksum::Checksum;
use crate::image::feature::Feature;
use crate::image::format::SourceFormat;
use crate::model::{Bytes, HostName, ImageSpec, PoolName, Replacement, SnapSpec};
use crate::tools::mkfs::FileSystem;

/// `once`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Once {
    /// The image.
    pub image: ImageSpec,
    /// What it is for, such as `VM 12 of 1700000000, disk 0, stay 3`. An image that says so of itself is kept as it is.
    pub made_for: String,
    /// The same as earlier releases said it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub same: Vec<String>,
    /// How begins what one says that an earlier life of the same thing left, such as `VM 12 of 1700000000, disk 0, `: it is
    /// replaced. Whatever else has the name is refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub of: Vec<String>,
    /// Hosts that may have left such a one behind; see [`RemoveImage::left_by`]. One whose lease says dirty stays.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_by: Vec<HostName>,
    /// What makes it: a clone, a creation or an import.
    pub make: Box<ImageJob>,
}

/// `replace`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplaceImage {
    /// The image. The new one is `IMAGE.wb-incoming`.
    pub image: ImageSpec,
    /// Which step.
    pub step: ReplaceStep,
    /// The images that are replaced together. What comes is of this replacement, or is left alone.
    pub of: Replacement,
    /// What the new one is for, as [`Once::made_for`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_for: Option<String>,
}

/// A step of a replacement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReplaceStep {
    /// Refuse an image that cannot be replaced now, and change nothing.
    Check,
    /// Make room for the new one: what an earlier replacement left is finished if that was settled, and else undone, of all its
    /// images.
    Begin,
    /// The old one steps aside, and the new one takes its name.
    Exchange,
    /// It stays so, and so does all that is replaced together: there is no way back.
    Settle,
    /// The old one goes.
    Clear,
    /// The old one gets its name back, unless that was settled, and the new one goes.
    Undo,
}

/// `image import`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Import {
    /// A file of the host that does the job; `-` is its standard input.
    pub source: PathBuf,
    /// The image to make. One that is there already is refused.
    pub image: ImageSpec,
    /// What the source is, once it is unpacked; found out by its first bytes where it is absent.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub format: Option<SourceFormat>,
    /// The image's size; the source's where it is absent, and never less.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub size: Option<Bytes>,
    /// What the bytes of the source (packed, as they come) must hash to.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub checksum: Option<Checksum>,
    /// At most so many bytes a second are written; as fast as it goes where it is absent.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub rate: Option<Bytes>,
    /// The pool for the data, such as an erasure-coded one.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub data_pool: Option<PoolName>,
    /// The size of the image's objects: a power of two from 4 KiB to 32 MiB.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub object_size: Option<Bytes>,
    /// The image's features; the cluster's defaults where it is absent.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub features: Option<Vec<Feature>>,
    /// Where a source that must be staged is staged; `$TMPDIR` or `/var/tmp` where it is absent.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub staging_dir: Option<PathBuf>,
    /// Take a packed source as it is instead of unpacking it.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub keep_packed: bool,
    /// The standard input comes in chunks that say how long they are, so that one that was cut is known: a length of four
    /// bytes, big-endian, and so many bytes; the last one is empty.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub chunked: bool,
    /// What the image is for. One that is there already and says so of itself is kept, and the source not read.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub made_for: Option<String>,
    /// How many bytes of data the source has at most, where that is known: a pool without room for them is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Bytes>,
    /// The replacement that the image is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<Replacement>,
}

impl Import {
    /// Imports with nothing but defaults.
    pub const fn new(source: PathBuf, image: ImageSpec) -> Self {
        Self {
            source,
            image,
            format: None,
            size: None,
            checksum: None,
            rate: None,
            data_pool: None,
            object_size: None,
            features: None,
            staging_dir: None,
            keep_packed: false,
            chunked: false,
            made_for: None,
            expected: None,
            replacement: None,
        }
    }
}

/// A new image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateImage {
    /// The image.
    pub image: ImageSpec,
    /// Its size.
    pub size: Bytes,
    /// The file system that it gets; none where it is absent.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub filesystem: Option<FileSystem>,
    /// The pool for the data, such as an erasure-coded one.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub data_pool: Option<PoolName>,
    /// Where the file system is made before it becomes the image; `/var/tmp` where it is absent.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub staging_dir: Option<PathBuf>,
    /// What the image is for. One that is there already and says so of itself is kept; one that says something else, or nothing,
    /// is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_for: Option<String>,
}

/// `image clone`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloneImage {
    /// What is cloned. Without a snapshot's name it is what the image holds now: by the snapshot `snap`, or `wb-base-N` if it
    /// was written since, taken if it is not there.
    pub parent: SnapSpec,
    /// The clone.
    pub child: ImageSpec,
    /// The clone's size; the parent's where it is absent, and never less.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub size: Option<Bytes>,
    /// The clone format; as the cluster allows where it is absent.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub clone_format: CloneFormat,
    /// Clone what the image holds now, by a snapshot taken for that. `parent` then names none.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub fresh: bool,
    /// The pool for the clone's data; it is not inherited from the parent.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub data_pool: Option<PoolName>,
    /// What the clone is for. One that is there already and says so of itself is kept; one that says something else, or nothing,
    /// is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_for: Option<String>,
}

impl CloneImage {
    /// Clones with nothing but defaults.
    pub const fn new(parent: SnapSpec, child: ImageSpec) -> Self {
        Self {
            parent,
            child,
            size: None,
            clone_format: CloneFormat::Auto,
            fresh: false,
            data_pool: None,
            made_for: None,
        }
    }
}
