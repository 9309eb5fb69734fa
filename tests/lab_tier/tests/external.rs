//! Drivers from outside, on a real kernel: the example keeps its promises and serves a disk; one that does not is found out.

use anyhow::{Context as _, Result, ensure};
use warmblock::Kind;

use super::same;
use crate::case::Case;
use crate::drivers::{self, EXAMPLE, variant};
use crate::host::{Host, front};
use crate::world::{KIB, MIB, STANDARD};

/// In the example: the table that it makes, and by which it knows its own.
const TABLE: &str = "--table \"0 $sectors linear $number 0\"";
const OWN_TABLE: &str = "\"0 \"[0-9]*\" linear \"[0-9]*:[0-9]*\" 0\")";

/// A driver on the host, and a configuration that does not wait long for it.
fn install(host: &Host, name: &str, script: &str) -> Result<String> {
    drivers::put(host, name, script)?;
    host.config("[deadline]\ntool = \"4s\"")
}

/// `driver check` on the example: no case fails, and nothing is left.
pub fn example_conforms(case: &Case) -> Result<()> {
    let host = case.host();
    let config = install(host, "example", EXAMPLE)?;
    let report = host
        .wb(&["driver", "check", "/lab/drivers/example"])
        .config(&config)
        .ok()?;
    let cases = report["cases"].as_array().context("no cases")?;
    let with = |outcome: &str| {
        cases
            .iter()
            .filter(|case| case["outcome"] == outcome)
            .count()
    };
    same("failed cases", with("fail"), 0)?;
    ensure!(with("pass") >= 12, "{report}");
    nothing_left(host)?;
    // And one that loses what is written is found out.
    let loser = variant(
        "loser",
        &[(TABLE, "--table \"0 $sectors zero\""), (OWN_TABLE, "*)")],
    )?;
    let config = install(host, "loser", &loser)?;
    let out = host
        .wb(&["driver", "check", "/lab/drivers/loser"])
        .config(&config)
        .run()?;
    same(
        "exit code of the check",
        out.code,
        i32::from(Kind::Mismatch.exit_code()),
    )?;
    nothing_left(host)
}

