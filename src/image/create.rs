//! A new image: empty, or with a file system in it.

use std::path::{Path, PathBuf};

use super::import;
use super::made_for;
use super::pending::Pending;
use super::reach::{self, Found, facts};
use super::report::ImageReport;
use super::{CreateImage, Import, SourceFormat};
use crate::ceph::{CreateOptions, DiffOptions, Pool};
use crate::host::Host;
use crate::model::{Bytes, Change};
use crate::tools::mkfs;
use crate::{Context, Error, Kind, Result};

/// Makes an image, or finds it made: by what it says that it was made for, or untouched if nothing was to be said.
///
/// # Errors
/// [`Kind::Exists`] for an image that was made for something else, or is of another size or has data; [`Kind::Missing`] if the tool is missing that makes the file
/// system; [`Kind::NotFound`] for a pool or namespace that is not there.
pub(super) fn create(host: &Host, ask: &CreateImage, dry_run: bool) -> Result<ImageReport> {
    if ask.size == Bytes(0) {
        let message = format!("image {} cannot have the size 0", ask.image);
        return Err(Error::new(Kind::Usage, message));
    }
    let made_for = ask.made_for.as_deref();
    match ask.filesystem.filter(|_| !dry_run) {
        Some(fs) => match made_for::kept(host, &ask.image, made_for, dry_run)? {
            Some(kept) => Ok(kept),
            None => formatted(host, ask, fs),
        },
        None => made_for::kept_or_made(host, &ask.image, made_for, dry_run, || {
            empty(host, ask, dry_run)
        }),
    }
}

fn empty(host: &Host, ask: &CreateImage, dry_run: bool) -> Result<ImageReport> {
    let spec = &ask.image;
    let cluster = host.connect()?;
    let pool = reach::pool_to_create(&cluster, spec)?;
    let mut report = ImageReport::new(Some(spec), dry_run);
    let there = pool.image_exists(&spec.image);
    if there.context(|| format!("cannot look for {spec}"))? && ask.made_for.is_none() {
        untouched(&pool, ask)?;
        report.change = Some(Change::Kept);
        return Ok(report);
    }
    let pending = Pending::new(&pool, spec, ask.made_for.as_deref())?;
    let what = match ask.filesystem {
        Some(fs) => format!("make {spec} with {} and {fs} in it", ask.size),
        None => format!("make {spec} with {}", ask.size),
    };
    let options = CreateOptions {
        size: ask.size,
        data_pool: ask.data_pool.clone(),
        ..CreateOptions::default()
    };
    report.main_step(Change::Made, what, || {
        pending.clear(host)?;
        let made = pending.create(host, &options);
        let made = made.and_then(|image| pending.commit(image, ask.made_for.as_deref()));
        made.map_err(|error| pending.undone(error))
    })?;
    if !dry_run {
        report.facts = Some(facts(Found::in_pool(pool, spec)?.info()?));
    }
    Ok(report)
}

/// That the image that is there is what would be made.
fn untouched(pool: &Pool, ask: &CreateImage) -> Result<()> {
    let spec = &ask.image;
    let found = Found::in_pool(pool.clone(), spec)?;
    let mut empty = found.info()?.parent.is_none() && found.snapshots()?.is_empty();
    if found.size()? == ask.size && ask.filesystem.is_none() && empty {
        let listed = found
            .image
            .diff(&DiffOptions::default(), |extent| empty &= !extent.exists);
        listed.context(|| format!("cannot look for data in {spec}"))?;
        if empty {
            return Ok(());
        }
    }
    Err(
        Error::new(Kind::Exists, format!("there is an image {spec} already")).remedy(format!(
            "choose another name, or remove it: `warmblock image rm {spec}`"
        )),
    )
}

/// The file system is made in a file without a name, which is then imported: the bridge needs no device, and a run that
/// is killed leaves no half image.
fn formatted(host: &Host, ask: &CreateImage, fs: mkfs::FileSystem) -> Result<ImageReport> {
    let dir = ask
        .staging_dir
        .clone()
        .unwrap_or_else(|| PathBuf::from("/var/tmp"));
    let failed = |error: std::io::Error| {
        Error::new(
            Kind::Failed,
            format!("cannot make a file in {}", dir.display()),
        )
        .because(error)
        .remedy("the datastore's STAGING_DIR names another directory")
    };
    let file = host.as_caller(|| tempfile::tempfile_in(&dir).map_err(failed))?;
    file.set_len(ask.size.0).map_err(failed)?;
    let path = format!(
        "/proc/{}/fd/{}",
        std::process::id(),
        std::os::fd::AsRawFd::as_raw_fd(&file)
    );
    mkfs::make(&host.exec, fs, Path::new(&path))
        .map_err(Error::from)
        .context(|| format!("cannot make {fs} for {}", ask.image))?;
    let import = Import {
        format: Some(SourceFormat::Raw),
        keep_packed: true,
        data_pool: ask.data_pool.clone(),
        made_for: ask.made_for.clone(),
        ..Import::new(path.into(), ask.image.clone())
    };
    import::import(host, &import, false)
}
