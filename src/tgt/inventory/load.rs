//! Reading the files: each one alone, so that every word keeps its file and line.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::Spanned;

use super::check::Builder;
use super::raw::RawFile;
use super::{Inventory, Place, Problems};
use crate::{Error, Kind, Result};

/// One file, parsed.
pub(super) struct Source {
    pub(super) lines: Lines,
    pub(super) raw: RawFile,
}

/// Where the lines of a file begin.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    file: Arc<Path>,
    starts: Vec<usize>,
}

impl Lines {
    fn new(file: &Path, text: &str) -> Self {
        let newlines = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            file: file.into(),
            starts: std::iter::once(0).chain(newlines).collect(),
        }
    }

    /// The place of a span's beginning.
    pub(super) fn at(&self, span: &Range<usize>) -> Place {
        Place {
            file: Arc::clone(&self.file),
            line: self.starts.partition_point(|start| *start <= span.start),
        }
    }

    /// The place of a word.
    pub(super) fn of<T>(&self, word: &Spanned<T>) -> Place {
        self.at(&word.span())
    }
}

impl Inventory {
    /// Where the inventory is looked for below the configuration's directory.
    pub const FILE: &str = "tgt.toml";

    /// Reads an inventory and its drop-ins (`tgt.d/*.toml` beside `tgt.toml`), and checks it. The warnings are in it; the
    /// errors, all of them, are in the error.
    pub fn load(file: &Path) -> Result<Self> {
        let (inventory, problems) = Self::examine(file)?;
        problems.check()?;
        inventory.ok_or_else(|| Error::new(Kind::Internal, "an inventory without errors is none"))
    }

    /// The files that an inventory is read from: itself and its drop-ins.
    pub fn files(file: &Path) -> Result<Vec<PathBuf>> {
        Ok(std::iter::once(file.to_owned())
            .chain(drop_ins(file)?)
            .collect())
    }

    /// Reads an inventory and says what is wrong with it; there is one if nothing is.
    pub fn examine(file: &Path) -> Result<(Option<Self>, Problems)> {
        let mut problems = Problems::default();
        let mut sources = Vec::new();
        for path in Self::files(file)? {
            let text = fs::read_to_string(&path).map_err(|error| cannot_read(&path, error))?;
            sources.extend(parse(&path, &text, &mut problems));
        }
        if problems.failed() {
            return Ok((None, problems));
        }
        let inventory = Builder::new(&mut problems).build(&sources);
        if problems.failed() {
            return Ok((None, problems));
        }
        let warnings = problems.0.clone();
        Ok((
            Some(Self {
                warnings,
                ..inventory
            }),
            problems,
        ))
    }
}

/// One file; what is wrong with its grammar is a problem like any other.
fn parse(path: &Path, text: &str, problems: &mut Problems) -> Option<Source> {
    let lines = Lines::new(path, text);
    match toml::from_str::<RawFile>(text) {
        Ok(raw) => Some(Source { lines, raw }),
        Err(error) => {
            let place = lines.at(&error.span().unwrap_or(0..0));
            let message = error.message().trim().replace('\n', " ");
            let remedy = "see `man 5 warmblock-tgt.toml` for the keys of each section";
            problems.error(&place, message, remedy);
            None
        }
    }
}

fn drop_ins(file: &Path) -> Result<Vec<PathBuf>> {
    let dir = file.with_extension("d");
    let entries = match fs::read_dir(&dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(cannot_read(&dir, error)),
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| cannot_read(&dir, error))?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn cannot_read(path: &Path, error: std::io::Error) -> Error {
    Error::new(Kind::Config, format!("cannot read {}", path.display()))
        .because(error)
        .remedy("write it there, as the example in `man 5 warmblock-tgt.toml` is, or name another: `warmblock tgt inventory FILE`, --inventory FILE of the commands on a running tgtd")
}
