//! The datastore's actions are killed on their bridge after each of their steps, and run again as a user would have them: the same
//! comes of it, nothing is left, and nothing of anybody else's goes.

mod store;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use self::store::{STAGING, Store};
use super::kill::walk;
use crate::case::Case;
use crate::cmd;
use crate::tests::same;
use crate::world::{Image, KIB, MIB, SMALL, path};

pub fn datastore(case: &Case) -> Result<()> {
    let store = Store::new(case)?;
    let golden = Image {
        spec: String::new(),
        model: store.golden.clone(),
        size: SMALL.size,
    };
    empty(&store)?;
    copies(&store, &golden)?;
    strangers(&store, &golden)?;
    files(&store, &golden)?;
    store.host.sh(&format!("rmdir {STAGING}"))?;
    store.host.check_empty()
}

/// `cp` of what is streamed and grown, and of what is staged; and `rm`.
fn files(store: &Store<'_>, golden: &Image) -> Result<()> {
    let raw = store.image(9201, golden)?;
    std::fs::File::options()
        .write(true)
        .open(&raw.model)?
        .set_len(26 * MIB)?;
    let packed = store.world.file(&store.world.name("qcow2"));
    let argv = [
        "qemu-img",
        "convert",
        "-O",
        "qcow2",
        path(&store.golden)?,
        path(&packed)?,
    ];
    cmd::run(&argv, Duration::from_secs(60))?.ok()?;
    let staged = store.image(9202, golden)?;
    for (id, image, file, size) in [
        (9201, &raw, &store.golden, "<SIZE>26</SIZE>"),
        (9202, &staged, &packed, ""),
    ] {
        let ask = format!("<PATH>{}</PATH>{size}", path(file)?);
        let (answer, name) = (format!("one/one-{id} raw\n"), format!("one-{id}"));
        walk(|step| {
            let through = store.killed(step, ("cp", id), &ask, &answer)?;
            store.is_plain(image)?;
            store.there(&[id], &[&name])?;
            let gone = store.rm(step, id)?;
            store.there(&[id], &[])?;
            Ok(through && gone)
        })
        .with_context(|| format!("cp of {}", file.display()))?;
    }
    Ok(())
}

/// `mkfs`, plain and formatted.
fn empty(store: &Store<'_>) -> Result<()> {
    let copy = store.world.file(&store.world.name("made"));
    for (id, fs) in [(9203, ""), (9204, "<FS>ext4</FS>")] {
        let ask = format!("<SIZE>16</SIZE><FORMAT>raw</FORMAT>{fs}");
        let (spec, name) = (format!("one/one-{id}"), format!("one-{id}"));
        walk(|step| {
            let through = store.killed(step, ("mkfs", id), &ask, &format!("{spec}\n"))?;
            let line = r#"rbd export --no-progress "$1" - >"$2" && od -An -tx2 -j 1080 -N 2 "$2""#;
            let argv = ["bash", "-c", line, "-", &spec, path(&copy)?];
            let magic = cmd::run(&argv, Duration::from_secs(60))?.ok()?;
            let want = if fs.is_empty() { "0000" } else { "ef53" };
            same("ext4's magic", magic.text(), want)?;
            let info = store
                .world
                .rbd(&["info", "--format", "json", &spec])?
                .json()?;
            same("size", info["size"].as_u64(), Some(16 * MIB))?;
            store.there(&[id], &[&name])?;
            store.says("rm", id, &format!("<SOURCE>{spec}</SOURCE>"), "")?;
            Ok(through)
        })
        .with_context(|| format!("mkfs {fs}"))?;
    }
    store.there(&[9203, 9204], &[])
}

/// Snapshots as a VM left them, protected as the stock driver has them; and a stranger's, which has a clone.
fn snapshots(store: &Store<'_>, image: &Image) -> Result<(Image, Image)> {
    let snap = |name: &str| -> Result<Image> {
        let name = format!("{}@{name}", image.spec);
        store
            .world
            .rbd(&["snap", "create", "--no-progress", &name])?;
        store.world.rbd(&["snap", "protect", &name])?;
        store.world.kept(image)
    };
    let first = snap("0")?;
    store.world.write_elsewhere(image, 1, 8 * MIB, 64 * KIB)?;
    let foreign = Image {
        spec: format!("{}-mine", image.spec),
        ..snap("mine")?
    };
    let of = format!("{}@mine", image.spec);
    store.world.rbd(&["clone", &of, &foreign.spec])?;
    store.world.write_elsewhere(image, 2, 9 * MIB, 64 * KIB)?;
    snap("1")?;
    store.world.write_elsewhere(image, 3, 10 * MIB, 64 * KIB)?;
    Ok((first, foreign))
}

