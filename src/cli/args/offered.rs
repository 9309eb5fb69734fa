//! Words that completions offer, for options that take others as well.

use std::ffi::OsStr;
use std::marker::PhantomData;
use std::str::FromStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command, Error};

use crate::model::{DriverName, ParseError, SeedSpec};

/// The drivers of this program; those from outside are known only where they are installed.
const DRIVERS: &[&str] = &[
    "dm-cache",
    "bcache",
    "bcache-shared",
    "dm-writecache",
    "flashcache",
    "local",
    "none",
];

/// What a seed can be; the last one goes on with a size.
const SEEDS: &[&str] = &["none", "allocated", "first:"];

/// Reads a `T` by its own `FromStr`, and offers some words that it takes.
#[derive(Clone)]
pub struct Offered<T> {
    words: &'static [&'static str],
    is: PhantomData<fn() -> T>,
}

/// Of an option that takes a driver.
pub const fn drivers() -> Offered<DriverName> {
    Offered {
        words: DRIVERS,
        is: PhantomData,
    }
}

/// Of an option that takes what is to be seeded.
pub const fn seeds() -> Offered<SeedSpec> {
    Offered {
        words: SEEDS,
        is: PhantomData,
    }
}

impl<T> TypedValueParser for Offered<T>
where
    T: FromStr<Err = ParseError> + Clone + Send + Sync + 'static,
{
    type Value = T;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<T, Error> {
        StringValueParser::new()
            .try_map(|word| word.parse::<T>())
            .parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.words.iter().copied().map(PossibleValue::new)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_drivers_of_this_program_are_offered_and_no_others() {
        let all: Vec<String> = crate::cache::built_in_names()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(all, DRIVERS);
    }

    #[test]
    fn words_that_are_not_offered_are_taken_if_they_can_be_meant() {
        let command = Command::new("x");
        let driver = drivers().parse_ref(&command, None, OsStr::new("opencas"));
        assert_eq!(driver.unwrap().as_str(), "opencas");
        let seed = |word| seeds().parse_ref(&command, None, OsStr::new(word));
        assert!(seed("first:8G").is_ok() && seed("allocated").is_ok());
        assert!(seed("all").is_err() && seed("first:").is_err());
    }
}
