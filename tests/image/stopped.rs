//! Imports that are stopped, killed, held back, or not alone.

use std::io::{Read, Write};
use std::path::Path;
use std::time::Instant;

use warmblock::Kind;
use warmblock::image::{ImageJob, Import, import_reader};
use warmblock::model::{Bytes, Change};

use super::import::{MIB, import, write};
use super::{Scratch, Test, crash_after, do_it, host, noise};

pub const TESTS: &[(&str, Test)] = &[
    ("import: a stopped one leaves nothing", cancelled),
    (
        "import: killed after any step, it is done by the next one",
        crashes,
    ),
    ("import: one at a time", concurrent),
    ("import: a rate is kept", rate),
];

fn cancelled() -> Result<(), Box<dyn std::error::Error>> {
    let scratch = Scratch::new("cancel");
    let host = host();
    let endless = Stopper {
        left: 32 * MIB,
        cancel: host.cancel.clone(),
    };
    let error = import_reader(&host, &import(&scratch, Path::new("-")), endless).unwrap_err();
    assert_eq!(error.kind(), Kind::Cancelled);
    assert!(
        error.cleanup_errors().is_empty(),
        "{:?}",
        error.cleanup_errors()
    );
    assert!(!scratch.exists() && !scratch.pool.image_exists(&scratch.pending())?);
    Ok(())
}

fn crashes() -> Result<(), Box<dyn std::error::Error>> {
    let dir = tempfile::tempdir()?;
    let disk = noise(6, 5 * MIB);
    let path = write(dir.path(), "raw", &disk);
    for step in 1.. {
        let scratch = Scratch::new("crash");
        // One that says what it is for is simply run again.
        let made_for = (step % 2 == 0).then(|| "image 7".to_owned());
        let ask = Import {
            made_for: made_for.clone(),
            ..import(&scratch, &path)
        };
        let through = crash_after(step, &ImageJob::Import(ask.clone()));
        // The name shows only once the image is complete.
        let complete = scratch.exists();
        if !complete || made_for.is_some() {
            let report = do_it(ImageJob::Import(ask.clone()))?;
            let change = if complete { Change::Kept } else { Change::Made };
            assert_eq!(report.change, Some(change), "step {step}");
        }
        assert!(scratch.bytes() == disk, "step {step}");
        assert!(!scratch.pool.image_exists(&scratch.pending())?);
        let about = scratch.open().metadata_list()?;
        assert_eq!(about.len(), usize::from(made_for.is_some()), "{about:?}");
        let other = Import {
            made_for: Some("image 8".to_owned()),
            ..ask
        };
        let error = do_it(ImageJob::Import(other)).unwrap_err();
        assert_eq!(error.kind(), Kind::Exists);
        if through {
            assert!(step > 3, "only {step} steps");
            return Ok(());
        }
    }
    Ok(())
}

fn concurrent() -> Result<(), Box<dyn std::error::Error>> {
    let scratch = Scratch::new("twice");
    let (mut to, from) = std::os::unix::net::UnixStream::pair()?;
    let ask = import(&scratch, Path::new("-"));
    std::thread::scope(|scope| -> Result<(), Box<dyn std::error::Error>> {
        let first = scope.spawn(|| import_reader(&host(), &ask, from));
        to.write_all(&noise(7, 9 * MIB))?;
        warmblock::sys::wait::until(
            "the first import",
            std::time::Duration::from_secs(20),
            || {
                let open = scratch.pool.open_read_only(&scratch.pending(), None);
                Ok(open.ok().filter(|image| {
                    image
                        .metadata_get("warmblock.import")
                        .is_ok_and(|mark| mark.is_some())
                }))
            },
        )?;
        let second = import_reader(&host(), &ask, &b"x"[..]).unwrap_err();
        assert_eq!(second.kind(), Kind::Busy, "{second:?}");
        drop(to);
        first.join().unwrap()?;
        Ok(())
    })?;
    assert!(scratch.bytes() == noise(7, 9 * MIB));
    Ok(())
}

fn rate() -> Result<(), Box<dyn std::error::Error>> {
    let scratch = Scratch::new("rate");
    let ask = Import {
        rate: Some(Bytes::mib(8)),
        ..import(&scratch, Path::new("-"))
    };
    let began = Instant::now();
    import_reader(&host(), &ask, &noise(8, 20 * MIB)[..])?;
    let seconds = began.elapsed().as_secs_f64();
    // How much longer it takes is the machine's.
    assert!(seconds > 1.4, "20 MiB at 8 MiB/s took {seconds} s");
    Ok(())
}

/// A reader that asks to stop after so many bytes.
struct Stopper {
    left: usize,
    cancel: warmblock::cancel::Cancel,
}

impl Read for Stopper {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        into.fill(1);
        if self.left < into.len() {
            self.cancel.cancel();
        }
        self.left = self.left.saturating_sub(into.len());
        Ok(into.len())
    }
}
