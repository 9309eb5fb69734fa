//! A job on a host: one ssh, one process of warmblock's there, the job on its standard input.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::call::Node;
use super::plan::At;
use crate::exec::{Cmd, Exec, Output};
use crate::job::Job;
use crate::sys::wait;
use crate::tools::ssh;
use crate::{Context, Error, Kind, Result};

mod directory;
mod script;
mod stream;
mod told;
mod unreached;

pub use stream::Data;
pub(super) use unreached::is_unreached;

/// How warmblock is reached on other hosts.
#[derive(Debug, Clone)]
pub struct Remote {
    exec: Exec,
    /// What oned's environment gives: its PATH has a wrapper of ssh's that shares connections (contract, 1.1).
    environment: Vec<(&'static str, OsString)>,
    deadline: Duration,
}

impl Remote {
    /// Through the ssh of this process's PATH. A job may take any time, and be silent as long as `deadline`: a host says now and
    /// then that it is at it.
    pub fn new(deadline: Duration) -> Self {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let dirs: Vec<PathBuf> = std::env::split_paths(&path)
            .filter(|dir| dir.is_absolute())
            .collect();
        let names = [
            "PATH",
            "HOME",
            "USER",
            "LOGNAME",
            "SSH_AUTH_SOCK",
            "ONE_LOCATION",
            "ONE_XMLRPC",
            "ONE_AUTH",
        ];
        let given = names
            .into_iter()
            .filter_map(|name| Some((name, std::env::var_os(name)?)));
        Self {
            exec: Exec::new(dirs),
            environment: given.collect(),
            deadline,
        }
    }

    /// Does a job at a place; its answer. Here it is done by this very program, as whoever runs it.
    ///
    /// # Errors
    /// As of [`Remote::run`].
    pub fn run_at(&self, at: &At, job: &Job) -> Result<Value> {
        match at {
            At::Host(node) => self.run(node, job),
            At::Here => self.run_here(Cmd::query("/proc/self/exe").arg("host"), job),
        }
    }

    /// Does a job here, as root.
    ///
    /// # Errors
    /// As of [`Remote::run`].
    pub fn run_as_root(&self, job: &Job) -> Result<Value> {
        let cmd = Cmd::query("sudo").args(["-n", "warmblock", "host"]);
        self.run_here(cmd, job)
    }

    fn run_here(&self, cmd: Cmd, job: &Job) -> Result<Value> {
        let codes: Vec<i32> = (1..=255).collect();
        let cmd = with(cmd, &self.environment).stdin(write(job)?);
        let output = self.exec.run(
            &cmd.deadline(self.deadline)
                .while_it_speaks()
                .ok_codes(&codes),
        )?;
        answer(&"this machine", &output)
    }

    /// Does a job on a host; its answer.
    ///
    /// # Errors
    /// Those of the job, with the host's name; [`Kind::Timeout`] when the host is not reached in time, [`Kind::Missing`] when
    /// it has no warmblock, an older one, or does not let us run it.
    pub fn run(&self, node: &Node, job: &Job) -> Result<Value> {
        let (_, answer) = self.run_on_any(&[node], job, &|| Ok(None))?;
        Ok(answer)
    }

    /// Does a job on the first of several hosts that is reached; the others are not asked. What `data` opens goes to the
    /// job's standard input, after the job, in chunks.
    ///
    /// # Errors
    /// Those of [`Remote::run`]; when no host is reached, that of the first one, or of one that lives.
    pub fn run_on_any<'n>(
        &self,
        nodes: &[&'n Node],
        job: &Job,
        data: &dyn Fn() -> Result<Option<Data>>,
    ) -> Result<(&'n Node, Value)> {
        patiently(|| self.first_reached(nodes, job, data))
    }

    fn first_reached<'n>(
        &self,
        nodes: &[&'n Node],
        job: &Job,
        data: &dyn Fn() -> Result<Option<Data>>,
    ) -> Result<(&'n Node, Value)> {
        let mut unreached: Option<Error> = None;
        for node in nodes {
            match self.ask(node, job, data()?) {
                Ok(answer) => return Ok((*node, answer)),
                Err(error) if unreached::nothing_began(&error) => {
                    unreached = match unreached {
                        Some(first) if !unreached::is_crowded(&error) => Some(first),
                        _ => Some(error),
                    };
                }
                Err(error) => return Err(error),
            }
        }
        Err(unreached.unwrap_or_else(|| {
            Error::new(Kind::Config, "the datastore's BRIDGE_LIST names no host")
                .remedy("name hosts that reach Ceph and have warmblock: `onedatastore update`, BRIDGE_LIST = \"HOST …\"")
        }))
    }

