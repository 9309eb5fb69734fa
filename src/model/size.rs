//! Bytes and sectors: never bare integers, one parser, one way to print them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use super::ParseError;

/// A number of bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

/// A number of 512-byte sectors, the kernel's unit in device-mapper tables and `/sys/block/*/size`.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    schemars::JsonSchema,
)]
#[serde(transparent)]
pub struct Sectors(pub u64);

impl Bytes {
    /// As people write it, and exactly: `8G`, or `1000` where no unit fits. It reads back as the same.
    pub fn exact(self) -> String {
        let units = [("T", 40), ("G", 30), ("M", 20), ("K", 10)];
        let fits = |shift: u32| self.0 > 0 && self.0.is_multiple_of(1_u64 << shift);
        match units.into_iter().find(|(_, shift)| fits(*shift)) {
            Some((unit, shift)) => format!("{}{unit}", self.0 >> shift),
            None => self.0.to_string(),
        }
    }

    /// `n` KiB.
    pub const fn kib(n: u64) -> Self {
        Self(n << 10)
    }
    /// `n` MiB.
    pub const fn mib(n: u64) -> Self {
        Self(n << 20)
    }
    /// `n` GiB.
    pub const fn gib(n: u64) -> Self {
        Self(n << 30)
    }
    /// The sectors that hold these bytes; a part of a sector counts as a whole one.
    pub const fn sectors(self) -> Sectors {
        Sectors(self.0.div_ceil(512))
    }
    /// Rounded up to a multiple of `unit` (not zero).
    pub const fn round_up(self, unit: Self) -> Self {
        Self(self.0.div_ceil(unit.0) * unit.0)
    }
    /// Rounded down to a multiple of `unit` (not zero).
    pub const fn round_down(self, unit: Self) -> Self {
        Self(self.0 / unit.0 * unit.0)
    }
    /// `self - other`, zero at the least.
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sectors {
    /// As bytes.
    pub const fn bytes(self) -> Bytes {
        Bytes(self.0 * 512)
    }
}

impl fmt::Display for Bytes {
    /// `8 GiB`, `1.5 MiB`, `512 B`: binary units, one decimal where it tells something.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u32); 5] = [
            ("PiB", 50),
            ("TiB", 40),
            ("GiB", 30),
            ("MiB", 20),
            ("KiB", 10),
        ];
        for (unit, shift) in UNITS {
            let one = 1_u64 << shift;
            if self.0 >= one {
                let tenths = u128::from(self.0) * 10 / u128::from(one);
                return match tenths % 10 {
                    0 => write!(f, "{} {unit}", tenths / 10),
                    part => write!(f, "{}.{part} {unit}", tenths / 10),
                };
            }
        }
        write!(f, "{} B", self.0)
    }
}

impl fmt::Display for Sectors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for Bytes {
    type Err = ParseError;

    /// `8G`, `8GiB`, `512M`, `4096`: binary units as LVM and rbd read them, whole numbers only.
    fn from_str(word: &str) -> Result<Self, ParseError> {
        let refuse = |why: &str| ParseError::new("size", word, why);
        let digits = word.len() - word.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = word.split_at(digits);
        let number: u64 = number
            .parse()
            .map_err(|_| refuse("is not a whole number with a unit such as 512M, 8G or 1T"))?;
        let shift = match unit
            .to_ascii_lowercase()
            .trim_end_matches("ib")
            .trim_end_matches('b')
        {
            "" => 0,
            "k" => 10,
            "m" => 20,
            "g" => 30,
            "t" => 40,
            "p" => 50,
            _ => {
                return Err(refuse(
                    "has an unknown unit; use K, M, G, T or P (powers of 1024)",
                ));
            }
        };
        let bytes = number
            .checked_mul(1_u64 << shift)
            .filter(|bytes| *bytes <= i64::MAX as u64);
        bytes
            .map(Self)
            .ok_or_else(|| refuse("is larger than any image can be"))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    /// A number of bytes, or a string such as `"8G"`.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Bytes;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of bytes or a size such as \"8G\"")
            }
            fn visit_u64<E: serde::de::Error>(self, n: u64) -> Result<Bytes, E> {
                Ok(Bytes(n))
            }
            fn visit_i64<E: serde::de::Error>(self, n: i64) -> Result<Bytes, E> {
                u64::try_from(n)
                    .map(Bytes)
                    .map_err(|_| E::custom("a size cannot be negative"))
            }
            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Bytes, E> {
                word.parse().map_err(E::custom)
            }
        }
        from.deserialize_any(Visitor)
    }
}

impl schemars::JsonSchema for Bytes {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Bytes".into()
    }

    /// Written as a number; read as a number or a string such as `"8G"`.
    fn json_schema(_generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "Bytes: a number, or for input a size such as \"8G\"",
            "anyOf": [
                {"type": "integer", "minimum": 0},
                {"type": "string", "pattern": "^[0-9]+([KMGTP]i?[Bb]?)?$"}
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_binary_and_whole() {
        assert_eq!("8G".parse(), Ok(Bytes::gib(8)));
        assert_eq!("8GiB".parse(), Ok(Bytes::gib(8)));
        assert_eq!("4096".parse(), Ok(Bytes(4096)));
        assert_eq!("16kb".parse(), Ok(Bytes::kib(16)));
        for bad in ["", "G", "1.5G", "-1", "8X", "99999999P", "8 G", "8Gi B"] {
            assert!(bad.parse::<Bytes>().is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn sizes_print_in_binary_units() {
        assert_eq!(Bytes(512).to_string(), "512 B");
        assert_eq!(Bytes::gib(8).to_string(), "8 GiB");
        assert_eq!(Bytes(3 << 19).to_string(), "1.5 MiB");
        assert_eq!(Bytes(u64::MAX).to_string(), "16383.9 PiB");
    }

    #[test]
    fn rounding_never_loses_bytes() {
        assert_eq!(Bytes(1).sectors(), Sectors(1));
        assert_eq!(Bytes(4097).round_up(Bytes(4096)), Bytes(8192));
        assert_eq!(Bytes(4097).round_down(Bytes(4096)), Bytes(4096));
    }
}
