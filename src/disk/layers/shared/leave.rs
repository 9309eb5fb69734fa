//! The shared volume goes with the slice of the last disk that is in it.

use std::time::{Duration, Instant};

use super::{all, locked, others};
use crate::cache::{self, Driver};
use crate::disk::walk::Walk;
use crate::host::Host;
use crate::job::LayerName;
use crate::model::{Bytes, Change, SharedName};
use crate::sys::wait;
use crate::tools::blk::{self, Discard};
use crate::tools::lvm::Lv;
use crate::{Context, Result};

/// The lock is held for a turn of so small a part of the time that others wait for it, then for a piece at the most.
const TURNS: u32 = 6;
/// A volume is discarded in so many pieces, of a size between these.
const PIECES: u64 = 64;
const LEAST_PIECE: Bytes = Bytes::mib(16);
const LARGEST_PIECE: Bytes = Bytes::gib(1);

/// Takes the shared volume away if no slice of this host is in it any more, and notes it.
pub(in crate::disk) fn leave(walk: &mut Walk<'_>) -> Result<()> {
    let (driver, began) = (walk.driver()?, Instant::now());
    if walk.dry_run || !driver.shares() {
        return Ok(());
    }
    if dissolve(walk.host, driver)?.is_change() {
        let what = format!("{SharedName}, the last disk left it");
        walk.did(LayerName::Slice, Change::Removed, what, began);
    }
    Ok(())
}

/// Removes what a killed job left: a shared volume without a disk. Says whether there is, or was, one.
pub(in crate::disk) fn sweep(host: &Host, dry_run: bool) -> Result<bool> {
    let mut swept = false;
    let there = all(host)?;
    for lv in &there.shared {
        let name = lv.tag("driver").and_then(|name| name.parse().ok());
        let Some(name) = name else { continue };
        if others(&there, &name, None) {
            continue;
        }
        swept |= dry_run || dissolve(host, cache::driver(host, &name)?)?.is_change();
    }
    Ok(swept)
}

/// Discards and removes the shared volume, unless a disk has come. Discarding takes long on a large volume, and whoever is to
/// have a disk in it waits for the lock: so it is done in turns, between which anybody may come.
fn dissolve(host: &Host, driver: &dyn Driver) -> Result<Change> {
    let (mut change, mut discarded) = (Change::Absent, Bytes(0));
    loop {
        let lock = locked(host, "leave")?;
        let there = all(host)?;
        if others(&there, &driver.name(), None) {
            return Ok(Change::Kept);
        }
        driver.close_shared(host)?;
        let Some(lv) = there.shared.first() else {
            return Ok(change);
        };
        let end = Instant::now() + turn(host);
        if discard(host, lv, &mut discarded, end) {
            change = remove(host, lv)?;
            discarded = Bytes(0);
            if there.shared.len() == 1 {
                return Ok(change);
            }
        }
        drop(lock);
        wait::give_way();
    }
}

fn turn(host: &Host) -> Duration {
    host.config.deadline.lock / TURNS
}

/// Discards from where it was left on, until the turn ends, a piece at the least; says whether nothing is left to do. An SSD that
/// cannot, or that fails, must not keep the volume here.
fn discard(host: &Host, lv: &Lv<SharedName>, done: &mut Bytes, end: Instant) -> bool {
    if lv.num.is_none() {
        return true;
    }
    let (path, piece) = (host.lvm().path(&lv.vg, &lv.name), piece(lv.size));
    loop {
        let len = piece.min(lv.size.saturating_sub(*done));
        match blk::discard_part(&host.exec, &path, *done, len, turn(host)) {
            Ok(Discard::Done) => *done = Bytes(done.0 + len.0),
            Ok(Discard::Unsupported) => return true,
            Err(error) => {
                tracing::warn!("{SharedName} is removed without being discarded: {error}");
                return true;
            }
        }
        if *done >= lv.size {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
    }
}

fn piece(volume: Bytes) -> Bytes {
    Bytes(volume.0 / PIECES)
        .round_up(LEAST_PIECE)
        .clamp(LEAST_PIECE, LARGEST_PIECE)
}

fn remove(host: &Host, lv: &Lv<SharedName>) -> Result<Change> {
    host.lvm()
        .remove(&lv.vg, &[&lv.name], host.config.deadline.tool)
        .context(|| format!("cannot remove {SharedName} from volume group {}", lv.vg))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::cancel::Cancel;
    use crate::config::Config;
    use crate::progress::ProgressMode;
    use crate::sys::Roots;

    /// A host whose blkdiscard writes down what it is asked for.
    fn host(dir: &Path) -> Host {
        let stub = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stubs/blk/blkdiscard");
        std::os::unix::fs::symlink(stub, dir.join("blkdiscard")).unwrap();
        let mut config = Config::default();
        config.tools.path.insert(0, dir.to_owned());
        Host::new(config, Roots::at(dir), ProgressMode::Quiet, Cancel::new())
    }

    #[test]
    fn a_volume_is_discarded_in_turns_and_as_a_whole() {
        let dir = tempfile::tempdir().unwrap();
        let mut host = host(dir.path());
        let lv = Lv {
            vg: "ssd".parse().unwrap(),
            name: SharedName,
            uuid: "x".into(),
            size: Bytes::mib(40),
            num: "254:1".parse().ok(),
            tags: Vec::new(),
        };
        host.config.deadline.lock = Duration::from_secs(3600);
        let asked = |ends: &[Instant]| {
            let mut done = Bytes(0);
            let turns = ends.iter().map(|end| discard(&host, &lv, &mut done, *end));
            let turns: Vec<bool> = turns.collect();
            let log = dir.path().join("asked");
            let asked = std::fs::read_to_string(&log).unwrap();
            std::fs::remove_file(log).unwrap();
            (turns, asked.replace(&dir.path().display().to_string(), ""))
        };
        let pieces = "--offset=0 --length=16777216\n--offset=16777216 --length=16777216\n--offset=33554432 --length=8388608\n";
        let over = Instant::now();
        let (turns, words) = asked(&[over; 3]);
        assert_eq!(turns, [false, false, true]);
        let words = words.replace("/dev/ssd/wb-shared ", "");
        assert_eq!(words, pieces);
        let later = over + Duration::from_secs(3600);
        assert_eq!(asked(&[later]).0, [true]);
    }

    #[test]
    fn pieces_are_neither_many_nor_large() {
        assert_eq!(piece(Bytes::mib(96)), Bytes::mib(16));
        assert_eq!(piece(Bytes::gib(32)), Bytes::mib(512));
        assert_eq!(piece(Bytes::gib(900)), Bytes::gib(1));
    }
}
