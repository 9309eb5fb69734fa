//! Colours and symbols, where a terminal shows them.

use std::env;

/// What a stream can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    /// ANSI colours.
    pub colour: bool,
    /// Characters beyond ASCII.
    pub unicode: bool,
}

/// A colour with a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it should be.
    Good,
    /// To be looked at.
    Warn,
    /// Wrong.
    Bad,
    /// Of less interest.
    Dim,
    /// Of more interest.
    Strong,
}

impl Paint {
    /// Neither colours nor symbols: what tests and files get.
    pub const PLAIN: Self = Self {
        colour: false,
        unicode: false,
    };

    /// What a stream shows: colours on a terminal unless `NO_COLOR` is set, symbols where the locale is UTF-8.
    pub fn for_stream(terminal: bool) -> Self {
        let no_color = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            colour: terminal && !no_color,
            unicode: utf8_locale(|name| env::var(name).ok()),
        }
    }

    /// The text in a tone.
    pub fn tone(self, tone: Tone, text: &str) -> String {
        if !self.colour {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Warn => "33",
            Tone::Bad => "31",
            Tone::Dim => "2",
            Tone::Strong => "1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Whether the locale's characters are UTF-8: the first of the three variables that is set decides (locale(7)).
fn utf8_locale(var: impl Fn(&str) -> Option<String>) -> bool {
    let set = |name: &&str| var(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(set);
    locale.is_some_and(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.ends_with("utf-8") || locale.ends_with("utf8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_decides() {
        let with = |pairs: &'static [(&str, &str)]| {
            utf8_locale(|name| {
                pairs
                    .iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| (*value).to_owned())
            })
        };
        assert!(with(&[("LANG", "de_DE.UTF-8")]));
        assert!(with(&[("LC_ALL", ""), ("LANG", "C.utf8")]));
        assert!(!with(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]));
        assert!(!with(&[]));
    }

    #[test]
    fn plain_stays_plain() {
        assert_eq!(Paint::PLAIN.tone(Tone::Bad, "x"), "x");
        let colour = Paint {
            colour: true,
            unicode: false,
        };
        assert_eq!(colour.tone(Tone::Bad, "x"), "\x1b[31mx\x1b[0m");
    }
}
