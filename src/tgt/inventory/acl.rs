//! Addresses in access lists: only forms that tgtd really matches (facts 3.6).
//!
//! tgtadm takes anything, and what is not one of these forms never matches: host bits that are not zero, `/32`, names,
//! `all`. `ALL` and a prefix of 0 would open the target to everybody.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Stands in the access list of a client that is known by initiator names only: tgt-admin binds `ALL` to a target without
/// any address, and this one (the last of TEST-NET-1, RFC 5737) never is an initiator's.
pub const NOBODY: &str = "192.0.2.255";

/// An address or network as tgtd matches it, in one canonical form; or why there is none.
pub fn canonical(word: &str) -> Result<String, String> {
    if word.eq_ignore_ascii_case("all") {
        return Err("would open the target to everybody".into());
    }
    let (address, prefix) = match word.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (word, None),
    };
    let address = parse(address)?;
    if address.is_unspecified() && prefix.is_none() {
        return Err("never matches".into());
    }
    if address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST) {
        return Err("is no host's address".into());
    }
    let text = match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    };
    match prefix {
        None => Ok(text),
        Some(prefix) => Ok(format!("{text}/{}", network(address, prefix)?)),
    }
}

fn parse(word: &str) -> Result<IpAddr, String> {
    if let Ok(address) = word.parse::<Ipv4Addr>() {
        return Ok(IpAddr::V4(address));
    }
    let inner = word
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    if let Some(Ok(address)) = inner.map(str::parse::<Ipv6Addr>) {
        return Ok(IpAddr::V6(address));
    }
    Err(match word.parse::<Ipv6Addr>() {
        Ok(_) => format!("must be written in brackets: [{word}]"),
        Err(_) if word.contains([',', ' ']) => {
            "must be one address only; a list never matches".into()
        }
        Err(_) => "is no IP address, and tgtd never resolves names".into(),
    })
}

/// The prefix of a network, if tgtd matches it.
fn network(address: IpAddr, prefix: &str) -> Result<u32, String> {
    let prefix: u32 = prefix
        .parse()
        .map_err(|_| "has a prefix that is no number".to_owned())?;
    let (bits, width) = match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    if prefix == 0 {
        return Err("has the prefix 0, which means everybody".into());
    }
    if prefix >= width {
        return Err(format!(
            "has the prefix {prefix}, which never matches; write the address without it"
        ));
    }
    let host = bits & (u128::MAX >> (128 - (width - prefix)));
    if host != 0 {
        return Err("has host bits behind its prefix, and never matches".into());
    }
    Ok(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_that_match() {
        for (given, wanted) in [
            ("10.0.0.11", "10.0.0.11"),
            ("10.0.0.0/24", "10.0.0.0/24"),
            ("127.0.0.0/8", "127.0.0.0/8"),
            ("10.0.0.2/31", "10.0.0.2/31"),
            ("[2001:DB8:0::1]", "[2001:db8::1]"),
            ("[2001:db8::]/64", "[2001:db8::]/64"),
        ] {
            assert_eq!(canonical(given).as_deref(), Ok(wanted));
        }
    }

    #[test]
    fn forms_that_never_match_or_match_all() {
        for bad in [
            "ALL",
            "all",
            "0.0.0.0",
            "0.0.0.0/0",
            "10.0.0.1/24",
            "10.0.0.1/32",
            "esx1",
            "127.1",
            "10.0.0.1,10.0.0.2",
            "10.0.0.1 10.0.0.2",
            "2001:db8::1",
            "[::]/0",
            "[2001:db8::1]/64",
            "[2001:db8::1]/128",
            "",
            "10.0.0.0/x",
            "10.0.0.0/33",
            "224.0.0.1",
            "[127.0.0.1]",
            "255.255.255.255",
        ] {
            assert!(canonical(bad).is_err(), "{bad}");
        }
    }
}
