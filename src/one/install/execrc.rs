//! vmm_execrc: which drivers take snapshots of disks of running VMs.

use super::oned_conf::NAME;
use crate::one::shell;
use crate::{Error, Kind, Result};

/// The shell variable.
const VARIABLE: &str = "LIVE_DISK_SNAPSHOTS";

/// The hypervisors whose guests can be brought to rest: two of libvirt's, and containers.
const HYPERVISORS: [&str; 3] = ["kvm", "qemu", "lxc"];

/// The comment above what is added where there was nothing.
const MADE_BY: &str = "# The driver warmblock; made by `warmblock one install`\n";

/// What stands in it for this driver.
fn words() -> [String; 3] {
    HYPERVISORS.map(|hypervisor| format!("{hypervisor}-{NAME}"))
}

/// What it lacks.
///
/// # Errors
/// [`Kind::Config`] for what only a shell could evaluate.
pub fn lacks(text: &str) -> Result<Vec<String>> {
    let there = assigned(text)?.map_or("", |place| place.inner);
    let known = |word: &String| there.split_whitespace().any(|known| known == word);
    Ok(words().into_iter().filter(|word| !known(word)).collect())
}

/// The file with the words in the variable; `None` if it has them.
///
/// # Errors
/// Those of [`lacks`].
pub fn mended(text: &str) -> Result<Option<String>> {
    let lacks = lacks(text)?.join(" ");
    if lacks.is_empty() {
        return Ok(None);
    }
    let Some(place) = assigned(text)? else {
        let gap = if text.is_empty() || text.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        return Ok(Some(format!(
            "{text}{gap}{MADE_BY}{VARIABLE}=\"{lacks}\"\n"
        )));
    };
    let joined = match place.inner {
        "" => lacks,
        there => format!("{there} {lacks}"),
    };
    Ok(place.set_to(text, &joined))
}

/// The file without the words in the variable, and without the line if it is the installer's; `None` if it has none of them.
///
/// # Errors
/// Those of [`lacks`].
pub fn without(text: &str) -> Result<Option<String>> {
    let (Some(place), words) = (assigned(text)?, words()) else {
        return Ok(None);
    };
    let is_ours = |word: &&str| words.iter().any(|ours| ours == word);
    if !place.inner.split_whitespace().any(|word| is_ours(&word)) {
        return Ok(None);
    }
    let left: Vec<&str> = place
        .inner
        .split_whitespace()
        .filter(|word| !is_ours(word))
        .collect();
    let changed = place.set_to(text, &left.join(" "));
    Ok(changed.map(|changed| changed.replace(&format!("{MADE_BY}{VARIABLE}=\"\"\n"), "")))
}

/// Where the variable is set, and to what.
struct Place<'t> {
    inner: &'t str,
    at: usize,
    is_quoted: bool,
}

impl Place<'_> {
    /// The file with something else there, in quotes.
    fn set_to(&self, text: &str, inner: &str) -> Option<String> {
        let (head, tail) = (
            text.get(..self.at)?,
            text.get(self.at + self.inner.len()..)?,
        );
        Some(match self.is_quoted {
            true => format!("{head}{inner}{tail}"),
            false => format!("{head}\"{inner}\"{tail}"),
        })
    }
}

fn assigned(text: &str) -> Result<Option<Place<'_>>> {
    let Some(set) = shell::assigned(text, VARIABLE) else {
        return Ok(None);
    };
    let Some(inner) = set.value else {
        let message = format!(
            "{VARIABLE} is {}, which only a shell understands",
            set.written
        );
        return Err(Error::new(Kind::Config, message).remedy(format!(
            "write it in one line without variables, as {VARIABLE}=\"kvm-qcow2 kvm-ceph\", and run it again"
        )));
    };
    Ok(Some(Place {
        inner,
        at: set.at,
        is_quoted: set.is_quoted,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_comes_in_once() {
        for (before, after) in [
            (
                "# c\nLIVE_DISK_SNAPSHOTS=\"kvm-qcow2 kvm-ceph\"\nX=1\n",
                "# c\nLIVE_DISK_SNAPSHOTS=\"kvm-qcow2 kvm-ceph kvm-warmblock qemu-warmblock lxc-warmblock\"\nX=1\n",
            ),
            (
                "LIVE_DISK_SNAPSHOTS=\"\"\n",
                "LIVE_DISK_SNAPSHOTS=\"kvm-warmblock qemu-warmblock lxc-warmblock\"\n",
            ),
            (
                "export LIVE_DISK_SNAPSHOTS=\"kvm-ceph\"\n",
                "export LIVE_DISK_SNAPSHOTS=\"kvm-ceph kvm-warmblock qemu-warmblock lxc-warmblock\"\n",
            ),
            (
                "LIVE_DISK_SNAPSHOTS=kvm-ceph # x\n",
                "LIVE_DISK_SNAPSHOTS=\"kvm-ceph kvm-warmblock qemu-warmblock lxc-warmblock\" # x\n",
            ),
            (
                "X=1",
                "X=1\n# The driver warmblock; made by `warmblock one install`\nLIVE_DISK_SNAPSHOTS=\"kvm-warmblock qemu-warmblock lxc-warmblock\"\n",
            ),
            (
                "#LIVE_DISK_SNAPSHOTS=\"a\"\n",
                "#LIVE_DISK_SNAPSHOTS=\"a\"\n# The driver warmblock; made by `warmblock one install`\nLIVE_DISK_SNAPSHOTS=\"kvm-warmblock qemu-warmblock lxc-warmblock\"\n",
            ),
        ] {
            assert_eq!(mended(before).unwrap().as_deref(), Some(after));
            assert_eq!(mended(after).unwrap(), None, "{after}");
            // A line break that was missing stays, and so do quotes.
            let plain = before.replace("=kvm-ceph", "=\"kvm-ceph\"");
            let plain = if plain == "X=1" { "X=1\n" } else { &plain };
            assert_eq!(without(after).unwrap().as_deref(), Some(plain));
            assert_eq!(without(plain).unwrap(), None);
        }
        // Of an earlier release.
        let half = "LIVE_DISK_SNAPSHOTS=\"kvm-warmblock kvm-ceph\"\n";
        assert_eq!(lacks(half).unwrap(), ["qemu-warmblock", "lxc-warmblock"]);
        let left = without(half).unwrap();
        assert_eq!(left.unwrap(), "LIVE_DISK_SNAPSHOTS=\"kvm-ceph\"\n");
    }

    /// Words that came in behind a line's end would be a command's, and those behind a backslash nobody's.
    #[test]
    fn what_goes_on_in_the_next_line_is_left_as_it_is() {
        for text in [
            "LIVE_DISK_SNAPSHOTS=\"kvm-qcow2 \\\n kvm-ceph\"\n",
            "LIVE_DISK_SNAPSHOTS=\"kvm-qcow2\n kvm-ceph\"\n",
            "LIVE_DISK_SNAPSHOTS=\"$OTHERS kvm-warmblock\"\n",
        ] {
            let errors = [
                lacks(text).unwrap_err(),
                mended(text).unwrap_err(),
                without(text).unwrap_err(),
            ];
            for error in errors {
                assert_eq!(error.kind(), Kind::Config, "{text}");
                assert!(error.remedy_text().unwrap().contains("one line"));
            }
        }
    }
}
