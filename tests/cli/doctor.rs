//! `doctor` on hosts that are nothing but a directory: stub tools, and files where the kernel has its own.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::Value;

use super::{Ran, put, run, warmblock};

/// A tool that prints what the real one does.
fn stub(root: &Path, tool: &str, script: &str) {
    let file = root.join("tools").join(tool);
    put(
        root,
        &format!("tools/{tool}"),
        &format!("#!/bin/sh\n{script}\n"),
    );
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// The configuration of every host here: no cluster answers.
fn configure(root: &Path, more: &str) {
    let (tools, conf) = (root.join("tools"), root.join("etc/ceph/ceph.conf"));
    let text = format!(
        "host = \"hv1\"\n[tools]\npath = [{tools:?}]\n[ceph]\nconf = {conf:?}\nconnect_deadline = \"1s\"\n[drivers]\npath = []\n{more}"
    );
    put(root, "etc/warmblock/warmblock.toml", &text);
    put(
        root,
        "proc/sys/kernel/random/boot_id",
        "11111111-2222-3333-4444-555555555555\n",
    );
}

/// A host with all that is needed.
pub(super) fn good(root: &Path) {
    configure(root, "[slice]\nvg = \"ssd\"\n");
    put(
        root,
        "proc/self/status",
        "Name:\tx\nUid:\t0\t0\t0\t0\nCapEff:\t000001ffffffffff\n",
    );
    for module in ["rbd", "dm_mod"] {
        put(root, &format!("sys/module/{module}/refcnt"), "0\n");
    }
    put(root, "sys/class/block/sdb/queue/rotational", "0\n");
    put(root, "dev/sdb", "");
    put(root, "run/udev/control", "");
    put(
        root,
        "etc/udev/rules.d/58-warmblock.rules",
        warmblock::tools::udev::RULES,
    );
    put(root, "etc/ceph/ceph.conf", "[global]\n");
    put(root, "etc/ceph/ceph.client.admin.keyring", "");
    stub(
        root,
        "modprobe",
        "case $1 in --version) echo 'kmod version 30';; *) case \"$*\" in *dm-cache*) exit 0;; esac; exit 1;; esac",
    );
    stub(
        root,
        "rbd",
        "echo 'ceph version 16.2.15 (618f) pacific (stable)'",
    );
    for tool in ["lvs", "lvcreate", "lvremove", "lvchange"] {
        stub(
            root,
            tool,
            "echo '  LVM version:     2.03.16(2) (2022-05-18)'",
        );
    }
    stub(
        root,
        "vgs",
        r#"echo '{"report":[{"vg":[{"vg_name":"ssd","vg_size":"107374182400","vg_free":"53687091200","vg_extent_size":"4194304","pv_name":"/dev/sdb"}]}]}'"#,
    );
    stub(
        root,
        "lvmconfig",
        r#"echo 'global_filter=["r|^/dev/(rbd|nbd|bcache)|","r|^/dev/mapper/wb-|"]'; echo use_devicesfile=0"#,
    );
    stub(
        root,
        "dmsetup",
        "case $1 in targets) echo 'cache            v2.4.0';; *) echo 'Library version:   1.02.185 (2022)';; esac",
    );
    for tool in ["cache_restore", "cache_check", "cache_dump"] {
        stub(root, tool, "echo 1.0.6");
    }
    stub(
        root,
        "blkdiscard",
        "echo 'blkdiscard from util-linux 2.38.1'",
    );
}

fn examine(root: &Path) -> Ran {
    run(warmblock(root).arg("doctor"))
}

/// The words without what differs from run to run: the directory, and what librados says of a cluster that is not there.
fn stable(root: &Path, ran: &Ran) -> String {
    let root = root.display().to_string();
    let lines = ran.stdout.lines().map(|line| line.replace(&root, "ROOT"));
    let cut = |line: String| {
        if line.starts_with("FAIL  Ceph  ") {
            "FAIL  Ceph (cut)".to_owned()
        } else {
            line
        }
    };
    // The remedy of that is librados' too.
    let mut lines: Vec<String> = lines.map(cut).collect();
    if let Some(at) = lines.iter().position(|line| line == "FAIL  Ceph (cut)") {
        lines.remove(at + 1);
    }
    format!("exit code {}\n{}\n", ran.code, lines.join("\n"))
}

#[test]
fn a_good_host_misses_only_its_cluster() {
    let root = tempfile::tempdir().unwrap();
    good(root.path());
    insta::assert_snapshot!("doctor-good", stable(root.path(), &examine(root.path())));
}

#[test]
fn a_quiet_one_tells_only_what_is_amiss() {
    let root = tempfile::tempdir().unwrap();
    good(root.path());
    let ran = run(warmblock(root.path()).args(["doctor", "-q"]));
    let all = examine(root.path());
    assert_eq!((ran.code, ran.stderr.as_str()), (all.code, ""));
    let signs = |ran: &Ran, of: &[&str]| {
        let is = |line: &&str| of.contains(&line.split_whitespace().next().unwrap_or_default());
        ran.stdout.lines().filter(is).count()
    };
    assert!(signs(&all, &["ok"]) > 0 && !ran.stdout.contains("checks,"));
    assert_eq!(signs(&ran, &["ok", "-", "✓", "–"]), 0, "{}", ran.stdout);
    let amiss = ["FAIL", "warn", "✗", "!"];
    assert_eq!(signs(&ran, &amiss), signs(&all, &amiss));
}

#[test]
fn a_bare_host_is_told_what_to_do() {
    let root = tempfile::tempdir().unwrap();
    configure(root.path(), "[slice]\non_full = \"fail\"\n");
    put(
        root.path(),
        "proc/self/status",
        "Uid:\t1000\t1000\t1000\t1000\nCapEff:\t0\n",
    );
    put(root.path(), "run/udev/control", "");
    stub(root.path(), "modprobe", "exit 1");
    stub(
        root.path(),
        "lvmconfig",
        r#"echo 'global_filter=["a|.*|"]'"#,
    );
    insta::assert_snapshot!("doctor-bare", stable(root.path(), &examine(root.path())));
}

#[test]
fn every_failing_line_has_its_remedy() {
    let root = tempfile::tempdir().unwrap();
    configure(root.path(), "nonsense = 1\n");
    let ran = run(warmblock(root.path()).args(["doctor", "--json"]));
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings[0]["name"], "configuration");
    assert!(
        findings[0]["found"]
            .as_str()
            .unwrap()
            .contains("unknown field `nonsense`")
    );
    for finding in findings {
        assert!(
            ["ok", "unused"].contains(&finding["state"].as_str().unwrap())
                || finding["remedy"].is_string(),
            "{finding}"
        );
    }
    assert_eq!(ran.code, 10);
}

