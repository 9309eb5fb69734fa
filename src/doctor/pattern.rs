//! LVM's patterns: the regular expressions of `devices/filter` in lvm.conf(5), and the first of a list that matches.
//!
//! LVM's own dialect is small (characters, `.`, sets, groups, alternatives, `* + ?`, `^`, `$`), and LVM has no command that
//! says what a filter does to a device that is not there. So the patterns are read here.

use std::collections::BTreeSet;

/// One line of a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    accept: bool,
    regex: Node,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Any,
    Set {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
    Start,
    End,
    All(Vec<Self>),
    Either(Vec<Self>),
    Repeat {
        node: Box<Self>,
        at_least_one: bool,
        at_most_one: bool,
    },
}

/// Whether a filter rejects a device: the first pattern that matches decides, and no match accepts (lvm.conf(5)).
pub fn rejects(filter: &[Pattern], device: &str) -> bool {
    let first = filter.iter().find(|pattern| pattern.regex.found_in(device));
    first.is_some_and(|pattern| !pattern.accept)
}

impl Pattern {
    /// Reads `a|regex|` or `r/regex/`: the letter, then any delimiter twice.
    pub fn parse(word: &str) -> Option<Self> {
        let mut chars = word.chars();
        let accept = match chars.next()? {
            'a' => true,
            'r' => false,
            _ => return None,
        };
        let delimiter = match chars.next()? {
            '(' => ')',
            '[' => ']',
            '{' => '}',
            other => other,
        };
        let regex = chars.as_str().strip_suffix(delimiter)?;
        let mut parser = Parser {
            rest: regex.chars().peekable(),
        };
        let node = parser.either()?;
        parser.rest.next().is_none().then_some(Self {
            accept,
            regex: node,
        })
    }
}

impl Node {
    fn found_in(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        (0..=text.len()).any(|start| !self.ends(&text, start).is_empty())
    }

    /// Where a match that begins at `at` can end: sets instead of backtracking, so that no pattern takes long.
    fn ends(&self, text: &[char], at: usize) -> BTreeSet<usize> {
        let one = |fits: bool| {
            if fits {
                BTreeSet::from([at + 1])
            } else {
                BTreeSet::new()
            }
        };
        let none = |fits: bool| {
            if fits {
                BTreeSet::from([at])
            } else {
                BTreeSet::new()
            }
        };
        match self {
            Self::Any => one(at < text.len()),
            Self::Set { negated, ranges } => one(text.get(at).is_some_and(|c| {
                ranges.iter().any(|(low, high)| (low..=high).contains(&c)) != *negated
            })),
            Self::Start => none(at == 0),
            Self::End => none(at == text.len()),
            Self::All(nodes) => nodes.iter().fold(BTreeSet::from([at]), |starts, node| {
                starts
                    .into_iter()
                    .flat_map(|start| node.ends(text, start))
                    .collect()
            }),
            Self::Either(nodes) => nodes.iter().flat_map(|node| node.ends(text, at)).collect(),
            Self::Repeat {
                node,
                at_least_one,
                at_most_one,
            } => {
                let mut all = node.ends(text, at);
                let mut new = if *at_most_one {
                    BTreeSet::new()
                } else {
                    all.clone()
                };
                while !new.is_empty() {
                    let next: BTreeSet<_> = new
                        .into_iter()
                        .flat_map(|start| node.ends(text, start))
                        .collect();
                    new = next.difference(&all).copied().collect();
                    all.extend(&new);
                }
                if !at_least_one {
                    all.insert(at);
                }
                all
            }
        }
    }
}

/// Reads a regular expression; `None` for what LVM would not take either.
struct Parser<'a> {
    rest: std::iter::Peekable<std::str::Chars<'a>>,
}

