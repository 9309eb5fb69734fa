//! Copying and comparing in a process of their own.
//!
//! A read from a cluster that does not answer sleeps in the kernel where no signal reaches it, and a process ends only when
//! all its threads have. So the threads that read live in a child: when it moves no data for too long, it is killed and left
//! behind, and the job goes on to tell what happened. The child dies with its parent, so that it never writes to a slice
//! that a later run prepares anew.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::prctl;
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use super::{
    BlockSize, CacheBlock, CopyOptions, CopyReport, Devices, HomeReport, OriginBlock, SeedPlan,
    VerifyReport, bring_home, copy, open_image, open_image_to_write, open_slice, read, verify,
};
use crate::cancel::Cancel;
use crate::exec::{Cmd, Exec};
use crate::model::Bytes;
use crate::progress::{Progress, ProgressMode};
use crate::{Error, Kind, Result};

/// The hidden command of this program that works as the child.
pub const COMMAND: &str = "copier";

/// What the child is asked for.
#[derive(Debug, Serialize, Deserialize)]
struct Ask {
    verb: Verb,
    parent: u32,
    image: PathBuf,
    slice: PathBuf,
    image_size: u64,
    block: u64,
    blocks: Vec<u64>,
    /// Where the blocks lie in the slice, for [`Verb::Home`].
    places: Vec<u64>,
    asked: u64,
    whole: bool,
    depth: usize,
    chunk: u64,
    rate: Option<u64>,
    progress: String,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Verb {
    Copy,
    Read,
    Verify,
    Home,
}

/// What the child answers.
#[derive(Debug, Serialize, Deserialize)]
enum Reply {
    Copied {
        bytes: u64,
        requests: u64,
        took: Duration,
    },
    Verified {
        compared: u64,
        different: u64,
        examples: Vec<u64>,
    },
    Home {
        compared: u64,
        written: u64,
    },
    Failed {
        kind: Kind,
        message: String,
        remedy: Option<String>,
    },
}

/// What the child works on, and how it is watched.
#[derive(Debug, Clone, Copy)]
pub struct Apart<'a> {
    /// Runs the child.
    pub exec: &'a Exec,
    /// Which blocks.
    pub plan: &'a SeedPlan,
    /// The mapped image.
    pub image: &'a Path,
    /// The slice's data; or for comparing whole disks, the cache device.
    pub slice: &'a Path,
    /// How.
    pub options: CopyOptions,
    /// How long it may move nothing.
    pub stall: Duration,
    /// Ends it.
    pub cancel: &'a Cancel,
    /// How it shows its progress.
    pub progress: ProgressMode,
}

/// As [`copy`], in a child.
///
/// Errors: those of [`copy`], and [`Kind::Timeout`] when no byte moved for as long as `stall`.
pub fn copy_apart(apart: &Apart<'_>) -> Result<CopyReport> {
    moved(apart, Verb::Copy)
}

/// As [`read`], in a child: reads the plan's blocks from [`Apart::image`], which is the cache device then.
///
/// Errors: as of [`copy_apart`].
pub fn read_apart(apart: &Apart<'_>) -> Result<CopyReport> {
    moved(apart, Verb::Read)
}

/// As [`bring_home`], in a child: the plan's blocks, each from its place in the slice.
///
/// Errors: as of [`copy_apart`].
pub fn bring_home_apart(apart: &Apart<'_>, places: &[CacheBlock]) -> Result<HomeReport> {
    match apart.run(Verb::Home, places)? {
        Reply::Home { compared, written } => Ok(HomeReport { compared, written }),
        other => Err(unexpected(&other)),
    }
}

fn moved(apart: &Apart<'_>, verb: Verb) -> Result<CopyReport> {
    match apart.run(verb, &[])? {
        Reply::Copied {
            bytes,
            requests,
            took,
        } => Ok(CopyReport {
            bytes: Bytes(bytes),
            requests,
            took,
        }),
        other => Err(unexpected(&other)),
    }
}

/// Compares every block of the plan at its own place in both devices, in a child: a cache device with its image.
///
/// Errors: as of [`copy_apart`].
pub fn verify_apart(apart: &Apart<'_>) -> Result<VerifyReport> {
    match apart.run(Verb::Verify, &[])? {
        Reply::Verified {
            compared,
            different,
            examples,
        } => Ok(VerifyReport {
            compared,
            different,
            examples: examples.into_iter().map(OriginBlock).collect(),
        }),
        other => Err(unexpected(&other)),
    }
}

