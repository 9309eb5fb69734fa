//! The commands on images and snapshots. What they become stands in `image_job`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Changing;
use super::words::{NamedSnap, PoolSpec};
use crate::image::{Checksum, Feature, SourceFormat};
use crate::model::{Bytes, ImageName, ImageSpec, PoolName, SnapSpec};

/// The commands on images.
#[derive(Debug, Clone, Subcommand)]
pub enum ImageCommand {
    /// Make an image from a file or a stream
    #[command(after_help = "\
Raw or qcow2, plain or packed with gzip, xz, zstd or bzip2; VMDK, VHD and VDI
in one file, by qemu-img. Runs of zeros are not written. A raw stream needs no
room on this host.

Examples:
  warmblock image import debian-12.qcow2 one/debian-12
  curl -s https://mirror/disk.raw.xz |
    warmblock image import - one/disk --checksum sha256:HEX")]
    Import(ImportArgs),
    /// Make a copy-on-write clone
    #[command(after_help = "\
Without @SNAP, what the parent holds now is cloned: by its snapshot snap, or
wb-base-1 and so on if it was written since. What is missing is taken first.

Example:
  warmblock image clone one/debian-12 one/vm-7 --size 20G")]
    Clone(CloneArgs),
    /// List images
    Ls(LsArgs),
    /// Show one image: size, features, parent, snapshots, watchers
    Info(InfoArgs),
    /// Remove an image
    Rm(RmArgs),
    /// Change an image's size
    Resize(ResizeArgs),
    /// Copy what a clone shares with its parent, so that it needs it no more
    Flatten(FlattenArgs),
    /// Rename an image within its pool
    Rename(RenameArgs),
    /// Snapshots of an image
    Snap {
        /// What to do with snapshots.
        #[command(subcommand)]
        command: SnapCommand,
    },
}

/// `image import`.
#[derive(Debug, Clone, Args)]
pub struct ImportArgs {
    /// A file, or - for standard input
    #[arg(value_name = "FILE")]
    pub source: PathBuf,
    /// The image to make
    #[arg(value_name = "POOL[/NS]/IMAGE")]
    pub image: ImageSpec,
    /// raw, qcow2, vmdk, vhd or vdi [default: found out by the first bytes]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<SourceFormat>,
    /// What the source must hash to, packed as it comes: md5:HEX,
    /// sha256:HEX or sha512:HEX
    #[arg(long, value_name = "ALGORITHM:HEX")]
    pub checksum: Option<Checksum>,
    /// The image's size, at least the source's
    #[arg(long, value_name = "SIZE")]
    pub size: Option<Bytes>,
    /// At most so many bytes a second
    #[arg(long, value_name = "SIZE")]
    pub rate: Option<Bytes>,
    /// Pool for the data, such as an erasure-coded one
    #[arg(long, value_name = "POOL")]
    pub data_pool: Option<PoolName>,
    /// Bytes of one RADOS object, a power of two [default: Ceph's]
    #[arg(long, value_name = "SIZE")]
    pub object_size: Option<Bytes>,
    /// Features as rbd(8) names them, with commas [default: Ceph's]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub features: Vec<Feature>,
    /// Where a source that must be staged is staged
    /// [default: $TMPDIR or /var/tmp]
    #[arg(long, value_name = "DIR")]
    pub staging_dir: Option<PathBuf>,
    /// How it is done.
    #[command(flatten)]
    pub changing: Changing,
}

/// `image clone`.
#[derive(Debug, Clone, Args)]
pub struct CloneArgs {
    /// The parent: POOL[/NS]/IMAGE[@SNAP]
    #[arg(value_name = "PARENT[@SNAP]")]
    pub parent: SnapSpec,
    /// The clone: POOL[/NS]/IMAGE
    #[arg(value_name = "CHILD")]
    pub child: ImageSpec,
    /// The clone's size, at least the parent's
    #[arg(long, value_name = "SIZE")]
    pub size: Option<Bytes>,
    /// Pool for the clone's data; it is not inherited
    #[arg(long, value_name = "POOL")]
    pub data_pool: Option<PoolName>,
    /// How it is done.
    #[command(flatten)]
    pub changing: Changing,
}

/// `image ls`.
#[derive(Debug, Clone, Args)]
pub struct LsArgs {
    /// The pool, or one namespace of it
    #[arg(value_name = "POOL[/NS]")]
    pub pool: PoolSpec,
    /// The images of every namespace of the pool
    #[arg(long)]
    pub all_namespaces: bool,
    /// Say what each image takes; slow without the feature fast-diff
    #[arg(long)]
    pub allocated: bool,
}

/// `image info`.
#[derive(Debug, Clone, Args)]
pub struct InfoArgs {
    /// The image
    #[arg(value_name = "POOL[/NS]/IMAGE")]
    pub image: ImageSpec,
}

/// `image rm`.
#[derive(Debug, Clone, Args)]
pub struct RmArgs {
    /// The image
    #[arg(value_name = "POOL[/NS]/IMAGE")]
    pub image: ImageSpec,
    /// Remove its snapshots too, unless one has clones
    #[arg(long)]
    pub snapshots: bool,
    /// It is no error if there is no such image
    #[arg(long)]
    pub missing_ok: bool,
    /// How it is done.
    #[command(flatten)]
    pub changing: Changing,
}

/// `image resize`.
#[derive(Debug, Clone, Args)]
pub struct ResizeArgs {
    /// The image
    #[arg(value_name = "POOL[/NS]/IMAGE")]
    pub image: ImageSpec,
    /// The new size
    #[arg(value_name = "SIZE")]
    pub size: Bytes,
    /// Make it smaller; the data beyond are lost
    #[arg(long)]
    pub allow_shrink: bool,
    /// How it is done.
    #[command(flatten)]
    pub changing: Changing,
}

/// `image flatten`.
#[derive(Debug, Clone, Args)]
pub struct FlattenArgs {
    /// The clone
    #[arg(value_name = "POOL[/NS]/IMAGE")]
    pub image: ImageSpec,
    /// How it is done.
    #[command(flatten)]
    pub changing: Changing,
}

/// `image rename`.
#[derive(Debug, Clone, Args)]
pub struct RenameArgs {
    /// The image
    #[arg(value_name = "POOL[/NS]/IMAGE")]
    pub from: ImageSpec,
    /// Its new name, without the pool, which stays
    #[arg(value_name = "NEW")]
    pub to: ImageName,
    /// How it is done.
    #[command(flatten)]
    pub changing: Changing,
}

/// The commands on snapshots.
#[derive(Debug, Clone, Subcommand)]
pub enum SnapCommand {
    /// List the snapshots of an image
    Ls(SnapLsArgs),
    /// Make a snapshot
    Create(SnapArgs),
    /// Remove a snapshot
    Rm(SnapArgs),
    /// Protect a snapshot from removal, so that it can be cloned
    Protect(SnapArgs),
    /// Allow a snapshot's removal again
    Unprotect(SnapArgs),
    /// Set an image back to a snapshot; later writes are lost
    Rollback(SnapArgs),
}

/// `image snap ls`.
#[derive(Debug, Clone, Args)]
pub struct SnapLsArgs {
    /// The image
    #[arg(value_name = "POOL[/NS]/IMAGE")]
    pub image: ImageSpec,
}

/// Every other command on snapshots.
#[derive(Debug, Clone, Args)]
pub struct SnapArgs {
    /// The snapshot
    #[arg(value_name = "POOL[/NS]/IMAGE@SNAP")]
    pub snap: NamedSnap,
    /// How it is done.
    #[command(flatten)]
    pub changing: Changing,
}
