//! Whether LVM keeps its hands off guest disks. It scans RBD, NBD, bcache and device-mapper devices by itself, would activate the
//! volume groups of a guest, and then nothing can be taken down again.

use super::finding::Finding;
use crate::exec::{Cmd, Exec};
use crate::sys::Roots;
use crate::tools::lvm::REJECTED;
use crate::tools::lvm::pattern::{Pattern, rejects};
use crate::{Error, Kind, Result};

const NAME: &str = "LVM filter";

/// A device of each sort that may hold a guest's data, by the names that udev gives it.
const GUEST_DEVICES: [&[&str]; 4] = [
    &["/dev/rbd0", "/dev/rbd/one/one-42", "/dev/block/252:0"],
    &["/dev/nbd0", "/dev/block/43:0"],
    &["/dev/bcache0", "/dev/block/251:0"],
    &[
        "/dev/mapper/wb-01234567-1-0a1b2c",
        "/dev/dm-3",
        "/dev/disk/by-id/dm-name-wb-01234567-1-0a1b2c",
        "/dev/block/254:3",
    ],
];

/// What to set.
fn remedy() -> String {
    format!(
        "set in section devices of /etc/lvm/lvm.conf: global_filter = [{REJECTED}]; with no \"a|.*|\" behind, which would accept \
         each by another of its names"
    )
}

/// What `lvmconfig` says of scanning.
#[derive(Debug, Default, PartialEq, Eq)]
struct Scanning {
    devices_file: bool,
    filters: Vec<Vec<Pattern>>,
}

/// Whether the filters keep LVM away from guest disks.
pub fn filter(exec: &Exec, roots: &Roots) -> Finding {
    match scanning(exec) {
        Ok(scanning) => judge(&scanning, devices_file_exists(roots)),
        Err(error) => Finding::of_error(
            NAME,
            &error,
            "see whether `lvmconfig --typeconfig full devices` works",
        ),
    }
}

fn scanning(exec: &Exec) -> Result<Scanning> {
    let keys = [
        "devices/global_filter",
        "devices/filter",
        "devices/use_devicesfile",
    ];
    // `full` also tells what is only a default; without it an unset key is an error.
    let output = exec.run(
        &Cmd::query("lvmconfig")
            .env("LVM_SUPPRESS_FD_WARNINGS", "1")
            .args(["--typeconfig", "full"])
            .args(keys),
    )?;
    parse(output.text()?)
}

fn parse(text: &str) -> Result<Scanning> {
    let mut scanning = Scanning::default();
    for (key, value) in text.lines().filter_map(|line| line.trim().split_once('=')) {
        match key {
            "use_devicesfile" => scanning.devices_file = value == "1",
            "global_filter" | "filter" => scanning.filters.push(patterns(value)?),
            _ => {}
        }
    }
    Ok(scanning)
}

/// `["a|x|","r|.*|"]`, or a lone `"a|x|"`.
fn patterns(value: &str) -> Result<Vec<Pattern>> {
    let refuse = || {
        Error::new(
            Kind::Failed,
            format!("cannot understand the filter {value}"),
        )
    };
    let list = if value.starts_with('[') {
        value.to_owned()
    } else {
        format!("[{value}]")
    };
    let words: Vec<String> =
        serde_json::from_str(&list).map_err(|error| refuse().because(error))?;
    words
        .iter()
        .map(|word| Pattern::parse(word).ok_or_else(refuse))
        .collect()
}

/// LVM falls back to scanning everything while the file is not there (lvmdevices(8)).
fn devices_file_exists(roots: &Roots) -> bool {
    roots
        .etc
        .with_file_name("lvm")
        .join("devices/system.devices")
        .exists()
}

fn judge(scanning: &Scanning, devices_file_exists: bool) -> Finding {
    if scanning.devices_file && devices_file_exists {
        return Finding::ok(NAME, "a devices file is in use: LVM sees what it lists");
    }
    let passes = |names: &&[&str]| !scanning.filters.iter().any(|filter| rejects(filter, names));
    let open = GUEST_DEVICES.into_iter().filter(passes);
    let open: Vec<&str> = open.flat_map(|names| names.first().copied()).collect();
    if open.is_empty() {
        return Finding::ok(
            NAME,
            "rejects rbd, nbd, bcache and the devices of warmblock",
        );
    }
    let found = format!(
        "LVM looks into {}: volume groups of guests would be activated here",
        open.join(", ")
    );
    Finding::fail(NAME, found, remedy())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    fn state(text: &str, file: bool) -> Finding {
        judge(&parse(text).unwrap(), file)
    }

    #[test]
    fn lvm_must_stay_out_of_guest_disks() {
        let open = state(
            "global_filter=[\"a|.*|\"]\nfilter=[\"a|.*|\"]\nuse_devicesfile=0\n",
            false,
        );
        assert_eq!(open.state, State::Fail);
        assert!(open.found.contains("/dev/rbd0") && open.found.contains("/dev/mapper/wb-"));
        let some = state(
            "global_filter=[\"r|/dev/rbd|\",\"r|/dev/nbd|\",\"a|.*|\"]\n",
            false,
        );
        assert!(
            some.found.contains("/dev/rbd0"),
            "by /dev/block/252:0, which the last pattern accepts"
        );
        let some = state("global_filter=[\"r|/dev/rbd|\",\"r|/dev/nbd|\"]\n", false);
        assert!(!some.found.contains("/dev/rbd0") && some.found.contains("/dev/bcache0"));
        // As it is often written: the last pattern makes nothing of the others.
        let often = format!("global_filter=[{REJECTED},\"a|.*|\"]\n");
        assert_eq!(state(&often, false).state, State::Fail);
        assert_eq!(
            state("filter=[\"a|^/dev/sd|\",\"r|.*|\"]\n", false).state,
            State::Ok
        );
        assert_eq!(state("global_filter=\"r|.*|\"\n", false).state, State::Ok);
    }

    #[test]
    fn our_own_remedy_is_enough() {
        let remedy = remedy();
        let (_, list) = remedy.split_once("global_filter = ").unwrap();
        let (list, _) = list.split_once(';').unwrap();
        assert_eq!(
            state(&format!("global_filter={list}\n"), false).state,
            State::Ok
        );
    }

    #[test]
    fn a_devices_file_counts_when_it_is_there() {
        assert_eq!(state("use_devicesfile=1\n", true).state, State::Ok);
        assert_eq!(state("use_devicesfile=1\n", false).state, State::Fail);
    }

    #[test]
    fn odd_filters_are_not_guessed_at() {
        assert!(parse("filter=[\"x|y|\"]\n").is_err());
        assert!(parse("filter=nonsense\n").is_err());
    }
}
