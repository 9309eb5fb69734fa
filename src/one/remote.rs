//! A job on a host: one ssh, one process of warmblock's there, the job on its standard input.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use super::call::Node;
use super::plan::At;
use crate::exec::{Cmd, Exec};
use crate::job::Job;
use crate::tools::ssh;
use crate::{Context, Error, Kind, Result};

mod answer;
mod directory;
mod patience;
mod script;
mod settings;
mod stream;
mod told;
mod unreached;

use answer::answer;
use patience::patiently;
use settings::Settings;
pub use stream::Data;
pub(super) use unreached::{is_silence, is_unreached, is_unreached_at};

/// How warmblock is reached on other hosts.
#[derive(Debug, Clone)]
pub struct Remote {
    exec: Exec,
    settings: Settings,
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
        Self {
            exec: Exec::new(dirs),
            settings: Settings::given(),
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
        let cmd = self.settings.to(cmd).stdin(write(job)?);
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
        Ok(self.settings.to(cmd).ok_codes(&[ssh::OWN_FAILURE]))
    }
}

fn write(job: &Job) -> Result<Vec<u8>> {
    serde_json::to_vec(job)
        .map_err(|error| Error::new(Kind::Internal, "cannot write the job").because(error))
}

fn text(path: &Path) -> Result<&str> {
    path.to_str()
        .ok_or_else(|| Error::new(Kind::Usage, format!("{} is not text", path.display())))
}

#[cfg(test)]
pub(super) mod tests;
