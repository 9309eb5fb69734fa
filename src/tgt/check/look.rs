//! What every rule works on, and how it tells what it found.

use super::finding::{Finding, Rule, Severity};
use super::words::{self, Scope};
use crate::tgt::conf::lines::{LineId, Place};
use crate::tgt::conf::plan::Plan;
use crate::tgt::conf::{Conf, Files, Map};

/// A configuration, what becomes of it, and the findings so far.
pub(super) struct Look<'a> {
    pub conf: &'a Conf,
    pub files: &'a dyn Files,
    pub tree: &'a Map,
    pub plan: &'a Plan,
    pub findings: Vec<Finding>,
}

/// Where a finding is.
#[derive(Debug, Clone, Copy)]
pub(super) enum Where {
    Line(LineId),
    At(Place),
    Nowhere,
}

impl From<LineId> for Where {
    fn from(line: LineId) -> Self {
        Self::Line(line)
    }
}

impl From<Place> for Where {
    fn from(at: Place) -> Self {
        Self::At(at)
    }
}

impl<T: Into<Self>> From<Option<T>> for Where {
    fn from(at: Option<T>) -> Self {
        at.map_or(Self::Nowhere, Into::into)
    }
}

/// The finding that was just added, to say more about it.
pub(super) struct Said<'f>(&'f mut Finding);

impl Said<'_> {
    /// The target that it concerns.
    pub fn of(self, target: &str) -> Self {
        self.0.target = Some(crate::tgt::conf::show(target));
        self
    }

    /// The line as it should be.
    pub fn mended(self, line: impl Into<String>) -> Self {
        let line = line.into();
        self.0.mended = Some(hide_secrets(line.trim()));
        self
    }

    /// The line with one word instead of another.
    pub fn replaced(self, word: &str, by: &str) -> Self {
        let line = self.0.text.clone().unwrap_or_default();
        let line = line.replacen(&crate::tgt::conf::show(word), by, 1);
        self.mended(line)
    }
}

impl Look<'_> {
    /// Adds a finding.
    pub fn say(
        &mut self,
        rule: Rule,
        severity: Severity,
        at: impl Into<Where>,
        message: impl Into<String>,
    ) -> Said<'_> {
        let place = match at.into() {
            Where::Line(line) => self.conf.lines.place(line),
            Where::At(place) => Some(place),
            Where::Nowhere => None,
        };
        let lines = &self.conf.lines;
        self.findings.push(Finding {
            rule,
            severity,
            file: place.map(|at| lines.path(at).to_path_buf()),
            line: place.map(|at| at.line),
            text: place.map(|at| hide_secrets(lines.raw(at).trim())),
            target: None,
            message: message.into(),
            mended: None,
        });
        let last = self.findings.len() - 1;
        Said(&mut self.findings[last])
    }

    pub fn danger(
        &mut self,
        rule: Rule,
        at: impl Into<Where>,
        message: impl Into<String>,
    ) -> Said<'_> {
        self.say(rule, Severity::Danger, at, message)
    }

    pub fn warn(
        &mut self,
        rule: Rule,
        at: impl Into<Where>,
        message: impl Into<String>,
    ) -> Said<'_> {
        self.say(rule, Severity::Warning, at, message)
    }

    pub fn note(
        &mut self,
        rule: Rule,
        at: impl Into<Where>,
        message: impl Into<String>,
    ) -> Said<'_> {
        self.say(rule, Severity::Note, at, message)
    }

    /// The targets as they stand in the file.
    pub fn targets(&self) -> impl Iterator<Item = (&'_ str, &'_ Map)> + use<'_> {
        let block = self.tree.get("target").and_then(|targets| targets.block());
        let entries = block.into_iter().flat_map(|targets| &targets.entries);
        entries.filter_map(|(name, value)| Some((name.as_str(), value.block()?)))
    }

    /// A target as it stands in the file.
    pub fn target(&self, name: &str) -> Option<&Map> {
        self.tree.get("target")?.block()?.get(name)?.block()
    }
}

/// Passwords and keys are not repeated: what follows the user's name is replaced.
pub(super) fn hide_secrets(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let first = line.split([' ', '\t', '=']).next().unwrap_or_default();
    let nearly = [Scope::Target, Scope::Outside]
        .into_iter()
        .find_map(|scope| words::meant(first, scope))
        .is_some_and(|meant| meant.ends_with("user"));
    if let Some(at) = lower.find("user").or_else(|| nearly.then_some(0)) {
        let mut words = line[at..]
            .split([' ', '\t', '='])
            .filter(|word| !word.is_empty());
        let (option, user) = (words.next().unwrap_or_default(), words.next());
        if let (Some(user), true) = (user, words.next().is_some()) {
            return format!("{}{option} {user} ********", &line[..at]);
        }
    }
    for key in ["cephx_key=", "password"] {
        if let Some(at) = lower.find(key) {
            return format!("{}********", &line[..at + key.len()]);
        }
    }
    line.to_owned()
}

#[cfg(test)]
mod tests {
    use super::hide_secrets;

    #[test]
    fn secrets_are_hidden() {
        let cases = [
            ("incominguser bob secret", "incominguser bob ********"),
            ("IncomingUser = bob secret#x", "IncomingUser bob ********"),
            ("incominguser bob", "incominguser bob"),
            ("incomingusr bob secret", "incomingusr bob ********"),
            (
                "bsopts id=a;cephx_key=AQ==",
                "bsopts id=a;cephx_key=********",
            ),
            ("driver iscsi", "driver iscsi"),
        ];
        for (line, expected) in cases {
            assert_eq!(hide_secrets(line), expected);
        }
    }
}
