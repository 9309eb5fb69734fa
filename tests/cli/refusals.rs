//! What is refused, and how: the exit code, the word at fault, one line.

use std::path::Path;

use super::{commands, put, run, warmblock};

fn refuse(words: &[&str]) -> String {
    let ran = run(warmblock(Path::new("/nonexistent")).args(words));
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (2, ""),
        "{words:?}: {}",
        ran.stderr
    );
    ran.stderr
}

#[test]
fn an_unknown_option_exits_2_everywhere() {
    for words in commands() {
        let words: Vec<&str> = words
            .iter()
            .map(String::as_str)
            .chain(["--no-such-option"])
            .collect();
        assert!(refuse(&words).contains("--no-such-option"), "{words:?}");
    }
}

#[test]
fn a_bad_word_is_named() {
    let cases: &[(&[&str], &str)] = &[
        (&["attach", "disk"], r#"image "disk" is not POOL/IMAGE"#),
        (&["attach", "a/b/c/d"], r#""a/b/c/d" is not POOL/IMAGE"#),
        (&["attach", "one/a\nb"], "control character"),
        (
            &["attach", "one/a", "--size", "8X"],
            r#"size "8X" has an unknown unit"#,
        ),
        (
            &["attach", "one/a", "--size", "99999999P"],
            "larger than any image",
        ),
        (
            &["attach", "one/a", "--seed", "all"],
            r#"seed "all" is not none"#,
        ),
        (
            &["attach", "one/a", "--seed", "first:0"],
            "asks for nothing",
        ),
        (
            &["attach", "one/a", "--mode", "fast"],
            "invalid value 'fast'",
        ),
        (&["attach", "one/a", "--driver", "DM"], r#"driver "DM""#),
        (
            &["attach", "one/a", "--on-full", "wait"],
            "invalid value 'wait'",
        ),
        (&["attach", "one/a", "--discard-dirty"], "--break-lease"),
        (
            &["seed", "one/a", "first:1G", "--verify"],
            "cannot be used with",
        ),
        (&["mode", "one/a", "fast"], "invalid value 'fast'"),
        (
            &["image", "import", "f", "one/a", "--format", "vhdx"],
            r#""vhdx" is none of raw, qcow2, vmdk, vhd and vdi"#,
        ),
        (
            &["image", "import", "f", "one/a", "--checksum", "md5:xyz"],
            "md5:xyz",
        ),
        (
            &[
                "image",
                "import",
                "f",
                "one/a",
                "--features",
                "layering,fast",
            ],
            r#"feature "fast""#,
        ),
        (&["image", "snap", "create", "one/a"], "names no snapshot"),
        (
            &["image", "snap", "rm", "one/a@b@c"],
            "must not contain '@'",
        ),
        (
            &["image", "rename", "one/a", "one/b"],
            "must not contain '/'",
        ),
        (&["image", "resize", "one/a", "-5"], "'-5'"),
        (
            &["status", "--id", "client.admin"],
            "without the leading 'client.'",
        ),
        (&["status", "--progress", "loud"], r#"progress "loud""#),
        (&["status", "-q", "-v"], "cannot be used with"),
        (&["frobnicate"], "frobnicate"),
    ];
    for (words, wanted) in cases {
        let text = refuse(words);
        assert!(text.contains(wanted), "{words:?}: {text}");
    }
}

/// Every command that changes something, with what it needs.
const CHANGING: [&[&str]; 21] = [
    &["attach", "one/a"],
    &["attach", "one/a", "--break-lease", "--discard-dirty"],
    &["detach", "one/a"],
    &["detach", "one/a", "--discard-dirty"],
    &["seed", "one/a"],
    &["flush", "one/a"],
    &["bypass", "one/a"],
    &["insert", "one/a"],
    &["mode", "one/a", "writeback"],
    &["recover"],
    &["image", "import", "-", "one/a"],
    &["image", "clone", "one/a@b", "one/ns/c"],
    &["image", "rm", "one/a"],
    &["image", "resize", "one/a", "1G"],
    &["image", "flatten", "one/a"],
    &["image", "rename", "one/a", "b"],
    &["image", "snap", "create", "one/a@b"],
    &["image", "snap", "rm", "one/a@b"],
    &["image", "snap", "protect", "one/a@b"],
    &["image", "snap", "unprotect", "one/a@b"],
    &["image", "snap", "rollback", "one/a@b"],
];

/// A configuration that is not there stops each command right after its words were understood.
#[test]
fn changing_commands_take_dry_run_and_every_command_takes_json() {
    let looking: [&[&str]; 7] = [
        &["driver", "ls"],
        &["driver", "check", "/nonexistent"],
        &["status", "one/a", "--lease"],
        &["config", "show"],
        &["image", "ls", "one/ns"],
        &["image", "info", "one/a"],
        &["image", "snap", "ls", "one/a"],
    ];
    let dry = CHANGING
        .iter()
        .map(|words| [words, &["--dry-run"][..]].concat());
    for words in dry.chain(looking.iter().map(|words| words.to_vec())) {
        let ran = run(warmblock(Path::new("/")).args(&words).args([
            "--json",
            "--config",
            "/nonexistent.toml",
        ]));
        assert_eq!(ran.code, 3, "{words:?}: {}", ran.stderr);
        let answer: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(answer["error"]["kind"], "config", "{words:?}");
        assert_eq!(answer["error"]["exit_code"], 3);
    }
}

#[test]
fn commands_that_only_look_have_no_dry_run() {
    for words in [
        &["status"][..],
        &["doctor"],
        &["image", "ls", "one"],
        &["config", "show"],
    ] {
        refuse(&[words, &["--dry-run"]].concat());
    }
}

#[test]
fn a_bad_configuration_exits_3_and_names_file_and_line() {
    let root = tempfile::tempdir().unwrap();
    put(
        root.path(),
        "etc/warmblock/conf.d/10-site.toml",
        "[slice]\nvg = \"ssd\"\nonfull = 1\n",
    );
    put(root.path(), "etc/warmblock/warmblock.toml", "");
    let ran = run(warmblock(root.path()).args(["config", "show"]));
    assert_eq!((ran.code, ran.stdout.as_str()), (3, ""));
    for wanted in [
        "error: ",
        "10-site.toml",
        "line 3",
        "unknown field `onfull`",
        "hint: ",
    ] {
        assert!(ran.stderr.contains(wanted), "{wanted}: {}", ran.stderr);
    }
}

#[test]
fn an_inventory_with_two_writers_is_a_danger_to_check() {
    let root = tempfile::tempdir().unwrap();
    put(root.path(), "etc/tgt/targets.conf", "");
    let lines = "[gateway.gw1]\n[gateway.gw2]\n[client.a]\ngateway = [\"gw1\", \"gw2\"]\naddresses = [\"10.0.0.1\"]\n";
    let name = "etc/warmblock/tgt.toml";
    put(root.path(), name, lines);
    let inventory = root.path().join(name);
    let given = inventory.to_str().unwrap();
    for words in [&["tgt", "check"][..], &["tgt", "check", given]] {
        let ran = run(warmblock(root.path()).args(words));
        assert_eq!(ran.code, 21, "{words:?}: {}", ran.stderr);
        assert!(
            ran.stdout.contains("two writers"),
            "{words:?}: {}",
            ran.stdout
        );
    }
}

/// oned shows its user one line, and each release finds it in its own way.
#[test]
fn oned_is_told_in_its_own_words() {
    let root = tempfile::tempdir().unwrap();
    let told = |version: &str, words: &[&str]| {
        put(root.path(), "var/remotes/VERSION", version);
        let mut command = warmblock(root.path());
        let ran = run(command.env("ONE_LOCATION", root.path()).args(words));
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
        ran.stderr
    };
    for words in [&["one", "tm"][..], &["one", "ds", "--no-such-option"]] {
        for version in ["7.4.0", "6.4.0"] {
            let line = told(version, words);
            assert!(
                line.starts_with("warmblock cannot be called so: "),
                "{line}"
            );
            assert_eq!(line.lines().count(), 1, "{line}");
        }
        let framed = told("5.12.0", words);
        let lines: Vec<&str> = framed.lines().collect();
        assert_eq!(lines.len(), 3, "{framed}");
        assert!(lines[0].starts_with("ERROR MESSAGE --8<"), "{framed}");
    }
    assert!(told("7.4.0", &["one", "tm"]).contains("<ACTION>"));
    // Whoever types a command is told how it is used.
    assert!(told("7.4.0", &["one", "install", "--no-such-option"]).contains("Usage:"));
}
