//! The external tools and their versions.

use std::path::PathBuf;

use super::finding::{Finding, State};
use crate::exec::{Cmd, Exec, ExecError};

/// Tools that come together, and how the first of them tells its version.
struct Tools {
    name: &'static str,
    tools: &'static [&'static str],
    version: &'static str,
    /// The line of its answer that has the version begins so.
    line: &'static str,
}

const TOOLS: [Tools; 6] = [
    Tools {
        name: "rbd",
        tools: &["rbd"],
        version: "--version",
        line: "ceph version",
    },
    Tools {
        name: "LVM",
        tools: &[
            "lvs",
            "vgs",
            "lvcreate",
            "lvremove",
            "lvchange",
            "lvmconfig",
        ],
        version: "--version",
        line: "LVM version:",
    },
    Tools {
        name: "dmsetup",
        tools: &["dmsetup"],
        version: "--version",
        line: "Library version:",
    },
    Tools {
        name: "cache tools",
        tools: &["cache_restore", "cache_check", "cache_dump"],
        version: "--version",
        line: "",
    },
    Tools {
        name: "blkdiscard",
        tools: &["blkdiscard"],
        version: "--version",
        line: "blkdiscard from",
    },
    Tools {
        name: "modprobe",
        tools: &["modprobe"],
        version: "--version",
        line: "kmod version",
    },
];

/// Those that some cache drivers need, and others do not: whether the configured one does, is in the row of that.
const DRIVERS_OWN: [&str; 2] = ["cache tools", "blkdiscard"];

/// One finding per set of tools.
pub fn tools(exec: &Exec) -> Vec<Finding> {
    TOOLS.iter().map(|tools| check(exec, tools)).collect()
}

fn check(exec: &Exec, tools: &Tools) -> Finding {
    let found: Result<Vec<PathBuf>, ExecError> =
        tools.tools.iter().map(|tool| exec.find(tool)).collect();
    let paths = match found {
        Ok(paths) => paths,
        Err(error) => {
            let missing = Finding::of_error(tools.name, &error.into(), "install it");
            return match DRIVERS_OWN.contains(&tools.name) {
                true => missing.at_most(State::Unused),
                false => missing,
            };
        }
    };
    let Some((first, path)) = tools.tools.first().zip(paths.first()) else {
        return Finding::ok(tools.name, "nothing is needed");
    };
    match exec.run(&Cmd::query(first).arg(tools.version)) {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout);
            let version = version(&text, tools.line);
            judge(tools.name, &version, &path.display().to_string())
        }
        Err(error) => Finding::of_error(
            tools.name,
            &error.into(),
            &format!("see why `{first} {}` fails", tools.version),
        ),
    }
}

/// The first word with a digit after the beginning of the line that has it.
fn version(text: &str, line: &str) -> String {
    let rest = text.lines().find_map(|row| row.trim().strip_prefix(line));
    let mut words = rest.unwrap_or("").split_whitespace();
    words
        .find(|word| word.contains(|c: char| c.is_ascii_digit()))
        .unwrap_or("unknown")
        .to_owned()
}

fn judge(name: &str, version: &str, path: &str) -> Finding {
    if name == "cache tools" && version.starts_with("0.") {
        // thin-provisioning-tools 0.9.0 of Debian 12, tried: every block is shown clean.
        return Finding::warn(
            name,
            format!("version {version} shows dirty blocks of metadata format 2 as clean ({path})"),
            "warmblock asks the kernel instead; do not repair a write-back cache by hand with a version before 1.0",
        );
    }
    Finding::ok(name, format!("version {version} ({path})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_the_tools_print() {
        let cases = [
            (
                "ceph version 16.2.15 (618f440) pacific (stable)\n",
                "ceph version",
                "16.2.15",
            ),
            (
                "  LVM version:     2.03.16(2) (2022-05-18)\n  Library version: 1\n",
                "LVM version:",
                "2.03.16(2)",
            ),
            (
                "Library version:   1.02.185 (2022-05-18)\n",
                "Library version:",
                "1.02.185",
            ),
            ("0.9.0\n", "", "0.9.0"),
            ("cache_restore 1.0.6\n", "", "1.0.6"),
            (
                "blkdiscard from util-linux 2.38.1\n",
                "blkdiscard from",
                "2.38.1",
            ),
            ("kmod version 30\n+ZSTD\n", "kmod version", "30"),
            ("", "x", "unknown"),
        ];
        for (text, line, wanted) in cases {
            assert_eq!(version(text, line), wanted);
        }
    }
}
