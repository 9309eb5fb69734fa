//! Durations as people write them: `10s`, `5m`, `1h 30m`; none is zero. For `#[serde(with)]`.

use std::time::Duration;

use schemars::JsonSchema;

use serde::{Deserialize, Deserializer, Serializer, de::Error};

/// A time such as `30s`, `5m` or `1h 30m`, never zero.
#[derive(JsonSchema)]
pub struct Time(#[expect(dead_code, reason = "it is there for the schema")] String);

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
