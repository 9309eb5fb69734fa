//! Doing a job on this host.

use super::{
    GuestReport, Job, Recover, Report, Request, StepAsk, VmDirReport, backup, quiet, rested,
    store_dir, vm_dir, vm_file,
};
use crate::host::Host;
use crate::model::{Access, Fsid, HostName, ImageSpec};
use crate::{Context, Error, Kind, Result, disk, image, pulse};

/// What a job answers.
#[derive(Debug, Clone, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    /// Of `hello`.
    Hello(Hello),
    /// Of a job on a disk.
    Disk(Report),
    /// Of `recover`.
    Recover(disk::RecoverReport),
    /// Of a job on an image.
    Image(image::ImageReport),
    /// Of a job on a VM's directory.
    Directory(VmDirReport),
    /// Of `look-cluster`.
    Cluster(ReachedCluster),
    /// Of a job on a guest.
    Guest(GuestReport),
    /// Of several requests, in their order.
    Steps {
        /// What each came to.
        steps: Vec<StepAnswer>,
    },
}

/// Who does jobs here.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Hello {
    /// The release of this program.
    pub release: String,
    /// The host's name in leases.
    pub host: HostName,
}

/// The cluster that is reached.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct ReachedCluster {
    /// Its number, as Ceph gave it.
    pub fsid: Fsid,
}

/// What one of several requests came to.
#[derive(Debug, Clone, PartialEq, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StepAnswer {
    /// It was done.
    Done(Box<Answer>),
    /// It failed as it was allowed to; the reason.
    Content(String),
}

/// Does a job.
pub fn run(host: &Host, job: &Job) -> Result<Answer> {
    if job.version != Job::VERSION {
        return Err(Error::new(
            Kind::Usage,
            format!(
                "{}: {}",
                Job::NOT_UNDERSTOOD,
                Job::other_version(job.version)
            ),
        )
        .remedy("make it for this release: `share/warmblock/schema/job.json` describes it"));
    }
    request(host, &job.request, job.dry_run)
}

fn request(host: &Host, ask: &Request, dry: bool) -> Result<Answer> {
    Ok(match ask {
        Request::Hello => Answer::Hello(Hello {
            release: env!("CARGO_PKG_VERSION").to_owned(),
            host: host.me()?.host,
        }),
        Request::Attach(ask) => on_disk(host, &ask.image, dry, || disk::attach(host, ask, dry))?,
        Request::Detach(ask) => on_disk(host, &ask.image, dry, || disk::detach(host, ask, dry))?,
        Request::SeedLater(ask) => Answer::Disk(disk::seed_later(host, ask, dry)?),
        Request::Seed(ask) if ask.verify => Answer::Disk(disk::verify(host, ask)?),
        Request::Seed(ask) => on_disk(host, &ask.image, dry, || disk::seed(host, ask, dry))?,
        Request::Flush(ask) => on_disk(host, &ask.image, dry, || disk::flush(host, ask, dry))?,
        Request::Bypass(ask) => on_disk(host, &ask.image, dry, || disk::bypass(host, ask, dry))?,
        Request::Insert(ask) => Answer::Disk(disk::insert(host, ask, dry)?),
        Request::TakeSize(ask) => {
            on_disk(host, &ask.image, dry, || disk::take_size(host, ask, dry))?
        }
        Request::HandOver(ask) => {
            on_disk(host, &ask.image, dry, || disk::hand_over(host, ask, dry))?
        }
        Request::Mode(ask) => on_disk(host, &ask.image, dry, || disk::set_mode(host, ask, dry))?,
        Request::Recover(ask) => Answer::Recover(recover(host, *ask, dry)?),
        Request::Image(ask) => Answer::Image(image::run(host, ask, dry)?),
        Request::MakeDir(ask) => directory(host, || vm_dir::make(host, ask, dry))?,
        Request::LookDir(ask) => directory(host, || store_dir::look(ask))?,
        Request::LookCluster => Answer::Cluster(ReachedCluster {
            fsid: host.connect()?.fsid()?,
        }),
        Request::RemoveDir(ask) => directory(host, || vm_dir::remove(host, ask, dry))?,
        Request::BackupRoom(ask) => Answer::Directory(backup::room(host, ask, dry)?),
        Request::Backup(ask) => Answer::Directory(backup::make(host, ask, dry)?),
        Request::EndBackup(ask) => directory(host, || backup::end(ask, dry))?,
        Request::PutFile(ask) => directory(host, || vm_file::put(ask, dry))?,
        Request::Rouse(ask) => Answer::Guest(rested::rouse(host, ask, dry)?),
        Request::Quiet(ask) => Answer::Steps {
            steps: quiet::run(host, ask, dry)?,
        },
        Request::Steps(ask) if ask.every => Answer::Steps {
            steps: every(host, &ask.steps, dry)?,
        },
        Request::Steps(ask) => Answer::Steps {
            steps: several(host, &ask.steps, dry)?,
        },
    })
}

/// What may stop a seed in the background.
fn on_disk(
    host: &Host,
    image: &ImageSpec,
    dry: bool,
    verb: impl FnOnce() -> Result<Report>,
) -> Result<Answer> {
    disk::or_seeded_as_before(host, image, dry, verb).map(Answer::Disk)
}

/// What is done with files alone is done as whoever asks.
fn directory(host: &Host, act: impl FnOnce() -> Result<VmDirReport>) -> Result<Answer> {
    host.as_caller(act).map(Answer::Directory)
}

/// Guests go on first, for they wait.
fn recover(host: &Host, ask: Recover, dry: bool) -> Result<disk::RecoverReport> {
    let guests = rested::recover(host, dry);
    let mut report = disk::recover(host, &ask, dry)?;
    report.findings.splice(0..0, guests);
    Ok(report)
}

/// Does requests one after the other, whatever becomes of them; the first failure is kept.
fn every(host: &Host, steps: &[StepAsk], dry: bool) -> Result<Vec<StepAnswer>> {
    let (mut answers, mut done) = (Vec::new(), Ok(()));
    for step in steps {
        let answer = one_of_several(host, step, dry);
        done = crate::error::both(done, answer.map(|answer| answers.push(answer)));
    }
    done.map(|()| answers)
}

/// Does requests one after the other; the first that fails ends it.
pub(super) fn several(host: &Host, steps: &[StepAsk], dry: bool) -> Result<Vec<StepAnswer>> {
    steps
        .iter()
        .map(|step| one_of_several(host, step, dry))
        .collect()
}

/// Does a request by an access. Whoever it is that Ceph refuses is not the one that this host is known as.
fn by(host: &Host, access: &Access, ask: &Request, dry: bool) -> Result<Answer> {
    let done = request(&host.by(access), ask, dry);
    match done.as_ref().err().map(Error::kind) {
        Some(Kind::Ceph | Kind::Config) => done.context(|| format!("as {access}")),
        _ => done,
    }
}

fn one_of_several(host: &Host, step: &StepAsk, dry: bool) -> Result<StepAnswer> {
    host.cancel.check()?;
    pulse::beat();
    let done = match &step.access {
        Some(access) => by(host, access, &step.request, dry),
        None => request(host, &step.request, dry),
    };
    match done {
        Ok(answer) => Ok(StepAnswer::Done(Box::new(answer))),
        Err(error) if step.content_with.contains(&error.kind()) => {
            Ok(StepAnswer::Content(error.chain()))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
