//! What outlives a release of this program carries the version of its form, which is looked at before anything else of it: a
//! newer form may lack what this one has.

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Why a text is not what it should be.
#[derive(Debug, thiserror::Error)]
pub enum NotVersioned {
    /// It is of another form.
    #[error("it is of version {0}")]
    Other(u32),
    /// It is damaged, or something else.
    #[error("{0}")]
    Damaged(#[from] serde_json::Error),
}

/// Reads JSON of the form that `version` says.
pub fn versioned<T: DeserializeOwned>(text: &[u8], version: u32) -> Result<T, NotVersioned> {
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let Version { version: found } = serde_json::from_slice(text)?;
    if found != version {
        return Err(NotVersioned::Other(found));
    }
    Ok(serde_json::from_slice(text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    struct Known {
        key: String,
    }

    fn read(text: &str) -> Result<String, String> {
        let read = versioned::<Known>(text.as_bytes(), 1);
        read.map(|known| known.key).map_err(|why| why.to_string())
    }

    #[test]
    fn another_version_is_told_before_what_it_lacks() {
        assert_eq!(read(r#"{"version":1,"key":"a"}"#).unwrap(), "a");
        assert_eq!(
            read(r#"{"version":99}"#).unwrap_err(),
            "it is of version 99"
        );
        for damaged in [
            "",
            "{",
            "null",
            "garbage",
            r#"{"version":1}"#,
            r#"{"key":"a"}"#,
        ] {
            assert!(
                !read(damaged).unwrap_err().contains("version 1"),
                "{damaged}"
            );
        }
    }
}
