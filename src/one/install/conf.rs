//! The file format of oned.conf: attributes, read with their places, so that one can be changed and everything else stays
//! as it is, to the byte.

use std::ops::Range;

use crate::{Error, Kind, Result};

/// An attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// Its name, in capitals.
    pub name: String,
    /// What it is set to.
    pub value: Value,
    /// Its bytes in the file, from its name to the end of what it is set to.
    pub at: Range<usize>,
}

/// What an attribute is set to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A word or a string.
    Single(Text),
    /// `[ NAME = "value", … ]`
    Vector(Vec<(String, Text)>),
}

/// A string and where it stands in the file, without its quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    /// The string.
    pub text: String,
    /// Its bytes in the file.
    pub at: Range<usize>,
}

impl Attribute {
    /// The value, if it is a single one.
    pub fn single(&self) -> Option<&str> {
        match &self.value {
            Value::Single(text) => Some(&text.text),
            Value::Vector(_) => None,
        }
    }

    /// An element of a vector.
    pub fn element(&self, name: &str) -> Option<&Text> {
        match &self.value {
            Value::Single(_) => None,
            Value::Vector(elements) => {
                let found = elements
                    .iter()
                    .find(|(known, _)| known.eq_ignore_ascii_case(name));
                found.map(|(_, text)| text)
            }
        }
    }
}

/// Reads all attributes.
///
/// # Errors
/// [`Kind::Config`] with the line of what is not understood.
pub fn parse(text: &str) -> Result<Vec<Attribute>> {
    let mut reader = Reader { text, at: 0 };
    let mut all = Vec::new();
    loop {
        reader.skip(|c| c.is_whitespace());
        if reader.peek().is_none() {
            return Ok(all);
        }
        let from = reader.at;
        let name = reader.name()?;
        reader.skip(|c| c == ' ' || c == '\t');
        let value = if reader.eat('[') {
            Value::Vector(reader.elements()?)
        } else {
            Value::Single(reader.string(|c| c == '\n' || c == '#')?)
        };
        let at = from..reader.at;
        all.push(Attribute { name, value, at });
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.text.get(self.at..)?.chars().next()
    }

    fn eat(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.at += wanted.len_utf8();
        }
        there
    }

    /// Passes over characters, and over comments where line breaks are passed over.
    fn skip(&mut self, pass: impl Fn(char) -> bool) {
        while let Some(c) = self.peek() {
            if c == '#' && pass('\n') {
                self.until(|c| c == '\n');
            } else if pass(c) {
                self.at += c.len_utf8();
            } else {
                return;
            }
        }
    }

    /// Passes over what is before the end of the file or a character; what was passed over.
    fn until(&mut self, end: impl Fn(char) -> bool) -> Range<usize> {
        let from = self.at;
        while let Some(c) = self.peek().filter(|c| !end(*c)) {
            self.at += c.len_utf8();
        }
        from..self.at
    }

    /// `NAME =`
    fn name(&mut self) -> Result<String> {
        let name = self.until(|c| !c.is_ascii_alphanumeric() && c != '_' && c != '-');
        let name = self.text.get(name).unwrap_or_default().to_owned();
        self.skip(|c| c.is_whitespace());
        if name.is_empty() || !self.eat('=') {
            return Err(self.wrong("an attribute NAME = VALUE"));
        }
        Ok(name.to_ascii_uppercase())
    }

    fn elements(&mut self) -> Result<Vec<(String, Text)>> {
        let mut all = Vec::new();
        loop {
            self.skip(|c| c.is_whitespace() || c == ',');
            if self.eat(']') {
                return Ok(all);
            }
            let name = self.name()?;
            self.skip(|c| c.is_whitespace());
            all.push((name, self.string(|c| c == ',' || c == ']' || c == '\n')?));
        }
    }

    /// In quotes, or up to an end.
    fn string(&mut self, end: impl Fn(char) -> bool) -> Result<Text> {
        if self.eat('"') {
            let from = self.at;
            while let Some(c) = self.peek().filter(|c| *c != '"') {
                self.at += c.len_utf8();
                if c == '\\' {
                    self.at += self.peek().map_or(0, char::len_utf8);
                }
            }
            let at = from..self.at;
            if !self.eat('"') {
                return Err(self.wrong("a closing quote"));
            }
            return Ok(self.text_at(at));
        }
        let at = self.until(end);
        let word = self.text.get(at.clone()).unwrap_or_default();
        let end = at.start + word.trim_end().len();
        Ok(self.text_at(at.start..end))
    }

    fn text_at(&self, at: Range<usize>) -> Text {
        Text {
            text: self.text.get(at.clone()).unwrap_or_default().to_owned(),
            at,
        }
    }

    fn wrong(&self, wanted: &str) -> Error {
        let before = self.text.get(..self.at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        Error::new(
            Kind::Config,
            format!("line {line} is not understood: {wanted} was expected"),
        )
        .remedy(
            "does oned start with this file? Then please report it, and make the changes by hand",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# a comment = 1\nPORT = 2633\n DB=[ BACKEND = \"mysql\", # why\n   PORT = 0 ]\nLOG = [\n  SYSTEM = \"file\"\n]\n\
        VNC_BASE = 5900 # here\nNAME = \"a # \\\" b\"\nempty = \"\"";

    #[test]
    fn attributes_and_their_places() {
        let all = parse(FILE).unwrap();
        let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["PORT", "DB", "LOG", "VNC_BASE", "NAME", "EMPTY"]);
        assert_eq!(all[0].single(), Some("2633"));
        let backend = all[1].element("backend").unwrap();
        assert_eq!(&FILE[backend.at.clone()], "mysql");
        assert_eq!(all[1].element("PORT").unwrap().text, "0");
        assert!(
            FILE[all[1].at.clone()].starts_with("DB=[")
                && FILE[all[1].at.clone()].ends_with("PORT = 0 ]")
        );
        assert_eq!(&FILE[all[4].at.clone()], "NAME = \"a # \\\" b\"");
        assert_eq!(all[3].single(), Some("5900"));
        assert_eq!(all[4].single(), Some("a # \\\" b"));
        assert_eq!(all[5].single(), Some(""));
    }

    #[test]
    fn what_is_not_understood_has_its_line() {
        for (text, line) in [
            ("A = 1\nB", "line 2"),
            ("A = [ B = \"x\n", "line 2"),
            ("A = [ B ]", "line 1"),
            ("= 1", "line 1"),
            ("A = [ B = 1", "line 1"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.chain().contains(line), "{text:?}: {}", error.chain());
        }
    }
}
