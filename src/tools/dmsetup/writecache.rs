//! The dm-writecache target (kernel: Documentation/admin-guide/device-mapper/writecache.rst).

use std::fmt;

use super::table::{Dev, counted, number};
use crate::error::Result as CrateResult;
use crate::model::Bytes;

/// A dm-writecache target on an SSD (`s`; persistent memory, `p`, is not used here).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WritecacheTarget {
    /// What is cached.
    pub origin: Dev,
    /// Where writes go first.
    pub ssd: Dev,
    /// The block size, 512 to 4096 bytes; also the logical block size of the device.
    pub block: Bytes,
    /// Whether it takes no new writes and writes back what it has.
    pub cleaner: bool,
}

impl fmt::Display for WritecacheTarget {
    /// The origin comes before the SSD.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s {} {} {} ", self.origin, self.ssd, self.block.0)?;
        f.write_str(if self.cleaner { "1 cleaner" } else { "0" })
    }
}

impl WritecacheTarget {
    /// `None` where the table has something that the type has no place for: it is then kept as it is.
    pub(super) fn parse(args: &[&str]) -> Result<Option<Self>, String> {
        let ["s", origin, ssd, block, rest @ ..] = args else {
            return Ok(None);
        };
        let cleaner = match counted(rest)?.0 {
            [] => false,
            ["cleaner"] => true,
            _ => return Ok(None),
        };
        Ok(Some(Self {
            origin: Dev::parse(origin)?,
            ssd: Dev::parse(ssd)?,
            block: Bytes(number(block)?),
            cleaner,
        }))
    }

    pub(super) fn resolve(self) -> CrateResult<Self> {
        Ok(Self {
            origin: self.origin.resolve()?,
            ssd: self.ssd.resolve()?,
            ..self
        })
    }
}

/// The figures of a dm-writecache, in blocks. Counters begin anew at each activation; kernels before 5.15 have none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WritecacheStatus {
    /// Not 0 once the SSD failed, or the origin when it was written back to: all writes fail from then on.
    pub error: i64,
    /// Blocks in all.
    pub blocks: u64,
    /// Blocks that hold nothing.
    pub free: u64,
    /// Blocks that are on their way to the origin.
    pub writeback: u64,
    /// Reads.
    pub reads: u64,
    /// Reads of blocks that were not written back yet.
    pub read_hits: u64,
    /// Writes.
    pub writes: u64,
    /// Writes to blocks that were in the cache.
    pub write_hits: u64,
}

impl WritecacheStatus {
    pub(super) fn parse(args: &[&str]) -> Result<Self, String> {
        let [error, blocks, free, writeback, counters @ ..] = args else {
            return Err("a writecache's status has too few words".into());
        };
        let counter = |n: usize| counters.get(n).map_or(Ok(0), |word| number(word));
        Ok(Self {
            error: error
                .parse()
                .map_err(|_| format!("{error:?} is not a number"))?,
            blocks: number(blocks)?,
            free: number(free)?,
            writeback: number(writeback)?,
            reads: counter(0)?,
            read_hits: counter(1)?,
            writes: counter(2)?,
            // those not committed yet, and those that are
            write_hits: counter(3)? + counter(4)?,
        })
    }

    /// Blocks that the origin lacks, or may lack.
    pub const fn dirty(&self) -> u64 {
        self.blocks.saturating_sub(self.free)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Status, Table, Target, status, table};
    use super::*;
    use crate::model::Sectors;

    #[test]
    fn tables_read_back() {
        for cleaner in [false, true] {
            let target = WritecacheTarget {
                origin: Dev::Num("254:0".parse().unwrap()),
                ssd: Dev::Num("253:0".parse().unwrap()),
                block: Bytes(512),
                cleaner,
            };
            let written = Table::one(Sectors(524_288), Target::Writecache(target.clone()));
            assert_eq!(table::parse(&written.to_string()), Ok(written.clone()));
            assert_eq!(written.as_writecache(), Some(&target));
        }
        let other = table::parse("0 8 writecache s 254:0 253:0 4096 2 max_age 9\n").unwrap();
        assert_eq!(other.as_writecache(), None);
    }

    #[test]
    fn status_lines_of_old_and_new_kernels_are_read() {
        let parsed = |line: &str| match &status::parse(line).unwrap()[..] {
            [Status::Writecache(status)] => status.clone(),
            other => panic!("{other:?}"),
        };
        // Linux 6.1, after 16 MiB were written.
        let new = parsed("0 524288 writecache 0 16320 12224 0 65536 0 4096 1 2 0 4096 0 1 0");
        assert_eq!((new.dirty(), new.error, new.write_hits), (4096, 0, 3));
        let old = parsed("0 524288 writecache -5 16320 16320 0");
        assert_eq!((old.dirty(), old.error, old.reads), (0, -5, 0));
        assert!(status::parse("0 8 writecache 0 1").is_err());
    }
}
