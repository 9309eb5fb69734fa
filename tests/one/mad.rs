//! oned's drivers in small: a transfer file is run as one_tm runs it, and what a script says is heard as each release hears it
//! (contract, 1.3 and 1.4).

use anyhow::Result;
use warmblock::sys::atomic;

use crate::cmd::Out;
use crate::one::oned::Oned;
use crate::world::path;

/// What oned makes of a script's end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// Whether it came through.
    pub success: bool,
    /// What the user is shown.
    pub info: String,
    /// What goes into the log of a VM, by its number; `-1` is oned's own log.
    pub log: Vec<(i64, String)>,
}

impl Oned {
    /// Is of a release from now on.
    pub fn release(&self, version: &str) -> Result<()> {
        Ok(atomic::write(
            &self.var().join("remotes/VERSION"),
            version.as_bytes(),
        )?)
    }

    /// Runs a transfer file: line after line, until one fails.
    pub fn transfer(&self, version: &str, file: &str) -> Result<Heard> {
        self.release(version)?;
        self.lines(version, file)
    }

    /// The same, of the release that oned is already: it may be done several times at once.
    pub fn lines(&self, version: &str, file: &str) -> Result<Heard> {
        let lines = file.lines().map(str::trim);
        let mut last = Heard {
            success: true,
            info: String::new(),
            log: Vec::new(),
        };
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            last = heard(version, &self.script(line, "")?);
            if !last.success {
                break;
            }
        }
        Ok(last)
    }

    /// Runs a line's script: `ACTION DRIVER ARGUMENT…`, split at blanks. One with a suffix that is not there is taken without. With
    /// this on its standard input.
    pub fn script(&self, line: &str, stdin: &str) -> Result<Out> {
        let mut words = line.split_whitespace();
        let action = words.next().unwrap_or_default().to_lowercase();
        let scripts = self
            .var()
            .join("remotes/tm")
            .join(words.next().unwrap_or_default());
        let mut script = scripts.join(&action);
        if !script.exists()
            && let Some((plain, _suffix)) = action.rsplit_once('.')
        {
            script = scripts.join(plain);
        }
        let argv: Vec<&str> = [path(&script)?].into_iter().chain(words).collect();
        self.run(&argv, stdin)
    }
}

/// How a release reads what a script leaves.
pub fn heard(version: &str, out: &Out) -> Heard {
    let success = out.code == 0;
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    let release: (u32, u32) = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    let mut log = Vec::new();
    let info = if release >= (7, 0) {
        let mut rest = String::new();
        for line in out.stderr.lines() {
            match level(line) {
                Some(found) => log.push(found),
                None => rest.push_str(line),
            }
        }
        rest
    } else if release >= (6, 2) {
        out.stderr.trim_end().replace('\n', " ")
    } else {
        let framed = out.stderr.split_once("ERROR MESSAGE --8<------\n");
        let framed = framed.and_then(|(_, rest)| rest.split_once("ERROR MESSAGE ------>8--"));
        framed.map_or_else(
            || "-".to_owned(),
            |(inside, _)| inside.trim_end().to_owned(),
        )
    };
    let info = if success { String::new() } else { info };
    Heard { success, info, log }
}

/// A log line of 7.0 and later: severity, colon, blanks, the VM's number if there is one, the rest.
fn level(line: &str) -> Option<(i64, String)> {
    let (severity, rest) = line.split_once(':')?;
    if !["ERROR", "INFO", "WARN", "DEBUG"].contains(&severity) || !rest.starts_with(' ') {
        return None;
    }
    let rest = rest.trim_start();
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (number, text) = rest.split_at(digits);
    Some((number.parse().unwrap_or(-1), text.trim_start().to_owned()))
}
