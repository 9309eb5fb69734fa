//! CHAP with MD5 (RFC 1994, RFC 7143 12.1.3): both directions.

use md5::{Digest, Md5};

use super::IscsiError;

/// A user and the secret, which is shown by nothing.
#[derive(Clone)]
pub struct Account {
    /// The user.
    pub user: String,
    /// The secret.
    pub secret: String,
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Account({})", self.user)
    }
}

/// MD5 is algorithm 5.
pub(super) const ALGORITHM: &str = "5";

/// What proves the secret to whoever sent the challenge.
pub(super) fn response(id: u8, secret: &str, challenge: &[u8]) -> Vec<u8> {
    let mut hash = Md5::new();
    hash.update([id]);
    hash.update(secret.as_bytes());
    hash.update(challenge);
    hash.finalize().to_vec()
}

/// `0x…`, as keys of the login have bytes.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("0x{digits}")
}

/// The bytes of `0x…`.
pub(super) fn bytes(word: &str) -> Result<Vec<u8>, IscsiError> {
    let bad = || IscsiError::Protocol(format!("{word:?} is not 0x and digits"));
    let digits = word
        .strip_prefix("0x")
        .or_else(|| word.strip_prefix("0X"))
        .filter(|digits| digits.is_ascii())
        .ok_or_else(bad)?;
    let padded = if digits.len() % 2 == 1 {
        format!("0{digits}")
    } else {
        digits.to_owned()
    };
    (0..padded.len() / 2)
        .map(|at| u8::from_str_radix(&padded[2 * at..2 * at + 2], 16).map_err(|_| bad()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_go_and_come() {
        assert_eq!(hex(&[1, 0xab]), "0x01ab");
        assert_eq!(bytes("0x01AB").unwrap(), [1, 0xab]);
        assert_eq!(bytes("0x1ab").unwrap(), [1, 0xab]);
        assert!(bytes("01ab").is_err() && bytes("0xzz").is_err() && bytes("0xé1").is_err());
    }

    #[test]
    fn a_response_is_md5_of_id_secret_and_challenge() {
        // printf '\001abc\002' | md5sum
        assert_eq!(
            hex(&response(1, "abc", &[2])),
            format!("0x{}", "0f4ee20839643cd588649453c3b06a42")
        );
    }
}
