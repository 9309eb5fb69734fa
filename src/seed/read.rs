//! The seed of a cache that keeps what is read through it: reading, and nothing else.

use std::fs::File;

use super::copy::{CopyOptions, CopyReport, Work};
use super::device;
use super::plan::SeedPlan;
use crate::cancel::Cancel;
use crate::error::Result;
use crate::model::Bytes;
use crate::progress::Progress;

/// bcache takes in at most so much of one request (`request.c`, an insert of 1 MiB).
const LARGEST: Bytes = Bytes::mib(1);

/// Smaller requests are not worth their number.
const SMALLEST: Bytes = Bytes::kib(16);

impl CopyOptions {
    /// With no more in flight than a cache takes in at once: smaller requests first, then fewer.
    #[must_use]
    pub fn within(self, gulp: Bytes) -> Self {
        let chunk = Bytes(gulp.0 / 16).clamp(SMALLEST, LARGEST).min(self.chunk);
        let depth = usize::try_from(gulp.0 / chunk.0.max(1)).unwrap_or(usize::MAX);
        Self {
            chunk,
            depth: depth.clamp(1, self.depth.max(1)),
            ..self
        }
    }
}

/// Reads the plan's blocks through the cache, many requests at a time, past the page cache: buffered reads arrive as
/// read-ahead, which a cache may decline. The progress is called `seed`.
///
/// # Errors
/// As of [`copy`](super::copy()).
pub fn read(
    plan: &SeedPlan,
    top: &File,
    options: &CopyOptions,
    cancel: &Cancel,
    progress: &Progress,
) -> Result<CopyReport> {
    let work = Work {
        chunk: Bytes(1 << options.chunk.clamp(SMALLEST, LARGEST).0.ilog2()),
        options,
        cancel,
        progress,
    };
    work.each(plan, |buffer, run| {
        device::read(top, run.origin, buffer.head(run.len))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_in_flight_than_is_taken_in() {
        let options = CopyOptions::default();
        for gulp in [Bytes::kib(40), Bytes::mib(1), Bytes::mib(4), Bytes::gib(1)] {
            let within = options.within(gulp);
            assert!(
                within.chunk.0 * within.depth as u64 <= gulp.0,
                "{gulp}: {within:?}"
            );
            assert!(within.depth <= options.depth);
        }
        assert_eq!(options.within(Bytes(0)).depth, 1);
    }
}
