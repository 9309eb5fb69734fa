//! Checksums of what is imported: as they are written, and as they are computed while the bytes pass.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::Digest;

use crate::model::ParseError;

/// How a checksum is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// MD5: what marketplaces still publish. It shows accidents, not forgery.
    Md5,
    /// SHA-1: likewise.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 4] = [Self::Md5, Self::Sha1, Self::Sha256, Self::Sha512];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// How many hexadecimal digits it has.
    const fn digits(self) -> usize {
        match self {
            Self::Md5 => 32,
            Self::Sha1 => 40,
            Self::Sha256 => 64,
            Self::Sha512 => 128,
        }
    }
}

/// A checksum, written `ALGORITHM:HEX`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Checksum {
    algorithm: Algorithm,
    hex: String,
}

impl Checksum {
    /// How it is computed.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl FromStr for Checksum {
    type Err = ParseError;
    fn from_str(word: &str) -> Result<Self, ParseError> {
        let refuse = |why: &str| ParseError::new("checksum", word, why);
        let (name, hex) = word
            .split_once(':')
            .ok_or_else(|| refuse("is not ALGORITHM:HEX"))?;
        let algorithm = Algorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str() == name);
        let algorithm = algorithm.ok_or_else(|| refuse("is not of md5, sha1, sha256 or sha512"))?;
        if hex.len() != algorithm.digits() || !hex.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(refuse(&format!(
                "has not the {} hexadecimal digits of {name}",
                algorithm.digits()
            )));
        }
        Ok(Self {
            algorithm,
            hex: hex.to_ascii_lowercase(),
        })
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.as_str(), self.hex)
    }
}

impl TryFrom<String> for Checksum {
    type Error = ParseError;
    fn try_from(word: String) -> Result<Self, ParseError> {
        word.parse()
    }
}

impl From<Checksum> for String {
    fn from(checksum: Checksum) -> Self {
        checksum.to_string()
    }
}

/// A checksum in the making.
#[derive(Debug, Clone)]
pub(super) enum Hasher {
    Md5(md5::Md5),
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
}

impl Hasher {
    /// Of nothing, yet.
    pub(super) fn new(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Md5 => Self::Md5(md5::Md5::new()),
            Algorithm::Sha1 => Self::Sha1(sha1::Sha1::new()),
            Algorithm::Sha256 => Self::Sha256(sha2::Sha256::new()),
            Algorithm::Sha512 => Self::Sha512(sha2::Sha512::new()),
        }
    }

    /// Goes on with these bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(state) => state.update(bytes),
            Self::Sha1(state) => state.update(bytes),
            Self::Sha256(state) => state.update(bytes),
            Self::Sha512(state) => state.update(bytes),
        }
    }

    /// The checksum of all bytes.
    pub(super) fn finish(self) -> Checksum {
        let (algorithm, digest) = match self {
            Self::Md5(state) => (Algorithm::Md5, state.finalize().to_vec()),
            Self::Sha1(state) => (Algorithm::Sha1, state.finalize().to_vec()),
            Self::Sha256(state) => (Algorithm::Sha256, state.finalize().to_vec()),
            Self::Sha512(state) => (Algorithm::Sha512, state.finalize().to_vec()),
        };
        let hex = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Checksum { algorithm, hex }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_of_the_tools() {
        // `printf abc | md5sum`, `sha1sum`, `sha256sum`, `sha512sum`.
        for known in [
            "md5:900150983cd24fb0d6963f7d28e17f72",
            "sha1:a9993e364706816aba3e25717850c26c9cd0d89d",
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd\
             454d4423643ce80e2a9ac94fa54ca49f",
        ] {
            let known: Checksum = known.parse().unwrap();
            let mut hasher = Hasher::new(known.algorithm());
            hasher.update(b"a");
            hasher.update(b"bc");
            assert_eq!(hasher.finish(), known);
        }
    }

    #[test]
    fn what_is_no_checksum_is_refused() {
        for bad in [
            "",
            "abc",
            "crc:00",
            "md5:",
            "md5:zz0150983cd24fb0d6963f7d28e17f72",
            "sha256:900150983cd24fb0",
        ] {
            assert!(bad.parse::<Checksum>().is_err(), "{bad:?} was taken");
        }
        let upper: Checksum = "md5:900150983CD24FB0D6963F7D28E17F72".parse().unwrap();
        assert_eq!(upper.to_string(), "md5:900150983cd24fb0d6963f7d28e17f72");
    }
}