impl Apart<'_> {
    fn run(&self, verb: Verb, places: &[CacheBlock]) -> Result<Reply> {
        let ask = Ask {
            verb,
            parent: std::process::id(),
            image: self.image.to_owned(),
            slice: self.slice.to_owned(),
            image_size: self.plan.image.0,
            block: self.plan.block.bytes().0,
            blocks: self.plan.blocks.iter().map(|block| block.0).collect(),
            places: places.iter().map(|place| place.0).collect(),
            asked: self.plan.asked,
            whole: self.plan.whole,
            depth: self.options.depth,
            chunk: self.options.chunk.0,
            rate: self.options.rate.map(|rate| rate.0),
            progress: self.progress.to_string(),
        };
        let itself = std::env::current_exe().map_err(|error| {
            Error::new(Kind::Internal, "cannot find this program").because(error)
        })?;
        let ask = serde_json::to_vec(&ask)
            .map_err(|error| Error::new(Kind::Internal, "cannot write the task").because(error))?;
        let codes: Vec<i32> = Kind::ALL
            .iter()
            .map(|kind| i32::from(kind.exit_code()))
            .collect();
        let cmd = Cmd::change(&itself.to_string_lossy())
            .arg(COMMAND)
            .stdin(ask);
        let output = self
            .exec
            .run(&cmd.ok_codes(&codes).watched(self.stall, self.cancel))?;
        match serde_json::from_slice(&output.stdout) {
            Ok(Reply::Failed {
                kind,
                message,
                remedy,
            }) => {
                let error = Error::new(kind, message);
                Err(match remedy {
                    Some(remedy) => error.remedy(remedy),
                    None => error,
                })
            }
            Ok(reply) => Ok(reply),
            Err(error) => Err(output.bad(error.to_string()).into()),
        }
    }
}

fn unexpected(reply: &Reply) -> Error {
    Error::new(
        Kind::Internal,
        format!("the copier answered something else: {reply:?}"),
    )
}

/// The child: reads what it is asked for, does it, and answers.
///
/// # Errors
/// The answer cannot be written. A failure of the work itself is an answer, and its kind is given back.
pub fn serve(input: impl Read, mut output: impl Write, cancel: &Cancel) -> Result<Option<Kind>> {
    let reply = work(input, cancel).unwrap_or_else(|error| Reply::Failed {
        kind: error.kind(),
        message: error.chain(),
        remedy: error.remedy_text().map(str::to_owned),
    });
    let kind = match &reply {
        Reply::Failed { kind, .. } => Some(*kind),
        _ => None,
    };
    let told = serde_json::to_writer(&mut output, &reply);
    told.map_err(|error| Error::new(Kind::Internal, "cannot answer").because(error))?;
    Ok(kind)
}

fn work(input: impl Read, cancel: &Cancel) -> Result<Reply> {
    let not_understood =
        |error| Error::new(Kind::Usage, "cannot understand the task").because(error);
    let ask: Ask = serde_json::from_reader(input).map_err(not_understood)?;
    die_with(ask.parent)?;
    let progress = Progress::new(ask.progress.parse()?);
    let plan = SeedPlan {
        block: BlockSize::new(Bytes(ask.block))?,
        asked: ask.asked,
        blocks: ask.blocks.into_iter().map(OriginBlock).collect(),
        left_out: 0,
        image: Bytes(ask.image_size),
        whole: ask.whole,
    };
    let options = CopyOptions {
        depth: ask.depth,
        chunk: Bytes(ask.chunk),
        rate: ask.rate.map(Bytes),
    };
    let image = match ask.verb {
        Verb::Home => open_image_to_write(&ask.image)?,
        Verb::Copy | Verb::Read | Verb::Verify => open_image(&ask.image)?,
    };
    match ask.verb {
        Verb::Copy => {
            let slice = open_slice(&ask.slice)?;
            let devices = Devices {
                image: &image,
                slice: &slice,
            };
            copy(&plan, &devices, &options, cancel, &progress).map(copied)
        }
        Verb::Read => read(&plan, &image, &options, cancel, &progress).map(copied),
        Verb::Home => {
            let slice = open_image(&ask.slice)?;
            let devices = Devices {
                image: &image,
                slice: &slice,
            };
            let places = ask.places.into_iter().map(CacheBlock);
            let pairs = places.zip(plan.blocks).collect();
            let done = bring_home(
                pairs, &devices, plan.block, plan.image, &options, cancel, &progress,
            )?;
            Ok(Reply::Home {
                compared: done.compared,
                written: done.written,
            })
        }
        Verb::Verify => {
            let slice = open_image(&ask.slice)?;
            let devices = Devices {
                image: &image,
                slice: &slice,
            };
            let pairs: Vec<_> = plan
                .blocks
                .iter()
                .map(|block| (CacheBlock(block.0), *block))
                .collect();
            let found = verify(
                pairs, &devices, plan.block, plan.image, &options, cancel, &progress,
            )?;
            let examples = found.examples.iter().map(|block| block.0).collect();
            Ok(Reply::Verified {
                compared: found.compared,
                different: found.different,
                examples,
            })
        }
    }
}

fn copied(done: CopyReport) -> Reply {
    Reply::Copied {
        bytes: done.bytes.0,
        requests: done.requests,
        took: done.took,
    }
}

/// Lets the kernel kill this process when its parent dies; also when it is dead already.
fn die_with(parent: u32) -> Result<()> {
    prctl::set_pdeathsig(Signal::SIGKILL)
        .map_err(|error| Error::new(Kind::Internal, "cannot bind to the parent").because(error))?;
    if nix::unistd::getppid().as_raw().unsigned_abs() == parent {
        return Ok(());
    }
    Err(Error::new(
        Kind::Cancelled,
        "the job that started this copier is gone",
    ))
}
