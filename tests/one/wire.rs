//! oned's drivers, to whom it speaks in lines (contract, 1.3): `one_tm` and `one_datastore` as each release from 5.12 on runs scripts
//! and reads what they leave.
//!
//! Two things are not as they are there. What is said of one action is said at once, so that log lines can be told apart by the
//! answer behind them. And a pipe that is still held when its script has ended is given up not after 0.1 s but as late as no machine
//! is slow, so that only who holds it is told of.

use std::io::{BufRead as _, BufReader, PipeReader, PipeWriter, Read as _, Write as _, pipe};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::mad::Heard;
use super::oned::{PATIENCE, Place};
use crate::world::path;

/// How many actions a driver does at once; the others wait for their turn.
pub const SLOTS: usize = 15;

/// How long the rest of a script's output may take once the script has ended.
const REST: Duration = Duration::from_secs(20);

/// Which driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// `one_tm`
    Transfer,
    /// `one_datastore`
    Datastore,
}

/// A release: `7.4.0`.
type Release = (u32, u32, u32);

/// A driver that runs, as oned has it: two pipes.
#[derive(Debug)]
pub struct Mad {
    to: PipeWriter,
    from: BufReader<PipeReader>,
}

impl Mad {
    /// Starts one of a release.
    pub fn start(place: &Place, class: Class, version: &str) -> Result<Self> {
        let ((asked, to), (from, says)) = (pipe()?, pipe()?);
        let driver = Driver {
            place: place.clone(),
            class,
            release: release(version),
        };
        std::thread::spawn(move || driver.serve(asked, says));
        let mut mad = Self {
            to,
            from: BufReader::new(from),
        };
        ensure!(mad.read()? == "INIT SUCCESS", "the driver did not start");
        Ok(mad)
    }

    /// oned writes a line.
    pub fn write(&mut self, line: &str) -> Result<()> {
        Ok(writeln!(self.to, "{line}")?)
    }

    /// oned reads a line.
    pub fn read(&mut self) -> Result<String> {
        let mut line = String::new();
        self.from.read_line(&mut line)?;
        let line = line.strip_suffix('\n').context("the driver is gone")?;
        Ok(line.to_owned())
    }

    /// oned writes a line, and reads what comes of it.
    pub fn ask(&mut self, line: &str) -> Result<Heard> {
        self.write(line)?;
        let mut words = line.split(' ');
        let (action, id) = (words.next(), words.next());
        self.hear(action.unwrap_or_default(), id.unwrap_or_default())
    }

    /// oned reads to the answer on an action.
    pub fn hear(&mut self, action: &str, id: &str) -> Result<Heard> {
        let mut heard = Heard {
            success: false,
            info: String::new(),
            log: Vec::new(),
        };
        while !heard.take(&self.read()?, action, id)? {}
        Ok(heard)
    }
}

/// The driver's own side.
#[derive(Debug)]
struct Driver {
    place: Place,
    class: Class,
    release: Release,
}

/// A line that was read.
#[derive(Debug)]
struct Asked {
    action: String,
    id: String,
    payload: String,
}

/// What one script comes to.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub success: bool,
    pub info: String,
    /// Severity, VM and text; a VM that nobody names is -1.
    pub log: Vec<(char, i64, String)>,
}

impl Driver {
    /// Reads lines until oned is gone.
    fn serve(self, asked: PipeReader, mut says: PipeWriter) {
        if writeln!(says, "INIT SUCCESS").is_err() {
            return;
        }
        let (says, (queue, waiting)) = (Mutex::new(says), channel());
        let waiting = Mutex::new(waiting);
        std::thread::scope(|scope| {
            for _ in 0..SLOTS {
                scope.spawn(|| self.work(&waiting, &says));
            }
            for line in BufReader::new(asked).lines().map_while(Result::ok) {
                let mut words = line.splitn(3, ' ').map(str::to_owned);
                let mut word = || words.next().unwrap_or_default();
                let (action, id, payload) = (word(), word(), word());
                let _all_ended = queue.send(Asked {
                    action,
                    id,
                    payload,
                });
            }
            drop(queue);
        });
    }

