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

/// Whether a filter rejects a device that has these names. For each name the first pattern that matches it decides; one name that is
/// accepted is enough, and what no pattern matches passes (LVM 2.03, `lib/filters/filter-regex.c`).
pub fn rejects(filter: &[Pattern], names: &[&str]) -> bool {
    let first = |name: &&str| filter.iter().find(|pattern| pattern.regex.found_in(name));
    let decided = names.iter().filter_map(first);
    let (accepted, rejected): (Vec<_>, Vec<_>) = decided.partition(|pattern| pattern.accept);
    accepted.is_empty() && !rejected.is_empty()
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

impl Pattern {
    /// Whether it accepts whatever comes to it, so that nothing behind it counts.
    pub fn accepts_all(&self) -> bool {
        let any = [
            "/dev/dm-0",
            "/dev/sda",
            "/dev/block/254:0",
            "/dev/nvme0n1p1",
        ];
        self.accept && any.iter().all(|name| self.regex.found_in(name))
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
        rejects(&filter, &[device])
    }

    #[test]
    fn a_device_passes_by_any_of_its_names() {
        let filter = ["r|^/dev/mapper/wb-|", "a|.*|"].map(|word| Pattern::parse(word).unwrap());
        let names = ["/dev/mapper/wb-1", "/dev/dm-3"];
        assert!(rejects(&filter, &names[..1]) && !rejects(&filter, &names));
        // Without the second pattern nobody accepts the other name.
        assert!(rejects(&filter[..1], &names));
        assert!(filter[1].accepts_all() && !filter[0].accepts_all());
        assert!(!Pattern::parse("a|^/dev/sd|").unwrap().accepts_all());
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
