//! What a host answers that could not do its job.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::answer::install;
use crate::job::Job;
use crate::{Error, Kind};

/// The answer of a job that failed: what we need of `error.json`.
#[derive(Debug, Deserialize)]
struct Failed {
    error: Body,
}

#[derive(Debug, Deserialize)]
struct Body {
    /// A newer release may have kinds that this one does not know.
    kind: Value,
    message: String,
    remedy: Option<String>,
}

/// The answer of `recover`, which is one also if some disks could not be dealt with.
#[derive(Debug, Deserialize)]
struct Recovered {
    findings: Vec<Finding>,
}

#[derive(Debug, Deserialize)]
struct Finding {
    image: Option<String>,
    found: String,
    error: Option<String>,
    remedy: Option<String>,
}

/// The error that the answer of a job which failed tells of.
pub(super) fn failure(node: &impl fmt::Display, answer: &Value) -> Error {
    let unclear = match Failed::deserialize(answer) {
        Ok(Failed { error }) => return of_job(node, error),
        Err(error) => error,
    };
    let recovered = Recovered::deserialize(answer).ok();
    recovered.and_then(not_recovered).unwrap_or_else(|| {
        Error::new(Kind::Failed, "warmblock's answer is not understood").because(unclear)
    })
}

fn of_job(node: &impl fmt::Display, told: Body) -> Error {
    let kind = Kind::deserialize(&told.kind).unwrap_or(Kind::Failed);
    if kind == Kind::Usage && told.message.starts_with(Job::NOT_UNDERSTOOD) {
        return of_another_release(node, told);
    }
    let error = Error::new(kind, told.message);
    match told.remedy {
        Some(remedy) => error.remedy(remedy),
        None => error,
    }
}

/// A host that does not know what is asked of it is older, unless it reads a newer version of jobs: then we are.
fn of_another_release(node: &impl fmt::Display, told: Body) -> Error {
    let newer = Job::version_read(&told.message).is_some_and(|reads| reads > Job::VERSION);
    let (what, remedy) = match newer {
        false => (
            "older, and does not know what is asked of it",
            install(node),
        ),
        true => (
            "newer, and does not read the jobs of this one any more",
            format!(
                "install the release of {node}, which `warmblock --version` tells there, on this machine: it has {}",
                env!("CARGO_PKG_VERSION")
            ),
        ),
    };
    Error::new(Kind::Missing, format!("its warmblock is {what}"))
        .because(Error::new(Kind::Usage, told.message))
        .remedy(remedy)
}

/// All that could not be dealt with, and what can be done about the first. What is no disk, or no known one, is named by what was found.
fn not_recovered(report: Recovered) -> Option<Error> {
    let mut failed: Vec<String> = Vec::new();
    let mut remedy = None;
    for finding in report.findings {
        let Some(why) = finding.error else { continue };
        let what = finding.image.unwrap_or(finding.found);
        failed.push(format!("{what}: {why}"));
        remedy = remedy.or(finding.remedy);
    }
    if failed.is_empty() {
        return None;
    }
    let message = format!("not all could be recovered: {}", failed.join("; "));
    let error = Error::new(Kind::Failed, message);
    Some(match remedy {
        Some(remedy) => error.remedy(remedy),
        None => error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(answer: &Value) -> Error {
        failure(&"kvm1", answer)
    }

    /// What is told of a host that refuses a job for this reason.
    fn mismatch(why: &str) -> String {
        let message = format!("{}: {why}", Job::NOT_UNDERSTOOD);
        let error = told(
            &json!({"version": 1, "error": {"kind": "usage", "exit_code": 2, "cleanup": [],
            "message": message, "remedy": "`share/warmblock/schema/job.json` of this release describes it"}}),
        );
        assert_eq!(error.kind(), Kind::Missing);
        format!("{}\n{}", error.chain(), error.remedy_text().unwrap())
    }

    #[test]
    fn the_side_that_is_older_is_to_get_the_others_release() {
        let reads = |version: u32| {
            let ours = Job::other_version(1);
            ours.replace(
                &format!("read version {}", Job::VERSION),
                &format!("read version {version}"),
            )
        };
        let newer_host = mismatch(&reads(Job::VERSION + 1));
        assert!(
            newer_host.contains("its warmblock is newer"),
            "{newer_host}"
        );
        assert!(
            newer_host.contains("install the release of kvm1")
                && newer_host.contains("on this machine"),
            "{newer_host}"
        );
        for older in [
            reads(Job::VERSION - 1),
            "it is of version 2, and this is version 1".to_owned(),
            "unknown field `dead_host`, expected one of `image`".to_owned(),
            "unknown variant `allocated`".to_owned(),
        ] {
            let told = mismatch(&older);
            assert!(
                told.contains("its warmblock is older") && told.contains(&older),
                "{told}"
            );
            assert!(
                told.contains("install this release of warmblock") && told.contains("on kvm1"),
                "{told}"
            );
        }
    }

    #[test]
    fn a_kind_of_a_newer_release_is_an_error_all_the_same() {
        let error =
            told(&json!({"error": {"kind": "quota", "message": "too much", "remedy": "less"}}));
        assert_eq!(
            (error.kind(), error.chain().as_str()),
            (Kind::Failed, "too much")
        );
        assert_eq!(error.remedy_text(), Some("less"));
    }

    #[test]
    fn what_could_not_be_recovered_is_told() {
        let error = told(
            &json!({"answer": "recover", "version": 1, "dry_run": false, "findings": [
                {"image": "one/one-1", "key": null, "found": "well", "action": null, "error": null, "remedy": null},
                {"image": "one/one-2", "key": null, "found": "wanted", "action": null, "error": "held by kvm2", "remedy": "go there"},
                {"image": null, "key": null, "found": "a record that cannot be read", "action": null, "error": "no JSON", "remedy": null},
                {"image": null, "key": null, "found": "guest one-12 was left suspended", "action": null, "error": "virsh hangs", "remedy": null},
            ]}),
        );
        assert_eq!(error.kind(), Kind::Failed);
        assert_eq!(
            error.chain(),
            "not all could be recovered: one/one-2: held by kvm2; a record that cannot be read: no JSON; guest one-12 was left \
             suspended: virsh hangs"
        );
        assert_eq!(error.remedy_text(), Some("go there"));
        for other in [json!({"findings": []}), json!({"what": 1}), json!(3)] {
            assert!(told(&other).chain().contains("not understood"), "{other}");
        }
    }
}
