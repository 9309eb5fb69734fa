//! Settings in files that a shell reads: `NAME=value`, one in a line. Nothing is evaluated here.

/// Where a variable is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Assigned<'t> {
    /// What stands there in its line, as it is written.
    pub(super) written: &'t str,
    /// What it comes to; `None` for what only a shell understands: variables, commands, escapes, pieces that make one word, and what
    /// goes on in the next line.
    pub(super) value: Option<&'t str>,
    /// Where the value begins in the text, behind its quote if it has one.
    pub(super) at: usize,
    /// Whether it has one.
    pub(super) is_quoted: bool,
}

/// The last assignment of a variable, which is the one that counts; `None` if there is none.
pub(super) fn assigned<'t>(text: &'t str, variable: &str) -> Option<Assigned<'t>> {
    let mut at = 0;
    let mut last = None;
    for line in text.split_inclusive('\n') {
        let set = line.trim_start();
        let set = set.strip_prefix("export ").unwrap_or(set).trim_start();
        if let Some(set) = set.strip_prefix(variable)
            && let Some(written) = set.strip_prefix('=')
        {
            last = Some((at + line.len() - written.len(), written.trim_end()));
        }
        at += line.len();
    }
    let (at, written) = last?;
    let quote = written.chars().next();
    let quote = quote.filter(|quote| ['"', '\''].contains(quote));
    Some(Assigned {
        written,
        value: evaluated(written, quote),
        at: at + usize::from(quote.is_some()),
        is_quoted: quote.is_some(),
    })
}

fn evaluated(written: &str, quote: Option<char>) -> Option<&str> {
    let (value, rest) = match quote {
        Some(quote) => written.get(1..)?.split_once(quote)?,
        None => written.split_at(
            written
                .find(|c: char| c.is_whitespace() || c == ';')
                .unwrap_or(written.len()),
        ),
    };
    let special: &[char] = match quote {
        Some('\'') => &[],
        Some(_) => &['\\', '$', '`'],
        None => &['\\', '$', '`', '"', '\'', '~', '&', '|', '<', '>', '(', ')'],
    };
    // Before a command it would be set for that only.
    let ends = rest.is_empty() || rest.starts_with(';') || {
        let more = rest.trim_start();
        more.len() < rest.len() && (more.starts_with(['#', ';']))
    };
    (ends && !value.contains(special)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_have() {
        let of = |text| assigned(text, "A").map(|set| set.value);
        for (text, value) in [
            ("A=/a\n", Some("/a")),
            ("A=", Some("")),
            ("A=''\n", Some("")),
            ("A=1\n export A=\"b c\" # d\n#A=3\nAB=4\n", Some("b c")),
            ("A='$b \\' ; export A\n", Some("$b \\")),
            ("A=b#c\r\n", Some("b#c")),
            ("A=b;B=c", Some("b")),
            // Only a shell knows.
            ("A=\"a \\\n b\"\n", None),
            ("A=\"a\n b\"\n", None),
            ("A='a\n b'\n", None),
            ("A=a\\\n", None),
            ("A=\"$B\"", None),
            ("A=`b`", None),
            ("A=\"a\"b", None),
            ("A=a'b'", None),
            ("A=a command", None),
            ("A= command", None),
        ] {
            assert_eq!(of(text), Some(value), "{text}");
        }
        for text in ["", "# A=1", "BA=1", "A =1", "A+=1"] {
            assert_eq!(of(text), None, "{text}");
        }
        let text = "B=1\nexport A=\"b c\" # d\n";
        let set = assigned(text, "A").unwrap();
        assert_eq!((set.is_quoted, set.written), (true, "\"b c\" # d"));
        assert!(text.get(set.at..).unwrap().starts_with("b c\""));
    }
}
