//! The commands that change a disk; each becomes a job.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::Changing;
use super::offered::{drivers, seeds};
use crate::job::{Attach, Detach, DiskJob, Insert, Job, Recover, Request, SeedJob, SetMode};
use crate::model::{Bytes, CacheMode, DriverName, ImageSpec, OnFull, SeedSpec};

/// The commands on disks.
#[derive(Debug, Clone, Subcommand)]
pub enum DiskCommand {
    /// Bring a disk up with its cache and print the device to open
    #[command(after_help = "\
Only the device's path goes to standard output; the steps go to standard error.
An attach that fails or is stopped takes down what it had made. One that was
killed is simply run again: what is up already is kept.

Examples:
  warmblock attach one/vm-7
  warmblock attach one/vm-7 --mode writeback --size 16G --seed first:8G
  warmblock attach one/vm-7 --link /var/lib/one/datastores/0/7/disk.0")]
    Attach(AttachArgs),
    /// Take a disk down: flush, prove clean, remove every layer
    Detach(DetachArgs),
    /// Fill the cache of an attached disk, beginning anew
    #[command(after_help = "\
Examples:
  warmblock seed one/vm-7 first:8G
  warmblock seed one/vm-7 --verify")]
    Seed(SeedArgs),
    /// Write dirty blocks back to Ceph and prove that none is left
    Flush(DiskArgs),
    /// Take the cache out of the path of an attached disk
    Bypass(DiskArgs),
    /// Put a cache into the path of an attached disk again
    Insert(InsertArgs),
    /// Change the cache mode of an attached disk
    Mode(ModeArgs),
    /// Find everything of ours on this host and finish what was begun
    Recover(RecoverArgs),
}

/// `attach`.
#[derive(Debug, Clone, Args)]
pub struct AttachArgs {
    /// The image
    #[arg(value_name = "POOL[/NS]/IMAGE")]
    pub image: ImageSpec,
    /// Cache driver; for a disk that is attached with another one, it is
    /// exchanged under load [default: cache.driver of the configuration]
    #[arg(long, value_name = "DRIVER", hide_possible_values = true,
          value_parser = drivers())]
    pub driver: Option<DriverName>,
    /// writethrough, writearound, writeback or none [default: cache.mode]
    #[arg(long, value_name = "MODE", hide_possible_values = true)]
    pub mode: Option<CacheMode>,
    /// Bytes on the SSD [default: slice.size]
    #[arg(long, value_name = "SIZE")]
    pub size: Option<Bytes>,
    /// What to bring into the cache first: none, allocated or first:SIZE
    /// [default: seed.what]
    #[arg(long, value_name = "WHAT", hide_possible_values = true,
          value_parser = seeds())]
    pub seed: Option<SeedSpec>,
    /// Seed at most so many bytes a second, 0 for no limit [default: seed.rate]
    #[arg(long, value_name = "SIZE")]
    pub rate: Option<Bytes>,
    /// Do not wait for the seed: the disk is served from Ceph until another
    /// process has filled its cache, which `status` shows
    #[arg(long)]
    pub no_wait: bool,
    /// Without room on the SSD: go on uncached, or fail
    /// [default: slice.on_full]
    #[arg(long, value_name = "bypass|fail", hide_possible_values = true)]
    pub on_full: Option<OnFull>,
    /// Make a symbolic link to the device
    #[arg(long, value_name = "PATH")]
    pub link: Option<PathBuf>,
    /// Take the disk from a host that is known to be dead and fenced
    #[arg(long)]
    pub break_lease: bool,
    /// Give up the writes that only that host's cache holds
    #[arg(long, requires = "break_lease")]
    pub discard_dirty: bool,
    /// How it is done.
    #[command(flatten)]
    pub changing: Changing,
}

/// `detach`.
#[derive(Debug, Clone, Args)]
pub struct DetachArgs {
    /// The image
    #[arg(value_name = "POOL[/NS]/IMAGE")]
    pub image: ImageSpec,
    /// Drop dirty blocks instead of writing them back; they are lost
    #[arg(long)]
    pub discard_dirty: bool,
    /// Whose disk is meant, where several have it: the one behind this link
    #[arg(long, value_name = "PATH")]
    pub link: Option<PathBuf>,
    /// How it is done.
    #[command(flatten)]
    pub changing: Changing,
}

/// `flush` and `bypass`.
#[derive(Debug, Clone, Args)]
pub struct DiskArgs {
    /// The image
    #[arg(value_name = "POOL[/NS]/IMAGE")]
    pub image: ImageSpec,
    /// How it is done.
    #[command(flatten)]
    pub changing: Changing,
}

