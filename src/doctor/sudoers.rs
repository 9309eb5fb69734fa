//! What lets the user who runs oned have a host do what it is asked to.

use crate::{Error, Kind, Result};

/// A file for `/etc/sudoers.d`: the user may run what a host is asked to do, and nothing else; and sudo finds it, for OpenNebula's own
/// file sets a path without `/usr/local/bin` (contract, 3.7). It is printed by root's own program: what lies where that user may write
/// is no source of his rights.
///
/// # Errors
/// [`Kind::Usage`] for what is no name of a user.
pub fn sudoers(user: &str) -> Result<String> {
    let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    // In capitals it would be everybody (`ALL`), or an alias (sudoers(5)).
    let alias = !user.chars().any(|c| c.is_ascii_lowercase());
    if alias || user.starts_with('-') || !user.chars().all(known) {
        return Err(
            Error::new(Kind::Usage, format!("{user:?} is no name of a user"))
                .remedy("name the user who runs oned: oneadmin, as a rule"),
        );
    }
    Ok(format!(
        "\
# For /etc/sudoers.d/warmblock on every host and bridge host of OpenNebula, mode 0440. The files there are read by their names'
# order, so this path counts and not that of OpenNebula's own.
Defaults:{user} secure_path = /sbin:/bin:/usr/sbin:/usr/bin:/usr/local/bin
{user} ALL=(root) NOPASSWD: /usr/bin/warmblock host, /usr/local/bin/warmblock host
"
    ))
}

/// How it is put there.
pub fn install(user: &str) -> String {
    format!("`warmblock doctor --print-sudoers {user} > /etc/sudoers.d/warmblock`, as root")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OpenNebula's own file there has a path that does not lead to /usr/local/bin; of two files the later one counts.
    #[test]
    fn sudo_finds_the_program_wherever_it_was_installed() {
        let text = sudoers("cloud").unwrap();
        let path = text
            .lines()
            .find_map(|line| line.strip_prefix("Defaults:cloud secure_path = "));
        let allowed = text
            .lines()
            .find_map(|line| line.strip_prefix("cloud ALL=(root) NOPASSWD: "));
        for program in allowed.unwrap().split(", ") {
            let dir = program.strip_suffix("/warmblock host").unwrap();
            assert!(path.unwrap().split(':').any(|known| known == dir), "{dir}");
        }
        for user in [
            "",
            "ALL",
            "ADMINS_1",
            "-a",
            "a b",
            "a\nALL",
            "ALL=(ALL) x",
            "%g",
        ] {
            assert!(sudoers(user).is_err(), "{user:?}");
        }
    }
}
