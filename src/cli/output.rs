//! Where answers go: the product on standard output, everything said about it on standard error.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;

use super::paint::Paint;
use crate::{Error, Kind, Result};

/// How a command answers.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    /// One JSON document instead of words.
    pub json: bool,
    /// Nothing on standard error but errors.
    pub quiet: bool,
    /// Colours and symbols of standard output.
    pub paint: Paint,
    /// Those of standard error.
    pub paint_err: Paint,
}

impl Output {
    /// Answers on this process's streams, in colours only on a terminal.
    pub fn new(json: bool, quiet: bool) -> Self {
        Self {
            json,
            quiet,
            paint: Paint::for_stream(io::stdout().is_terminal()),
            paint_err: Paint::for_stream(io::stderr().is_terminal()),
        }
    }

    /// Prints a product: as JSON, or as the words that `human` makes of it.
    pub fn answer<T: Serialize>(
        &self,
        value: &T,
        human: impl FnOnce(&T, Paint) -> String,
    ) -> Result<()> {
        let text = if self.json {
            json(value)?
        } else {
            human(value, self.paint)
        };
        to_stdout(&text)
    }

    /// Says something to the person, beside the product.
    pub fn note(&self, human: impl FnOnce(Paint) -> String) {
        if !self.quiet {
            to_stderr(&human(self.paint_err));
        }
    }
}

/// A JSON document, with its last line ended.
pub fn json<T: Serialize>(value: &T) -> Result<String> {
    let mut text = serde_json::to_string_pretty(value).map_err(|error| {
        Error::new(Kind::Internal, "cannot write the answer as JSON").because(error)
    })?;
    text.push('\n');
    Ok(text)
}

/// Writes to standard output. A reader that has gone (`| head`) has seen enough: that is no error.
pub fn to_stdout(text: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::new(Kind::Failed, "cannot write to standard output").because(error))
        }
        _ => Ok(()),
    }
}

/// Writes to standard error; when that fails there is nobody left to be told.
pub fn to_stderr(text: &str) {
    let _nobody = io::stderr().lock().write_all(text.as_bytes());
}

/// Rows with their columns aligned, two blanks apart, no blanks at line ends; each line behind `indent`.
pub fn columns(indent: &str, rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| visible(cell))
            .max()
    };
    let widths: Vec<usize> = (0..count)
        .map(|column| width(column).unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = indent.to_owned();
        for (cell, width) in row.iter().zip(&widths) {
            let pad = width - visible(cell) + 2;
            let _infallible = write!(line, "{cell}{:pad$}", "");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The characters of a cell that take room on a terminal: colours do not.
fn visible(cell: &str) -> usize {
    let mut count = 0;
    let mut chars = cell.chars();
    while let Some(c) = chars.next() {
        if c == '\x1b' {
            // Every sequence of ours ends with 'm'.
            chars.by_ref().find(|c| *c == 'm');
        } else {
            count += 1;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_whatever_their_colour() {
        let rows = [
            vec!["\x1b[32ma\x1b[0m".into(), "b".into()],
            vec!["long".into(), String::new()],
        ];
        assert_eq!(columns("  ", &rows), "  \x1b[32ma\x1b[0m     b\n  long\n");
    }
}
