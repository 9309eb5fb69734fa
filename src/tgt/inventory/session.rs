//! iSCSI parameters of targets: exact names, since tgt-admin drops others silently (facts G03), and values in tgtd's
//! ranges (facts 3.5).

use super::load::Source;
use super::problem::Problems;

/// What may stand behind a name.
enum Values {
    Range(i64, i64),
    Bool,
    Digest,
}

/// The parameters, as `usr/iscsi/param.c` of tgt names them.
const KNOWN: [(&str, Values); 12] = [
    ("DataDigest", Values::Digest),
    ("DefaultTime2Retain", Values::Range(0, 3600)),
    ("DefaultTime2Wait", Values::Range(0, 3600)),
    ("FirstBurstLength", Values::Range(512, 16_777_215)),
    ("HeaderDigest", Values::Digest),
    ("ImmediateData", Values::Bool),
    ("InitialR2T", Values::Bool),
    ("MaxBurstLength", Values::Range(512, 16_777_215)),
    ("MaxConnections", Values::Range(1, 65535)),
    ("MaxOutstandingR2T", Values::Range(1, 65535)),
    ("MaxRecvDataSegmentLength", Values::Range(512, 16_777_215)),
    ("MaxXmitDataSegmentLength", Values::Range(512, 16_777_215)),
];

/// What is set unless the inventory says otherwise: tgtd's 8 KiB makes many small PDUs of ESXi's reads and writes.
const DEFAULTS: [(&str, &str); 1] = [("MaxRecvDataSegmentLength", "262144")];

/// Every parameter, and what may stand behind it.
pub(super) fn known() -> impl Iterator<Item = (String, String)> {
    KNOWN.iter().map(|(name, values)| {
        let may = match values {
            Values::Range(from, to) => format!("A number from {from} to {to}"),
            Values::Bool => "true or false".into(),
            Values::Digest => "\"None\" or \"CRC32C\"".into(),
        };
        let default = DEFAULTS.iter().find(|(given, _)| given == name);
        let default = default.map_or_else(
            || "tgtd's own by default".to_owned(),
            |(_, value)| format!("{value} by default"),
        );
        ((*name).to_owned(), format!("{may}; {default}."))
    })
}

/// The parameters in effect, sorted by name.
pub(super) fn read(sources: &[Source], problems: &mut Problems) -> Vec<(String, String)> {
    let mut all: std::collections::BTreeMap<String, String> = DEFAULTS
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    for source in sources {
        let Some(section) = &source.raw.session else {
            continue;
        };
        for (name, value) in section.get_ref() {
            let text = match value.get_ref() {
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(true) => "Yes".into(),
                toml::Value::Boolean(false) => "No".into(),
                toml::Value::String(word) => word.clone(),
                other => other.to_string(),
            };
            match bad(name, &text) {
                None => drop(all.insert(name.clone(), text)),
                Some((why, remedy)) => problems.error(&source.lines.of(value), why, remedy),
            }
        }
        let number = |name: &str| all.get(name).and_then(|value| value.parse::<i64>().ok());
        let first = number("FirstBurstLength").unwrap_or(65_536);
        let max = number("MaxBurstLength").unwrap_or(262_144);
        if first > max {
            problems.error(
                &source.lines.of(section),
                format!("FirstBurstLength {first} is larger than MaxBurstLength {max}"),
                "RFC 7143 13.14 forbids it, and tgtd does not refuse it: raise MaxBurstLength",
            );
        }
    }
    all.into_iter().collect()
}

fn bad(name: &str, value: &str) -> Option<(String, String)> {
    let Some((_, values)) = KNOWN.iter().find(|(known, _)| *known == name) else {
        let names: Vec<&str> = KNOWN.iter().map(|(name, _)| *name).collect();
        return Some((
            format!("session parameter {name} is not known"),
            format!("use one of {}", names.join(", ")),
        ));
    };
    let (good, wanted) = match values {
        Values::Range(min, max) => (
            value
                .parse()
                .is_ok_and(|number: i64| (*min..=*max).contains(&number)),
            format!("a number from {min} to {max}"),
        ),
        Values::Bool => (matches!(value, "Yes" | "No"), "true or false".into()),
        Values::Digest => (matches!(value, "None" | "CRC32C"), "None or CRC32C".into()),
    };
    (!good).then(|| {
        (
            format!("session parameter {name} cannot be {value:?}"),
            format!("write {wanted}"),
        )
    })
}
