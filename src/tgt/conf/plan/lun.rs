//! One LUN: the command that makes it, and its parameters.

use super::store::Store;
use super::{Script, Stop};
use crate::tgt::conf::lines::LineId;
use crate::tgt::conf::tree::{Map, Value};

/// A LUN as the script makes it.
#[derive(Debug, Clone, Default)]
pub struct PlannedLun {
    /// The store.
    pub path: String,
    /// The number.
    pub lun: String,
    /// Whether the number stands in the configuration.
    pub lun_given: bool,
    /// Where the store stands.
    pub at: Option<LineId>,
    /// `--bstype`.
    pub bs_type: String,
    /// Every option in effect, its own or that of the target, with its place.
    pub options: Vec<(String, String, LineId)>,
}

impl PlannedLun {
    /// The value in effect of an option, and where it stands.
    pub fn option(&self, name: &str) -> Option<(&str, LineId)> {
        let (_, value, at) = self.options.iter().find(|(option, ..)| option == name)?;
        Some((value, *at))
    }
}

/// A store for which no LUN is made, because the script takes its path for a file that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedLun {
    /// The store.
    pub path: String,
    /// Where.
    pub at: LineId,
}

/// Parameters of a target that hold for its LUNs; those that a device can tell itself come second.
const FIRST: [&str; 6] = [
    "scsi_id",
    "sense_format",
    "removable",
    "online",
    "path",
    "readonly",
];
const SECOND: [&str; 8] = [
    "vendor_id",
    "product_id",
    "product_rev",
    "scsi_sn",
    "lbppbe",
    "la_lba",
    "optimal_xfer_gran",
    "optimal_xfer_len",
];

/// Words of the command that makes the LUN: option and flag, in their order.
const WORDS: [(&str, &str); 4] = [
    ("device-type", "--device-type"),
    ("bs-type", "--bstype"),
    ("bsopts", "--bsopts"),
    ("bsoflags", "--bsoflags"),
];

/// Mode page 8 with the write cache off.
const CACHE_OFF: &str =
    "mode_page=8:0:18:0x10:0:0xff:0xff:0:0:0xff:0xff:0xff:0xff:0x80:0x14:0:0:0:0:0:0";

/// A parameter that is set once the LUN is there.
struct Later {
    text: String,
    at: Option<LineId>,
    /// It stands in the LUN's own block.
    own: bool,
}

impl Script<'_> {
    pub(super) fn add_lun(
        &mut self,
        target: &Map,
        driver: &str,
        store: &Store<'_>,
        lun: String,
    ) -> Result<(), Stop> {
        let empty = Map::default();
        let own = store.block.unwrap_or(&empty);
        let lun = match target.get("lun") {
            Some(all) => {
                self.single(Some(all), "lun")?;
                all.text().into_owned()
            }
            None => lun,
        };
        let maker = Maker {
            prefix: format!(
                "tgtadm -C {} --lld {driver} --op update --mode logicalunit --tid {} --lun={lun} --params ",
                self.control_port, self.next_tid
            ),
            lun: &lun,
        };
        let mut later = Vec::new();
        self.own_options(own, &maker, &mut later)?;
        self.options_of_target(target, own, &maker, &mut later)?;
        let command = format!(
            "--op new --mode logicalunit --tid {} --lun {lun} -b \"{}\" {}",
            self.next_tid,
            store.path,
            self.words(target, own)?.join(" ")
        );
        self.lld(driver, &command, Some(store.at));
        self.say_later(later);
        let planned = planned(target, own, store, lun);
        self.target(|target| target.luns.push(planned));
        Ok(())
    }

    /// The words of the command that makes the LUN; those that are not given leave their blanks behind.
    fn words(&self, target: &Map, own: &Map) -> Result<Vec<String>, Stop> {
        let word = |flag: &str, value: &str| match value {
            "" => String::new(),
            value => format!("{flag} {value}"),
        };
        let mut words = Vec::new();
        for (option, flag) in WORDS {
            let value = match own.get(option) {
                Some(value) => value.text(),
                None => {
                    self.single(target.get(option), option)?;
                    target.text(option)
                }
            };
            words.push(word(flag, &value));
        }
        words.push(word("--blocksize", &own.text("block-size")));
        Ok(words)
    }

    fn own_options(
        &self,
        own: &Map,
        maker: &Maker<'_>,
        later: &mut Vec<Later>,
    ) -> Result<(), Stop> {
        for (option, value) in &own.entries {
            self.with_value(value, option)?;
            let many = matches!(option.as_str(), "mode_page" | "params");
            if !many {
                self.single(Some(value), option)?;
            }
            for one in value.each() {
                later.extend(maker.make(option, one, true));
            }
        }
        Ok(())
    }

    fn options_of_target(
        &self,
        target: &Map,
        own: &Map,
        maker: &Maker<'_>,
        later: &mut Vec<Later>,
    ) -> Result<(), Stop> {
        for option in FIRST.into_iter().chain(SECOND) {
            let value = target.get(option);
            self.single(value, option)?;
            if let (Some(value), None) = (value, own.get(option)) {
                later.extend(maker.make(option, value, false));
            }
        }
        if own.get("write-cache").is_none() {
            let undefined = Value::Undef(LineId(usize::MAX));
            let value = target.get("write-cache").unwrap_or(&undefined);
            later.extend(maker.make("write-cache", value, false));
        }
        for option in ["mode_page", "params"] {
            let values = target.get(option).into_iter().flat_map(Value::each);
            for value in values.filter(|value| !value.text().is_empty()) {
                later.extend(maker.make(option, value, false));
            }
        }
        Ok(())
    }

    /// Mode pages come first. The LUN's own parameters are in no order.
    fn say_later(&mut self, later: Vec<Later>) {
        let is_page = |later: &Later| later.text.contains("params mode_page");
        let (pages, rest): (Vec<_>, Vec<_>) = later.into_iter().partition(is_page);
        for part in [pages, rest] {
            let group = self.plan.steps.len();
            for one in part {
                self.step(one.text, one.at, one.own.then_some(group));
            }
        }
    }
}

