use super::patience::PAUSES;
use super::*;
use crate::job::{Detach, Request};

/// Makes a script. A child that another test starts may have the file open for writing until it executes, and as long as
/// that is so the kernel does not run it.
pub(in crate::one) fn write_script(file: &Path, script: &str) {
    let text = format!("#!/bin/sh\n[ \"$1\" != ready ] || exit 0\n{script}\n");
    crate::sys::atomic::write_mode(file, text.as_bytes(), 0o755).unwrap();
    let ready = Cmd::query(file.to_str().unwrap()).arg("ready");
    let runs = || Exec::default().run(&ready).ok();
    crate::sys::wait::poll(Duration::from_secs(60), runs).unwrap();
}

/// A remote whose ssh is a script.
pub(in crate::one) fn remote(script: &str) -> (tempfile::TempDir, Remote) {
    let dir = tempfile::tempdir().unwrap();
    write_script(&dir.path().join("ssh"), script);
    let remote = Remote {
        exec: Exec::new([dir.path().to_owned()]),
        settings: Settings::of([
            ("PATH", "/usr/bin:/bin"),
            ("ONE_LOCATION", "/one"),
            ("SSH_OPT_CONTROL_MASTER", "no"),
            ("TMRC", "its own"),
        ]),
        deadline: Duration::from_secs(20),
    };
    (dir, remote)
}

fn run(script: &str) -> Result<Value> {
    let (_dir, remote) = remote(script);
    remote.run(&"kvm1".parse().unwrap(), &job())
}

fn job() -> Job {
    let request = Request::Detach(Detach {
        image: "one/one-1".parse().unwrap(),
        discard_dirty: false,
        link: None,
        free: false,
        linked: false,
    });
    Job {
        version: Job::VERSION,
        dry_run: false,
        request,
    }
}

#[test]
fn the_job_goes_in_and_the_answer_comes_out() {
    let answer = run(r#"while [ "$1" != -- ]; do shift; done; [ "$2 $3" = "kvm1 sudo -n warmblock host" ] || exit 9
        read -r job; printf '{"got":%s}' "$job""#)
    .unwrap();
    assert_eq!(answer["got"]["request"]["op"], "detach");
}

#[test]
fn ssh_is_told_what_oned_says_of_it_and_the_scripts_of_drivers_everything() {
    let (dir, remote) = remote(
        r#"cat >/dev/null; printf '{"control":"%s","tmrc":"%s"}' "$SSH_OPT_CONTROL_MASTER" "$TMRC""#,
    );
    let answer = remote.run(&"kvm1".parse().unwrap(), &job()).unwrap();
    assert_eq!(
        (&answer["control"], &answer["tmrc"]),
        (&"no".into(), &"".into())
    );
    let script = dir.path().join("premigrate");
    write_script(
        &script,
        r#"echo "$SSH_OPT_CONTROL_MASTER, $TMRC" >"${0%/*}/found""#,
    );
    remote.script(&script, &[], b"").unwrap();
    let found = std::fs::read_to_string(dir.path().join("found")).unwrap();
    assert_eq!(found, "no, its own\n");
}

/// A host by the name of `dead` is not there.
const BRIDGES: &str = r#"while [ "$1" != -- ]; do shift; done
    case $2 in dead*) echo "ssh: connect to host $2 port 22: No route to host" >&2; exit 255 ;; esac
    cat >/dev/null; printf '{"on":"%s"}' "$2""#;

#[test]
fn bridges_that_are_dead_are_skipped() {
    let (_dir, remote) = remote(BRIDGES);
    let nodes: Vec<Node> = ["dead1", "dead2", "c1", "c2"]
        .iter()
        .map(|name| name.parse().unwrap())
        .collect();
    let nodes: Vec<&Node> = nodes.iter().collect();
    let none = || Ok(None);
    let (node, answer) = remote.run_on_any(&nodes, &job(), &none).unwrap();
    assert_eq!((node.as_str(), &answer["on"]), ("c1", &"c1".into()));
    let error = remote.run_on_any(&nodes[..2], &job(), &none).unwrap_err();
    assert!(error.chain().contains("dead1"), "{}", error.chain());
    let error = remote.run_on_any(&[], &job(), &none).unwrap_err();
    assert_eq!(error.kind(), Kind::Config);
}

