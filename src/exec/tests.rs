use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::{Cmd, Exec, ExecError, Status};
use crate::model::Bytes;
use crate::sys::wait;
use crate::{Error, Kind};

fn sh(script: &str) -> Cmd {
    Cmd::query("sh").arg("-c").arg(script)
}

fn run(cmd: &Cmd) -> Result<super::Output, ExecError> {
    Exec::default().run(cmd)
}

/// Whether a process runs: a zombie that nobody has reaped does not.
fn runs(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

#[test]
fn a_command_prints_as_a_shell_would_take_it() {
    let cmd = Cmd::change("rbd")
        .env("A", "b c")
        .args(["map", "it's", ""])
        .secret_stdin("key");
    assert_eq!(cmd.to_string(), r#"A='b c' rbd map "it's" '' < (secret)"#);
    assert!(!format!("{cmd:?}").contains("key"));
    assert_eq!(cmd.verb(), "rbd map it's");
    assert_eq!(Cmd::change("lvcreate").args(["-y", "x"]).verb(), "lvcreate");
}

#[test]
fn output_and_environment() {
    let output = run(&sh("cat; echo $LC_ALL; env | wc -l; echo err >&2").stdin("in\n")).unwrap();
    assert_eq!(
        output.text().unwrap(),
        "in\nC.UTF-8\n3\n",
        "PWD is the shell's own"
    );
    assert_eq!(output.stderr, "err");
}

/// Whoever says something now and then may take longer than the deadline, and whoever falls silent may not.
#[test]
fn a_command_may_take_as_long_as_it_speaks() {
    let script = "for i in $(seq 20); do printf ' '; sleep 0.25; done; echo done";
    let patient = sh(script)
        .deadline(Duration::from_secs(4))
        .while_it_speaks();
    assert_eq!(run(&patient).unwrap().text().unwrap().trim(), "done");
    let silent = sh("echo; sleep 100").deadline(Duration::from_millis(300));
    let error = run(&silent.while_it_speaks()).unwrap_err();
    assert!(matches!(error, ExecError::Timeout { .. }), "{error}");
}

#[test]
fn a_timeout_kills_grandchildren() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pids");
    // both ignore TERM, so that KILL has to do it
    let script = format!(
        "trap '' TERM; sleep 100 & echo $! $$ >{}; echo late >&2; sleep 100",
        file.display()
    );
    let begun = Instant::now();
    // long enough for a loaded machine to start the shell, short against the sleeps
    let error = run(&sh(&script).deadline(Duration::from_secs(2))).unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert!(
        matches!(&error, ExecError::Timeout { stderr, .. } if stderr == "late"),
        "{error}"
    );
    assert_eq!(Error::from(error).kind(), Kind::Timeout);
    let pids = std::fs::read_to_string(file).unwrap();
    for pid in pids.split_whitespace() {
        // A signal is sent at once; dying takes the kernel a moment.
        let died = wait::poll(Duration::from_secs(10), || (!runs(pid)).then_some(()));
        assert!(died.is_some(), "{pid} is alive");
    }
}

#[test]
fn a_descendant_that_keeps_the_output_open_holds_nobody_up() {
    let begun = Instant::now();
    let output = run(&sh("echo done; sleep 60 & exit 0")).unwrap();
    assert_eq!(output.text().unwrap(), "done\n");
    assert!(begun.elapsed() < Duration::from_secs(30));
}

#[test]
fn only_the_tail_of_stderr_is_kept() {
    let error = run(&sh(
        "i=0; while [ $i -lt 3000 ]; do echo line-$i-ü >&2; i=$((i+1)); done; exit 3",
    ))
    .unwrap_err();
    let ExecError::Failed { status, stderr, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(*status, Status::Code(3));
    assert!(
        stderr.len() <= 2048 && stderr.ends_with("line-2999-ü"),
        "{stderr}"
    );
}

#[test]
fn a_missing_tool_says_where_it_was_looked_for_and_who_brings_it() {
    let exec = Exec::new([PathBuf::from("/nonexistent")]);
    let error = Error::from(exec.run(&Cmd::query("dmsetup")).unwrap_err());
    assert_eq!(error.kind(), Kind::Missing);
    assert_eq!(error.to_string(), "dmsetup was not found in /nonexistent");
    assert!(error.remedy_text().unwrap().contains("device-mapper"));
    assert!(exec.find("../bin/sh").is_err());
    assert!(exec.find("/bin/sh").is_ok());
}

#[test]
fn exit_codes_and_signals() {
    assert_eq!(run(&sh("exit 5").ok_codes(&[5])).unwrap().code, 5);
    let error = run(&sh("kill -SEGV $$")).unwrap_err();
    assert!(error.to_string().ends_with("ended by SIGSEGV"), "{error}");
    assert_eq!(Error::from(error).kind(), Kind::Failed);
    let stopped = run(&sh("kill -TERM $$")).unwrap_err();
    assert_eq!(Error::from(stopped).kind(), Kind::Cancelled);
    let error = run(&sh("echo 'no such thing' >&2; exit 1")).unwrap_err();
    assert!(
        error.says("no such") && error.to_string().ends_with("exit code 1: no such thing"),
        "{error}"
    );
}

#[test]
fn much_output_is_taken_and_too_much_refused() {
    let many = sh("head -c 5000000 /dev/zero");
    assert_eq!(run(&many).unwrap().stdout.len(), 5_000_000);
    let error = run(&many.stdout_limit(Bytes::mib(1))).unwrap_err();
    assert!(matches!(error, ExecError::BadOutput { .. }), "{error}");
    let endless = run(&Cmd::query("yes").stdout_limit(Bytes::mib(1))).unwrap_err();
    assert!(matches!(endless, ExecError::BadOutput { .. }), "{endless}");
}

#[test]
fn input_that_is_not_read_does_no_harm() {
    let output = run(&sh("exec <&-; echo ok").stdin(vec![b'x'; 1 << 20])).unwrap();
    assert_eq!(output.text().unwrap(), "ok\n");
}

#[test]
fn output_that_is_no_text_is_refused() {
    let output = run(&sh(r"printf '\377'")).unwrap();
    assert!(matches!(output.text(), Err(ExecError::BadOutput { .. })));
}
