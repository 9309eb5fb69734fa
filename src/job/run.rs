//! Doing a job on this host.

use super::{Job, Report, Request};
use crate::host::Host;
use crate::{Error, Kind, Result, disk, image};

/// What a job answers.
#[derive(Debug, Clone, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// Of a job on a disk.
    Disk(Report),
    /// Of `recover`.
    Recover(disk::RecoverReport),
    /// Of a job on an image.
    Image(image::ImageReport),
}

/// Does a job.
pub fn run(host: &Host, job: &Job) -> Result<Answer> {
    if job.version != Job::VERSION {
        return Err(Error::new(
            Kind::Usage,
            format!("a job of version {} is not understood", job.version),
        )
        .remedy("install the same release of warmblock on both hosts"));
    }
    let dry = job.dry_run;
    Ok(match &job.request {
        Request::Attach(ask) => Answer::Disk(disk::attach(host, ask, dry)?),
        Request::Detach(ask) => Answer::Disk(disk::detach(host, ask, dry)?),
        Request::Seed(ask) if ask.verify => Answer::Disk(disk::verify(host, ask)?),
        Request::Seed(ask) => Answer::Disk(disk::seed(host, ask, dry)?),
        Request::Flush(ask) => Answer::Disk(disk::flush(host, ask, dry)?),
        Request::Bypass(ask) => Answer::Disk(disk::bypass(host, ask, dry)?),
        Request::Insert(ask) => Answer::Disk(disk::insert(host, ask, dry)?),
        Request::Mode(ask) => Answer::Disk(disk::set_mode(host, ask, dry)?),
        Request::Recover(_) => Answer::Recover(disk::recover(host, dry)?),
        Request::Image(ask) => Answer::Image(image::run(host, ask, dry)?),
    })
}