    /// One of those who work: takes what came first, and answers it.
    fn work(&self, waiting: &Mutex<Receiver<Asked>>, says: &Mutex<PipeWriter>) {
        let next = || {
            waiting
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .recv()
        };
        while let Ok(asked) = next() {
            let said = match self.class {
                Class::Transfer => self.transfer(&asked),
                Class::Datastore => self.datastore(&asked),
            };
            let said = said.unwrap_or_else(|error| Said {
                info: format!("{error:#}"),
                ..Said::default()
            });
            let mut text = String::new();
            for (severity, vm, line) in said.log {
                text += &format!("LOG {severity} {vm} {line}\n");
            }
            let end = if said.success { "SUCCESS" } else { "FAILURE" };
            text += &format!("{} {end} {} {}\n", asked.action, asked.id, said.info);
            let mut says = says.lock().unwrap_or_else(PoisonError::into_inner);
            // oned may be gone.
            let _nobody_reads = says.write_all(text.as_bytes());
        }
    }

    /// `TRANSFER VM FILE`: line after line, until one fails.
    fn transfer(&self, asked: &Asked) -> Result<Said> {
        let file = std::fs::read_to_string(&asked.payload);
        let file = file.with_context(|| format!("cannot read {}", asked.payload))?;
        let mut all = Said {
            success: true,
            ..Said::default()
        };
        let lines = file.lines().map(str::trim);
        for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let mut words = line.split_whitespace();
            let action = words.next().unwrap_or_default().to_lowercase();
            let driver = words.next().unwrap_or_default();
            let script = Class::Transfer.script(&self.place.var(), driver, &action)?;
            let words: Vec<&str> = words.collect();
            let said = self.run(&script, &words, "", asked)?;
            all.log.extend(said.log);
            (all.success, all.info) = (said.success, said.info);
            if !all.success {
                break;
            }
            // Nobody reads what a transfer that came through printed.
            all.info.clear();
        }
        Ok(all)
    }

    /// `ACTION ID DOCUMENT`: the document says which driver; how a script gets it is each release's own (contract, 1.7).
    fn datastore(&self, asked: &Asked) -> Result<Said> {
        let document = String::from_utf8(STANDARD.decode(&asked.payload)?)?;
        let between = |name: &str| {
            let rest = document.split_once(&format!("<{name}>"))?.1;
            Some(rest.split_once(&format!("</{name}>"))?.0)
        };
        let action = asked.action.to_lowercase();
        let driver = between("DS_MAD").context("the document names no DS_MAD")?;
        let (class, driver) = match driver {
            "-" => (Class::Transfer, between("TM_MAD").context("nor a TM_MAD")?),
            driver => (Class::Datastore, driver),
        };
        let script = class.script(&self.place.var(), driver, &action)?;
        let (payload, id) = (asked.payload.as_str(), asked.id.as_str());
        let (words, stdin) = match self.release {
            release if release >= (6, 8, 0) => (vec![id], payload),
            release if release >= (6, 6, 2) => (vec!["-", id], payload),
            _ => (vec![payload, id], ""),
        };
        let mut said = self.run(&script, &words, stdin, asked)?;
        if said.success && action == "monitor" {
            said.info = STANDARD.encode(&said.info);
        }
        Ok(said)
    }

    /// Runs a script: through a shell, in a group of its own, where the driver is.
    fn run(&self, script: &Path, words: &[&str], stdin: &str, asked: &Asked) -> Result<Said> {
        let quoted = |word: &&str| match self.release >= (5, 12, 0) {
            true => shlex::try_quote(word).map(|word| word.into_owned()),
            false => Ok((*word).to_owned()),
        };
        let words: Vec<String> = words.iter().map(quoted).collect::<Result<_, _>>()?;
        let line = format!("{} {}", path(script)?, words.join(" "));
        let ((out, to_out), (err, to_err)) = (pipe()?, pipe()?);
        let argv = self.place.words(&["sh", "-c", &line])?;
        let shell = duct::cmd(&argv[0], &argv[1..])
            .dir(self.place.var())
            .stdin_bytes(stdin)
            .stdout_file(to_out)
            .stderr_file(to_err)
            .before_spawn(|command| {
                std::os::unix::process::CommandExt::process_group(command, 0);
                Ok(())
            })
            .unchecked();
        let handle = shell.start()?;
        // It has the ends for writing as well.
        drop(shell);
        let (stdout, stderr) = (reading(out), reading(err));
        let ended = handle.wait_timeout(PATIENCE)?;
        let Some(ended) = ended.map(|output| output.status.code()) else {
            handle.kill()?;
            anyhow::bail!("{line} did not end within {PATIENCE:?}");
        };
        // Who holds a pipe to its end has what was said in it thrown away.
        let whole = |pipe: Receiver<String>| pipe.recv_timeout(REST).unwrap_or_default();
        let (stdout, stderr) = (whole(stdout), whole(stderr));
        let id = asked.id.parse().unwrap_or(-1);
        let mut said = read(self.release, ended == Some(0), &stdout, &stderr);
        if !said.success {
            let code = ended.unwrap_or(255);
            let failed = format!("Command execution failed (exit code: {code}): {line}");
            said.log.push(('E', id, failed));
            said.log.extend(stderr.lines().map(|line| again(id, line)));
        }
        Ok(said)
    }
}

