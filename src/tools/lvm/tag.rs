//! Tags: words on a volume by which it can be found, and `key=value` pairs for people and programs.

use std::fmt;
use std::fmt::Write;

use crate::model::ParseError;

/// LVM's limit (lvm(8), TAGS).
const MAX_LEN: usize = 1024;

/// A tag that LVM takes: letters, digits and `_+.-/=!:&#`, no hyphen in front. In a value, everything else and `#` itself
/// stands as `#XX`, two hexadecimal digits per byte.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

impl Tag {
    /// The tag of every volume of ours.
    pub fn ours() -> Self {
        Self("warmblock".into())
    }

    /// `warmblock.KEY=VALUE`; any value, but of limited length. The key is one of ours: lower-case letters.
    pub fn pair(key: &'static str, value: &str) -> Result<Self, ParseError> {
        let tag = format!("{}.{key}={}", Self::ours(), escape(value));
        if tag.len() > MAX_LEN {
            return Err(ParseError::new(
                "tag",
                tag,
                "is longer than LVM's 1024 bytes",
            ));
        }
        Ok(Self(tag))
    }

    /// A tag as LVM reports it.
    pub(super) fn from_lvm(word: &str) -> Self {
        Self(word.to_owned())
    }

    /// The tag as LVM has it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before `=`, without `warmblock.`; the whole word where there is neither.
    pub fn key(&self) -> &str {
        let key = self
            .0
            .split_once('=')
            .map_or(self.0.as_str(), |(key, _)| key);
        key.strip_prefix("warmblock.").unwrap_or(key)
    }

    /// What stands after `=`, as it was given; `None` when there is no `=`, or the escapes are damaged.
    pub fn value(&self) -> Option<String> {
        unescape(self.0.split_once('=')?.1)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn escape(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => escaped.push(byte.into()),
            b'_' | b'+' | b'.' | b'-' | b'/' | b'=' | b'!' | b':' | b'&' => {
                escaped.push(byte.into())
            }
            // writing to a String cannot fail
            byte => write!(escaped, "#{byte:02X}").unwrap_or_default(),
        }
    }
    escaped
}

fn unescape(value: &str) -> Option<String> {
    let mut parts = value.split('#');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend(rest.bytes());
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_pair_is_readable_where_it_can_be() {
        let tag = Tag::pair("image", "rbd/one-3 ü#").unwrap();
        assert_eq!(tag.as_str(), "warmblock.image=rbd/one-3#20#C3#BC#23");
        assert_eq!(
            (tag.key(), tag.value().as_deref()),
            ("image", Some("rbd/one-3 ü#"))
        );
        assert_eq!(
            (Tag::ours().key(), Tag::ours().value()),
            ("warmblock", None)
        );
        assert!(Tag::pair("image", &"x".repeat(1024)).is_err());
        for damaged in ["k=#", "k=#4", "k=#xy", "k=#FF"] {
            assert_eq!(Tag::from_lvm(damaged).value(), None, "{damaged}");
        }
    }

    proptest! {
        #[test]
        fn every_value_reads_back(value in "\\PC{0,80}") {
            let tag = Tag::pair("x", &value).unwrap();
            let allowed = |c: char| c.is_ascii_alphanumeric() || "_+.-/=!:&#".contains(c);
            prop_assert!(tag.as_str().chars().all(allowed));
            prop_assert_eq!(tag.value(), Some(value));
        }
    }
}
