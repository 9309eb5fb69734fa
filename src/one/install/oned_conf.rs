//! What oned.conf must say for the driver to be used.

mod without;

use super::conf::{Attribute, parse};
use crate::Result;

pub use without::without;

/// The driver's name.
pub const NAME: &str = "warmblock";

/// The attributes of a datastore, an image or a disk that say how it is cached.
pub const CACHE_ATTRIBUTES: [&str; 5] = [
    "WARMBLOCK_DRIVER",
    "WARMBLOCK_MODE",
    "WARMBLOCK_SIZE",
    "WARMBLOCK_SEED",
    "WARMBLOCK_WAIT",
];

/// The attributes of a datastore that say how Ceph is reached: inherited by its disks, and nothing that users may say.
pub const ACCESS_ATTRIBUTES: [&str; 3] = ["CEPH_USER", "CEPH_CONF", "CEPH_KEY"];

/// What the transfer-manager driver is like (contract, 3.2). Snapshots are all of one image, and each may go at any time.
pub const TRANSFER: [(&str, &str); 8] = [
    ("NAME", NAME),
    ("LN_TARGET", "NONE"),
    ("CLONE_TARGET", "SELF"),
    ("SHARED", "YES"),
    ("DRIVER", "raw"),
    ("DISK_TYPE", "BLOCK"),
    ("ALLOW_ORPHANS", "YES"),
    ("DS_MIGRATE", "NO"),
];

/// What the datastore driver is like (contract, 3.3).
pub const DATASTORE: [(&str, &str); 4] = [
    ("NAME", NAME),
    ("REQUIRED_ATTRS", "BRIDGE_LIST"),
    ("PERSISTENT_ONLY", "NO"),
    ("MARKETPLACE_ACTIONS", "export"),
];

/// A list of drivers in the arguments of a daemon.
const LISTS: [(&str, &str, &str); 3] = [
    ("TM_MAD", "-d", "one_tm"),
    ("DATASTORE_MAD", "-d", "one_datastore"),
    ("DATASTORE_MAD", "-s", "one_datastore for system datastores"),
];

/// The attributes of the file that register attributes of datastores, images and disks: with what before a name, and whether also
/// those that say how Ceph is reached.
const REGISTERED: [(&str, &str, bool); 4] = [
    ("INHERIT_DATASTORE_ATTR", "", true),
    ("INHERIT_IMAGE_ATTR", "", false),
    ("VM_RESTRICTED_ATTR", "DISK/", true),
    ("IMAGE_RESTRICTED_ATTR", "", false),
];

/// The comment above what is added.
const MADE_BY: &str = "# The driver warmblock; made by `warmblock one install`";

/// Something that the file lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// In words.
    pub what: String,
    /// How it is mended.
    mend: Mend,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Mend {
    /// This text comes in at this place.
    Insert(usize, String),
    /// These lines come to the end.
    Append(String),
    /// It is an operator's to decide.
    Nothing,
}

/// What the file lacks.
///
/// # Errors
/// [`Kind::Config`](crate::Kind::Config) for a file that is not understood.
pub fn lacks(text: &str) -> Result<Vec<Lack>> {
    let all = parse(text)?;
    let mut lacks = Vec::new();
    for (daemon, option, who) in LISTS {
        lacks.extend(list(&all, daemon, option, who));
    }
    lacks.extend(block(&all, "TM_MAD_CONF", &TRANSFER));
    lacks.extend(block(&all, "DS_MAD_CONF", &DATASTORE));
    for (attribute, prefix, of_datastores) in REGISTERED {
        let access = ACCESS_ATTRIBUTES.iter().filter(|_| of_datastores);
        let names = CACHE_ATTRIBUTES.iter().chain(access);
        lacks.extend(lines(&all, attribute, prefix, names));
    }
    Ok(lacks)
}