impl Parser<'_> {
    fn either(&mut self) -> Option<Node> {
        let mut nodes = vec![self.all()?];
        while self.rest.next_if_eq(&'|').is_some() {
            nodes.push(self.all()?);
        }
        Some(Node::Either(nodes))
    }

    fn all(&mut self) -> Option<Node> {
        let mut nodes = Vec::new();
        while let Some(c) = self.rest.peek() {
            if matches!(c, '|' | ')') {
                break;
            }
            nodes.push(self.repeated()?);
        }
        Some(Node::All(nodes))
    }

    fn repeated(&mut self) -> Option<Node> {
        let mut node = self.single()?;
        while let Some(sign) = self.rest.next_if(|c| matches!(c, '*' | '+' | '?')) {
            node = Node::Repeat {
                node: Box::new(node),
                at_least_one: sign == '+',
                at_most_one: sign == '?',
            };
        }
        Some(node)
    }

    fn single(&mut self) -> Option<Node> {
        let exactly = |c| Node::Set {
            negated: false,
            ranges: vec![(c, c)],
        };
        Some(match self.rest.next()? {
            '.' => Node::Any,
            '^' => Node::Start,
            '$' => Node::End,
            '\\' => exactly(self.rest.next()?),
            '[' => self.set()?,
            '(' => {
                let node = self.either()?;
                self.rest.next_if_eq(&')')?;
                node
            }
            '*' | '+' | '?' => return None,
            c => exactly(c),
        })
    }

    fn set(&mut self) -> Option<Node> {
        let negated = self.rest.next_if_eq(&'^').is_some();
        let mut ranges = Vec::new();
        loop {
            let low = match self.rest.next()? {
                ']' if !ranges.is_empty() => return Some(Node::Set { negated, ranges }),
                '\\' => self.rest.next()?,
                c => c,
            };
            if self.rest.next_if_eq(&'-').is_none() {
                ranges.push((low, low));
            } else if self.rest.peek() == Some(&']') {
                ranges.extend([(low, low), ('-', '-')]);
            } else {
                ranges.push((low, self.rest.next()?));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejected(filter: &[&str], device: &str) -> bool {
        let filter: Vec<Pattern> = filter
            .iter()
            .map(|word| Pattern::parse(word).unwrap())
            .collect();
        rejects(&filter, device)
    }

    #[test]
    fn the_first_match_decides_and_no_match_accepts() {
        assert!(!rejected(&["a|.*|"], "/dev/rbd0"));
        assert!(!rejected(&[], "/dev/rbd0"));
        assert!(rejected(&["r|/dev/rbd|"], "/dev/rbd0"));
        assert!(rejected(&["a|^/dev/sd[a-c]$|", "r|.*|"], "/dev/rbd0"));
        assert!(!rejected(&["a|^/dev/sd[a-c]$|", "r|.*|"], "/dev/sdb"));
        assert!(rejected(&["a|^/dev/sd[a-c]$|", "r|.*|"], "/dev/sdb1"));
    }

    #[test]
    fn the_dialect() {
        let matches = |regex: &str, text: &str| rejected(&[&format!("r|{regex}|")], text);
        assert!(rejected(&["r/rbd/"], "/dev/rbd0") && rejected(&["r{r(b|x)d}"], "rxd"));
        assert!(matches("^/dev/(rbd|nbd)[0-9]+(p[0-9]+)?$", "/dev/rbd12p1"));
        assert!(!matches("^/dev/(rbd|nbd)[0-9]+$", "/dev/rbd"));
        assert!(matches("a[^b]c", "axc") && !matches("a[^b]c", "abc"));
        assert!(matches("wb-.*-x", "wb-1-2-x") && matches("[-a]b", "-b") && matches("[a-]b", "-b"));
        assert!(matches("a\\.b", "a.b") && !matches("a\\.b", "axb"));
        assert!(!matches("(a*)*b", &"a".repeat(60)));
        for bad in ["", "a", "x|y|", "a|y", "r|(|", "r|[|", "r|*|", "r|a)|"] {
            assert_eq!(Pattern::parse(bad), None, "{bad}");
        }
    }
}
