//! The life of images: from wherever they come, empty, as copies; their snapshots; what is only told of them; their end.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Store, document, fails, says, sources, wanted};
use crate::case::Case;
use crate::cmd;
use crate::tests::same;
use crate::world::{Image, KIB, MIB, World, path};

/// The image of a number, and what must be in it.
pub(super) fn image(id: u32, model: PathBuf, size: u64) -> Image {
    Image {
        spec: format!("one/one-{id}"),
        model,
        size,
    }
}

/// The names in the pool that begin with the image's.
pub(super) fn of_image(world: &World, id: u32) -> Result<Vec<String>> {
    let all = world.rbd(&["ls", "one"])?;
    let name = format!("one-{id}");
    Ok(all
        .stdout
        .lines()
        .filter(|line| line.starts_with(&name))
        .map(str::to_owned)
        .collect())
}

fn source(id: u32) -> String {
    format!("<SOURCE>one/one-{id}</SOURCE><SIZE>26</SIZE>")
}

pub fn images(case: &Case) -> Result<()> {
    let st = Store::new(case)?;
    let first = sources::a_file(&st)?;
    sources::the_web(&st)?;
    sources::slowly(&st)?;
    sources::another_hypervisor(&st)?;
    empty(&st)?;
    let second = copied(&st, &first)?;
    snapshots(&st, &second)?;
    only_told(&st, &second)?;
    wanted::unwanted(&st, &first)?;
    wanted::counted(&st)?;
    // The end, twice.
    for id in [9007, 9001, 9002, 9004, 9005, 9008, 9009] {
        for _ in 0..2 {
            says(st.ds("rm", id, &source(id))?, "")?;
        }
        same("leftovers", of_image(st.world, id)?, Vec::<String>::new())?;
    }
    Ok(())
}

/// Empty ones, by the calls of older releases; and a name for what another action will make.
fn empty(st: &Store<'_>) -> Result<()> {
    let world = st.world;
    let text = STANDARD.encode(document(
        st.case,
        "<SIZE>32</SIZE><FORMAT>raw</FORMAT>",
        "",
    )?);
    says(
        st.oned.call(&["ds", "mkfs", &text, "9004"], "")?,
        "one/one-9004\n",
    )?;
    says(
        st.oned.call(&["ds", "mkfs", "-", "9004"], &text)?,
        "one/one-9004\n",
    )?;
    let size = world
        .rbd(&["info", "--format", "json", "one/one-9004"])?
        .json()?;
    same("size", size["size"].as_u64(), Some(32 * MIB))?;
    let ext4 = "<SIZE>32</SIZE><FORMAT>raw</FORMAT><FS>ext4</FS>";
    says(st.ds("mkfs", 9005, ext4)?, "one/one-9005\n")?;
    let magic = cmd::run(
        &[
            "bash",
            "-c",
            "rbd export --no-progress one/one-9005 - | od -An -tx2 -j 1080 -N 2",
        ],
        Duration::from_secs(30),
    )?;
    same("ext4's magic", magic.ok()?.text(), "ef53")?;
    says(
        st.ds("mkfs", 9006, "<FORMAT>save_as</FORMAT>")?,
        "one/one-9006\n",
    )?;
    same("save_as", of_image(world, 9006)?, Vec::<String>::new())?;
    Ok(())
}

/// A copy shares what it is a copy of as it is now, whatever snapshot there was before.
fn copied(st: &Store<'_>, first: &Image) -> Result<Image> {
    let world = st.world;
    world.rbd(&["snap", "create", "--no-progress", "one/one-9001@snap"])?;
    world.write_elsewhere(first, 5, 8 * MIB, 64 * KIB)?;
    let copy = format!("<PATH>{}</PATH>", first.spec);
    for _ in 0..2 {
        says(st.ds("clone", 9007, &copy)?, "one/one-9007 raw\n")?;
    }
    let second = Image {
        spec: "one/one-9007".into(),
        ..first.clone()
    };
    world.check_ceph(&second)?;
    same(
        "snapshots",
        world.snapshots(first)?,
        vec!["snap".to_owned()],
    )?;
    fails(
        st.ds("rm", 9001, &source(9001))?,
        &["it has clones", "one/one-9007"],
    )?;
    world.check_ceph(first)?;
    Ok(second)
}

/// Snapshots of an image, protected as the stock driver has them.
fn snapshots(st: &Store<'_>, second: &Image) -> Result<()> {
    let world = st.world;
    for snap in ["0", "1"] {
        let name = format!("one/one-9007@{snap}");
        world.rbd(&["snap", "create", "--no-progress", &name])?;
        world.rbd(&["snap", "protect", &name])?;
        if snap == "0" {
            world.write_elsewhere(&world.kept(second)?, 6, 0, 64 * KIB)?;
        }
    }
    let all =
        "<SNAPSHOTS><SNAPSHOT><ID>0</ID></SNAPSHOT><SNAPSHOT><ID>1</ID></SNAPSHOT></SNAPSHOTS>";
    let snapshot = |id| {
        format!(
            "{}<TARGET_SNAPSHOT>{id}</TARGET_SNAPSHOT>{all}",
            source(9007)
        )
    };
    let other = world.kept(second)?;
    other.expect(6, 0, 64 * KIB)?;
    world.check_ceph(&other)?;
    fails(
        st.ds("snap_flatten", 9007, &snapshot(99))?,
        &["no snapshot 99"],
    )?;
    fails(
        st.ds("snap_revert", 9007, &snapshot(99))?,
        &["no snapshot 99"],
    )?;
    // A first step that fails is the last: somebody has the image.
    let host = st.case.host();
    host.wb(&["attach", &second.spec, "--seed", "none"]).ok()?;
    fails(
        st.ds("snap_flatten", 9007, &snapshot(0))?,
        &["one/one-9007", host.name],
    )?;
    host.detach(second)?;
    world.check_ceph(&other)?;
    same("snapshots", world.snapshots(second)?.len(), 2)?;
    says(st.ds("snap_revert", 9007, &snapshot(0))?, "")?;
    world.check_ceph(second)?;
    says(st.ds("snap_revert", 9007, &snapshot(1))?, "")?;
    world.check_ceph(&other)?;
    for _ in 0..2 {
        says(st.ds("snap_delete", 9007, &snapshot(1))?, "")?;
    }
    says(st.ds("snap_flatten", 9007, &snapshot(0))?, "")?;
    world.check_ceph(second)?;
    same("snapshots", world.snapshots(second)?, Vec::<String>::new())?;
    Ok(())
}

/// What is only told.
fn only_told(st: &Store<'_>, second: &Image) -> Result<()> {
    let host = st.case.host();
    let sum = cmd::run(&["md5sum", path(&second.model)?], Duration::from_secs(30))?.ok()?;
    let export = st.ds("export", 9007, &source(9007))?.ok()?;
    let told = format!(
        "<IMPORT_SOURCE>rbd://{}/one/one-9007</IMPORT_SOURCE><MD5>{}</MD5><SIZE>26</SIZE><FORMAT>raw</FORMAT>",
        host.name,
        sum.text().get(..32).unwrap_or_default()
    );
    ensure!(
        export.stdout.contains(&told) && export.stdout.lines().count() == 1,
        "{export}"
    );
    let encoded = STANDARD.encode(document(st.case, "", "")?);
    // The lab has no mgr, and it is the mgr that counts.
    for words in [["ds", "monitor", "101"], ["tm", "monitor", "101"]] {
        fails(
            st.oned.call(&words, &encoded)?,
            &["how full pool one is", "mgr"],
        )?;
    }
    Ok(())
}
