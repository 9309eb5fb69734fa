//! The child's side: what it is asked for is read, done, and answered.

use std::io::{Read, Write};

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