/// Each time it is asked it counts, and hangs up on the first so many.
#[test]
fn an_sshd_with_too_many_callers_is_asked_again() {
    let asked = |hangs_up: u32| {
        let script = r#"echo >>"${0%/*}/asked"
            [ "$(wc -l <"${0%/*}/asked")" -gt N ] || {
                echo "kex_exchange_identification: Connection closed by remote host" >&2; exit 255; }
            cat >/dev/null; echo '{"on":"it"}'"#;
        let (dir, remote) = remote(&script.replace('N', &hangs_up.to_string()));
        let done = remote.run(&"kvm1".parse().unwrap(), &job());
        let asked = std::fs::read_to_string(dir.path().join("asked")).unwrap();
        (done, asked.lines().count())
    };
    let (done, times) = asked(2);
    assert_eq!((done.unwrap()["on"].as_str(), times), (Some("it"), 3));
    let (done, times) = asked(100);
    let error = done.unwrap_err();
    assert_eq!(times, 1 + PAUSES.len());
    assert!(error.remedy_text().unwrap().contains("MaxStartups"));
}

#[test]
fn data_follow_the_job_and_their_end_is_told() {
    let (_dir, remote) =
        remote(r#"read -r job; printf '{"rest":"%s"}' "$(od -An -v -tx1 | tr -d ' \n')""#);
    let node: Node = "c1".parse().unwrap();
    let data = || Ok(Some(Data::new(&b"abc"[..])));
    let (_, answer) = remote.run_on_any(&[&node], &job(), &data).unwrap();
    assert_eq!(answer["rest"], "0000000361626300000000");
}

#[test]
fn a_source_that_fails_is_the_error_and_the_host_is_not_told_of_an_end() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the server hung up"))
        }
    }
    let (_dir, remote) = remote(r#"read -r job; [ "$(cat | wc -c)" = 0 ] && exit 12; exit 13"#);
    let node: Node = "c1".parse().unwrap();
    let data = || Ok(Some(Data::new(Broken)));
    let error = remote.run_on_any(&[&node], &job(), &data).unwrap_err();
    assert!(error.chain().contains("the server hung up"));
}

#[test]
fn an_error_over_there_is_one_here() {
    let error = run(r#"cat >/dev/null; echo '{"version":1,"error":{"kind":"dirty","message":"no","remedy":"wait","cleanup":[],"exit_code":8}}'; exit 8"#)
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Dirty);
    assert_eq!(error.chain(), "on host kvm1: no");
    assert_eq!(error.remedy_text(), Some("wait"));
}

#[test]
fn a_host_without_warmblock_says_what_to_do() {
    for (script, kind, words) in [
        (
            "echo 'sudo: warmblock: command not found' >&2; exit 1",
            Kind::Missing,
            "no warmblock",
        ),
        (
            "echo 'sudo: a password is required' >&2; exit 1",
            Kind::Missing,
            "sudo does not let",
        ),
        (
            "echo 'ssh: connect to host kvm1 port 22: Connection timed out' >&2; exit 255",
            Kind::Timeout,
            "timed out",
        ),
        (
            "echo 'error: unrecognized subcommand' >&2; exit 2",
            Kind::Missing,
            "older",
        ),
        ("echo hello", Kind::Failed, "no JSON"),
        ("exit 3", Kind::Failed, "code 3"),
    ] {
        let error = run(&format!("cat >/dev/null; {script}")).unwrap_err();
        assert_eq!(error.kind(), kind, "{script}: {}", error.chain());
        assert!(error.chain().contains(words), "{script}: {}", error.chain());
    }
}
