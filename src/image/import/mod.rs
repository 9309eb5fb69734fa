//! Importing: a file or a stream becomes an image.
//!
//! The source is looked at, packed or not, by its first bytes. Raw disks are written as they are read; qcow2 is read
//! from its file, or from a staged one if it comes packed or as a stream; VMDK, VHD and VDI are staged and converted. What is
//! zero is not written. The image gets its name when it is complete (`pending`), and is removed if anything fails.

mod beginning;
mod convert;
mod measure;
mod qcow2;
mod raw;
mod source;
mod staging;
mod stream;
mod tap;
mod unpack;
mod writer;
mod zero;

use std::io::Read;
use std::path::Path;
use std::time::Instant;

pub use measure::{measure, too_late};
use source::{Disk, Source};
use writer::{Extent, Writer};

use super::chunks::Chunks;
use super::feature::Feature;
use super::made_for;
use super::pending::Pending;
use super::reach::{self, Found, facts};
use super::report::{ImageReport, ImportProof};
use super::usage;
use super::{Import, OnePool, Packing, SourceFormat};
use crate::ceph::{CreateOptions, Image};
use crate::disk::replacement;
use crate::host::Host;
use crate::model::{Bytes, Change};
use crate::progress::Task;
use crate::{Context, Error, Kind, Result};

/// Imports the source that the job names.
///
/// # Errors
/// [`Kind::Exists`] for an image that is there, [`Kind::NotFound`] for a source that is not, [`Kind::Usage`] for one that
/// is not read or does not fit, [`Kind::Mismatch`] for a wrong checksum or a damaged source, [`Kind::Busy`] if the same
/// image is being imported already, [`Kind::NoSpace`].
pub(super) fn import(host: &Host, ask: &Import, dry_run: bool) -> Result<ImageReport> {
    made_for::kept_or_made(host, &ask.image, ask.made_for.as_deref(), dry_run, || {
        import_source(host, ask, dry_run)
    })
}

fn import_source(host: &Host, ask: &Import, dry_run: bool) -> Result<ImageReport> {
    match ask.source.as_path() {
        path if path == Path::new("-") && dry_run => plan(host, ask, None),
        path if path == Path::new("-") && ask.chunked => {
            from_reader(host, ask, Chunks::new(std::io::stdin().lock()))
        }
        path if path == Path::new("-") => from_reader(host, ask, std::io::stdin().lock()),
        path => {
            let source = host.as_caller(|| Source::open(path))?;
            if dry_run {
                plan(host, ask, Some(&source))
            } else {
                run(host, ask, source)
            }
        }
    }
}

/// Imports what a reader gives, as if it were the standard input; the job's source is not looked at.
///
/// # Errors
/// As for a job with [`ImageJob::Import`](super::ImageJob::Import).
pub fn from_reader<'a>(host: &Host, ask: &Import, reader: impl Read + 'a) -> Result<ImageReport> {
    run(host, ask, Source::stream(reader))
}

fn plan(host: &Host, ask: &Import, source: Option<&Source<'_>>) -> Result<ImageReport> {
    let cluster = host.connect()?;
    let pool = reach::pool_to_create(&cluster, &ask.image)?;
    Pending::new(&pool, &ask.image, ask.made_for.as_deref())?;
    let what = match source {
        Some(source) => format!(
            "import {} ({})",
            ask.source.display(),
            source.describe(ask)?
        ),
        None => "import the standard input".into(),
    };
    let mut report = ImageReport::new(Some(&ask.image), true);
    report.main_step(Change::Made, format!("{what} as {}", ask.image), || Ok(()))?;
    Ok(report)
}

