//! What is registered is this image and no other one; and what Ceph counts of the pool.

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::images::of_image;
use super::{Store, document, fails, says};
use crate::cmd;
use crate::tests::same;
use crate::world::{Image, MIB, SMALL, path};

/// With a mgr, what the driver says of the pool is what Ceph says.
pub(super) fn counted(st: &Store<'_>) -> Result<()> {
    let world = st.world;
    let encoded = STANDARD.encode(document(st.case, "", "")?);
    world.lab(&["ceph", "mgr"])?.ok()?;
    let pool = || -> Result<[u64; 2]> {
        let df = world
            .lab(&["exec", "ceph", "df", "--format", "json"])?
            .ok()?
            .json()?;
        let all = df["pools"].as_array().into_iter().flatten();
        let mut of = all.filter(|pool| pool["name"] == "one");
        let stats = of.next().cloned().unwrap_or_default()["stats"].clone();
        let number = |name: &str| stats[name].as_u64().unwrap_or(0);
        Ok([number("stored"), number("max_avail")])
    };
    let told = |words: &[&str]| -> Result<Vec<u64>> {
        let out = st.oned.call(words, &encoded)?.ok()?;
        same("stderr", out.stderr.as_str(), "")?;
        let lines = out
            .stdout
            .lines()
            .zip(["USED_MB=", "TOTAL_MB=", "FREE_MB="]);
        let numbers = lines.map(|(line, name)| line.strip_prefix(name)?.parse().ok());
        let numbers: Option<Vec<u64>> = numbers.collect();
        same("lines", out.stdout.lines().count(), 3)?;
        numbers.with_context(|| format!("not three figures: {out}"))
    };
    for words in [["ds", "monitor", "101"], ["tm", "monitor", "101"]] {
        // The figures change until the mgr has heard of all.
        cmd::eventually("the figures of Ceph", 60, || {
            let [stored, room] = pool()?;
            let (used, free) = (stored.div_ceil(MIB), room >> 20);
            let said = told(&words)?;
            Ok(stored > 0
                && room > 0
                && said == [used, used + free, free]
                && pool()? == [stored, room])
        })?;
    }
    world.lab(&["ceph", "stop", "mgr.x"])?.ok().map(drop)
}

/// What is registered is this image and no other one of its number; and what oned deleted while it was made goes again.
pub(super) fn unwanted(st: &Store<'_>, of: &Image) -> Result<()> {
    let (world, oned) = (st.world, &st.oned);
    let registered = |id: u32, time: u32, more: &str| {
        let image = format!("<ID>{id}</ID><REGTIME>{time}</REGTIME><FORMAT>raw</FORMAT>{more}");
        document(st.case, &image, "")
    };
    let file = format!("<PATH>{}</PATH>", path(&world.file(SMALL.name))?);
    let copy = format!("<PATH>{}</PATH>", of.spec);
    let actions = [
        ("cp", 9021, file.as_str(), " raw"),
        ("clone", 9022, copy.as_str(), " raw"),
        ("mkfs", 9023, "<SIZE>8</SIZE>", ""),
        ("mkfs", 9024, "<SIZE>8</SIZE><FS>ext4</FS>", ""),
    ];
    let none = Vec::<String>::new();
    for (action, id, more, format) in actions {
        let call = |time| oned.ds(action, id, &registered(id, time, more)?);
        oned.forget_image(id);
        fails(call(1)?, &["was deleted while it was made"])?;
        same("leftovers", of_image(world, id)?, none.clone())?;
        let snaps = world.snapshots(of)?;
        ensure!(
            !snaps.iter().any(|snap| snap.starts_with("wb-clone-")),
            "{snaps:?}"
        );
        oned.image(id, &format!("<IMAGE><ID>{id}</ID></IMAGE>"));
        let line = format!("one/one-{id}{format}\n");
        for _ in 0..2 {
            says(call(1)?, &line)?;
        }
        // What is of another registration is somebody's, and stays, also if oned does not know its number.
        oned.forget_image(id);
        let both = ["registered at 1", "registered at 2"];
        fails(call(2)?, &both)?;
        same("kept", of_image(world, id)?, vec![format!("one-{id}")])?;
        world.rbd(&[
            "snap",
            "create",
            "--no-progress",
            &format!("one/one-{id}@mine"),
        ])?;
        fails(call(2)?, &both)?;
        let source = format!("<SOURCE>one/one-{id}</SOURCE>");
        says(oned.ds("rm", id, &document(st.case, &source, "")?)?, "")?;
    }
    Ok(())
}
