//! The real tgt-admin, pretending: no daemon, no device, and a directory of its own.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use assert_cmd::Command;

/// Where Debian puts it.
const SCRIPT: &str = "/usr/sbin/tgt-admin";

/// What one run answers.
#[derive(Debug)]
pub struct Answer {
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

/// A run that is wanted.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub directory: PathBuf,
    pub args: Vec<String>,
}

/// Why it cannot be asked here, if so.
pub fn missing() -> Option<String> {
    if !Path::new(SCRIPT).exists() {
        return Some(format!("{SCRIPT} is not there: install tgt"));
    }
    let perl = Command::new("perl")
        .args(["-MConfig::General", "-e1"])
        .output();
    if !perl.is_ok_and(|output| output.status.success()) {
        return Some("Perl lacks Config::General: install libconfig-general-perl".into());
    }
    if !nix::unistd::geteuid().is_root() {
        return Some("tgt-admin insists on root".into());
    }
    None
}

/// Tools that know no target, no account, no open file and no device.
fn stubs(directory: &Path) {
    fs::create_dir_all(directory).unwrap();
    for (name, answer) in [
        ("tgtadm", "true"),
        ("lsof", "false"),
        ("sg_inq", "true"),
        ("sg_readcap", "true"),
    ] {
        symlink(format!("/bin/{answer}"), directory.join(name)).unwrap();
    }
}

/// Asks the script once per run, all in one Perl.
pub fn ask(scratch: &Path, runs: &[Wanted]) -> Vec<Answer> {
    let path = scratch.join("bin");
    stubs(&path);
    let mut input = String::new();
    let out = |at: usize| scratch.join(format!("out{at}"));
    for (at, run) in runs.iter().enumerate() {
        let words: Vec<_> = [
            run.directory.display().to_string(),
            out(at).display().to_string(),
        ]
        .into_iter()
        .chain(run.args.iter().cloned())
        .collect();
        input.push_str(&(words.join("\t") + "\n"));
    }
    let driver = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tgt_conf/driver.pl");
    let done = Command::new("/bin/sh")
        // A pattern that matches a file whose name is that pattern never ends, and takes all memory.
        .args(["-c", "ulimit -v 500000; exec /usr/bin/perl \"$@\"", "sh"])
        .arg(driver)
        .arg(SCRIPT)
        .env_clear()
        .env("PATH", &path)
        .write_stdin(input)
        .output()
        .unwrap();
    let codes = String::from_utf8(done.stdout).unwrap();
    let codes: Vec<i32> = codes.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(
        codes.len(),
        runs.len(),
        "the driver stopped: {}",
        String::from_utf8_lossy(&done.stderr)
    );
    let answer = |(at, code)| Answer {
        code,
        stdout: fs::read(out(at)).unwrap(),
        stderr: String::from_utf8_lossy(
            &fs::read(out(at).with_extension("err")).unwrap_or_default(),
        )
        .into_owned(),
    };
    codes.into_iter().enumerate().map(answer).collect()
}

/// Asks it as a user would, without the driver.
pub fn ask_directly(scratch: &Path, run: &Wanted) -> Answer {
    let output = Command::new(SCRIPT)
        .args(&run.args)
        .current_dir(&run.directory)
        .env_clear()
        .env("PATH", scratch.join("bin"))
        .output()
        .unwrap();
    Answer {
        code: output.status.code().unwrap(),
        stdout: output.stdout,
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