/// The file with all that it lacked.
pub fn mended(text: &str, lacks: &[Lack]) -> String {
    let mut inserts: Vec<(usize, &str)> = Vec::new();
    let mut end = String::new();
    for lack in lacks {
        match &lack.mend {
            Mend::Insert(at, what) => inserts.push((*at, what)),
            Mend::Append(lines) => end.push_str(lines),
            Mend::Nothing => {}
        }
    }
    let mut mended = text.to_owned();
    // From the end, so that places before stay what they are.
    inserts.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    for (at, what) in inserts {
        mended.insert_str(at, what);
    }
    if !end.is_empty() {
        let gap = if mended.ends_with('\n') { "\n" } else { "\n\n" };
        mended.push_str(gap);
        mended.push_str(MADE_BY);
        mended.push('\n');
        mended.push_str(&end);
    }
    mended
}

/// The driver's name in a list such as `-d dummy,ceph`. A daemon without the list takes any driver.
fn list(all: &[Attribute], daemon: &str, option: &str, who: &str) -> Option<Lack> {
    let arguments = all
        .iter()
        .filter(|one| one.name == daemon)
        .find_map(|one| one.element("ARGUMENTS"));
    let Some(arguments) = arguments else {
        return Some(Lack {
            what: format!("{daemon} has no ARGUMENTS: {who} is not started as usual"),
            mend: Mend::Nothing,
        });
    };
    let end = list_end(&arguments.text, option)?;
    Some(Lack {
        what: format!("{who} does not list {NAME} ({daemon}, {option})"),
        mend: Mend::Insert(arguments.at.start + end, format!(",{NAME}")),
    })
}

/// Where the list of an option ends, if it is there and lacks the driver.
fn list_end(arguments: &str, option: &str) -> Option<usize> {
    let (at, list) = list_words(arguments, option)?;
    (!list.split(',').any(|driver| driver == NAME)).then_some(at + list.len())
}

/// The list of an option, and where it begins.
fn list_words<'a>(arguments: &'a str, option: &str) -> Option<(usize, &'a str)> {
    let mut words = arguments
        .split_whitespace()
        .map(|word| (word.as_ptr() as usize - arguments.as_ptr() as usize, word));
    words.find(|(_, word)| *word == option)?;
    words.next()
}

/// A vector about the driver. One that is there and says something else is an operator's decision.
fn block(all: &[Attribute], name: &str, wanted: &[(&str, &str)]) -> Vec<Lack> {
    let ours = all
        .iter()
        .find(|one| one.name == name && one.element("NAME").is_some_and(|text| text.text == NAME));
    let Some(ours) = ours else {
        let elements = wanted
            .iter()
            .map(|(name, value)| format!("    {name} = \"{value}\""));
        let elements: Vec<String> = elements.collect();
        return vec![Lack {
            what: format!("there is no {name} of {NAME}"),
            mend: Mend::Append(format!("{name} = [\n{}\n]\n", elements.join(",\n"))),
        }];
    };
    let differs = wanted.iter().filter_map(|(element, value)| {
        let is = ours.element(element).map(|text| text.text.as_str());
        let same = is.is_some_and(|is| is.eq_ignore_ascii_case(value));
        (!same).then(|| Lack {
            what: format!(
                "{name} of {NAME} says {element} = {:?} and not {value:?}",
                is.unwrap_or_default()
            ),
            mend: Mend::Nothing,
        })
    });
    differs.collect()
}

/// A line for each attribute that has none.
fn lines<'n>(
    all: &[Attribute],
    attribute: &str,
    prefix: &str,
    names: impl Iterator<Item = &'n &'static str>,
) -> Vec<Lack> {
    let has = |wanted: &String| {
        let is = |one: &Attribute| one.name == attribute && one.single() == Some(wanted);
        all.iter().any(is)
    };
    let missing = names
        .map(|name| format!("{prefix}{name}"))
        .filter(|wanted| !has(wanted));
    missing
        .map(|wanted| Lack {
            what: format!("{wanted} is not registered ({attribute})"),
            mend: Mend::Append(format!("{attribute} = \"{wanted}\"\n")),
        })
        .collect()
}

impl Lack {
    /// Whether the installer mends it.
    pub fn is_mended(&self) -> bool {
        self.mend != Mend::Nothing
    }
}

#[cfg(test)]
pub(super) mod tests;