/// `clone`; and of what was cloned the snapshots.
fn copies(store: &Store<'_>, golden: &Image) -> Result<()> {
    let of = store.image(9205, golden)?;
    let file = format!("<PATH>{}</PATH>", path(&store.golden)?);
    store.says("cp", 9205, &file, "one/one-9205 raw\n")?;
    let ask = format!("<PATH>{}</PATH>", of.spec);
    let none = Vec::<String>::new();
    walk(|step| {
        let mut through = store.killed(step, ("clone", 9206), &ask, "one/one-9206 raw\n")?;
        let image = store.image(9206, golden)?;
        store.is_plain(&image)?;
        through &= changed(store, step, &image)?;
        through &= store.rm(step, 9206)?;
        store.there(&[9205, 9206], &["one-9205"])?;
        same("snapshots", store.world.snapshots(&of)?, none.clone())?;
        store.is_plain(&of)?;
        Ok(through)
    })?;
    store.says("rm", 9205, &format!("<SOURCE>{}</SOURCE>", of.spec), "")?;
    store.there(&[9205], &[])
}

/// `snap_revert`, `snap_delete` and `snap_flatten`.
fn changed(store: &Store<'_>, step: u32, image: &Image) -> Result<bool> {
    let (first, foreign) = snapshots(store, image)?;
    let have = |wanted: &[&str]| same("snapshots", store.world.snapshots(image)?, wanted);
    let all =
        "<SNAPSHOTS><SNAPSHOT><ID>0</ID></SNAPSHOT><SNAPSHOT><ID>1</ID></SNAPSHOT></SNAPSHOTS>";
    let with = |id| {
        format!(
            "<SOURCE>{}</SOURCE><TARGET_SNAPSHOT>{id}</TARGET_SNAPSHOT>{all}",
            image.spec
        )
    };
    let mut through = store.killed(step, ("snap_revert", 9206), &with(0), "")?;
    store.world.check_ceph(&first)?;
    have(&["0", "mine", "1"])?;
    through &= store.killed(step, ("snap_flatten", 9206), &with(0), "")?;
    store.world.check_ceph(&first)?;
    have(&["mine"])?;
    store.world.check_ceph(&foreign)?;
    // What of his is in the way goes by himself.
    let mine = format!("{}@mine", image.spec);
    store.world.rbd(&["rm", "--no-progress", &foreign.spec])?;
    let protected = format!("{}@2", image.spec);
    store
        .world
        .rbd(&["snap", "create", "--no-progress", &protected])?;
    store.world.rbd(&["snap", "protect", &protected])?;
    through &= store.killed(step, ("snap_delete", 9206), &with(2), "")?;
    have(&["mine"])?;
    store.world.rbd(&["snap", "unprotect", &mine])?;
    store.world.rbd(&["snap", "rm", "--no-progress", &mine])?;
    store.world.check_ceph(&first)?;
    Ok(through)
}

/// An image that a stranger has cloned is not removed, whoever is killed; then it is, with the snapshots that it has.
fn strangers(store: &Store<'_>, golden: &Image) -> Result<()> {
    let file = format!("<PATH>{}</PATH>", path(&store.golden)?);
    walk(|step| {
        store.says("cp", 9207, &file, "one/one-9207 raw\n")?;
        let image = store.image(9207, golden)?;
        let (_, foreign) = snapshots(store, &image)?;
        let source = format!("<SOURCE>{}</SOURCE>", image.spec);
        ensure!(!store.killed_once(step, "rm", 9207, &source)?, "it is gone");
        store.world.check_ceph(&image)?;
        store.world.check_ceph(&foreign)?;
        same(
            "snapshots",
            store.world.snapshots(&image)?,
            ["0", "mine", "1"],
        )?;
        store.world.rbd(&["rm", "--no-progress", &foreign.spec])?;
        let through = store.rm(step, 9207)?;
        store.there(&[9207], &[])?;
        Ok(through)
    })
}
