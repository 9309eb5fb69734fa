//! `driver ls` and `driver check`, as far as they go without root.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use super::{put, run, warmblock};

const EXAMPLE: &str = include_str!("../../drivers/example/driver");

/// A driver in a directory of its own, with a mode.
fn install(root: &Path, name: &str, script: &str, mode: u32) {
    let file = format!("drivers/{name}/driver");
    put(root, &file, script);
    std::fs::set_permissions(root.join(file), std::fs::Permissions::from_mode(mode)).unwrap();
}

fn configure(root: &Path) {
    let dir = root.join("drivers");
    put(
        root,
        "etc/warmblock/warmblock.toml",
        &format!("[drivers]\npath = [{dir:?}]\n"),
    );
}

#[test]
fn those_from_outside_are_listed_with_what_is_wrong() {
    let root = tempfile::tempdir().unwrap();
    configure(root.path());
    install(root.path(), "example", EXAMPLE, 0o755);
    install(root.path(), "open", EXAMPLE, 0o775);
    install(root.path(), "silent", "#!/bin/sh\nexit 7\n", 0o755);
    install(root.path(), "other", EXAMPLE, 0o755);
    install(root.path(), "dm-cache", EXAMPLE, 0o755);
    let ran = run(warmblock(root.path()).args(["driver", "ls", "--json"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let list: Value = serde_json::from_str(&ran.stdout).unwrap();
    let drivers = list["drivers"].as_array().unwrap();
    let of = |name: &str| {
        let mut found = drivers
            .iter()
            .filter(|driver| driver["name"] == name && driver["dir"].is_string());
        found
            .next()
            .unwrap_or_else(|| panic!("{name} is not in {list}"))
    };
    assert_eq!(
        (&of("example")["release"], &of("example")["modes"]),
        (&"1.0".into(), &serde_json::json!(["writethrough"]))
    );
    for (name, wanted) in [
        ("open", "can be written by others (mode 775)"),
        ("silent", "exit code 7"),
        ("other", "calls itself example"),
        ("dm-cache", "name of a driver of this program"),
    ] {
        let driver = of(name);
        assert_eq!(driver["usable"], false, "{driver}");
        assert!(driver["why"].as_str().unwrap().contains(wanted), "{driver}");
        assert!(driver["remedy"].is_string(), "{driver}");
    }
    let words = run(warmblock(root.path()).args(["driver", "ls"])).stdout;
    assert!(
        words.contains("-> ") && words.contains("built in"),
        "{words}"
    );
}

#[test]
fn what_cannot_be_tried_is_refused() {
    let root = tempfile::tempdir().unwrap();
    configure(root.path());
    install(root.path(), "open", EXAMPLE, 0o775);
    install(root.path(), "Odd", EXAMPLE, 0o755);
    let cases = [
        ("none", 4, "no directory"),
        ("open", 3, "not run"),
        ("Odd", 2, "driver \"Odd\""),
    ];
    for (name, code, wanted) in cases {
        let ran = run(warmblock(root.path())
            .args(["driver", "check"])
            .arg(root.path().join("drivers").join(name)));
        assert_eq!(ran.code, code, "{name}: {}", ran.stderr);
        assert!(ran.stderr.contains(wanted), "{name}: {}", ran.stderr);
    }
}
