//! Paths from others that name just what they seem to name.

use std::path::{Component, Path};

/// An absolute path without a way up.
#[derive(Debug, Clone, Copy)]
pub struct PlainPath<'p>(&'p Path);

impl<'p> PlainPath<'p> {
    /// One of at least so many names; `None` for any other path.
    pub fn of(path: &'p Path, names: usize) -> Option<Self> {
        let mut parts = path.components();
        let is_absolute = parts.next() == Some(Component::RootDir);
        let is_plain = parts
            .clone()
            .all(|part| matches!(part, Component::Normal(_)));
        (is_absolute && is_plain && parts.count() >= names).then_some(Self(path))
    }

    /// Whether it ends with so many names that are numbers, as directories of OpenNebula's do.
    pub fn ends_with_numbers(self, count: usize) -> bool {
        let last = self.0.components().rev().take(count);
        let numbers = last.filter(|part| part.as_os_str().to_str().is_some_and(is_number));
        numbers.count() == count
    }
}

/// Whether a word is a number, in digits.
pub fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_path_names_and_how_it_ends() {
        let numbers = |path: &str, names, count| {
            PlainPath::of(Path::new(path), names).map(|path| path.ends_with_numbers(count))
        };
        for (path, names, ends) in [
            ("/d/103/42", 3, Some(true)),
            ("/d//103/./42/", 3, Some(true)),
            ("/103/42", 3, None),
            ("/d/x/42", 3, Some(false)),
            ("/d/103/disk.1", 3, Some(false)),
            ("d/103/42", 3, None),
            ("/d/../103/42", 3, None),
            ("/", 0, Some(false)),
            ("", 0, None),
        ] {
            assert_eq!(numbers(path, names, 2), ends, "{path}");
        }
        assert_eq!(numbers("/103", 1, 1), Some(true));
        assert!(is_number("007") && !is_number("") && !is_number("1a"));
    }
}
