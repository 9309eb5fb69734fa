//! vmm_execrc: which drivers take snapshots of disks of running VMs.

use super::oned_conf::NAME;

/// The shell variable.
const VARIABLE: &str = "LIVE_DISK_SNAPSHOTS";

/// What stands in it for this driver.
pub fn word() -> String {
    format!("kvm-{NAME}")
}

/// The file with the word in the variable; `None` if it has it.
pub fn mended(text: &str) -> Option<String> {
    let word = word();
    let mut at = 0;
    // The last assignment counts, as in a shell.
    let mut place = None;
    for line in text.split_inclusive('\n') {
        if let Some(value) = line.trim_start().strip_prefix(VARIABLE)
            && let Some(value) = value.strip_prefix('=')
        {
            let from = at + line.len() - value.len();
            place = Some((from, value.trim_end()));
        }
        at += line.len();
    }
    let Some((from, value)) = place else {
        let gap = if text.is_empty() || text.ends_with('\n') {
            ""
        } else {
            "\n"
        };
        return Some(format!("{text}{gap}{VARIABLE}=\"{word}\"\n"));
    };
    let quote = value.chars().next().filter(|c| *c == '"' || *c == '\'');
    let inner = match quote {
        Some(quote) => {
            let rest = value.get(1..).unwrap_or_default();
            rest.split(quote).next().unwrap_or_default()
        }
        None => value.split(['#', ' ']).next().unwrap_or_default(),
    };
    if inner.split_whitespace().any(|known| known == word) {
        return None;
    }
    let joined = [inner, &word].join(" ");
    let (start, end) = match quote {
        Some(_) => (from + 1, from + 1 + inner.len()),
        None => (from, from + inner.len()),
    };
    let joined = if quote.is_some() {
        joined
    } else {
        format!("\"{joined}\"")
    };
    let (head, tail) = (text.get(..start)?, text.get(end..)?);
    Some(format!("{head}{}{tail}", joined.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_comes_in_once() {
        for (before, after) in [
            (
                "# c\nLIVE_DISK_SNAPSHOTS=\"kvm-qcow2 kvm-ceph\"\nX=1\n",
                "# c\nLIVE_DISK_SNAPSHOTS=\"kvm-qcow2 kvm-ceph kvm-warmblock\"\nX=1\n",
            ),
            (
                "LIVE_DISK_SNAPSHOTS=\"\"\n",
                "LIVE_DISK_SNAPSHOTS=\"kvm-warmblock\"\n",
            ),
            (
                "LIVE_DISK_SNAPSHOTS=kvm-ceph # x\n",
                "LIVE_DISK_SNAPSHOTS=\"kvm-ceph kvm-warmblock\" # x\n",
            ),
            ("X=1", "X=1\nLIVE_DISK_SNAPSHOTS=\"kvm-warmblock\"\n"),
            (
                "#LIVE_DISK_SNAPSHOTS=\"a\"\n",
                "#LIVE_DISK_SNAPSHOTS=\"a\"\nLIVE_DISK_SNAPSHOTS=\"kvm-warmblock\"\n",
            ),
        ] {
            assert_eq!(mended(before).as_deref(), Some(after));
            assert_eq!(mended(after), None, "{after}");
        }
    }
}
