//! Processes, and how one is told from another that has its number later.

use super::Roots;

/// When a process began, in clock ticks since the boot (proc_pid_stat(5), field 22): a number is given to another process sooner
/// or later, but not with this. `None` if there is none of this number.
pub fn began(roots: &Roots, pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(roots.proc.join(format!("{pid}/stat"))).ok()?;
    // The second field is the program's name in parentheses, and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(19)?.parse().ok()
}