    fn ask(&self, node: &Node, job: &Job, data: Option<Data>) -> Result<Value> {
        let job = write(job)?;
        let output = match data {
            None => self.exec.run(&self.ssh(node)?.stdin(job))?,
            Some(data) => {
                let (to_ssh, stream) = stream::start(job, data)?;
                let ran = self.exec.run(&self.ssh(node)?.stdin_file(to_ssh));
                // A source that failed is why the job did.
                stream.end().context(|| format!("for host {node}"))?;
                ran?
            }
        };
        answer(node, &output).context(|| format!("on host {node}"))
    }

    fn ssh(&self, node: &Node) -> Result<Cmd> {
        let cmd = ssh::command(node.as_str(), &["warmblock", "host"], self.deadline)?;
        let cmd = cmd.while_it_speaks();
        Ok(with(cmd, &self.environment).ok_codes(&[ssh::OWN_FAILURE]))
    }
}

/// The pauses after which a host whose sshd hung up is asked again.
const PAUSES: [Duration; 4] = match cfg!(test) {
    true => [Duration::ZERO; 4],
    false => [
        Duration::from_secs(1),
        Duration::from_secs(2),
        Duration::from_secs(4),
        Duration::from_secs(8),
    ],
};

/// Does it, and again if sshd hung up before it began: oned starts up to fifteen actions at once, and sshd as it comes drops some of
/// so many (contract, 1.3). Those that were dropped together do not come back together.
fn patiently<T>(mut work: impl FnMut() -> Result<T>) -> Result<T> {
    let mut done = work();
    for pause in PAUSES {
        match &done {
            Err(error) if unreached::is_crowded(error) => tracing::debug!("{}", error.chain()),
            _ => break,
        }
        let apart = pause * (std::process::id() % 16) / 16;
        let _over = wait::poll(pause + apart, || None::<()>);
        done = work();
    }
    done
}

fn write(job: &Job) -> Result<Vec<u8>> {
    serde_json::to_vec(job)
        .map_err(|error| Error::new(Kind::Internal, "cannot write the job").because(error))
}

fn with(cmd: Cmd, environment: &[(&str, OsString)]) -> Cmd {
    environment
        .iter()
        .fold(cmd, |cmd, (name, value)| cmd.env(name, value))
}

fn text(path: &Path) -> Result<&str> {
    path.to_str()
        .ok_or_else(|| Error::new(Kind::Usage, format!("{} is not text", path.display())))
}

fn answer(node: &impl fmt::Display, output: &Output) -> Result<Value> {
    let parsed: Option<Value> = serde_json::from_slice(&output.stdout).ok();
    match (output.code, parsed) {
        (0, Some(answer)) => Ok(answer),
        (0, None) => Err(
            Error::new(Kind::Failed, "warmblock's answer is no JSON").remedy(format!(
                "does a shell start-up file of {node} print something? It must be silent"
            )),
        ),
        (_, Some(answer)) => Err(told::failure(node, &answer)),
        (code, None) => Err(no_answer(node, code, output.stderr.trim())),
    }
}

/// What to do about a host whose warmblock does not understand ours.
fn install(node: &impl fmt::Display) -> String {
    let release = env!("CARGO_PKG_VERSION");
    format!(
        "install this release of warmblock, {release}, on {node}, in /usr/bin, or in /usr/local/bin with the front-end's \
         remotes/etc/tm/warmblock/sudoers as /etc/sudoers.d/warmblock: sudo's secure_path must lead to it"
    )
}

/// Why there is no answer: what ssh, sudo and the shell over there say.
fn no_answer(node: &impl fmt::Display, code: i32, stderr: &str) -> Error {
    let said = stderr.lines().last().unwrap_or("nothing").to_owned();
    if code == ssh::OWN_FAILURE {
        return unreached::error(node, stderr);
    }
    if code == 127 || stderr.contains("command not found") {
        return Error::new(Kind::Missing, "there is no warmblock").remedy(install(node));
    }
    if stderr.contains("a password is required") || stderr.contains("not allowed to execute") {
        return Error::new(Kind::Missing, "sudo does not let oneadmin run warmblock").remedy(
            format!(
                "put the front-end's remotes/etc/tm/warmblock/sudoers into /etc/sudoers.d/warmblock on {node}"
            ),
        );
    }
    if stderr.contains("unrecognized subcommand") {
        return Error::new(Kind::Missing, "its warmblock is older").remedy(install(node));
    }
    Error::new(
        Kind::Failed,
        format!("warmblock ended with code {code}: {said}"),
    )
}

#[cfg(test)]
pub(super) mod tests {
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
            environment: vec![
                ("PATH", "/usr/bin:/bin".into()),
                ("ONE_LOCATION", "/one".into()),
            ],
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
}
