//! vmm_execrc: which drivers take snapshots of disks of running VMs.

use super::oned_conf::NAME;

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
pub fn lacks(text: &str) -> Vec<String> {
    let there = assigned(text).map_or("", |place| place.inner);
    let known = |word: &String| there.split_whitespace().any(|known| known == word);
    words().into_iter().filter(|word| !known(word)).collect()
}

/// The file with the words in the variable; `None` if it has them.
pub fn mended(text: &str) -> Option<String> {
    let lacks = lacks(text).join(" ");
    if lacks.is_empty() {
        return None;
    }
    let Some(place) = assigned(text) else {
        let gap = if text.is_empty() || text.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        return Some(format!("{text}{gap}{MADE_BY}{VARIABLE}=\"{lacks}\"\n"));
    };
    let joined = match place.inner {
        "" => lacks,
        there => format!("{there} {lacks}"),
    };
    place.set_to(text, &joined)
}

/// The file without the words in the variable, and without the line if it is the installer's; `None` if it has none of them.
pub fn without(text: &str) -> Option<String> {
    let (place, words) = (assigned(text)?, words());
    let is_ours = |word: &&str| words.iter().any(|ours| ours == word);
    if !place.inner.split_whitespace().any(|word| is_ours(&word)) {
        return None;
    }
    let left: Vec<&str> = place
        .inner
        .split_whitespace()
        .filter(|word| !is_ours(word))
        .collect();
    let changed = place.set_to(text, &left.join(" "))?;
    Some(changed.replace(&format!("{MADE_BY}{VARIABLE}=\"\"\n"), ""))
}

/// Where the variable is set: the last time counts, as in a shell.
struct Assigned<'t> {
    /// What it is set to, without its quotes.
    inner: &'t str,
    at: usize,
    is_quoted: bool,
}

impl Assigned<'_> {
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

fn assigned(text: &str) -> Option<Assigned<'_>> {
    let mut at = 0;
    let mut place = None;
    for line in text.split_inclusive('\n') {
        let set = line.trim_start();
        let set = set.strip_prefix("export ").unwrap_or(set).trim_start();
        if let Some(value) = set.strip_prefix(VARIABLE)
            && let Some(value) = value.strip_prefix('=')
        {
            place = Some((at + line.len() - value.len(), value.trim_end()));
        }
        at += line.len();
    }
    let (from, value) = place?;
    let quote = value.chars().next().filter(|c| *c == '"' || *c == '\'');
    Some(match quote {
        Some(quote) => Assigned {
            inner: value.get(1..)?.split(quote).next().unwrap_or_default(),
            at: from + 1,
            is_quoted: true,
        },
        None => Assigned {
            inner: value.split(['#', ' ']).next().unwrap_or_default(),
            at: from,
            is_quoted: false,
        },
    })
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
            assert_eq!(mended(before).as_deref(), Some(after));
            assert_eq!(mended(after), None, "{after}");
            // A line break that was missing stays, and so do quotes.
            let plain = before.replace("=kvm-ceph", "=\"kvm-ceph\"");
            let plain = if plain == "X=1" { "X=1\n" } else { &plain };
            assert_eq!(without(after).as_deref(), Some(plain));
            assert_eq!(without(plain), None);
        }
        // Of an earlier release.
        let half = "LIVE_DISK_SNAPSHOTS=\"kvm-warmblock kvm-ceph\"\n";
        assert_eq!(lacks(half), ["qemu-warmblock", "lxc-warmblock"]);
        assert_eq!(without(half).unwrap(), "LIVE_DISK_SNAPSHOTS=\"kvm-ceph\"\n");
    }
}
