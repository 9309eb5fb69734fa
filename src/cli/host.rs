//! `warmblock host`: one job on standard input, read with care, since it comes from another host and maybe another
//! release.

use std::io::Read;

use serde::Deserialize;

use crate::job::Job;
use crate::{Error, Kind, Result};

/// No job is nearly as long; one with a context CD in it is the longest.
const LIMIT: u64 = 64 << 20;

/// Reads the job.
///
/// # Errors
/// [`Kind::Usage`], unless the reading itself fails.
pub fn read_job(input: impl Read) -> Result<Job> {
    let mut text = Vec::new();
    input
        .take(LIMIT + 1)
        .read_to_end(&mut text)
        .map_err(|error| {
            Error::new(Kind::Failed, "cannot read the job on standard input").because(error)
        })?;
    if text.len() as u64 > LIMIT {
        return Err(refuse("it is longer than 64 MiB"));
    }
    parse(&text)
}

fn parse(text: &[u8]) -> Result<Job> {
    /// Only what tells the format; everything else may differ in another one.
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let Version { version } =
        serde_json::from_slice(text).map_err(|error| refuse(&error.to_string()))?;
    if version != Job::VERSION {
        return Err(refuse(&format!(
            "it is of version {version}, and this is version {}",
            Job::VERSION
        ))
        .remedy("install the same release of warmblock on both hosts"));
    }
    serde_json::from_slice(text).map_err(|error| refuse(&error.to_string()))
}

fn refuse(why: &str) -> Error {
    Error::new(
        Kind::Usage,
        format!("cannot understand the job on standard input: {why}"),
    )
    .remedy("`docs/schema/job.json` of this release describes it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::{Attach, Request};

    #[test]
    fn a_job_reads_back() {
        let attach = Attach {
            size: Some(crate::model::Bytes::gib(8)),
            ..Attach::new("one/vm-7".parse().unwrap())
        };
        let job = Job {
            version: Job::VERSION,
            dry_run: true,
            request: Request::Attach(attach),
        };
        assert_eq!(parse(&serde_json::to_vec(&job).unwrap()).unwrap(), job);
    }

    #[test]
    fn what_is_not_a_job_is_refused() {
        let cases = [
            ("", "EOF"),
            ("{}", "missing field `version`"),
            (r#"{"version":2,"other":1}"#, "of version 2"),
            (r#"{"version":1}"#, "missing field `request`"),
            (
                r#"{"version":1,"request":{"op":"dance"}}"#,
                "unknown variant `dance`",
            ),
            (
                r#"{"version":1,"request":{"op":"recover"},"x":1}"#,
                "unknown field `x`",
            ),
            (
                r#"{"version":1,"request":{"op":"flush","image":"one/a","x":1}}"#,
                "unknown field `x`",
            ),
            (
                r#"{"version":1,"request":{"op":"flush","image":"one"}}"#,
                "is not POOL/IMAGE",
            ),
            (
                r#"{"version":1,"request":{"op":"recover"}} {}"#,
                "trailing characters",
            ),
        ];
        for (text, wanted) in cases {
            let error = parse(text.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), Kind::Usage);
            assert!(error.chain().contains(wanted), "{text}: {}", error.chain());
        }
        let long = read_job(std::io::repeat(b' ')).unwrap_err();
        assert!(long.chain().contains("64 MiB"));
    }
}
