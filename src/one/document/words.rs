//! What is asked for a disk's cache: the attributes `WARMBLOCK_…` of a disk, an image or a datastore.

use roxmltree::Node;

use super::xml::text;
use crate::model::{Bytes, CacheMode, DriverName, ParseError, SeedSpec};
use crate::{Error, Kind, Result};

/// A disk's attributes about its cache, as written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CacheWords {
    /// `WARMBLOCK_DRIVER`
    pub driver: Option<String>,
    /// `WARMBLOCK_MODE`
    pub mode: Option<String>,
    /// `WARMBLOCK_SIZE`
    pub size: Option<String>,
    /// `WARMBLOCK_SEED`
    pub seed: Option<String>,
    /// `WARMBLOCK_WAIT`: whether the VM waits until the seed is complete.
    pub wait: Option<String>,
}

/// What was asked for a disk's cache, understood. What is `None` is as the host's configuration has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CacheAsk {
    /// The cache driver.
    pub driver: Option<DriverName>,
    /// How writes are treated.
    pub mode: Option<CacheMode>,
    /// The slice's size.
    pub size: Option<Bytes>,
    /// What is brought in beforehand.
    pub seed: Option<SeedSpec>,
    /// Whether the VM does not wait for that.
    pub seed_later: bool,
}

impl CacheWords {
    /// The attributes below an element.
    pub(super) fn below(node: Node<'_, '_>, path: &str) -> Self {
        let own = |name: &str| text(node, &format!("{path}WARMBLOCK_{name}")).map(str::to_owned);
        Self {
            driver: own("DRIVER"),
            mode: own("MODE"),
            size: own("SIZE"),
            seed: own("SEED"),
            wait: own("WAIT"),
        }
    }

    /// These, and of others what they do not say.
    #[must_use]
    pub fn or(&self, others: &Self) -> Self {
        let first = |own: &Option<String>, other: &Option<String>| own.clone().or(other.clone());
        Self {
            driver: first(&self.driver, &others.driver),
            mode: first(&self.mode, &others.mode),
            size: first(&self.size, &others.size),
            seed: first(&self.seed, &others.seed),
            wait: first(&self.wait, &others.wait),
        }
    }

    /// Reads them, in whatever letters OpenNebula has them.
    ///
    /// # Errors
    /// [`Kind::Usage`] for a word that cannot be used, with its attribute.
    pub fn read(&self) -> Result<CacheAsk> {
        fn word<T>(
            name: &str,
            word: Option<&str>,
            read: impl Fn(&str) -> Result<T, ParseError>,
        ) -> Result<Option<T>> {
            word.map(|word| read(word.trim()))
                .transpose()
                .map_err(|error| {
                    Error::new(
                        Kind::Usage,
                        format!("WARMBLOCK_{name} cannot be used: {error}"),
                    )
                    .remedy("mend it in the VM's template, the image or the datastore")
                })
        }
        let seed = word("SEED", self.seed.as_deref(), |word| {
            word.to_ascii_lowercase().parse()
        })?;
        Ok(CacheAsk {
            driver: word("DRIVER", self.driver.as_deref(), |word| {
                word.to_ascii_lowercase().parse()
            })?,
            mode: word("MODE", self.mode.as_deref(), mode)?,
            size: word("SIZE", self.size.as_deref(), str::parse)?,
            seed,
            seed_later: word("WAIT", self.wait.as_deref(), yes_or_no)? == Some(false),
        })
    }
}

fn yes_or_no(word: &str) -> Result<bool, ParseError> {
    match word.to_ascii_lowercase().as_str() {
        "yes" | "1" => Ok(true),
        "no" | "0" => Ok(false),
        _ => Err(ParseError::new("choice", word, "is neither YES nor NO")),
    }
}

fn mode(word: &str) -> Result<CacheMode, ParseError> {
    let parsed = clap::ValueEnum::from_str(word, true);
    parsed.map_err(|_| {
        ParseError::new(
            "mode",
            word,
            "is not writethrough, writeback, writearound or none",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_a_cache() {
        let words = |mode: &str, seed: &str, wait: &str| CacheWords {
            mode: Some(mode.into()),
            seed: Some(seed.into()),
            wait: Some(wait.into()),
            ..CacheWords::default()
        };
        let asked = words("WriteBack", "FIRST:1G", "yes").read().unwrap();
        assert_eq!(asked.mode, Some(CacheMode::Writeback));
        assert_eq!(asked.seed, Some(SeedSpec::First(Bytes::gib(1))));
        assert!(!asked.seed_later);
        let quick = words("none", "allocated", "NO").read().unwrap();
        assert!(quick.seed_later && quick.seed == Some(SeedSpec::Allocated));
        for (bad, what) in [
            (words("fast", "none", "yes"), "WARMBLOCK_MODE"),
            (words("none", "much", "yes"), "WARMBLOCK_SEED"),
            (words("none", "none", "maybe"), "WARMBLOCK_WAIT"),
        ] {
            let error = bad.read().unwrap_err().chain();
            assert!(error.contains(what), "{error}");
        }
    }
}