/// `seed`.
#[derive(Debug, Clone, Args)]
pub struct SeedArgs {
    /// The image
    #[arg(value_name = "POOL[/NS]/IMAGE")]
    pub image: ImageSpec,
    /// none, allocated or first:SIZE [default: as it was attached]
    #[arg(value_name = "WHAT", conflicts_with = "verify", hide_possible_values = true,
          value_parser = seeds())]
    pub what: Option<SeedSpec>,
    /// Read at most so many bytes a second, 0 for no limit [default: seed.rate]
    #[arg(long, value_name = "SIZE")]
    pub rate: Option<Bytes>,
    /// Compare the cached blocks with the image instead
    #[arg(long)]
    pub verify: bool,
    /// How it is done.
    #[command(flatten)]
    pub changing: Changing,
}

/// `insert`.
#[derive(Debug, Clone, Args)]
pub struct InsertArgs {
    /// The image
    #[arg(value_name = "POOL[/NS]/IMAGE")]
    pub image: ImageSpec,
    /// What to bring into the cache first: none, allocated or first:SIZE
    /// [default: as it was attached]
    #[arg(long, value_name = "WHAT", hide_possible_values = true,
          value_parser = seeds())]
    pub seed: Option<SeedSpec>,
    /// Seed at most so many bytes a second, 0 for no limit [default: seed.rate]
    #[arg(long, value_name = "SIZE")]
    pub rate: Option<Bytes>,
    /// Do not wait for the seed: the disk is served from Ceph until another
    /// process has filled its cache, which `status` shows
    #[arg(long)]
    pub no_wait: bool,
    /// How it is done.
    #[command(flatten)]
    pub changing: Changing,
}

/// `mode`.
#[derive(Debug, Clone, Args)]
pub struct ModeArgs {
    /// The image
    #[arg(value_name = "POOL[/NS]/IMAGE")]
    pub image: ImageSpec,
    /// writethrough, writearound, writeback or none (also: bypass)
    #[arg(value_name = "MODE", hide_possible_values = true)]
    pub mode: CacheMode,
    /// How it is done.
    #[command(flatten)]
    pub changing: Changing,
}

/// `recover`.
#[derive(Debug, Clone, Args)]
pub struct RecoverArgs {
    /// Wait at most so long for Ceph to answer, where there are disks: `10m`
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub wait: Option<Duration>,
    /// How it is done.
    #[command(flatten)]
    pub changing: Changing,
}

impl DiskCommand {
    /// The job that the command asks for.
    pub fn job(&self) -> Job {
        let (changing, request) = match self {
            Self::Attach(args) => (args.changing, Request::Attach(args.request())),
            Self::Detach(args) => (
                args.changing,
                Request::Detach(Detach {
                    image: args.image.clone(),
                    discard_dirty: args.discard_dirty,
                    link: args.link.clone(),
                    free: false,
                    linked: false,
                }),
            ),
            Self::Seed(args) => (
                args.changing,
                Request::Seed(SeedJob {
                    image: args.image.clone(),
                    what: args.what,
                    rate: args.rate,
                    verify: args.verify,
                }),
            ),
            Self::Flush(args) => (args.changing, Request::Flush(args.request())),
            Self::Bypass(args) => (args.changing, Request::Bypass(args.request())),
            Self::Insert(args) => (
                args.changing,
                Request::Insert(Insert {
                    image: args.image.clone(),
                    seed: args.seed,
                    rate: args.rate,
                    seed_later: args.no_wait,
                    patient: false,
                    back: false,
                }),
            ),
            Self::Mode(args) => (
                args.changing,
                Request::Mode(SetMode {
                    image: args.image.clone(),
                    mode: args.mode,
                }),
            ),
            Self::Recover(args) => {
                let wait = args.wait.map_or(0, |wait| wait.as_secs());
                (args.changing, Request::Recover(Recover { wait }))
            }
        };
        changing.job(request)
    }
}

impl AttachArgs {
    fn request(&self) -> Attach {
        Attach {
            driver: self.driver.clone(),
            mode: self.mode,
            size: self.size,
            seed: self.seed,
            rate: self.rate,
            seed_later: self.no_wait,
            on_full: self.on_full,
            link: self.link.clone(),
            break_lease: self.break_lease,
            discard_dirty: self.discard_dirty,
            ..Attach::new(self.image.clone())
        }
    }
}

impl DiskArgs {
    fn request(&self) -> DiskJob {
        DiskJob {
            image: self.image.clone(),
        }
    }
}

impl Changing {
    /// A request, done as these options say.
    pub fn job(self, request: Request) -> Job {
        Job {
            dry_run: self.dry_run,
            ..Job::new(request)
        }
    }
}
