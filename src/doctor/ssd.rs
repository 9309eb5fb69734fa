//! The volume group on the SSD.

use serde::Deserialize;

use super::finding::{Finding, State};
use crate::exec::Cmd;
use crate::host::Host;
use crate::model::{Bytes, OnFull, SliceSize, VgName};
use crate::{Error, Kind, Result};

const NAME: &str = "volume group";

/// One physical volume of the group, with what holds for the whole group.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
struct Row {
    #[serde(deserialize_with = "bytes")]
    vg_size: Bytes,
    #[serde(deserialize_with = "bytes")]
    vg_free: Bytes,
    pv_name: String,
}

/// LVM writes numbers as strings.
fn bytes<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
    let word = String::deserialize(from)?;
    word.parse().map_err(serde::de::Error::custom)
}

/// Whether the group is there, has room and lies on SSDs.
pub fn volume_group(host: &Host) -> Vec<Finding> {
    let Some(vg) = &host.config.slice.vg else {
        return vec![unset(host.config.slice.on_full)];
    };
    match rows(host, vg) {
        Ok(rows) => {
            let mut findings = vec![room(vg, &rows, smallest_slice(host))];
            findings.extend(rows.iter().map(|row| disk(host, row)));
            findings
        }
        Err(error) => {
            let remedy = format!(
                "make it: `vgcreate {vg} /dev/SSD`, or set slice.vg to the group on the SSD"
            );
            vec![Finding::of_error(NAME, &error, &remedy)]
        }
    }
}

fn unset(on_full: OnFull) -> Finding {
    const REMEDY: &str = "set slice.vg in the configuration to the volume group on the SSD";
    match on_full {
        OnFull::Bypass => Finding::warn(
            NAME,
            "none is configured: every disk is served uncached",
            REMEDY,
        ),
        OnFull::Fail => Finding::fail(
            NAME,
            "none is configured, and slice.on_full is fail",
            REMEDY,
        ),
    }
}

/// What one more disk takes at the least, as far as it can be said without its image.
fn smallest_slice(host: &Host) -> Bytes {
    let slice = &host.config.slice;
    match slice.size {
        SliceSize::Fixed(size) => size,
        SliceSize::Percent(_) => slice.min,
    }
}

fn rows(host: &Host, vg: &VgName) -> Result<Vec<Row>> {
    let columns = "vg_size,vg_free,pv_name";
    let output = host.exec.run(
        &Cmd::query("vgs")
            .env("LVM_SUPPRESS_FD_WARNINGS", "1")
            .args([
                "--reportformat",
                "json",
                "--units",
                "b",
                "--nosuffix",
                "-o",
                columns,
            ])
            .arg(vg.as_str()),
    )?;
    parse(output.text()?)
}

fn parse(text: &str) -> Result<Vec<Row>> {
    #[derive(Deserialize)]
    struct Answer {
        report: Vec<Group>,
    }
    #[derive(Deserialize)]
    struct Group {
        vg: Vec<Row>,
    }
    let answer: Answer = serde_json::from_str(text).map_err(|error| {
        Error::new(Kind::Failed, "cannot understand the answer of vgs").because(error)
    })?;
    Ok(answer
        .report
        .into_iter()
        .flat_map(|group| group.vg)
        .collect())
}

fn room(vg: &VgName, rows: &[Row], wanted: Bytes) -> Finding {
    let Some(Row {
        vg_size, vg_free, ..
    }) = rows.first()
    else {
        return Finding::fail(
            NAME,
            format!("{vg} has no disks"),
            format!("see what `vgs {vg}` says"),
        );
    };
    let found = format!("{vg}: {vg_free} of {vg_size} free");
    if *vg_free >= wanted {
        return Finding::ok(NAME, found);
    }
    Finding::warn(
        NAME,
        format!("{found}: no room for one more slice of {wanted}"),
        "detach disks, make slice.size smaller, or add an SSD with `vgextend`",
    )
}

fn disk(host: &Host, row: &Row) -> Finding {
    let name = format!("SSD {}", row.pv_name);
    match rotational(host, &row.pv_name) {
        Some(false) => Finding::ok(name, "does not rotate"),
        Some(true) => Finding::warn(
            name,
            "the kernel takes it for a rotating disk",
            "use an SSD; if it is one behind a controller or a hypervisor that hides it, this can be ignored",
        ),
        None => Finding::warn(
            name,
            "the kernel does not say what it is",
            "see whether the device is still there",
        )
        .at_most(State::Warn),
    }
}

/// What the kernel says of a disk, or of the disk that a partition is on.
fn rotational(host: &Host, device: &str) -> Option<bool> {
    // /dev/mapper/… and /dev/disk/by-id/… are links to the name that sysfs knows.
    let relative = device.strip_prefix("/dev/").unwrap_or(device);
    let node = host.roots.dev.join(relative);
    let node = node.canonicalize().unwrap_or(node);
    let block = host
        .roots
        .sys
        .join("class/block")
        .join(node.file_name()?)
        .canonicalize()
        .ok()?;
    let flag = |dir: &std::path::Path| std::fs::read_to_string(dir.join("queue/rotational")).ok();
    let text = flag(&block).or_else(|| flag(block.parent()?))?;
    Some(text.trim() == "1")
}

#[cfg(test)]
mod tests {
    use super::*;

    const VGS: &str = r#"{"report": [{"vg": [
        {"vg_size":"10733223936", "vg_free":"1073741824", "pv_name":"/dev/sdb"},
        {"vg_size":"10733223936", "vg_free":"1073741824", "pv_name":"/dev/sdc1"}]}]}"#;

    #[test]
    fn a_full_group_is_told() {
        let vg = "ssd".parse().unwrap();
        let rows = parse(VGS).unwrap();
        assert_eq!(rows.len(), 2);
        assert_eq!(room(&vg, &rows, Bytes::gib(1)).state, State::Ok);
        assert_eq!(room(&vg, &rows, Bytes::gib(8)).state, State::Warn);
        assert_eq!(room(&vg, &[], Bytes::gib(8)).state, State::Fail);
        assert!(parse("{}").is_err());
    }
}