/// The check, how its host is spoiled, and what it then says.
type Case<'a> = (&'a str, &'a dyn Fn(&Path), &'a str);

#[test]
fn one_fault_at_a_time() {
    let cases: [Case; 10] = [
        (
            "driver dm-cache",
            &|root| configure(root, "[cache]\nmode = \"writearound\"\n"),
            "has no mode writearound",
        ),
        (
            "driver directory",
            &|root| {
                put(
                    root,
                    "etc/warmblock/conf.d/drivers.toml",
                    "[drivers]\npath = [\"/nowhere\"]\n",
                )
            },
            "/nowhere",
        ),
        (
            "driver flashcache",
            &|root| configure(root, "[cache]\ndriver = \"flashcache\"\n"),
            "lacks the tool flashcache_create",
        ),
        (
            "root",
            &|root| {
                put(
                    root,
                    "proc/self/status",
                    "Uid:\t0\t0\t0\t0\nCapEff:\t00000000a80425fb\n",
                )
            },
            "container",
        ),
        (
            "cache tools",
            &|root| stub(root, "cache_restore", "echo 0.9.0"),
            "dirty blocks",
        ),
        (
            "udev rules",
            &|root| put(root, "etc/udev/rules.d/58-warmblock.rules", "# old\n"),
            "not that of this release",
        ),
        (
            "SSD /dev/sdb",
            &|root| put(root, "sys/class/block/sdb/queue/rotational", "1\n"),
            "rotating",
        ),
        (
            "volume group",
            &|root| {
                stub(
                    root,
                    "vgs",
                    "echo '  Volume group \"ssd\" not found' >&2; exit 5",
                )
            },
            "no volume group",
        ),
        (
            "dm-cache target",
            &|root| stub(root, "dmsetup", "echo 'cache v1.5.0'"),
            "older",
        ),
        (
            "LVM filter",
            &|root| stub(root, "lvmconfig", r#"echo 'global_filter=["a|.*|"]'"#),
            "/dev/rbd0",
        ),
    ];
    for (name, spoil, wanted) in cases {
        let root = tempfile::tempdir().unwrap();
        good(root.path());
        spoil(root.path());
        let ran = run(warmblock(root.path()).args(["doctor", "--json"]));
        let report: Value = serde_json::from_str(&ran.stdout).unwrap();
        let finding = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .find(|finding| finding["name"] == name)
            .unwrap();
        assert_ne!(finding["state"], "ok", "{name}");
        assert!(
            finding["found"].as_str().unwrap().contains(wanted),
            "{finding}"
        );
        assert!(finding["remedy"].is_string(), "{finding}");
    }
}

#[test]
fn the_unit_for_the_boot_is_printed() {
    let root = tempfile::tempdir().unwrap();
    let ran = run(warmblock(root.path()).args(["doctor", "--print-recover-unit"]));
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_warmblock"));
    let unit = warmblock::doctor::boot::unit(Some(program));
    assert_eq!((ran.code, ran.stdout.as_str()), (0, unit.as_str()));
    // What the unit calls must be there, and a command of this release.
    let exec = ran
        .stdout
        .lines()
        .find_map(|line| line.strip_prefix(&format!("ExecStart={} ", program.display())));
    let words = exec.unwrap().split(' ');
    let dry = run(warmblock(root.path()).args(words).arg("--help"));
    assert_eq!(dry.code, 0, "{}", dry.stderr);
}

#[test]
fn the_sudoers_file_is_printed() {
    let root = tempfile::tempdir().unwrap();
    let printed = |user: &[&str]| {
        let words = [&["doctor", "--print-sudoers"], user].concat();
        run(warmblock(root.path()).args(words))
    };
    let ran = printed(&[]);
    assert!(
        ran.code == 0
            && ran
                .stdout
                .contains("oneadmin ALL=(root) NOPASSWD: /usr/bin/warmblock host,")
    );
    assert!(printed(&["cloud"]).stdout.contains("cloud ALL="));
    assert_eq!(printed(&["a b"]).code, 2);
}

#[test]
fn the_udev_rules_are_printed() {
    let root = tempfile::tempdir().unwrap();
    let ran = run(warmblock(root.path()).args(["doctor", "--print-udev-rules"]));
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (0, warmblock::tools::udev::RULES)
    );
}
