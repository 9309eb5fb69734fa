//! Whether a process moves data: the bytes that its system calls read and wrote, from `/proc/PID/io` (proc_pid_io(5)).

use std::time::Instant;

/// The I/O counters of a process, and when they last moved.
#[derive(Debug)]
pub(super) struct Moves {
    pid: u32,
    bytes: u64,
    last: Instant,
}

impl Moves {
    pub(super) fn of(pid: u32) -> Self {
        Self {
            pid,
            bytes: 0,
            last: Instant::now(),
        }
    }

    /// Looks again, and says when the counters last moved.
    pub(super) fn last(&mut self) -> Instant {
        let text = std::fs::read_to_string(format!("/proc/{}/io", self.pid)).unwrap_or_default();
        let bytes = sum(&text);
        if bytes != self.bytes {
            self.bytes = bytes;
            self.last = Instant::now();
        }
        self.last
    }
}

/// `rchar` and `wchar` count what calls that ended have moved, direct I/O included.
fn sum(text: &str) -> u64 {
    let counted = |line: &str| {
        let (name, number) = line.split_once(": ")?;
        matches!(name, "rchar" | "wchar").then(|| number.trim().parse::<u64>().ok())?
    };
    text.lines().filter_map(counted).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counters_are_read() {
        assert_eq!(sum("rchar: 10\nwchar: 5\nsyscr: 7\nread_bytes: 9\n"), 15);
        assert_eq!(sum(""), 0);
        let mut moves = Moves::of(std::process::id());
        let first = moves.last();
        assert!(moves.bytes > 0 && moves.last() >= first);
    }
}
