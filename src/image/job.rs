//! What can be asked of images. What makes one is in `make`.

mod make;

use serde::{Deserialize, Serialize};

pub use self::make::{CloneImage, CreateImage, Import, Once, ReplaceImage, ReplaceStep};
use super::checksum::Algorithm;
use crate::model::{Bytes, HostName, ImageName, ImageSpec, Namespace, PoolName, SnapName};

/// One job on an image, or on a pool's images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "verb", rename_all = "kebab-case")]
pub enum ImageJob {
    /// Make an image of a file or a stream.
    Import(Import),
    /// Make an empty image, or one with an empty file system.
    Create(CreateImage),
    /// Make a copy-on-write clone.
    Clone(CloneImage),
    /// Make an image for a purpose, once: one that an earlier life of the same thing left is replaced.
    Once(Once),
    /// List the images of a pool.
    List(ListImages),
    /// Say what the images of a pool take.
    Allocated(ListAllocated),
    /// Say all that is known of an image.
    Info(OneImage),
    /// Remove an image.
    Remove(RemoveImage),
    /// Exchange an image for the one that was made beside it, step by step.
    Replace(ReplaceImage),
    /// Finish or undo what was stopped of an image's replacement, and remove what it left beside the image.
    PutRight(OneImage),
    /// Put an image into its pool's trash, with its snapshots.
    Discard(OneImage),
    /// Change an image's size.
    Resize(ResizeImage),
    /// Copy into a clone what it shares with its parent, and part the two.
    Flatten(OneImage),
    /// Give an image another name in its pool.
    Rename(RenameImage),
    /// Take a snapshot.
    SnapCreate(OneSnap),
    /// Take a snapshot; one of that name that an attempt before left, and nothing was cloned from, goes first.
    SnapRetake(OneSnap),
    /// Remove a snapshot.
    SnapRemove(OneSnap),
    /// Remove the snapshots that backups left, but for the one that the next increment begins with.
    ForgetBackups(ForgetBackups),
    /// Protect a snapshot against removal.
    SnapProtect(OneSnap),
    /// Take that protection away.
    SnapUnprotect(OneSnap),
    /// Make an image what it was at a snapshot; what it is now is kept until that is done.
    SnapRevert(OneSnap),
    /// Make an image what it was at a snapshot, and remove its snapshots.
    SnapFlatten(SnapFlatten),
    /// List an image's snapshots.
    SnapList(OneImage),
    /// Take the checksum of an image's content.
    Digest(OneDigest),
    /// Say how full a pool is.
    Usage(OnePool),
}

/// `image ls`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListImages {
    /// The pool.
    pub pool: PoolName,
    /// One namespace of it; the default one where it is absent.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub namespace: Option<Namespace>,
    /// The default namespace and all others.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub all_namespaces: bool,
    /// With the bytes that each image takes (quick where images have fast-diff, slow otherwise).
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub allocated: bool,
}

/// `allocated`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListAllocated {
    /// The pool.
    pub pool: PoolName,
    /// One namespace of it; the default one where it is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Namespace>,
    /// What the images' names are like: the parts between their hyphens, where `*` stands for any one part.
    pub like: String,
    /// How many seconds it may take, about; what is known then is the answer.
    pub seconds: u64,
}

/// A request that needs nothing but the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneImage {
    /// The image.
    pub image: ImageSpec,
}

/// `forget-backups`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ForgetBackups {
    /// The image.
    pub image: ImageSpec,
    /// The increment whose snapshot stays.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub keep: Option<u32>,
}

/// A request that needs nothing but the snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneSnap {
    /// The image.
    pub image: ImageSpec,
    /// The snapshot.
    pub snap: SnapName,
}

/// `snap-flatten`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SnapFlatten {
    /// The image.
    pub image: ImageSpec,
    /// What the image is to be. It goes last.
    pub snap: SnapName,
    /// The others that go.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub others: Vec<SnapName>,
}

/// `image rm`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveImage {
    /// The image.
    pub image: ImageSpec,
    /// Remove its own snapshots first. Clones are never removed.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub snapshots: bool,
    /// Be content when there is no such image.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub missing_ok: bool,
    /// Hosts that are said to be dead, or to have no use for the image any more: a lease that one of them holds, under
    /// whatever name of its, is no hindrance once Ceph shows nobody who has the image open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_by: Vec<HostName>,
    /// Nor is one that says dirty: what only that host's cache holds goes with the image.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub discard_dirty: bool,
    /// How begins what the image may say that it was made for; one that says something else, or nothing, is somebody's, and stays.
    /// Where there are no such words, it goes whatever it says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub of: Vec<String>,
}

impl RemoveImage {
    /// The image with its snapshots, if it is there and nobody has it.
    pub const fn whole(image: ImageSpec) -> Self {
        Self {
            image,
            snapshots: true,
            missing_ok: true,
            left_by: Vec::new(),
            discard_dirty: false,
            of: Vec::new(),
        }
    }
}

/// `image resize`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResizeImage {
    /// The image.
    pub image: ImageSpec,
    /// The new size.
    pub size: Bytes,
    /// Allow the new size to be smaller; what is beyond it is lost.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub shrink: bool,
    /// The hosts that have it attached take the new size over next, so there is nothing to warn of.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub taken_over: bool,
}

/// `image rename`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenameImage {
    /// The image.
    pub image: ImageSpec,
    /// Its new name, in the same pool and namespace.
    pub to: ImageName,
}

/// A request for a checksum.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OneDigest {
    /// The image.
    pub image: ImageSpec,
    /// How it is computed.
    pub algorithm: Algorithm,
}

/// A request about a pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OnePool {
    /// The pool.
    pub pool: PoolName,
    /// The pool of its images' data, where that is another one.
    #[serde(default, skip_serializing_if = "crate::model::is_default")]
    pub data_pool: Option<PoolName>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::image::Feature;

    fn parsed(json: &str) -> Result<ImageJob, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn jobs_are_short_and_read_back() {
        let clone = parsed(r#"{"verb":"clone","parent":"one/a@snap","child":"one/b","size":"8G"}"#)
            .unwrap();
        let ImageJob::Clone(ask) = &clone else {
            panic!("{clone:?}")
        };
        assert_eq!(ask.size, Some(Bytes::gib(8)));
        assert_eq!(ask.parent.snap.as_ref().unwrap().as_str(), "snap");
        let import = Import {
            checksum: "md5:900150983cd24fb0d6963f7d28e17f72".parse().ok(),
            features: Some(vec![Feature::Layering]),
            ..Import::new("-".into(), "one/tenant/a".parse().unwrap())
        };
        let snap = OneSnap {
            image: "one/a".parse().unwrap(),
            snap: "s".parse().unwrap(),
        };
        for job in [clone, ImageJob::Import(import), ImageJob::SnapRevert(snap)] {
            assert_eq!(parsed(&serde_json::to_string(&job).unwrap()).unwrap(), job);
        }
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for bad in [
            r#"{"verb":"clone","parent":"one/a","child":"one/b","sise":"8G"}"#,
            r#"{"verb":"rm","image":"one/a"}"#,
            r#"{"verb":"remove","image":"one/a","snapshot":true}"#,
            r#"{"verb":"import","source":"-","image":"one/a","checksum":"md5:1"}"#,
            r#"{"verb":"import","source":"-","image":"one/a","features":["warp"]}"#,
            r#"{"verb":"resize","image":"one/a"}"#,
        ] {
            assert!(parsed(bad).is_err(), "{bad} was taken");
        }
    }
}
