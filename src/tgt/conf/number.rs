//! Adding one to a text, as Perl does: tgt-admin counts its target ids so.

/// The number that a text begins with, plus one, as text. `""` counts as 0, `5x` as 5, `1e3` as 1000.
pub(super) fn plus_one(text: &str) -> String {
    let text = text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\x0b');
    let (sign, digits) = match text.strip_prefix(['+', '-']) {
        Some(rest) => (&text[..1], rest),
        None => ("", text),
    };
    let whole = digits.bytes().take_while(u8::is_ascii_digit).count();
    let length = decimal(digits);
    let clean = digits[length..].trim_ascii().is_empty();
    if whole > 0 && length == whole && clean {
        // Sixty-four bits are counted exactly, with or without a sign.
        let number = format!("{sign}{}", &digits[..whole]).parse::<i128>();
        if let Some(next) = number.ok().and_then(next_in_range) {
            return next;
        }
    }
    let number = if length > 0 {
        digits[..length].parse().unwrap_or(0.0)
    } else {
        special(digits)
    };
    let number: f64 = if sign == "-" { -number } else { number };
    // With an exponent a whole number is counted exactly, too, if it fits; with a point it never is.
    let exponent = clean && digits[..length].contains(['e', 'E']);
    if exponent && number.fract() == 0.0 {
        let whole = format!("{number:.0}").parse::<i128>();
        if let Some(next) = whole.ok().and_then(next_in_range) {
            return next;
        }
    }
    general(number + 1.0)
}

/// One more, if it and the number fit into sixty-four bits.
fn next_in_range(number: i128) -> Option<String> {
    let fits = |number: &i128| (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(number);
    let next = number.checked_add(1).filter(fits);
    next.filter(|_| fits(&number)).map(|next| next.to_string())
}

/// The length of `12`, `1.5`, `.5`, `5.`, `1e3` at the start of a text.
fn decimal(text: &str) -> usize {
    let digits = |from: usize| {
        let rest = text.as_bytes().get(from..).unwrap_or_default();
        rest.iter().take_while(|byte| byte.is_ascii_digit()).count()
    };
    let whole = digits(0);
    let mut end = whole;
    let mut fraction = 0;
    if text[end..].starts_with('.') {
        fraction = digits(end + 1);
        end += 1 + fraction;
    }
    if whole + fraction == 0 {
        return 0;
    }
    if text[end..].starts_with(['e', 'E']) {
        let sign = usize::from(text[end + 1..].starts_with(['+', '-']));
        let exponent = digits(end + 1 + sign);
        if exponent > 0 {
            end += 1 + sign + exponent;
        }
    }
    end
}

fn special(text: &str) -> f64 {
    let begins = |word: &str| {
        text.get(..word.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(word))
    };
    if begins("inf") {
        f64::INFINITY
    } else if begins("nan") {
        f64::NAN
    } else {
        0.0
    }
}

/// As C prints it with `%.15g`.
fn general(number: f64) -> String {
    if number.is_nan() {
        return "NaN".into();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Inf" } else { "-Inf" }.into();
    }
    let scientific = format!("{number:.14e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trimmed = |text: &str| {
        if text.contains('.') {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        } else {
            text.to_owned()
        }
    };
    if !(-4..15).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs());
    }
    let places = usize::try_from(14 - exponent).unwrap_or(0);
    trimmed(&format!("{number:.places$}"))
}

#[cfg(test)]
mod tests {
    use super::plus_one;

    #[test]
    fn texts_count_as_perl_counts_them() {
        let cases = [
            ("", "1"),
            ("5", "6"),
            ("5abc", "6"),
            ("abc", "1"),
            ("1e3", "1001"),
            ("1e16", "10000000000000001"),
            ("0x10", "1"),
            ("1.5", "2.5"),
            (".5", "1.5"),
            ("5.", "6"),
            ("1e", "2"),
            ("1e+2", "101"),
            (" +7x", "8"),
            ("-5", "-4"),
            ("9223372036854775807", "9223372036854775808"),
            ("18446744073709551615", "1.84467440737096e+19"),
            ("99999999999999999999", "1e+20"),
            ("inf", "Inf"),
            ("-infinity", "-Inf"),
            ("nanx", "NaN"),
            ("9999999999999999 ", "10000000000000000"),
            ("9999999999999999\\99", "1e+16"),
            ("1e16x", "1e+16"),
            ("2000000000000000x", "2e+15"),
            ("2000000000000000.0", "2e+15"),
            ("9007199254740992.0", "9.00719925474099e+15"),
            ("12345678901234567890e-3", "12345678901234569"),
            ("1e19", "10000000000000000001"),
            ("1.9e19", "1.9e+19"),
            ("1.5e1", "16"),
            ("-1e18", "-999999999999999999"),
            ("9007199254740991x", "9.00719925474099e+15"),
        ];
        for (text, expected) in cases {
            assert_eq!(plus_one(text), expected, "{text:?}");
        }
    }
}