struct Maker<'a> {
    /// The command up to the parameters.
    prefix: String,
    lun: &'a str,
}

impl Maker<'_> {
    /// The command that sets a parameter; none for an option that is not one.
    fn make(&self, option: &str, value: &Value, own: bool) -> Option<Later> {
        let text = value.text();
        let quoted = |words: String| Some(format!("{}{words}", self.prefix));
        let text = match option {
            "write-cache" => Some(self.write_cache(&text)),
            "params" => quoted(format!("\"{text}\"")),
            "mode_page" => quoted(format!("mode_page=\"{text}\"")),
            _ if FIRST.contains(&option) || SECOND.contains(&option) => {
                quoted(format!("{option}=\"{text}\""))
            }
            _ => None,
        }?;
        let at = value.at();
        Some(Later {
            text,
            at: (at.0 != usize::MAX).then_some(at),
            own,
        })
    }

    fn write_cache(&self, value: &str) -> String {
        match value {
            "off" => format!("{}{CACHE_OFF}", self.prefix),
            "on" | "" => format!("# Write cache is enabled (default) for lun {}.", self.lun),
            other => format!(
                "# WARNING! Unknown value ({other}) to write-cache! Accepted values are \"on\" and \"off\"."
            ),
        }
    }
}

/// Options that a LUN takes from its target unless its own block has them.
pub(crate) fn is_inherited(option: &str) -> bool {
    FIRST.contains(&option)
        || SECOND.contains(&option)
        || WORDS.iter().any(|(word, _)| *word == option)
        || matches!(
            option,
            "write-cache" | "mode_page" | "params" | "lun" | "allow-in-use"
        )
}

fn planned(target: &Map, own: &Map, store: &Store<'_>, lun: String) -> PlannedLun {
    let mut options = Vec::new();
    for (map, inherited) in [(own, false), (target, true)] {
        for (option, value) in &map.entries {
            let many = matches!(option.as_str(), "mode_page" | "params");
            if inherited && (!is_inherited(option) || (own.get(option).is_some() && !many)) {
                continue;
            }
            for one in value.each() {
                options.push((option.clone(), one.text().into_owned(), one.at()));
            }
        }
    }
    let has_lun = |map: &Map| map.get("lun").is_some();
    PlannedLun {
        path: store.path.clone(),
        lun,
        lun_given: has_lun(target) || has_lun(own),
        at: Some(store.at),
        bs_type: own
            .get("bs-type")
            .or_else(|| target.get("bs-type"))
            .map_or_else(String::new, |value| value.text().into_owned()),
        options,
    }
}
