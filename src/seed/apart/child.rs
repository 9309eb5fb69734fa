//! The child's side: what it is asked for is read, done, and answered.

use std::io::{Read, Write};
use std::path::PathBuf;

use nix::sys::prctl;
use nix::sys::signal::Signal;

use super::{Ask, Reply, Verb};
use crate::cancel::Cancel;
use crate::model::Bytes;
use crate::progress::Progress;
use crate::seed::{
    BlockSize, CacheBlock, CopyOptions, CopyReport, Devices, OriginBlock, SeedPlan, bring_home,
    copy, open_image, open_image_to_write, open_slice, read, verify,
};
use crate::{Error, Kind, Result};

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
    let verb = ask.verb;
    let task = Task::new(ask, cancel)?;
    match verb {
        Verb::Copy => task.copy(),
        Verb::Read => task.read(),
        Verb::Home => task.bring_home(),
        Verb::Verify => task.verify(),
    }
}

/// What was asked for, in the types of the work.
struct Task<'a> {
    image: PathBuf,
    slice: PathBuf,
    places: Vec<CacheBlock>,
    plan: SeedPlan,
    options: CopyOptions,
    cancel: &'a Cancel,
    progress: Progress,
}

impl<'a> Task<'a> {
    fn new(ask: Ask, cancel: &'a Cancel) -> Result<Self> {
        Ok(Self {
            image: ask.image,
            slice: ask.slice,
            places: ask.places.into_iter().map(CacheBlock).collect(),
            plan: SeedPlan {
                block: BlockSize::new(Bytes(ask.block))?,
                asked: ask.asked,
                blocks: ask.blocks.into_iter().map(OriginBlock).collect(),
                left_out: 0,
                image: Bytes(ask.image_size),
                whole: ask.whole,
            },
            options: CopyOptions {
                depth: ask.depth,
                chunk: Bytes(ask.chunk),
                rate: ask.rate.map(Bytes),
            },
            cancel,
            progress: Progress::new(ask.progress.parse()?),
        })
    }

    fn copy(&self) -> Result<Reply> {
        let (image, slice) = (open_image(&self.image)?, open_slice(&self.slice)?);
        let devices = Devices {
            image: &image,
            slice: &slice,
        };
        let (options, cancel) = (&self.options, self.cancel);
        copy(&self.plan, &devices, options, cancel, &self.progress).map(copied)
    }

    fn read(&self) -> Result<Reply> {
        let image = open_image(&self.image)?;
        let (options, cancel) = (&self.options, self.cancel);
        read(&self.plan, &image, options, cancel, &self.progress).map(copied)
    }

    fn bring_home(self) -> Result<Reply> {
        let (image, slice) = (open_image_to_write(&self.image)?, open_image(&self.slice)?);
        let done = bring_home(
            self.places.into_iter().zip(self.plan.blocks).collect(),
            &Devices {
                image: &image,
                slice: &slice,
            },
            self.plan.block,
            self.plan.image,
            &self.options,
            self.cancel,
            &self.progress,
        )?;
        Ok(Reply::Home {
            compared: done.compared,
            written: done.written,
        })
    }

    fn verify(self) -> Result<Reply> {
        let (image, slice) = (open_image(&self.image)?, open_image(&self.slice)?);
        let in_place = |block: OriginBlock| (CacheBlock(block.0), block);
        let pairs: Vec<_> = self.plan.blocks.into_iter().map(in_place).collect();
        let found = verify(
            pairs,
            &Devices {
                image: &image,
                slice: &slice,
            },
            self.plan.block,
            self.plan.image,
            &self.options,
            self.cancel,
            &self.progress,
        )?;
        Ok(Reply::Verified {
            compared: found.compared,
            different: found.different,
            examples: found.examples.iter().map(|block| block.0).collect(),
        })
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
