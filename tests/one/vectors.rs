//! The call vectors of the contract, 9.2, as tables: one VM whose disks are real goes through all of them that no other story plays.
//! `README.md` beside this says where each vector is.

use anyhow::{Result, ensure};

use super::play::Answer::{Refused, Says, Silent};
use super::play::{Row, Story};
use super::stands::{
    at_both, at_hv2, clone_at_hv1, context_cd, copied, down, files, grown, has_clone, has_own,
    imported, no_clone, no_kernel, no_snapshot, no_volatile, not_imported, one_snapshot,
    own_at_hv1, own_is_home, volatile,
};
use super::vm::{datastores, gone};
use crate::case::Case;
use crate::tests::write_back::{keep_dirty, make_dirty};
use crate::world::{KIB, MIB, path};

/// A row of a table.
macro_rules! row {
    ($state:expr, $call:expr, $times:expr, $answer:expr, $stands:expr) => {
        Row {
            state: $state,
            call: $call,
            times: $times,
            answer: $answer,
            stands: $stands,
        }
    };
}

const PROLOG: (u32, &str) = (1, "hv1");

/// Images come by all calling conventions, and go.
#[rustfmt::skip]
const IMAGES: &[Row] = &[
    row!(PROLOG, "DS cp 6107 < {ds}", 1, Says("one/one-6107 raw\n"), imported),
    row!(PROLOG, "DS stat 6107 < {ds}", 1, Says("24\n"), imported),
    row!(PROLOG, "DS rm 6107 < {ds}", 1, Silent, not_imported),
    row!(PROLOG, "DS cp {ds} 6107", 1, Says("one/one-6107 raw\n"), imported),
    row!(PROLOG, "DS rm {ds} 6107", 1, Silent, not_imported),
    row!(PROLOG, "DS cp - 6107 < {ds}", 1, Says("one/one-6107 raw\n"), imported),
    row!(PROLOG, "DS rm - 6107 < {ds}", 1, Silent, not_imported),
];

/// The disk is the guest's at once; what it writes then stays.
#[rustfmt::skip]
const CLONE: &[Row] = &[
    row!(PROLOG, "CLONE warmblock {fe}:{parent} hv1:{dir}/disk.0 61 101", 1, Silent, clone_at_hv1),
];

/// The same again, also by the name that the stock drivers have for another system datastore.
#[rustfmt::skip]
const CLONE_AGAIN: &[Row] = &[
    row!(PROLOG, "CLONE.ssh warmblock {fe}:{parent} hv1:{dir}/disk.0 61 101", 1, Silent, clone_at_hv1),
];

/// The other disks begin, and the VM starts.
#[rustfmt::skip]
const BEGIN: &[Row] = &[
    row!(PROLOG, "CLONE warmblock {fe}:/var/lib/one/datastores/2/abc hv1:{dir}/kernel 61 2",
        1, Refused(&["kernel", "TM_MAD = ssh"]), no_kernel),
    row!(PROLOG, "LN warmblock {fe}:{own} hv1:{dir}/disk.1 61 101", 1, Silent, own_at_hv1),
    row!(PROLOG, "MKIMAGE warmblock 16 raw hv1:{dir}/disk.2 61 100", 1, Silent, |story| volatile(story, 2, 16)),
    row!(PROLOG, "MKSWAP warmblock 8 hv1:{dir}/disk.3 61 100", 1, Silent, |story| volatile(story, 3, 8)),
    row!(PROLOG, "MKIMAGE warmblock 8 qcow2 hv1:{dir}/disk.5 61 100",
        1, Refused(&["disk 5 cannot be qcow2", "DRIVER = \"raw\""]), |story| no_volatile(story, 5)),
    row!(PROLOG, "MKIMAGE warmblock 8 qcow2 hv1:{dir}/disk.6 61 100", 1, Silent, |story| volatile(story, 6, 8)),
    row!((2, "hv1"), "CONTEXT warmblock {var}/context.sh {var}/first:renamed.sh {var}/second.txt hv1:{dir}/disk.4 61 100",
        1, Silent, context_cd),
];

/// Volatile disks go, from a host by its full name and by a suffix; a host that cannot be one is none.
#[rustfmt::skip]
const VOLATILE_END: &[Row] = &[
    row!((34, "hv1"), "DELETE warmblock fe80::1:{dir}/disk.2 61 100",
        1, Refused(&["not absolute"]), |story| volatile(story, 2, 16)),
    row!((34, "hv1"), "DELETE.ssh warmblock hv1:{dir}/disk.2 61 100", 1, Silent, |story| no_volatile(story, 2)),
    row!((34, "hv1.lab.example"), "DELETE warmblock hv1.lab.example:{dir}/disk.3 61 100",
        1, Silent, |story| no_volatile(story, 3)),
    row!((34, "hv1"), "DELETE warmblock hv1:{dir}/disk.6 61 100", 1, Silent, |story| no_volatile(story, 6)),
];

