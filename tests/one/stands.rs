//! What stands on the hosts and in Ceph after a call: what the rows of a table look at.

use std::fs::File;

use anyhow::{Context as _, Result, ensure};

use super::play::Story;
use crate::cmd::Out;
use crate::host::Host;
use crate::tests::same;
use crate::world::{Image, MIB, path};

/// The link of a disk leads to a name that is the same on every host (contract, 4.3.2).
pub(super) fn linked(story: &Story<'_>, host: &Host, disk: u32) -> Result<()> {
    let front = host.sh(&format!("readlink {0} && test -b {0}", story.vm.disk(disk)))?;
    ensure!(front.text().starts_with("/dev/mapper/wb-"), "{front}");
    Ok(())
}

pub(super) fn info(story: &Story<'_>, image: &str) -> Result<Out> {
    story.vm.world.try_rbd(&["info", "--format", "json", image])
}

pub(super) fn not_there(story: &Story<'_>, image: &str) -> Result<()> {
    same(image, info(story, image)?.code, 2)
}

pub(super) fn imported(story: &Story<'_>) -> Result<()> {
    let world = story.vm.world;
    let golden = Image {
        spec: "one/one-6107".into(),
        ..story.vm.parent.clone()
    };
    world.check_ceph(&golden)
}

pub(super) fn not_imported(story: &Story<'_>) -> Result<()> {
    not_there(story, "one/one-6107")
}

pub(super) fn has_clone(story: &Story<'_>, host: &Host) -> Result<()> {
    linked(story, host, 0)?;
    host.check(&story.vm.disk(0), &story.clone)
}

pub(super) fn clone_at_hv1(story: &Story<'_>) -> Result<()> {
    has_clone(story, story.hv1)
}

pub(super) fn has_own(story: &Story<'_>, host: &Host) -> Result<()> {
    linked(story, host, 1)?;
    host.check(&story.vm.disk(1), &story.vm.own)
}

pub(super) fn own_at_hv1(story: &Story<'_>) -> Result<()> {
    has_own(story, story.hv1)
}

pub(super) fn no_kernel(story: &Story<'_>) -> Result<()> {
    let kernel = story.vm.dir.join("kernel");
    let there = story.hv1.try_sh(&format!("test -e {}", path(&kernel)?))?;
    same("a kernel", there.code, 1)
}

pub(super) fn volatile(story: &Story<'_>, disk: u32, megabytes: u64) -> Result<()> {
    linked(story, story.hv1, disk)?;
    let info = info(story, &format!("one/one-sys-61-{disk}"))?
        .ok()?
        .json()?;
    same("size", info["size"].as_u64(), Some(megabytes * MIB))
}

pub(super) fn no_volatile(story: &Story<'_>, disk: u32) -> Result<()> {
    not_there(story, &format!("one/one-sys-61-{disk}"))?;
    let link = story.vm.disk(disk);
    let there = story.hv1.try_sh(&format!("test -L {link}"))?;
    same("a link", there.code, 1)
}

pub(super) fn context_cd(story: &Story<'_>) -> Result<()> {
    let cd = story.vm.disk(4);
    let words = [
        "CONTEXT",
        "of the guest",
        "renamed.sh",
        "the first file",
        "second.txt",
        "the second file",
    ];
    let found = words
        .map(|word| format!("grep -aqi '{word}' {cd}"))
        .join(" && ");
    story.hv1.sh(&found).map(drop)
}

pub(super) fn one_snapshot(story: &Story<'_>) -> Result<()> {
    same(
        "snapshots",
        story.vm.world.snapshots(&story.clone)?,
        vec!["0".to_owned()],
    )
}

pub(super) fn no_snapshot(story: &Story<'_>) -> Result<()> {
    same(
        "snapshots",
        story.vm.world.snapshots(&story.clone)?,
        Vec::<String>::new(),
    )
}

/// The copy holds what the disk's model does, and goes for the next one.
pub(super) fn copied(story: &Story<'_>) -> Result<()> {
    let copy = Image {
        spec: "one/one-6177".into(),
        ..story.clone.clone()
    };
    story.vm.world.check_ceph(&copy)?;
    story
        .vm
        .world
        .rbd(&["rm", "--no-progress", &copy.spec])
        .map(drop)
}

pub(super) fn grown(story: &Story<'_>, megabytes: u64) -> Result<()> {
    let size = megabytes * MIB;
    File::options()
        .write(true)
        .open(&story.clone.model)?
        .set_len(size)?;
    let info = info(story, &story.clone.spec)?.ok()?.json()?;
    same("size of the image", info["size"].as_u64(), Some(size))?;
    clone_at_hv1(story)
}

/// The host has nothing of a disk's image any more.
pub(super) fn down(host: &Host, image: &Image) -> Result<()> {
    let status = host.wb(&["status"]).ok()?;
    let mut disks = status["disks"].as_array().context("no disks")?.iter();
    ensure!(
        disks.all(|disk| disk["image"] != image.spec.as_str()),
        "{status}"
    );
    host.world.check_ceph(image)
}

/// The VM's directory is there, with what others put into it.
pub(super) fn files(story: &Story<'_>, host: &Host) -> Result<()> {
    let dir = path(&story.vm.dir)?;
    host.sh(&format!(
        "grep -q VM {dir}/vm.xml && grep -aq CONTEXT {dir}/disk.4"
    ))
    .map(drop)
}

pub(super) fn at_hv2(story: &Story<'_>) -> Result<()> {
    files(story, story.hv2)?;
    has_own(story, story.hv2)?;
    let status = story.hv2.status(&story.vm.own)?;
    same("intent", status["intent"].as_str(), Some("attached"))
}

pub(super) fn at_both(story: &Story<'_>) -> Result<()> {
    for host in [story.hv1, story.hv2] {
        files(story, host)?;
        has_own(story, host)?;
    }
    Ok(())
}

/// The image has all that was written, and nobody holds it.
pub(super) fn own_is_home(story: &Story<'_>) -> Result<()> {
    let own = &story.vm.own;
    down(story.hv1, own)?;
    let lease = story.vm.world.lease(own)?;
    ensure!(lease["holder"].is_null(), "{lease}");
    let there = story.hv1.try_sh(&format!("test -L {}", story.vm.disk(1)))?;
    same("a link", there.code, 1)
}

pub(super) fn no_clone(story: &Story<'_>) -> Result<()> {
    not_there(story, &story.clone.spec)
}
