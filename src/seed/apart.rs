//! Copying and comparing in a process of their own.
//!
//! A read from a cluster that does not answer sleeps in the kernel where no signal reaches it, and a process ends only when
//! all its threads have. So the threads that read live in a child: when it moves no data for too long, it is killed and left
//! behind, and the job goes on to tell what happened. The child dies with its parent, so that it never writes to a slice
//! that a later run prepares anew.

mod child;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{CacheBlock, CopyOptions, CopyReport, HomeReport, OriginBlock, SeedPlan, VerifyReport};
use crate::cancel::Cancel;
use crate::exec::{Cmd, Exec, ExecError};
use crate::model::Bytes;
use crate::progress::ProgressMode;
use crate::{Error, Kind, Result};

pub use child::serve;

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
        let ask = serde_json::to_vec(&ask)
            .map_err(|error| Error::new(Kind::Internal, "cannot write the task").because(error))?;
        let codes: Vec<i32> = Kind::ALL
            .iter()
            .map(|kind| i32::from(kind.exit_code()))
            .collect();
        // This very program, also when another release has its place since this job began.
        let cmd = Cmd::change("/proc/self/exe").arg(COMMAND).stdin(ask);
        let cmd = cmd.ok_codes(&codes).watched(self.stall, self.cancel);
        let output = match self.exec.run(&cmd) {
            // How it is done in here is of no use to whoever stopped it.
            Err(ExecError::Cancelled { .. }) => {
                self.cancel.check()?;
                return Err(Error::new(Kind::Cancelled, "stopped on request"));
            }
            output => output?,
        };
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
