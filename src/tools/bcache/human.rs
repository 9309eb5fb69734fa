//! Figures as bcache prints them for people (`bch_hprint` in drivers/md/bcache/util.c).

use crate::model::Bytes;

/// `0`, `512`, `16.0k`, `4.0M`, `1.2G`: powers of 1024, one digit behind the point. A negative one, which the kernel's
/// counters can give for a moment, is none.
pub(super) fn bytes(text: &str) -> Option<Bytes> {
    let text = text.trim();
    if text.starts_with('-') {
        return Some(Bytes(0));
    }
    let shift = match text.chars().last()? {
        'k' | 'K' => 10,
        'M' => 20,
        'G' => 30,
        'T' => 40,
        'P' => 50,
        _ => 0,
    };
    let number = if shift == 0 {
        text
    } else {
        text.get(..text.len() - 1)?
    };
    let (whole, tenth) = number.split_once('.').unwrap_or((number, "0"));
    let whole: u64 = whole.parse().ok()?;
    let tenth: u64 = tenth.get(..1)?.parse().ok()?;
    let unit = 1_u64 << shift;
    Some(Bytes(
        whole.checked_mul(unit)?.checked_add(tenth * unit / 10)?,
    ))
}

/// The percentage after a name in `priority_stats`: `Unused: 97%`.
pub(super) fn percent(stats: &str, name: &str) -> Option<u64> {
    let line = stats.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix('%')?.parse().ok()
}
