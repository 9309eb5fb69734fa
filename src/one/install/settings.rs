//! A settings file of OpenNebula's own. Its comments may be of any encoding; what is not touched stays to the byte.

use std::path::{Path, PathBuf};

use crate::{Error, Kind, Result};

/// A file as it was read.
#[derive(Debug)]
pub struct Settings {
    /// The file.
    pub path: PathBuf,
    /// What is in it. Where it is no UTF-8 each byte stands for the character of that number, as in Latin-1.
    pub text: String,
    is_utf8: bool,
}

impl Settings {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Kind::NotFound`]; [`Kind::Missing`] if it may not be read.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|error| {
            let kind = match error.kind() {
                std::io::ErrorKind::NotFound => Kind::NotFound,
                std::io::ErrorKind::PermissionDenied => Kind::Missing,
                _ => Kind::Failed,
            };
            Error::new(kind, format!("cannot read {}", path.display()))
                .because(error)
                .remedy("run this on the front-end as root; ONE_LOCATION or --location names a self-contained installation")
        })?;
        let path = path.to_owned();
        Ok(match String::from_utf8(bytes) {
            Ok(text) => Self {
                path,
                text,
                is_utf8: true,
            },
            Err(error) => {
                let text = error.into_bytes().into_iter().map(char::from).collect();
                Self {
                    path,
                    text,
                    is_utf8: false,
                }
            }
        })
    }

    /// Another text in the encoding of the file: what comes in is of characters that all of them have.
    pub fn encode(&self, text: &str) -> Vec<u8> {
        match self.is_utf8 {
            true => text.into(),
            false => text
                .chars()
                .map(|c| u8::try_from(c).unwrap_or(b'?'))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("oned.conf");
        let all: Vec<u8> = (1..=255).collect();
        for bytes in [all.as_slice(), "# für alle\n".as_bytes()] {
            crate::sys::atomic::write(&path, bytes).unwrap();
            let read = Settings::read(&path).unwrap();
            assert_eq!(read.encode(&read.text), bytes);
        }
    }
}
