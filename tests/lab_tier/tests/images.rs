//! Real images: a Debian disk comes in as qcow2, is cloned, and is what it was.

use anyhow::{Result, ensure};

use super::same;
use crate::case::Case;
use crate::cmd;
use crate::host::front;
use crate::world::{LAB, path};

pub fn debian(case: &Case) -> Result<()> {
    const LONG: std::time::Duration = std::time::Duration::from_secs(300);
    let (world, host) = (&*case.world, case.host());
    let qcow2 = cmd::run(&[LAB, "image", "qcow2"], LONG)?
        .ok()?
        .text()
        .to_owned();
    let raw = cmd::run(&[LAB, "image", "raw"], LONG)?
        .ok()?
        .text()
        .to_owned();
    let (parent, child) = (
        format!("one/{}", world.name("debian")),
        format!("one/{}", world.name("vm")),
    );
    host.wb(&["image", "import", &qcow2, &parent])
        .deadline(300)
        .ok()?;
    let imported = cmd::run(
        &[
            "bash",
            "-o",
            "pipefail",
            "-c",
            "rbd export --no-progress -- \"$1\" - | cmp - \"$2\"",
            "-",
            &parent,
            &raw,
        ],
        LONG,
    )?;
    ensure!(
        imported.code == 0,
        "the imported image is not the original: {imported}"
    );
    // Sparse stays sparse: at most what the file has, in whole objects.
    let used = world.rbd(&["diff", "--format", "json", &parent])?.json()?;
    let used: u64 = used
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|extent| extent["length"].as_u64())
        .sum();
    ensure!(
        used < 1 << 30,
        "{used} bytes are allocated of an image whose data are a third of that"
    );

    host.wb(&["image", "clone", &parent, &child]).ok()?;
    let info = host.wb(&["image", "info", &child]).ok()?;
    ensure!(
        info.to_string().contains(parent.trim_start_matches("one/")),
        "the clone does not name its parent: {info}"
    );
    ensure!(
        host.wb(&["image", "ls", "one"])
            .ok()?
            .to_string()
            .contains(child.trim_start_matches("one/")),
        "ls lacks it"
    );
    let report = host
        .wb(&["attach", &child, "--size", "256M", "--seed", "first:64M"])
        .ok()?;
    ensure!(report["seed"]["exact"] == true, "{}", report["seed"]);
    let device = front(&report)?;
    let have = host.sh(&format!(
        "set -o pipefail; dd if={device} bs=1M count=128 iflag=direct status=none | sha256sum"
    ))?;
    let want = cmd::run(
        &[
            "bash",
            "-c",
            "head -c 128M \"$1\" | sha256sum",
            "-",
            path(raw.as_ref())?,
        ],
        LONG,
    )?
    .ok()?;
    same("content", have.text(), want.text())?;
    host.wb(&["detach", &child]).ok()?;
    host.check_empty()?;
    host.wb(&["image", "rm", &child]).ok()?;
    world.rbd(&["snap", "purge", "--no-progress", &parent]).ok();
    Ok(())
}
