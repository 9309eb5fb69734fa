//! Drivers from outside on the lab's hosts: the example, and what can be made of it.

use std::os::unix::fs::PermissionsExt as _;

use anyhow::{Result, ensure};

use crate::host::Host;

/// The example.
pub const EXAMPLE: &str = include_str!("../../drivers/example/driver");

/// The drivers that every host has.
pub fn install(host: &Host) -> Result<()> {
    put(host, "example", EXAMPLE)?;
    put(host, "stiff", &stiff()?)
}

/// Puts a driver onto a host, as a directory of its own.
pub fn put(host: &Host, name: &str, script: &str) -> Result<()> {
    let drivers = host.world.dir.join("h").join(host.name).join("drivers");
    let file = drivers.join(name).join("driver");
    std::fs::create_dir_all(drivers.join(name))?;
    warmblock::sys::atomic::write_mode(&file, script.as_bytes(), 0o755)?;
    Ok(std::fs::set_permissions(
        &file,
        std::fs::Permissions::from_mode(0o755),
    )?)
}

/// The example under another name, with something in it replaced.
pub fn variant(name: &str, changes: &[(&str, &str)]) -> Result<String> {
    let mut script = EXAMPLE.replace("name: \"example\"", &format!("name: \"{name}\""));
    for (from, to) in changes {
        ensure!(script.contains(from), "the example has no {from:?}");
        script = script.replace(from, to);
    }
    Ok(script)
}

/// One with two modes, which it is given when it is opened, and which it refuses to change then.
fn stiff() -> Result<String> {
    variant(
        "stiff",
        &[
            (
                r#"modes: ["writethrough"], seed"#,
                r#"modes: ["writethrough", "writearound"], live: false, seed"#,
            ),
            (
                "guarantees: {",
                r#"guarantees: {writearound: "Ceph has every acknowledged write", "#,
            ),
            (
                r#".mode == "writethrough")"#,
                r#"(.mode == "writethrough" or .mode == "writearound"))"#,
            ),
            (
                r#"then empty
        else"#,
                r#"then @sh "wanted=\(.mode // "")"
        else"#,
            ),
            (
                r#""mode": "writethrough", "stats": {"dirty": 0}}\n' "$2" ;;"#,
                r#""mode": "%s", "stats": {"dirty": 0}}\n' "$2" "$(cat "/run/stiff-$key")" ;;"#,
            ),
            (
                "  open)\n    lock\n",
                "  open)\n    lock\n    dmsetup info \"$name\" >/dev/null 2>&1 || echo \"$wanted\" >\"/run/stiff-$key\"\n",
            ),
            (
                "  mode | flush)\n",
                "  mode | flush)\n    [ -z \"${wanted:-}\" ] || [ \"$wanted\" = \"$(cat \"/run/stiff-$key\")\" ] || fail failed \"it cannot change its mode\"\n",
            ),
        ],
    )
}