impl Class {
    /// A driver's script, or the plain one if there is none of its suffix.
    ///
    /// # Errors
    /// oned's own words for one that there is not.
    pub fn script(self, var: &Path, driver: &str, action: &str) -> Result<PathBuf> {
        let family = match self {
            Self::Transfer => "tm",
            Self::Datastore => "datastore",
        };
        let dir = var.join("remotes").join(family).join(driver);
        let plain = action.rsplit_once('.').map(|(plain, _suffix)| plain);
        let mut scripts = [Some(action), plain].into_iter().flatten();
        let found = scripts.find(|name| dir.join(name).exists());
        let found = found.map(|name| dir.join(name));
        found.with_context(|| format!("Driver path {} does not exists", dir.join(action).display()))
    }
}

/// Reads a pipe to its end.
fn reading(mut pipe: PipeReader) -> Receiver<String> {
    let (tell, told) = channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _as_far_as_it_comes = pipe.read_to_end(&mut bytes);
        let _nobody_waits = tell.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    told
}

pub fn release(version: &str) -> Release {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    let mut number = || numbers.next().unwrap_or(0);
    (number(), number(), number())
}

/// How a release reads what a script leaves (contract, 1.4).
pub fn read(release: Release, success: bool, stdout: &str, stderr: &str) -> Said {
    let mut log = Vec::new();
    let info = if release >= (7, 0, 0) {
        let mut rest = String::new();
        for line in stderr.lines() {
            match level(line) {
                Some(found) => log.push(found),
                None => rest.push_str(line),
            }
        }
        rest
    } else if release >= (6, 2, 0) {
        stderr.trim_end().replace('\n', " ")
    } else {
        let framed = stderr.split_once("ERROR MESSAGE --8<------\n");
        let framed = framed.and_then(|(_, rest)| rest.split_once("ERROR MESSAGE ------>8--"));
        framed
            .map_or("-", |(inside, _)| inside.trim_end())
            .to_owned()
    };
    let info = if success {
        stdout.trim_end().to_owned()
    } else {
        info
    };
    Said { success, info, log }
}

/// A log line of 7.0 and later: severity, colon, blanks, the VM's number if there is one, the rest.
fn level(line: &str) -> Option<(char, i64, String)> {
    let (severity, rest) = line.split_once(':')?;
    if !["ERROR", "INFO", "WARN", "DEBUG"].contains(&severity) || !rest.starts_with(' ') {
        return None;
    }
    let rest = rest.trim_start();
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (number, text) = rest.split_at(digits);
    let vm = number.parse().unwrap_or(-1);
    Some((severity.chars().next()?, vm, text.trim_start().to_owned()))
}

/// A line of a failure's standard error, which goes into the log once more. A warning's prefix is not known there.
fn again(id: i64, line: &str) -> (char, i64, String) {
    let prefixes = [("ERROR: ", 'E'), ("DEBUG: ", 'D'), ("INFO: ", 'I')];
    let found = prefixes
        .iter()
        .find_map(|(prefix, severity)| Some((*severity, line.strip_prefix(prefix)?)));
    let (severity, text) = found.unwrap_or(('I', line));
    (severity, id, text.to_owned())
}
