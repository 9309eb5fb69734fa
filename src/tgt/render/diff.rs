//! The difference of two files, line by line, with secrets out of sight.

use std::fmt::Write as _;

/// Beyond so many changed lines on each side the lines are not matched any more: one file became another.
const MATCHED: usize = 1500;

/// Lines of `old` with `-`, of `new` with `+`, those around them with a blank; empty if the texts are equal.
pub(super) fn lines(old: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let (old_rest, new_rest) = (&old[head..], &new[head..]);
    let tail = old_rest
        .iter()
        .rev()
        .zip(new_rest.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let old_mid = &old_rest[..old_rest.len() - tail];
    let new_mid = &new_rest[..new_rest.len() - tail];
    let mut marked: Vec<(char, &str)> = old[..head].iter().map(|line| (' ', *line)).collect();
    marked.extend(middle(old_mid, new_mid));
    marked.extend(
        old_rest[old_rest.len() - tail..]
            .iter()
            .map(|line| (' ', *line)),
    );
    show(&marked)
}

/// The longest common subsequence, by the table of its lengths.
fn middle<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(char, &'a str)> {
    let mut marked = Vec::new();
    let (mut i, mut j) = (0, 0);
    if old.len() <= MATCHED && new.len() <= MATCHED {
        let mut lengths = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
        for a in (0..old.len()).rev() {
            for b in (0..new.len()).rev() {
                lengths[a][b] = if old[a] == new[b] {
                    lengths[a + 1][b + 1] + 1
                } else {
                    lengths[a + 1][b].max(lengths[a][b + 1])
                };
            }
        }
        while i < old.len() && j < new.len() {
            if old[i] == new[j] {
                marked.push((' ', old[i]));
                (i, j) = (i + 1, j + 1);
            } else if lengths[i + 1][j] >= lengths[i][j + 1] {
                marked.push(('-', old[i]));
                i += 1;
            } else {
                marked.push(('+', new[j]));
                j += 1;
            }
        }
    }
    marked.extend(old[i..].iter().map(|line| ('-', *line)));
    marked.extend(new[j..].iter().map(|line| ('+', *line)));
    marked
}

/// Two lines around each change.
fn show(marked: &[(char, &str)]) -> String {
    let near = |at: usize| {
        let window = &marked[at.saturating_sub(2)..(at + 3).min(marked.len())];
        window.iter().any(|(mark, _)| *mark != ' ')
    };
    let mut text = String::new();
    let mut gap = false;
    for (at, (mark, line)) in marked.iter().enumerate() {
        if near(at) {
            let _infallible = writeln!(text, "{mark}{}", masked(line));
            gap = false;
        } else if !gap {
            text.push_str("...\n");
            gap = true;
        }
    }
    text
}

/// A line without the secret that it may hold.
fn masked(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    match words[..] {
        [key @ ("incominguser" | "outgoinguser"), user, ..] => {
            let indent = &line[..line.len() - line.trim_start().len()];
            format!("{indent}{key} {user} (secret)")
        }
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_shown_with_their_neighbours() {
        assert_eq!(lines("a\nb\n", "a\nb\n"), "");
        assert_eq!(
            lines("1\n2\n3\n4\n5\n6\n", "1\n2\n3\nx\n5\n6\n"),
            "...\n 2\n 3\n-4\n+x\n 5\n 6\n"
        );
        assert_eq!(lines("", "a\n"), "+a\n");
        assert_eq!(lines("a\nb\nc\n", "b\nc\nd\n"), "-a\n b\n c\n+d\n");
    }

    #[test]
    fn a_secret_is_not_shown() {
        let text = lines(
            "    incominguser u oldsecret123\n",
            "    incominguser u newsecret123\n",
        );
        assert_eq!(
            text,
            "-    incominguser u (secret)\n+    incominguser u (secret)\n"
        );
    }
}
