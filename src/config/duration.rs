//! Durations as people write them: `10s`, `5m`, `1h 30m`; none is zero. For `#[serde(with)]`.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serializer, de::Error};

pub fn serialize<S: Serializer>(value: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&humantime::format_duration(*value))
}

pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
    let word = String::deserialize(from)?;
    let value = humantime::parse_duration(&word).map_err(D::Error::custom)?;
    if value.is_zero() {
        return Err(D::Error::custom("a deadline cannot be zero"));
    }
    Ok(value)
}