fn run(host: &Host, ask: &Import, source: Source<'_>) -> Result<ImageReport> {
    let began = Instant::now();
    let mut report = ImageReport::new(Some(&ask.image), false);
    let cluster = host.connect()?;
    let pool = reach::pool_to_create(&cluster, &ask.image)?;
    if let Some(expected) = ask.expected {
        let into = OnePool {
            pool: ask.image.pool.clone(),
            data_pool: ask.data_pool.clone(),
        };
        usage::must_have_room(host, &into, expected)?;
    }
    let pending = Pending::new(&pool, &ask.image, ask.made_for.as_deref())?;
    if pending.clear(host)? {
        report.warnings.push(format!(
            "an import of {} that was stopped was removed",
            ask.image
        ));
    }
    let name = ask.source.display();
    let disk = source
        .disk(ask, host)
        .context(|| format!("cannot import {name}"))?;
    let mut proof = ImportProof {
        format: disk.format(),
        packing: disk.packing(),
        read: Bytes(0),
        size: Bytes(0),
        written: Bytes(0),
        checksum: ask.checksum.as_ref().map(ToString::to_string),
        staged: disk.is_staged(),
        seconds: 0.0,
    };
    let options = create_options(ask, disk.size())?;
    let begins_as_a_disk = report.step(
        Change::Made,
        format!("import {name} as {}", ask.image),
        || {
            let made = make(host, ask, &pending, disk, &options, &mut proof);
            made.context(|| format!("cannot import {name} as {}", ask.image))
        },
    )?;
    // What stays packed by its owner's wish does not begin as a disk, and a backup holds what the disk held.
    let by_wish = ask.keep_packed || ask.replacement.is_some();
    if proof.format == SourceFormat::Raw && !begins_as_a_disk && !by_wish {
        report.warnings.push(format!(
            "what is now {} has neither a partition table nor a file system that is known: is it the disk that is meant?",
            ask.image
        ));
    }
    proof.seconds = began.elapsed().as_secs_f64();
    let image = Found::in_pool(pool.clone(), &ask.image)?;
    report.facts = Some(facts(image.info()?));
    report.change = Some(Change::Made);
    report.import = Some(Box::new(proof));
    Ok(report)
}

/// The new image. A stream's size is not known: its image begins as small as can be, and grows.
fn create_options(ask: &Import, source: Option<Bytes>) -> Result<CreateOptions> {
    let size = match (source, ask.size) {
        (Some(has), Some(size)) if size < has => {
            return Err(Error::new(
                Kind::Usage,
                format!("the source has {has}, which an image of {size} cannot hold"),
            )
            .remedy("ask for a larger --size, or for none"));
        }
        (_, Some(size)) => size,
        (Some(has), None) => has.round_up(Bytes(512)),
        (None, None) => Bytes(0),
    };
    Ok(CreateOptions {
        size,
        object_size: ask.object_size,
        features: ask.features.as_deref().map(Feature::bits),
        data_pool: ask.data_pool.clone(),
        ..CreateOptions::default()
    })
}

/// Makes, fills and names the image; removes it if that fails. Gives whether its disk begins as disks do.
fn make(
    host: &Host,
    ask: &Import,
    pending: &Pending<'_>,
    disk: Disk<'_>,
    options: &CreateOptions,
    proof: &mut ImportProof,
) -> Result<bool> {
    let filled = pending.create(host, options).and_then(|image| {
        let begins = fill(host, ask, disk, &image, options.size, proof)?;
        host.cancel.check()?;
        if let Some(of) = &ask.replacement {
            replacement::stamp(pending.pool(), image.id(), &ask.image, of)?;
        }
        Ok((image, begins))
    });
    let made = filled.and_then(|(image, begins)| {
        pending.commit(image, ask.made_for.as_deref())?;
        Ok(begins)
    });
    made.map_err(|error| pending.undone(error))
}

fn fill(
    host: &Host,
    ask: &Import,
    disk: Disk<'_>,
    image: &Image,
    size: Bytes,
    proof: &mut ImportProof,
) -> Result<bool> {
    let extent = if size == Bytes(0) {
        Extent::Grows
    } else {
        Extent::Fixed(size)
    };
    let mut writer = Writer::new(image, extent, ask.rate, &host.cancel)?;
    let task: Task<'_> = host
        .progress
        .start_sparse("import", disk.total().or(ask.size).unwrap_or_default());
    proof.read = disk.copy(&mut writer, &task, ask.checksum.as_ref())?;
    proof.size = writer.end();
    let begins = writer.begins().unwrap_or(true);
    proof.written = writer.finish()?;
    task.finish();
    Ok(begins)
}

/// What a source is, in words.
fn describe(format: SourceFormat, packing: Packing) -> String {
    match packing {
        Packing::None => format.to_string(),
        packing => format!("{format} packed with {packing}"),
    }
}
