//! Whether the script printed what the plan says.

use warmblock::tgt::conf::plan::{Plan, Step, Stop};

use crate::script::Answer;

/// `None` if both say the same.
pub fn difference(plan: &Plan, answer: &Answer) -> Option<String> {
    let ends_alike = match &plan.stop {
        None => answer.code == 0,
        Some(Stop::Refused { .. }) => answer.code == 1,
        Some(Stop::Died { .. }) => answer.code > 1,
    };
    if !ends_alike {
        return Some(format!("exit code {}, but {:?}", answer.code, plan.stop));
    }
    let printed = without_addresses(&answer.stdout);
    let rest = match consume(&plan.steps, &printed) {
        Ok(rest) => rest,
        Err(why) => return Some(why),
    };
    // When it refuses, it prints why; that is worded otherwise here.
    let refusal = matches!(plan.stop, Some(Stop::Refused { .. }));
    let more = if refusal {
        rest.split(|byte| *byte == b'\n')
            .any(|line| line.starts_with(b"tgtadm ") || line.starts_with(b"# "))
    } else {
        !rest.is_empty()
    };
    more.then(|| format!("it goes on with {:?}", String::from_utf8_lossy(rest)))
}

/// Takes the steps off the front of what was printed, in order, but for those that may change places.
fn consume<'p>(steps: &[Step], mut printed: &'p [u8]) -> Result<&'p [u8], String> {
    let mut at = 0;
    while at < steps.len() {
        let group = steps[at].shuffled;
        let end = match group {
            None => at + 1,
            Some(_) => {
                at + steps[at..]
                    .iter()
                    .take_while(|step| step.shuffled == group)
                    .count()
            }
        };
        let mut left: Vec<Vec<u8>> = steps[at..end]
            .iter()
            .map(|step| without_addresses(&step.bytes()))
            .collect();
        left.sort_by_key(|bytes| std::cmp::Reverse(bytes.len()));
        while !left.is_empty() {
            let Some(found) = left.iter().position(|bytes| printed.starts_with(bytes)) else {
                let expected: Vec<_> = left
                    .iter()
                    .map(|bytes| String::from_utf8_lossy(bytes))
                    .collect();
                let shown = String::from_utf8_lossy(&printed[..printed.len().min(300)]);
                return Err(format!("expected {expected:?}\n     got {shown:?}"));
            };
            printed = &printed[left.remove(found).len()..];
        }
        at = end;
    }
    Ok(printed)
}

/// Addresses of Perl's arrays and hashes, and numbers that come of them, differ from run to run.
fn without_addresses(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(byte) = rest.first() {
        let reference = [b"ARRAY(0x".as_slice(), b"HASH(0x"]
            .into_iter()
            .find(|head| rest.starts_with(head));
        if let Some(head) = reference {
            let digits = rest[head.len()..]
                .iter()
                .take_while(|byte| byte.is_ascii_hexdigit())
                .count();
            plain.extend_from_slice(head);
            plain.push(b'0');
            rest = &rest[head.len() + digits..];
            continue;
        }
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 14 && rest.starts_with(b"9") {
            plain.extend_from_slice(b"ADDRESS");
            rest = &rest[digits..];
            continue;
        }
        plain.push(*byte);
        rest = &rest[1..];
    }
    plain
}
