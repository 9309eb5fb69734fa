//! Names on the wire and in tgt's layers: iSCSI names, and words that no layer below eats.
//!
//! tgtd checks almost nothing (facts: any of alphanumeric, `:`, `.`, `-`, compared as bytes), so the rules of RFC 3720
//! (3.2.6), RFC 3722 (lower case after preparation) and RFC 3980 (naa.) are enforced here.

/// How long an iSCSI name may be (RFC 3720, 3.2.6.1).
const NAME_LIMIT: usize = 223;

/// Why a word is no target name, if it is none: `iqn.YYYY-MM.reversed.domain[:rest]`.
pub fn bad_iqn(word: &str) -> Option<String> {
    bad_iqn_of(word, 2)
}

/// Its domain must have so many labels at least.
fn bad_iqn_of(word: &str, least: usize) -> Option<String> {
    if let Some(why) = bad_characters(word) {
        return Some(why);
    }
    let Some(rest) = word.strip_prefix("iqn.") else {
        return Some("does not begin with iqn.".into());
    };
    let (authority, title) = match rest.split_once(':') {
        Some((authority, title)) => (authority, Some(title)),
        None => (rest, None),
    };
    if title == Some("") {
        return Some("ends with a colon".into());
    }
    bad_authority(authority, least)
}

/// Why `YYYY-MM.reversed.domain` is none.
fn bad_authority(word: &str, least: usize) -> Option<String> {
    let Some((date, domain)) = word.split_once('.') else {
        return Some("has no domain after the date".into());
    };
    let digits = |part: &str, len| part.len() == len && part.bytes().all(|b| b.is_ascii_digit());
    let dated = date.split_once('-').is_some_and(|(year, month)| {
        digits(year, 4) && digits(month, 2) && (1..=12).contains(&month.parse().unwrap_or(0))
    });
    if !dated {
        return Some(format!(
            "has no month such as 2014-02 after iqn. but {date:?}"
        ));
    }
    let labels: Vec<&str> = domain.split('.').collect();
    if labels.len() < least {
        return Some("needs a reversed domain of two labels or more, such as com.example".into());
    }
    let bad = |label: &&&str| label.is_empty() || label.starts_with('-') || label.ends_with('-');
    labels
        .iter()
        .find(bad)
        .map(|label| format!("has the label {label:?} in its domain"))
}

/// Why a word is no initiator's name, if it is none: iqn, eui or naa. Others chose it, so a domain of one label will do.
pub fn bad_initiator(word: &str) -> Option<String> {
    let hex = |digits: &str, lengths: &[usize]| {
        lengths.contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit())
    };
    match word.split_once('.') {
        Some(("eui", rest)) => {
            (!hex(rest, &[16])).then(|| "needs 16 hexadecimal digits after eui.".into())
        }
        Some(("naa", rest)) => {
            (!hex(rest, &[16, 32])).then(|| "needs 16 or 32 hexadecimal digits after naa.".into())
        }
        _ => bad_iqn_of(word, 1),
    }
}

/// What holds of every iSCSI name after its preparation (RFC 3722).
fn bad_characters(word: &str) -> Option<String> {
    if word.len() > NAME_LIMIT {
        return Some(format!("is longer than {NAME_LIMIT} bytes"));
    }
    if word.bytes().any(|b| b.is_ascii_uppercase()) {
        return Some(format!(
            "has capital letters, and tgtd compares bytes: write {}",
            word.to_ascii_lowercase()
        ));
    }
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.:".contains(c);
    word.chars()
        .find(|c| !allowed(*c))
        .map(|c| format!("contains {c:?}; a-z, 0-9, '-', '.' and ':' are allowed"))
}

/// Why a word would not survive tgt-admin, the shell, and tgtadm's comma-separated requests, if it would not. `/` and
/// `:` are fine in all three.
pub fn bad_plain(word: &str, extra: &str, limit: usize) -> Option<String> {
    if word.is_empty() {
        return Some("is empty".into());
    }
    if word.len() > limit {
        return Some(format!("is longer than {limit} bytes"));
    }
    if word.starts_with('-') {
        return Some("begins with '-', which tgtadm takes for an option".into());
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c) || extra.contains(c);
    word.chars().find(|c| !allowed(*c)).map(|c| {
        format!(
            "contains {c:?}, which tgt-admin, its shell or tgtadm would eat; letters, digits and \"._-{extra}\" are safe"
        )
    })
}

/// Why a word cannot be a client's or gateway's name, if it cannot: it becomes a file name and part of an IQN.
pub fn bad_label(word: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    if word.is_empty() || word.len() > 63 {
        return Some("must have 1 to 63 characters".into());
    }
    if !word.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return Some("must begin with a letter or digit".into());
    }
    word.chars()
        .find(|c| !allowed(*c))
        .map(|c| format!("contains {c:?}; a-z, 0-9, '-' and '.' are allowed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn target_names() {
        for good in [
            "iqn.2014-02.my.domain:my-client.my-target-name",
            "iqn.1998-01.com.vmware:esx1-5a3f",
            "iqn.2001-04.com.example",
        ] {
            assert_eq!(bad_iqn(good), None, "{good}");
        }
        let long = format!("iqn.2014-02.my.domain:{}", "a".repeat(202));
        for bad in [
            "",
            "iqn",
            "iqn.2014-13.a.b",
            "iqn.2014-00.a.b",
            "iqn.14-01.a.b",
            "iqn.2014-02.a",
            "iqn.2014-02.a..b",
            "iqn.2014-02.-a.b",
            "iqn.2014-02.a.b:",
            "iqn.2014-02.a.b:X",
            "iqn.2014-02.a.b:x_y",
            "iqn.2014-02.a.b:x y",
            "iqn.2014-02.a.b:x,y",
            "foo",
            &long,
            "eui.0123456789abcdef",
        ] {
            assert!(bad_iqn(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn initiator_names() {
        for good in [
            "eui.02004567A425678D",
            "naa.52004567ba64678d",
            "naa.62004567ba64678d0123456789abcdef",
            "iqn.1998-01.com.vmware:esx1",
        ] {
            assert_eq!(bad_initiator(good), None, "{good}");
        }
        for bad in [
            "eui.0",
            "naa.5200",
            "naa.x",
            "ALL",
            "iqn.1998-01.com.vmware:ESX1",
        ] {
            assert!(bad_initiator(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn words_that_a_layer_would_eat() {
        assert_eq!(bad_plain("my-client_vm.01", "", 64), None);
        for bad in [
            "", "a b", "a#1", "a;b", "a,b", "$x", "`x`", "a'b", "a\"b", "a\\b", "a<b", "a*", "é",
            "-b", "a|b", "a&b", "(a)", "a?b", "a\tb", "a\nb",
        ] {
            assert!(bad_plain(bad, "", 64).is_some(), "{bad:?}");
        }
    }
}
