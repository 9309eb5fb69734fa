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
    kind: Kind,
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
    let not_understood = told.kind == Kind::Usage && told.message.starts_with(Job::NOT_UNDERSTOOD);
    let error = Error::new(told.kind, told.message);
    match told.remedy {
        _ if not_understood => {
            let message =
                "its warmblock is of another release, and does not know what is asked of it";
            Error::new(Kind::Missing, message)
                .because(error)
                .remedy(install(node))
        }
        Some(remedy) => error.remedy(remedy),
        None => error,
    }
}

/// Every disk that could not be dealt with, and what can be done about the first.
fn not_recovered(report: Recovered) -> Option<Error> {
    let mut failed: Vec<String> = Vec::new();
    let mut remedy = None;
    for finding in report.findings {
        let Some(why) = finding.error else { continue };
        let image = finding.image.unwrap_or_else(|| "a disk".to_owned());
        failed.push(format!("{image}: {why}"));
        remedy = remedy.or(finding.remedy);
    }
    if failed.is_empty() {
        return None;
    }
    let message = format!("not all disks could be recovered: {}", failed.join("; "));
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

    #[test]
    fn a_host_of_an_older_release_is_to_get_this_one() {
        let error = told(
            &json!({"version": 1, "error": {"kind": "usage", "exit_code": 2, "cleanup": [],
            "message": "cannot understand the job on standard input: unknown field `dead_host`",
            "remedy": "`docs/schema/job.json` of this release describes it"}}),
        );
        assert_eq!(error.kind(), Kind::Missing);
        assert!(error.chain().contains("unknown field `dead_host`"));
        let remedy = error.remedy_text().unwrap();
        assert!(
            remedy.contains("install this release") && remedy.contains("kvm1"),
            "{remedy}"
        );
    }

    #[test]
    fn what_could_not_be_recovered_is_told() {
        let error = told(
            &json!({"answer": "recover", "version": 1, "dry_run": false, "findings": [
                {"image": "one/one-1", "key": null, "found": "well", "action": null, "error": null, "remedy": null},
                {"image": "one/one-2", "key": null, "found": "wanted", "action": null, "error": "held by kvm2", "remedy": "go there"},
                {"image": null, "key": null, "found": "damaged", "action": null, "error": "no JSON", "remedy": null},
            ]}),
        );
        assert_eq!(error.kind(), Kind::Failed);
        assert_eq!(
            error.chain(),
            "not all disks could be recovered: one/one-2: held by kvm2; a disk: no JSON"
        );
        assert_eq!(error.remedy_text(), Some("go there"));
        for other in [json!({"findings": []}), json!({"what": 1}), json!(3)] {
            assert!(told(&other).chain().contains("not understood"), "{other}");
        }
    }
}
