//! The exit codes in words: for `--help` and the man page, made from [`Kind::ALL`].

use std::fmt::Write as _;

use crate::Kind;

/// What an exit code tells, in one line.
pub const fn meaning(kind: Kind) -> &'static str {
    match kind {
        Kind::Internal => "a bug in warmblock; please report it",
        Kind::Usage => "the command line or a job cannot be understood",
        Kind::Config => "the configuration cannot be used",
        Kind::NotFound => "a pool, image, snapshot or disk is not there",
        Kind::Exists => "it is there already, and otherwise than asked for",
        Kind::Busy => "somebody is using it",
        Kind::LeaseHeld => "another host has the disk",
        Kind::Dirty => "data that Ceph lacks are in the way",
        Kind::NoSpace => "the volume group or the pool is full",
        Kind::Missing => "this host lacks a tool, module, volume group or right",
        Kind::Ceph => "Ceph cannot be reached in time, or refuses the key",
        Kind::Timeout => "a deadline passed",
        Kind::Failed => "a tool or the kernel refused",
        Kind::Mismatch => "data are not what they should be",
        Kind::Cancelled => "stopped on request",
    }
}

/// Every exit code with its meaning, success first.
pub fn codes() -> impl Iterator<Item = (u8, &'static str)> {
    let kinds = Kind::ALL
        .into_iter()
        .map(|kind| (kind.exit_code(), meaning(kind)));
    std::iter::once((0, "done")).chain(kinds)
}

/// The section for `--help`.
pub fn help() -> String {
    let mut text = String::from("Exit status:\n");
    for (code, meaning) in codes() {
        let _infallible = writeln!(text, "  {code:>3}  {meaning}");
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_is_there_once_and_fits_the_line() {
        let codes: Vec<_> = codes().collect();
        let distinct: BTreeSet<u8> = codes.iter().map(|(code, _)| *code).collect();
        assert_eq!(distinct.len(), codes.len());
        assert_eq!(codes.len(), Kind::ALL.len() + 1);
        assert!(help().lines().all(|line| line.len() <= 80));
    }
}
