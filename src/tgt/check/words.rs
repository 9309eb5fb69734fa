//! The options of tgt-admin, by the place where it looks for them (facts 1.2).

use crate::tgt::conf::plan::ISCSI;

/// Where an option stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Outside,
    Target,
    Store,
}

impl Scope {
    pub const ALL: [Self; 3] = [Self::Outside, Self::Target, Self::Store];

    pub const fn words(self) -> &'static str {
        match self {
            Self::Outside => "outside of all blocks",
            Self::Target => "in a <target> block",
            Self::Store => "in a <backing-store> block",
        }
    }
}

const OUTSIDE: [&str; 10] = [
    "default-driver",
    "ignore-errors",
    "control-port",
    "iSNS",
    "iSNSServerIP",
    "iSNSServerPort",
    "iSNSAccessControl",
    "incomingdiscoveryuser",
    "outgoingdiscoveryuser",
    "target",
];

const TARGET: [&str; 9] = [
    "driver",
    "controller_tid",
    "backing-store",
    "direct-store",
    "initiator-address",
    "initiator-name",
    "incominguser",
    "outgoinguser",
    "state",
];

/// At a target they hold for all its LUNs.
const BOTH: [&str; 7] = [
    "bs-type",
    "lun",
    "allow-in-use",
    "bsopts",
    "bsoflags",
    "device-type",
    "write-cache",
];

/// What becomes `--params` of a LUN that was made; at a target they hold for all its LUNs as well.
pub(super) const PARAMETERS: [&str; 16] = [
    "scsi_id",
    "scsi_sn",
    "vendor_id",
    "product_id",
    "product_rev",
    "sense_format",
    "removable",
    "online",
    "path",
    "readonly",
    "lbppbe",
    "la_lba",
    "optimal_xfer_gran",
    "optimal_xfer_len",
    "mode_page",
    "params",
];

const STORE: [&str; 1] = ["block-size"];

/// Options that keep somebody out, or without which there is no disk.
const VITAL: [&str; 11] = [
    "initiator-address",
    "initiator-name",
    "incominguser",
    "outgoinguser",
    "incomingdiscoveryuser",
    "outgoingdiscoveryuser",
    "backing-store",
    "bs-type",
    "readonly",
    "target",
    "include",
];

/// What tgtadm can set and tgt-admin cannot: a parameter of a LUN, or one of a target.
pub(super) const LUN_PARAMETERS: [&str; 3] = ["thin_provisioning", "rotation_rate", "swp"];
pub(super) const TARGET_PARAMETERS: [&str; 6] = [
    "nop_interval",
    "nop_count",
    "MaxQueueCmd",
    "RedirectAddress",
    "RedirectPort",
    "RedirectReason",
];

/// The options that tgt-admin looks for in a place.
fn of(scope: Scope) -> Vec<&'static str> {
    match scope {
        Scope::Outside => OUTSIDE.to_vec(),
        Scope::Target => [&TARGET[..], &BOTH, &PARAMETERS, &ISCSI].concat(),
        Scope::Store => [&BOTH[..], &PARAMETERS, &STORE].concat(),
    }
}

/// Whether tgt-admin looks for an option there.
pub(super) fn is_known(option: &str, scope: Scope) -> bool {
    match scope {
        Scope::Outside => OUTSIDE.contains(&option),
        Scope::Target => {
            TARGET.contains(&option)
                || of_a_lun(option)
                || ISCSI.contains(&option)
                || option.starts_with("state")
        }
        Scope::Store => of_a_lun(option) || STORE.contains(&option),
    }
}

/// Whether an option is of a LUN, and may stand in its block or at the target.
fn of_a_lun(option: &str) -> bool {
    BOTH.contains(&option) || PARAMETERS.contains(&option)
}

/// Whether to be without an option is dangerous.
pub(super) fn is_vital(option: &str) -> bool {
    VITAL.contains(&option)
}

/// The option that was probably meant: the same but for case, dash and underscore, or one or two letters off.
pub(super) fn meant(option: &str, scope: Scope) -> Option<&'static str> {
    let plain = |word: &str| word.to_ascii_lowercase().replace('_', "-");
    let option = plain(option);
    let mut known = of(scope);
    if scope == Scope::Outside {
        known.push("include");
    }
    let close = |word: &&&str| {
        let word = plain(word);
        let allowed = match word.len() {
            ..5 => 0,
            5..8 => 1,
            _ => 2,
        };
        word.len().abs_diff(option.len()) <= allowed && distance(&word, &option) <= allowed
    };
    known
        .iter()
        .find(|word| plain(word) == option)
        .or_else(|| known.iter().find(close))
        .copied()
}

/// Letters to be put in, taken out, changed or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            let mut least = (rows[i - 1][j] + 1)
                .min(rows[i][j - 1] + 1)
                .min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = least;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant() {
        let cases = [
            ("initator-address", Some("initiator-address")),
            ("Initiator-Address", Some("initiator-address")),
            ("initiator_name", Some("initiator-name")),
            ("BS-Type", Some("bs-type")),
            ("firstburstlength", Some("FirstBurstLength")),
            ("backing-stroe", Some("backing-store")),
            ("lum", None),
            ("whatever", None),
        ];
        for (option, expected) in cases {
            assert_eq!(meant(option, Scope::Target), expected, "{option}");
        }
        assert_eq!(meant("Target", Scope::Outside), Some("target"));
    }
}
