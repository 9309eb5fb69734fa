//! What flashcache prints: `name(value)` in status and table, `name=value` below /proc.

use std::collections::BTreeMap;

use super::Mode;
use crate::model::Bytes;

/// Counters since the cache was made or zeroed; blocks of 4 KiB unless it says otherwise.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Requests.
    pub reads: u64,
    /// Requests.
    pub writes: u64,
    /// Reads served by the SSD.
    pub read_hits: u64,
    /// Writes to cached blocks; never in write-around.
    pub write_hits: u64,
    /// Blocks thrown out to make room.
    pub replaced: u64,
    /// Blocks that were not cached because their set was busy or full.
    pub no_room: u64,
    /// Requests that went past the cache.
    pub uncached_reads: u64,
    /// Requests that went past the cache.
    pub uncached_writes: u64,
    /// Errors of the SSD, reading and writing.
    pub ssd_errors: u64,
    /// Errors of the disk.
    pub disk_errors: u64,
}

/// What a cache is, and how full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conf {
    /// The SSD, as it was passed.
    pub ssd: String,
    /// The disk, as it was passed.
    pub disk: String,
    /// How it treats writes.
    pub mode: Mode,
    /// Blocks of a set.
    pub associativity: u64,
    /// The cache block.
    pub block: Bytes,
    /// Whether sets are chosen by a hash: then a contiguous stretch may not fit.
    pub disk_associative: bool,
    /// Blocks in all.
    pub total: u64,
    /// Blocks in use.
    pub cached: u64,
    /// Blocks that the disk lacks; 0 where the mode has none.
    pub dirty: u64,
}

/// Reads `dmsetup status` of a flashcache, without its first three words.
///
/// # Errors
/// What is missing or no number, in words.
pub fn parse_counters(text: &str) -> Result<Counters, String> {
    let found = pairs(text);
    let one = |name: &str| number(&found, name);
    let maybe = |name: &str| optional(&found, name);
    Ok(Counters {
        reads: one("reads")?,
        writes: one("writes")?,
        read_hits: one("read hits")?,
        write_hits: maybe("write hits")?,
        replaced: one("replacement")? + maybe("write replacement")?,
        no_room: one("no room")?,
        uncached_reads: one("uncached reads")?,
        uncached_writes: one("uncached writes")?,
        ssd_errors: maybe("ssd read errors")? + maybe("ssd write errors")?,
        disk_errors: maybe("disk read errors")? + maybe("disk write errors")?,
    })
}

/// Reads `dmsetup table` of a flashcache, without its first three words: no table that could be loaded.
///
/// # Errors
/// What is missing or odd, in words.
pub fn parse_conf(text: &str) -> Result<Conf, String> {
    let found = pairs(text);
    let word = |name: &str| {
        found
            .get(name)
            .copied()
            .ok_or_else(|| format!("{name} is missing"))
    };
    let mode = match word("cache mode")? {
        "WRITE_BACK" => Mode::Back,
        "WRITE_THROUGH" => Mode::Through,
        "WRITE_AROUND" => Mode::Around,
        // A write-back cache that does not cache reads, which warmblock never makes.
        other => return Err(format!("{other} is no mode of ours")),
    };
    let block = word("data block size").or_else(|_| word("block size"))?;
    let block = block.strip_suffix('K').and_then(|kib| kib.parse().ok());
    let conf = Conf {
        ssd: word("ssd dev")?.to_owned(),
        disk: word("disk dev")?.to_owned(),
        mode,
        associativity: number(&found, "associativity")?,
        block: Bytes::kib(block.ok_or("the block size is no number of K")?),
        disk_associative: found.contains_key("disk assoc"),
        total: number(&found, "total blocks")?,
        cached: number(&found, "cached blocks")?,
        dirty: match mode {
            Mode::Back => number(&found, "dirty blocks")?,
            _ => 0,
        },
    };
    Ok(conf)
}

/// Reads a file of `name=value` words, such as `flashcache_stats`.
///
/// # Errors
/// What is no number, in words.
pub fn parse_proc(text: &str) -> Result<BTreeMap<&str, u64>, String> {
    let pair = |word: &'_ str| -> Option<(usize, Result<u64, String>)> {
        let at = word.find('=')?;
        let value = word
            .get(at + 1..)?
            .parse()
            .map_err(|_| format!("{word:?} is no number"));
        Some((at, value))
    };
    let pairs = text.split_whitespace().filter_map(|word| {
        let (at, value) = pair(word)?;
        Some(value.map(|value| (&word[..at], value)))
    });
    pairs.collect()
}

/// Reads `flashcache_errors`: errors of the SSD, and of the disk.
///
/// # Errors
/// What is missing or no number, in words.
pub fn parse_errors(text: &str) -> Result<(u64, u64), String> {
    let found = parse_proc(text)?;
    let one = |name: &str| {
        found
            .get(name)
            .copied()
            .ok_or_else(|| format!("{name} is missing"))
    };
    let ssd = one("ssd_read_errors")? + one("ssd_write_errors")?;
    Ok((ssd, one("disk_read_errors")? + one("disk_write_errors")?))
}

