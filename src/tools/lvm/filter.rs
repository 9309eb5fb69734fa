//! Keeps LVM away from what belongs to guests.
//!
//! LVM looks into rbd, nbd, bcache and device-mapper devices by itself (`lvm devtypes`), finds the volume groups that
//! guests have on their disks, and may activate them or complain about duplicates. There are two filters, `filter` and
//! `global_filter`, and a device must pass both (lvm.conf(5)). Ours is put where the administrator has none, so that
//! his keeps its effect; if he has both, ours goes in front of his `filter`.
//!
//! Ours has no accept-all at its end, and needs none: a device passes unless one of its names is rejected. With one, a
//! rejected device would come back by another of its names (`/dev/dm-3` for `/dev/mapper/wb-…`); so his is left out, too, with
//! whatever stands behind it, which never counted.

use serde_json::json;

use super::pattern::Pattern;
use crate::exec::Cmd;

/// The patterns for what may be a guest's disk, as `filter` and `global_filter` list them.
pub const REJECTED: &str =
    r#""r|^/dev/rbd|","r|^/dev/nbd|","r|^/dev/bcache|","r|^/dev/mapper/wb-|""#;

/// Asks for the administrator's filters.
pub(super) fn ask() -> Cmd {
    Cmd::query("lvmconfig").arg("devices").ok_codes(&[5])
}

/// The argument of `--config`, given what `lvmconfig devices` prints.
pub(super) fn config(current: &str) -> String {
    let ours = REJECTED;
    match (value(current, "filter"), value(current, "global_filter")) {
        (_, None) => format!("devices{{global_filter=[{ours}]}}"),
        (None, Some(_)) => format!("devices{{filter=[{ours}]}}"),
        (Some(theirs), Some(_)) => {
            format!("devices{{filter=[{ours}{}]}}", but_for_all(theirs))
        }
    }
}

/// An administrator's patterns up to one that accepts all, each behind a comma.
fn but_for_all(filter: &str) -> String {
    let list = filter.trim_start_matches('[').trim_end_matches(']');
    let Ok(words) = serde_json::from_str::<Vec<String>>(&format!("[{list}]")) else {
        return format!(",{list}");
    };
    let counts = |word: &&String| !Pattern::parse(word).is_some_and(|it| it.accepts_all());
    let quoted = words
        .iter()
        .take_while(counts)
        .map(|word| format!(",{}", json!(word)));
    quoted.collect()
}

fn value<'a>(config: &'a str, key: &str) -> Option<&'a str> {
    let line = |line: &'a str| line.trim().strip_prefix(key)?.strip_prefix('=');
    config.lines().find_map(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_administrators_filters_keep_their_effect() {
        let ours = r#"["r|^/dev/rbd|","r|^/dev/nbd|","r|^/dev/bcache|","r|^/dev/mapper/wb-|"]"#;
        let only = format!("devices{{global_filter={ours}}}");
        assert_eq!(config("devices {\n}\n"), only);
        assert_eq!(config(""), only);
        // recorded: LVM 2.03.16
        let filter = "devices {\n\tfilter=[\"a|/dev/nvme|\",\"r|.*|\"]\n}\n";
        assert_eq!(config(filter), only);
        let global = "devices {\n\tglobal_filter=\"r|x|\"\n}\n";
        assert_eq!(config(global), format!("devices{{filter={ours}}}"));
        let both = "devices {\n\tglobal_filter=\"r|x|\"\n\tfilter=[\"a|y|\",\"r|.*|\"]\n}\n";
        let expected = format!(
            "devices{{filter={},\"a|y|\",\"r|.*|\"]}}",
            ours.trim_end_matches(']')
        );
        assert_eq!(config(both), expected);
        let all =
            "devices {\n\tglobal_filter=\"r|x|\"\n\tfilter=[\"r|y|\",\"a|.*|\",\"r|z|\"]\n}\n";
        let expected = format!("devices{{filter={},\"r|y|\"]}}", ours.trim_end_matches(']'));
        assert_eq!(config(all), expected);
    }
}