#[rustfmt::skip]
const SNAPSHOT: &[Row] = &[
    row!((51, "hv1"), "SNAP_CREATE warmblock hv1:{dir}/disk.0 0 61 101", 1, Silent, one_snapshot),
];

/// Copies of the present, in the form with and without a snapshot's number; and what is not there is not gone back to.
#[rustfmt::skip]
const COPIES: &[Row] = &[
    row!((26, "hv1"), "CPDS warmblock hv1:{dir}/disk.0 one/one-6177 -1 61 101", 1, Silent, copied),
    row!((26, "hv1"), "CPDS warmblock hv1:{dir}/disk.0 one/one-6177 61 101", 1, Silent, copied),
    row!((52, "hv1"), "SNAP_REVERT warmblock hv1:{dir}/disk.0 99 61 101", 1, Refused(&["no snapshot", "99"]), clone_at_hv1),
];

/// Back to what the disk was: also what is copied of the snapshot.
#[rustfmt::skip]
const BACK: &[Row] = &[
    row!((26, "hv1"), "CPDS warmblock hv1:{dir}/disk.0 one/one-6177 0 61 101", 1, Silent, copied),
    row!((52, "hv1"), "SNAP_REVERT warmblock hv1:{dir}/disk.0 0 61 101", 1, Silent, clone_at_hv1),
    row!((53, "hv1"), "SNAP_DELETE warmblock hv1:{dir}/disk.0 0 61 101", 1, Silent, no_snapshot),
    row!((63, "hv1"), "RESIZE warmblock hv1:{dir}/disk.0 40 61 101", 1, Silent, |story| grown(story, 40)),
    row!((62, "hv1"), "RESIZE warmblock hv1:{dir}/disk.0 48 61 101", 1, Silent, |story| grown(story, 48)),
];

/// Stopped and gone on with elsewhere.
#[rustfmt::skip]
const MOVES: &[Row] = &[
    row!((10, "hv1"), "MV warmblock hv1:{dir}/disk.0 {fe}:{dir}/disk.0 61 101", 1, Silent, |story| down(story.hv1, &story.clone)),
    row!((30, "hv1"), "MV warmblock hv1:{dir}/disk.1 {fe}:{dir}/disk.1 61 101", 1, Silent, |story| down(story.hv1, &story.vm.own)),
    row!((10, "hv1"), "MV warmblock hv1:{dir} {fe}:{dir} 61 100", 1, Silent, |story| gone(&story.vm, story.hv1)),
    row!((9, "hv2"), "MV warmblock {fe}:{dir}/disk.0 hv2:{dir}/disk.0 61 101", 1, Silent, |story| has_clone(story, story.hv2)),
    row!((31, "hv2"), "MV warmblock {fe}:{dir}/disk.1 hv2:{dir}/disk.1 61 101", 1, Silent, |story| has_own(story, story.hv2)),
    row!((9, "hv2"), "MV warmblock {fe}:{dir} hv2:{dir} 61 100", 1, Silent, |story| files(story, story.hv2)),
];

/// With a caller, and with the document as an argument, as releases before 5.10 have it; where none has begun, and to where it is.
#[rustfmt::skip]
const MIGRATIONS: &[Row] = &[
    row!((4, "hv1"), "FAILMIGRATE warmblock hv2 hv1 {dir} 61 100 < {vm}", 1, Silent, at_hv2),
    row!((4, "hv2"), "PREMIGRATE warmblock hv2 hv2 {dir} 61 100 < {vm}", 1, Silent, at_hv2),
    row!((4, "hv2"), "FAILMIGRATE warmblock hv2 hv2 {dir} 61 100 < {vm}", 1, Silent, at_hv2),
    row!((4, "hv2"), "POSTMIGRATE warmblock hv2 hv2 {dir} 61 100 < {vm}", 1, Silent, at_hv2),
    row!((4, "hv1"), "PREMIGRATE warmblock hv2 hv1 {dir} 61 100 ssh < {vm}", 1, Silent, at_both),
    row!((4, "hv1"), "FAILMIGRATE warmblock hv2 hv1 {dir} 61 100 ssh < {vm}",
        1, Silent, |story| gone(&story.vm, story.hv1).and_then(|()| at_hv2(story))),
    row!((4, "hv1"), "PREMIGRATE warmblock hv2 hv1 {dir} 61 100 {vm}", 1, Silent, at_both),
    row!((3, "hv1"), "POSTMIGRATE warmblock hv2 hv1 {dir} 61 100 {vm}",
        1, Silent, |story| gone(&story.vm, story.hv2).and_then(|()| own_at_hv1(story))),
];

