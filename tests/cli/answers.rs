//! What goes to which stream, in words and in JSON.

use serde_json::Value;

use super::{put, run, warmblock};

fn host(job: &str) -> (i32, Value, String) {
    let root = tempfile::tempdir().unwrap();
    let ran = run(warmblock(root.path()).arg("host").write_stdin(job));
    (
        ran.code,
        serde_json::from_str(&ran.stdout).unwrap(),
        ran.stderr,
    )
}

#[test]
fn host_refuses_what_it_does_not_know_in_json() {
    let cases = [
        (
            r#"{"version":7,"request":{"op":"recover"}}"#,
            "of version 7",
        ),
        (
            r#"{"version":1,"request":{"op":"recover"},"user":"x"}"#,
            "unknown field `user`",
        ),
        (
            r#"{"version":1,"request":{"op":"attach","image":"one/a","sise":"8G"}}"#,
            "unknown field `sise`",
        ),
        (
            r#"{"version":1,"request":{"op":"attach","image":"one/a","size":"8X"}}"#,
            "unknown unit",
        ),
        (
            r#"{"version":1,"request":{"op":"explode"}}"#,
            "unknown variant `explode`",
        ),
        ("attach one/a", "one JSON object"),
        ("", "EOF"),
    ];
    for (job, wanted) in cases {
        let (code, answer, stderr) = host(job);
        assert_eq!(code, 2, "{job}");
        assert_eq!(
            (&answer["version"], &answer["error"]["kind"]),
            (&Value::from(1), &Value::from("usage"))
        );
        assert!(
            answer["error"]["message"]
                .as_str()
                .unwrap()
                .contains(wanted),
            "{job}: {answer}"
        );
        assert!(answer["error"]["remedy"].is_string());
        assert!(
            stderr.starts_with("error: ") && stderr.contains("\nhint: "),
            "{stderr}"
        );
    }
}

#[test]
fn config_show_prints_what_is_in_effect() {
    let root = tempfile::tempdir().unwrap();
    put(
        root.path(),
        "etc/warmblock/warmblock.toml",
        "[ceph]\nid = \"one\"\nkeyfile = \"/k\"\n",
    );
    put(
        root.path(),
        "etc/warmblock/conf.d/10.toml",
        "[seed]\nwhat = \"first:8G\"\n",
    );
    let show = |more: &[&str]| run(warmblock(root.path()).args(["config", "show"]).args(more));
    insta::assert_snapshot!("config-show", show(&[]).stdout);
    let text = show(&["--json", "--id", "two", "--keyring", "/ring"]).stdout;
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["ceph"]["id"], "two");
    assert_eq!(
        (&json["ceph"]["keyring"], &json["ceph"]["keyfile"]),
        (&Value::from("/ring"), &Value::Null)
    );
    assert_eq!(json["seed"]["what"], "first:8G");
    let file = root.path().join("shown.toml");
    put(root.path(), "shown.toml", &show(&[]).stdout);
    let again = run(warmblock(root.path())
        .args(["config", "show", "--config"])
        .arg(&file));
    assert_eq!(
        (again.code, again.stdout),
        (0, show(&[]).stdout),
        "what is shown can be used as configuration"
    );
}

#[test]
fn the_log_goes_to_standard_error_without_times() {
    let root = tempfile::tempdir().unwrap();
    super::doctor::good(root.path());
    let ran = run(warmblock(root.path()).args(["doctor", "--json", "-vv"]));
    serde_json::from_str::<Value>(&ran.stdout).unwrap();
    let told = ran.stderr.lines().find(|line| line.contains("lvmconfig"));
    assert!(told.unwrap().starts_with("DEBUG "), "{}", ran.stderr);
}
