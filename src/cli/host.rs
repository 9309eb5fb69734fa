//! `warmblock host`: one job on standard input, read with care, since it comes from another host and maybe another
//! release.

use std::io::{BufRead, Read};

use serde::Deserialize;

use crate::job::Job;
use crate::{Error, Kind, Result};

/// No job is nearly as long; one with a context CD in it is the longest.
const LIMIT: u64 = 64 << 20;

/// Reads the job: all that there is, or the first line if that is a job whose data come after it.
///
/// # Errors
/// [`Kind::Usage`], unless the reading itself fails.
pub fn read_job(input: &mut impl BufRead) -> Result<Job> {
    let mut text = Vec::new();
    let line = input.take(LIMIT + 1).read_until(b'\n', &mut text);
    line.map_err(unreadable)?;
    if let Some(job) = parse(&text).ok().filter(|job| job.request.has_data()) {
        return Ok(job);
    }
    let left = (LIMIT + 1).saturating_sub(text.len() as u64);
    let rest = input.take(left).read_to_end(&mut text);
    rest.map_err(unreadable)?;
    if text.len() as u64 > LIMIT {
        return Err(refuse("it is longer than 64 MiB"));
    }
    parse(&text)
}

fn unreadable(error: std::io::Error) -> Error {
    Error::new(Kind::Failed, "cannot read the job on standard input").because(error)
}

fn parse(text: &[u8]) -> Result<Job> {
    /// Only what tells the format; everything else may differ in another one.
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    if text
        .trim_ascii_start()
        .first()
        .is_some_and(|first| *first != b'{')
    {
        // An array would be taken for the fields in their order, and told of in this program's words.
        return Err(refuse("a job is one JSON object"));
    }
    let Version { version } =
        serde_json::from_slice(text).map_err(|error| refuse(&error.to_string()))?;
    if version != Job::VERSION {
        let release = env!("CARGO_PKG_VERSION");
        let error = refuse(&Job::other_version(version));
        return Err(error.remedy(match version < Job::VERSION {
            true => format!(
                "whoever sent it is older: install this release of warmblock, {release}, there"
            ),
            false => format!(
                "this host's warmblock, {release}, is older: install here the release of whoever sent it"
            ),
        }));
    }
    serde_json::from_slice(text).map_err(|error| refuse(&error.to_string()))
}

fn refuse(why: &str) -> Error {
    Error::new(Kind::Usage, format!("{}: {why}", Job::NOT_UNDERSTOOD))
        .remedy("`share/warmblock/schema/job.json` of this release describes it")
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
            ("[1]", "a job is one JSON object"),
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
        let long = std::io::BufReader::new(std::io::repeat(b' '));
        let long = read_job(&mut { long }).unwrap_err();
        assert!(long.chain().contains("64 MiB"));
    }

    #[test]
    fn another_version_names_the_side_to_update() {
        let told = |version| {
            let text = format!("{{\"version\":{version},\"other\":1}}");
            let error = parse(text.as_bytes()).unwrap_err();
            assert_eq!(Job::version_read(&error.chain()), Some(Job::VERSION));
            error.remedy_text().unwrap().to_owned()
        };
        assert!(told(Job::VERSION + 1).starts_with("this host's warmblock"));
        assert!(told(Job::VERSION - 1).starts_with("whoever sent it is older"));
    }

    #[test]
    fn the_data_of_an_import_stay_on_standard_input() {
        let job = r#"{"version":1,"request":{"op":"image","verb":"import","source":"-","image":"one/a"}}"#;
        let text = format!("{job}\ndata");
        let mut input = text.as_bytes();
        assert!(read_job(&mut input).unwrap().request.has_data());
        assert_eq!(input, b"data");
        let lines = job.replacen("-", "/a", 1).replace(',', ",\n");
        assert!(!read_job(&mut lines.as_bytes()).unwrap().request.has_data());
        let more = format!("{}\ndata", job.replacen("-", "/a", 1));
        assert!(read_job(&mut more.as_bytes()).is_err());
    }
}
