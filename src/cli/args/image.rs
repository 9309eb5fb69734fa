//! The commands on images and snapshots. Those that OpenNebula sends too become a job.

use clap::{Args, Subcommand};

use super::Changing;
use super::words::{Digest, NamedSnap, PoolSpec, format_name};
use crate::job::{CloneImage, CreateSnap, Job, RemoveImage, Request, ResizeImage};
use crate::model::{Bytes, ImageSpec, PoolName, SnapSpec};

/// The commands on images.
#[derive(Debug, Clone, Subcommand)]
pub enum ImageCommand {
    /// Make an image from a file or a stream
    #[command(after_help = "\
Raw, qcow2 and other formats of qemu-img; gz, xz and zst are unpacked on the
way. Runs of zeros are not written. A raw stream needs no room on this host.

Examples:
  warmblock image import debian-12.qcow2 one/debian-12
  curl -s https://mirror/disk.raw.xz |
    warmblock image import - one/disk --checksum sha256:HEX")]
    Import(ImportArgs),
    /// Make a copy-on-write clone
    #[command(after_help = "\
Without @SNAP, a protected snapshot of the parent is made once and used again.

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
    pub source: String,
    /// The image to make
    #[arg(value_name = "POOL[/NS]/IMAGE")]
    pub image: ImageSpec,
    /// auto, raw, or a format of qemu-img such as qcow2 or vmdk
    #[arg(long, value_name = "FORMAT", default_value = "auto", value_parser = format_name)]
    pub format: String,
    /// What the source as it comes must hash to: sha256:HEX or md5:HEX
    #[arg(long, value_name = "ALGORITHM:HEX")]
    pub checksum: Option<Digest>,
    /// Pool for the data, such as an erasure-coded one
    #[arg(long, value_name = "POOL")]
    pub data_pool: Option<PoolName>,
    /// Bytes of one RADOS object [default: Ceph's, 4M]
    #[arg(long, value_name = "SIZE")]
    pub object_size: Option<Bytes>,
    /// The image's size, at least the source's
    #[arg(long, value_name = "SIZE")]
    pub size: Option<Bytes>,
    /// How it is done.
    #[command(flatten)]
    pub changing: Changing,
}

/// `image clone`.
#[derive(Debug, Clone, Args)]
pub struct CloneArgs {
    /// The parent
    #[arg(value_name = "POOL[/NS]/PARENT[@SNAP]")]
    pub parent: SnapSpec,
    /// The clone
    #[arg(value_name = "POOL[/NS]/CHILD")]
    pub child: ImageSpec,
    /// The clone's size, at least the parent's
    #[arg(long, value_name = "SIZE")]
    pub size: Option<Bytes>,
    /// How it is done.
    #[command(flatten)]
    pub changing: Changing,
}

/// `image ls`.
#[derive(Debug, Clone, Args)]
pub struct LsArgs {
    /// One pool or namespace; every RBD pool without it
    #[arg(value_name = "POOL[/NS]")]
    pub pool: Option<PoolSpec>,
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
    /// Its new name, in the same pool and namespace
    #[arg(value_name = "POOL[/NS]/NEW")]
    pub to: ImageSpec,
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

impl ImageCommand {
    /// The job that the command asks for; `None` for those that only this host's command line has.
    pub fn job(&self) -> Option<Job> {
        let (changing, request) = match self {
            Self::Clone(args) => (args.changing, Request::Clone(args.request())),
            Self::Resize(args) => (args.changing, Request::Resize(args.request())),
            Self::Rm(args) => (
                args.changing,
                Request::Remove(RemoveImage {
                    image: args.image.clone(),
                    snapshots: args.snapshots,
                }),
            ),
            Self::Snap {
                command: SnapCommand::Create(args),
            } => (
                args.changing,
                Request::Snap(CreateSnap {
                    snap: args.snap.clone().into(),
                }),
            ),
            _ => return None,
        };
        Some(changing.job(request))
    }
}

impl CloneArgs {
    fn request(&self) -> CloneImage {
        CloneImage {
            parent: self.parent.clone(),
            child: self.child.clone(),
            size: self.size,
        }
    }
}

impl ResizeArgs {
    fn request(&self) -> ResizeImage {
        ResizeImage {
            image: self.image.clone(),
            size: self.size,
            allow_shrink: self.allow_shrink,
        }
    }
}
