//! `dmsetup info --columns`, and how the three listings become one.

use std::collections::BTreeMap;

use super::Access;
use super::status::Status;
use super::table::{Table, number};
use crate::model::DmName;
use crate::sys::DevNum;

/// The columns asked for, in the order in which they are read.
pub(super) const COLUMNS: &str = "name,uuid,major,minor,attr,open,events";

/// What every UUID of ours begins with, whatever its version.
const OURS: &str = "WARMBLOCK-";

/// What the kernel knows about a device apart from its table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
    /// Its name.
    pub name: DmName,
    /// Its UUID.
    pub uuid: String,
    /// Its number.
    pub num: DevNum,
    /// It has a live table.
    pub live: bool,
    /// It has a table in the inactive slot.
    pub inactive: bool,
    /// Its I/O is held back.
    pub suspended: bool,
    /// It refuses writes.
    pub read_only: bool,
    /// By how many it is open.
    pub open_count: u32,
    /// How many events it has had, for `Dmsetup::wait_event`.
    pub event: u32,
}

impl Info {
    /// Whether we made it: by its UUID, for anybody may give a device a name.
    pub(super) fn is_ours(&self) -> bool {
        self.uuid.starts_with(OURS)
    }

    /// Whether it takes writes. Of a device without a live table this says nothing of what it was made for.
    pub const fn access(&self) -> Access {
        match self.read_only {
            true => Access::ReadOnly,
            false => Access::ReadWrite,
        }
    }
}

/// A device of ours with all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Names, number, state.
    pub info: Info,
    /// The live table, empty when it has none.
    pub table: Table,
    /// The status of each segment.
    pub status: Vec<Status>,
}

/// Reads the lines of devices of ours: a UUID that begins with `WARMBLOCK-`, and a name that we give. Others are passed by.
pub(super) fn parse(text: &str) -> Result<Vec<Info>, String> {
    let mut found = Vec::new();
    for line in text.lines() {
        // "No devices found" stands on standard output
        let Some((name, rest)) = line.trim().split_once('|') else {
            continue;
        };
        if !rest.starts_with(OURS) {
            continue;
        }
        let Ok(name) = name.parse() else {
            tracing::warn!("device {name:?} has a UUID of ours under a name that is not");
            continue;
        };
        found.push(row(name, rest).map_err(|why| format!("{line:?}: {why}"))?);
    }
    Ok(found)
}

fn row(name: DmName, rest: &str) -> Result<Info, String> {
    let fields: Vec<&str> = rest.split('|').collect();
    let [uuid, major, minor, attr, open, events] = fields[..] else {
        return Err("not the columns that were asked for".into());
    };
    let small = |word| u32::try_from(number(word)?).map_err(|_| format!("{word} is too large"));
    Ok(Info {
        name,
        uuid: uuid.to_owned(),
        num: DevNum {
            major: small(major)?,
            minor: small(minor)?,
        },
        live: attr.contains('L'),
        inactive: attr.contains('I'),
        suspended: attr.contains('s'),
        read_only: attr.contains('r'),
        open_count: small(open)?,
        event: small(events)?,
    })
}

/// Joins the three listings by name. They are taken one after the other, so a device may be missing in one: it is left out.
pub(super) fn join(
    infos: Vec<Info>,
    mut tables: BTreeMap<String, Table>,
    mut statuses: BTreeMap<String, Vec<Status>>,
) -> Vec<Device> {
    let whole = |info: Info| {
        let name = info.name.to_string();
        let table = tables.remove(&name)?;
        let status = statuses.remove(&name)?;
        Some(Device {
            info,
            table,
            status,
        })
    };
    infos.into_iter().filter_map(whole).collect()
}

/// What is said of each device whose name could be ours, its `NAME: ` taken away; what others print is not looked at, so
/// that it cannot fail us. flashcache goes on in further lines: those that do not begin with the name of a device, which
/// has no blanks.
pub(super) fn by_name(text: &str) -> BTreeMap<&str, String> {
    let mut found: BTreeMap<&str, String> = BTreeMap::new();
    let mut ours = None;
    for line in text.lines() {
        match line.split_once(':') {
            Some((name, rest)) if !name.contains(char::is_whitespace) => {
                ours = name.parse::<DmName>().is_ok().then_some(name);
                add(&mut found, ours, rest.trim());
            }
            _ => add(&mut found, ours, line),
        }
    }
    found
}

fn add<'a>(found: &mut BTreeMap<&'a str, String>, name: Option<&'a str>, line: &str) {
    if let Some(name) = name {
        let text = found.entry(name).or_default();
        text.push_str(line);
        text.push('\n');
    }
}

/// The lines of one device's table or status, each with those that go on with it: a line begins with a number.
pub(super) fn segments(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        match found.last_mut() {
            Some(last)
                if !line
                    .trim_start_matches(' ')
                    .starts_with(|c: char| c.is_ascii_digit()) =>
            {
                last.push(' ');
                last.push_str(line.trim());
            }
            _ => found.push(line.trim().to_owned()),
        }
    }
    found
}