/// A driver that writes back when it is closed, and whose open cannot be run again once it was killed, is found out.
pub fn promises_are_tried(case: &Case) -> Result<()> {
    let host = case.host();
    let script = variant(
        "rash",
        &[
            (
                r#"modes: ["writethrough"], seed"#,
                r#"modes: ["writeback"], seed"#,
            ),
            ("guarantees: {writethrough:", "guarantees: {writeback:"),
            (r#".mode == "writethrough")"#, r#".mode == "writeback")"#),
            (
                r#""mode": "writethrough", "stats": {"dirty": 0}}\n' "$2" ;;"#,
                r#""mode": "writeback", "stats": {"dirty": %s}}\n' "$2" "$(dmsetup status "$name" | awk '{print ($5 - $6) * 512}')" ;;"#,
            ),
            (
                TABLE,
                "--table \"0 $sectors writecache s $number $data 512 0\"",
            ),
            (OWN_TABLE, "*)"),
            (
                r#"elif [ "$table" != "0 $sectors linear $number 0" ]; then"#,
                "elif false; then",
            ),
            (
                "    [ -b \"$data\" ] || fail not-found",
                "    [ ! -e \"/run/rash-$key\" ] || fail busy \"another open is at work\"\n    : >\"/run/rash-$key\"\n    sleep 1\n    \
                 [ -b \"$data\" ] || fail not-found",
            ),
            (
                "  mode | flush)\n",
                "  mode | flush)\n    dmsetup message \"$name\" 0 flush\n",
            ),
            (
                "|| run dmsetup remove --retry \"$name\"",
                "|| { dmsetup message \"$name\" 0 flush; run dmsetup remove --retry \"$name\"; }",
            ),
            ("esac\nstatus\n", "esac\nrm -f \"/run/rash-$key\"\nstatus\n"),
        ],
    )?;
    drivers::put(host, "rash", &script)?;
    host.sh("modprobe dm-writecache")?;
    let report = host
        .wb(&["driver", "check", "/lab/drivers/rash"])
        .deadline(300)
        .run()?
        .json()?;
    for (name, words) in [
        ("dirty data outlive a close", "close wrote"),
        ("a killed verb is run again", "another open is at work"),
    ] {
        let cases = report["cases"].as_array().context("no cases")?;
        let case = cases.iter().find(|case| case["case"] == name);
        let seen = case.with_context(|| report.to_string())?;
        ensure!(
            seen["outcome"] == "fail" && seen["seen"].to_string().contains(words),
            "{seen}"
        );
    }
    host.sh("rm -f /run/rash-*")?;
    nothing_left(host)
}

/// A driver whose tool answers only once its module is there, as Open-CAS's does: after a boot nobody has loaded it.
pub fn a_module_is_loaded_first(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let script = variant(
        "needy",
        &[
            (
                r#"modules: ["dm-mod"]"#,
                r#"modules: ["dm-mod", "wb-needy"]"#,
            ),
            (
                "case $1 in\n  capabilities) capabilities ;;",
                "[ $1 = capabilities ] || [ -e /run/needy ] || fail failed \"its module is not loaded\"\n\
                 case $1 in\n  capabilities) capabilities ;;",
            ),
        ],
    )?;
    drivers::put(host, "needy", &script)?;
    let modprobe = "#!/bin/sh\nfor module; do :; done\n[ \"$module\" != wb-needy ] || exec touch /run/needy\n\
                    exec /usr/sbin/modprobe \"$@\"\n";
    let stub = host
        .world
        .dir
        .join("h")
        .join(host.name)
        .join("needy/modprobe");
    warmblock::sys::atomic::write_mode(&stub, modprobe.as_bytes(), 0o755)?;
    let config = host.config(
        "[drivers]\npath = [\"/lab/drivers\"]\n[tools]\npath = [\"/lab/needy\", \"/usr/sbin\", \"/sbin\", \"/usr/bin\", \"/bin\"]",
    )?;
    let wb = |args: &[&str]| host.wb(args).config(&config).ok();
    let image = world.clone_of(STANDARD)?;
    let device = front(&wb(&["attach", &image.spec, "--driver", "needy"])?)?;
    host.write(&device, &image, 75, 3 * MIB, 64 * KIB)?;
    for verb in [&["recover"][..], &["detach", &image.spec]] {
        host.sh("rm /run/needy")?;
        wb(verb)?;
    }
    host.sh("rm -f /run/needy")?;
    host.check_gone(&image)
}

fn nothing_left(host: &Host) -> Result<()> {
    let left = host.sh("losetup --noheadings; ls /dev/shm | grep warmblock || true; dmsetup ls | grep -v 'No devices' || true")?;
    let left: Vec<&str> = left
        .text()
        .lines()
        .filter(|line| !line.starts_with("ssd-"))
        .collect();
    ensure!(left.is_empty(), "left behind: {left:?}");
    Ok(())
}

/// A disk with the example as its cache: its whole life, and its exchange for dm-cache and back.
pub fn example_serves(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let config = install(host, "example", EXAMPLE)?;
    let wb = |args: &[&str]| host.wb(args).config(&config).ok();
    let image = world.clone_of(STANDARD)?;
    let device = front(&wb(&["attach", &image.spec, "--driver", "example"])?)?;
    host.check(&device, &image)?;
    host.write(&device, &image, 71, 3 * MIB + 4 * KIB, 128 * KIB)?;
    world.check_ceph(&image)?;
    let status = &wb(&["status", "--lease", &image.spec])?["disks"][0];
    same("well", &status["well"], true)?;
    same("driver", status["driver"].as_str(), Some("example"))?;
    same(
        "driver in the lease",
        status["lease"]["holder"]["driver"].as_str(),
        Some("example"),
    )?;
    wb(&["bypass", &image.spec])?;
    host.write(&device, &image, 72, 9 * MIB, 64 * KIB)?;
    wb(&["insert", &image.spec])?;
    host.check(&device, &image)?;
    wb(&[
        "attach",
        &image.spec,
        "--driver",
        "dm-cache",
        "--size",
        "32M",
    ])?;
    host.write(&device, &image, 73, 10 * MIB, 64 * KIB)?;
    wb(&["attach", &image.spec, "--driver", "example"])?;
    host.check(&device, &image)?;
    hangs_later(host, &config, &image)?;
    wb(&["detach", &image.spec])?;
    host.check_gone(&image)
}

/// The driver stops to answer while its cache is in use: the disk is told as not well, and can be taken off it.
fn hangs_later(host: &Host, config: &str, image: &crate::world::Image) -> Result<()> {
    install(
        host,
        "example",
        "#!/bin/sh\n[ $1 != capabilities ] || exec /lab/drivers/.good capabilities\nexec sleep 1000\n",
    )?;
    let good = host
        .world
        .dir
        .join("h")
        .join(host.name)
        .join("drivers/.good");
    warmblock::sys::atomic::write_mode(&good, EXAMPLE.as_bytes(), 0o755)?;
    let status = &host.wb(&["status", &image.spec]).config(config).ok()?["disks"][0];
    same("well", &status["well"], false)?;
    ensure!(
        status["state"].to_string().contains("no end after"),
        "{status}"
    );
    let out = host.wb(&["bypass", &image.spec]).config(config).run()?;
    out.refused(Kind::Timeout, &["example"])?;
    let table = host.sh("dmsetup table | grep -v cache | grep '^wb-'")?;
    let rbd = host.rbd_device(image)?;
    let number = host.sh(&format!("cat /sys/block/{rbd}/dev"))?;
    ensure!(
        table
            .stdout
            .contains(&format!("linear {} 0", number.text())),
        "the front is not on the RBD: {table}"
    );
    install(host, "example", EXAMPLE)?;
    Ok(())
}

/// Drivers that lie about their device never get under a guest, and leave nothing.
pub fn liars_are_found_out(case: &Case) -> Result<()> {
    let (world, host) = (&*case.world, case.host());
    let image = world.clone_of(STANDARD)?;
    let liars = [
        (
            "itself",
            "answer up \"/dev/mapper/$name\"",
            "answer up \"/dev/rbd0\"",
            "the image or the slice itself",
        ),
        (
            "short",
            TABLE,
            "--table \"0 $((sectors - 8)) linear $number 0\"",
            "sectors, and the image has",
        ),
        (
            "zero",
            TABLE,
            "--table \"0 $sectors zero\"",
            "does not read as the image does",
        ),
    ];
    for (name, from, to, words) in liars {
        // It believes its own tables, and tells that all is well.
        let lie = variant(name, &[(from, to), (OWN_TABLE, "*)")])?;
        let config = install(host, name, &lie)?;
        let out = host
            .wb(&["attach", &image.spec, "--driver", name])
            .config(&config)
            .run()?;
        out.refused(Kind::Mismatch, &[words])
            .with_context(|| name.to_owned())?;
        host.check_gone(&image).with_context(|| name.to_owned())?;
    }
    Ok(())
}

/// `driver check` on the driver for Open-CAS, with real devices, and a casadm that keeps its state and caches nothing: the lab's
/// kernel has no such module. So all but the filling must pass.
pub fn opencas_conforms(case: &Case) -> Result<()> {
    const OPENCAS: &str = include_str!("../../../drivers/opencas/driver");
    const RULES: &str = include_str!("../../../drivers/opencas/58-warmblock-opencas.rules");
    let host = case.host();
    install(host, "opencas", OPENCAS)?;
    let stubs = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/stubs/opencas");
    let dir = host.world.dir.join("h").join(host.name).join("stubs");
    std::fs::create_dir_all(&dir)?;
    for stub in ["casadm", "modprobe", "state.sh"] {
        std::fs::copy(format!("{stubs}/{stub}"), dir.join(stub))?;
    }
    host.put("opencas.rules", RULES.as_bytes())?;
    host.sh("cp /lab/opencas.rules /etc/udev/rules.d/58-warmblock-opencas.rules && udevadm control --reload")?;
    let config = host.config(
        "[drivers]\npath = [\"/lab/drivers\"]\n[tools]\npath = [\"/lab/stubs\", \"/usr/sbin\", \"/sbin\", \"/usr/bin\", \"/bin\"]",
    )?;
    let report = host
        .wb(&["driver", "check", "/lab/drivers/opencas"])
        .config(&config)
        .deadline(900)
        .run()?
        .json()?;
    let cases = report["cases"].as_array().context("no cases")?;
    let failed = cases.iter().filter(|case| case["outcome"] == "fail");
    let failed: Vec<_> = failed.map(|case| &case["case"]).collect();
    same("failed cases", failed, ["filled by reading"]).with_context(|| report.to_string())?;
    host.sh("rm /etc/udev/rules.d/58-warmblock-opencas.rules && udevadm control --reload")?;
    nothing_left(host)
}