/// An image's own disk whose data only the SSD has is taken down, as by `recover --delete`.
#[rustfmt::skip]
const DELETED: &[Row] = &[
    row!((23, "hv1"), "DELETE warmblock hv1:{dir}/disk.1 61 101", 2, Silent, own_is_home),
];

/// The same disk comes again.
#[rustfmt::skip]
const AGAIN: &[Row] = &[
    row!((1, "hv1"), "LN warmblock {fe}:{own} hv1:{dir}/disk.1 61 101", 1, Silent, |story| has_own(story, story.hv1)),
];

/// And goes in the usual way, and the rest with it; but nothing that is no VM's.
#[rustfmt::skip]
const END: &[Row] = &[
    row!((11, "hv1"), "MVDS warmblock hv1:{dir}/disk.1 {own} 61 101", 1, Silent, own_is_home),
    row!((11, "hv1"), "DELETE warmblock hv1:{dir}/disk.0 61 101", 2, Silent, no_clone),
    row!((11, "hv1"), "DELETE warmblock hv1:/ 61 100", 1, Refused(&["too short"]), |story| files(story, story.hv1)),
    row!((11, "hv1"), "DELETE warmblock hv1: 61 100", 1, Refused(&["not absolute"]), |story| files(story, story.hv1)),
    row!((11, "hv1"), "DELETE warmblock hv1:/etc/ssh 61 100", 1, Refused(&["too short"]), |story| files(story, story.hv1)),
    row!((11, "hv1"), "DELETE warmblock hv1:/100/61 61 100",
        1, Refused(&["no directory of datastores"]), |story| files(story, story.hv1)),
    row!((11, "hv1"), "DELETE warmblock hv1:{dir} 61 100", 2, Silent, |story| gone(&story.vm, story.hv1)),
];

/// One after the other.
pub fn contract(case: &Case) -> Result<()> {
    let story = Story::begin(case, 61)?;
    let (hv1, hv2, own) = (story.hv1, story.hv2, &story.vm.own);
    story.play(IMAGES)?;
    story.play(CLONE)?;
    story.play(CLONE)?;
    hv1.write(&story.vm.disk(0), &story.clone, 1, MIB, 256 * KIB)?;
    story.play(CLONE_AGAIN)?;
    story.play(BEGIN)?;
    story.play(VOLATILE_END)?;
    hv1.write(&story.vm.disk(1), own, 2, MIB, 256 * KIB)?;
    snapshots(&story)?;
    moves(&story)?;
    hv2.write(&story.vm.disk(1), own, 5, 2 * MIB, 64 * KIB)?;
    story.play(MIGRATIONS)?;
    dirty(&story, 6)?;
    story.play(DELETED)?;
    story.play(AGAIN)?;
    dirty(&story, 8)?;
    story.play(END)?;
    match std::fs::remove_dir_all(datastores(story.vm.world)?) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    hv1.check_gone(own)?;
    hv2.check_gone(own)
}

fn snapshots(story: &Story<'_>) -> Result<()> {
    let (clone, disk) = (&story.clone, story.vm.disk(0));
    story.play(SNAPSHOT)?;
    let then = story.vm.world.kept(clone)?;
    story.hv1.write(&disk, clone, 3, 2 * MIB, 256 * KIB)?;
    story.play(COPIES)?;
    std::fs::copy(&then.model, &clone.model)?;
    story.play(BACK)
}

/// The front-end is no place where anything runs: it is never contacted.
fn moves(story: &Story<'_>) -> Result<()> {
    let dir = path(&story.vm.dir)?;
    story.hv1.sh(&format!("echo '<VM/>' >{dir}/vm.xml"))?;
    let before = story.vm.oned.connections().len();
    story.play(MOVES)?;
    let spoken = story.vm.oned.connections().split_off(before);
    ensure!(
        spoken
            .iter()
            .all(|line| line.starts_with("hv1 ") || line.starts_with("hv2 ")),
        "{spoken:?}"
    );
    Ok(())
}

/// Only the SSD of hv1 has what the guest wrote.
fn dirty(story: &Story<'_>, seed: u64) -> Result<()> {
    let (host, link) = (story.hv1, story.vm.disk(1));
    let front = host.sh(&format!("readlink {link}"))?;
    keep_dirty(host, front.text())?;
    make_dirty(host, &story.vm.own, &link, seed)
}