/// Every `name(value)`: a name is what follows the value before, without commas and blanks around it. In
/// `conf: \n\tssd dev (/dev/x)` the heading belongs to no name.
fn pairs(text: &str) -> BTreeMap<&str, &str> {
    let mut found = BTreeMap::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('(') {
        let Some((value, next)) = after.split_once(')') else {
            break;
        };
        let name = before.rsplit(['\n', ',', ':']).next().unwrap_or(before);
        found.insert(name.trim(), value.trim());
        rest = next;
    }
    found
}

fn number(found: &BTreeMap<&str, &str>, name: &str) -> Result<u64, String> {
    match found.get(name) {
        Some(word) => word
            .parse()
            .map_err(|_| format!("{name} is {word:?}, no number")),
        None => Err(format!("{name} is missing")),
    }
}

fn optional(found: &BTreeMap<&str, &str>, name: &str) -> Result<u64, String> {
    if found.contains_key(name) {
        number(found, name)
    } else {
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines are those of flashcache 3.x; a write-back cache.
    const STATUS: &str = "stats: \n\treads(142), writes(90)\n\tread hits(50), read hit percent(35)\n\
        \twrite hits(20) write hit percent(22)\n\tdirty write hits(10) dirty write hit percent(11)\n\
        \treplacement(3), write replacement(4)\n\twrite invalidates(0), read invalidates(1)\n\
        \tpending enqueues(2), pending inval(2)\n\tmetadata dirties(80), metadata cleans(70)\n\
        \tmetadata batch(1) metadata ssd writes(149)\n\tcleanings(70) fallow cleanings(5)\n\
        \tno room(6) front merge(7) back merge(8)\n\tforce_clean_block(0)\n\
        \tdisk reads(92), disk writes(70) ssd reads(120) ssd writes(300)\n\
        \tuncached reads(9), uncached writes(1), uncached IO requeue(0)\n\
        \tdisk read errors(0), disk write errors(0) ssd read errors(1) ssd write errors(2)\n\
        \tuncached sequential reads(0), uncached sequential writes(0)\n\
        \tpid_adds(0), pid_dels(0), pid_drops(0) pid_expiry(0)\n\tlru hot blocks(8), lru warm blocks(9)\n\
        \tlru promotions(0), lru demotions(0)\n";
    const TABLE: &str = "conf:\n\tssd dev (/dev/ssd/wb-801945f3-3-ab-data), disk dev (/run/warmblock/wb-801945f3-3-ab-disk) \
        cache mode(WRITE_BACK)\n\tcapacity(6138M), associativity(512), data block size(4K) metadata block size(4096b)\n\
        \tskip sequential thresh(0K)\n\ttotal blocks(1571328), cached blocks(93), cache percent(0)\n\
        \tdirty blocks(17), dirty percent(0)\n\tnr_queued(0)\nSize Hist: 512:3 4096:232 \n";

    #[test]
    fn the_status_is_read() {
        let counters = parse_counters(STATUS).unwrap();
        let wanted = Counters {
            reads: 142,
            writes: 90,
            read_hits: 50,
            write_hits: 20,
            replaced: 7,
            no_room: 6,
            uncached_reads: 9,
            uncached_writes: 1,
            ssd_errors: 3,
            disk_errors: 0,
        };
        assert_eq!(counters, wanted);
        assert!(
            parse_counters("stats: \n\treads(142)\n")
                .unwrap_err()
                .contains("writes is missing")
        );
        assert!(
            parse_counters(&STATUS.replace("(142)", "(x)"))
                .unwrap_err()
                .contains("no number")
        );
    }

    #[test]
    fn the_table_is_read() {
        let conf = parse_conf(TABLE).unwrap();
        assert_eq!(
            (conf.mode, conf.block, conf.associativity),
            (Mode::Back, Bytes::kib(4), 512)
        );
        assert_eq!((conf.total, conf.cached, conf.dirty), (1_571_328, 93, 17));
        assert_eq!(conf.ssd, "/dev/ssd/wb-801945f3-3-ab-data");
        assert_eq!(conf.disk, "/run/warmblock/wb-801945f3-3-ab-disk");
        assert!(!conf.disk_associative);
        let around = TABLE
            .replace("WRITE_BACK", "WRITE_AROUND")
            .replace("\tdirty blocks(17), dirty percent(0)\n", "");
        assert_eq!(parse_conf(&around).unwrap().dirty, 0);
        let hashed = TABLE.replace("\tskip seq", "\tdisk assoc(256K)\n\tskip seq");
        assert!(parse_conf(&hashed).unwrap().disk_associative);
        assert!(
            parse_conf(&TABLE.replace("\tdirty blocks(17)", "\tx(1)")).is_err(),
            "unknown is not clean"
        );
        assert!(parse_conf(&TABLE.replace("WRITE_BACK", "WRITE_CACHE")).is_err());
    }

    #[test]
    fn the_files_below_proc_are_read() {
        let stats = parse_proc("reads=4 writes=1 \nread_hits=2 read_hit_percent=50 \n").unwrap();
        assert_eq!((stats["reads"], stats["read_hits"]), (4, 2));
        assert!(parse_proc("reads=many").is_err());
        let errors = "disk_read_errors=0 disk_write_errors=1 ssd_read_errors=2 ssd_write_errors=3 memory_alloc_errors=0\n";
        assert_eq!(parse_errors(errors), Ok((5, 1)));
        assert!(parse_errors("disk_read_errors=0").is_err());
    }
}
