//! OpenNebula's drivers, ours and others.

use std::fmt;
use std::str::FromStr;

use super::install::NAME;
use crate::model::ParseError;

/// The name of a driver of OpenNebula's, such as `fs_lvm_ssh`: a directory below `remotes/tm`. Not that of a cache's driver.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mad(String);

impl Mad {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is this driver.
    pub fn is_us(&self) -> bool {
        self.0 == NAME
    }
}

impl FromStr for Mad {
    type Err = ParseError;
    /// A directory's name, and one that neither a shell nor a tool takes for more.
    fn from_str(word: &str) -> Result<Self, ParseError> {
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let begins = word.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
        if !begins || word.len() > 64 || !word.chars().all(fits) {
            return Err(ParseError::new("driver", word, "is no driver's name"));
        }
        Ok(Self(word.to_owned()))
    }
}

impl fmt::Display for Mad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those of the stock releases, and of others.
    #[test]
    fn a_drivers_name_is_a_directorys() {
        for good in [
            "warmblock",
            "fs_lvm",
            "fs_lvm_ssh",
            "iscsi_libvirt",
            "linstor_un",
            "ceph",
            "qcow2",
            "Own.2",
            "a-b",
        ] {
            let name: Mad = good.parse().unwrap();
            assert_eq!((name.as_str(), name.is_us()), (good, good == "warmblock"));
        }
        let long = "x".repeat(65);
        for bad in ["", ".", "..", ".ssh", "-d", "a/b", "a b", "a;b", "ä", &long] {
            assert!(bad.parse::<Mad>().is_err(), "{bad:?}");
        }
    }
}
