//! The calls of a datastore driver (contract, 1.7): an action, an id, and a document that comes in one of three ways.

use std::io::Read;

use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::Wrong;
use crate::{Error, Kind, Result};

/// No document is nearly as long.
const LIMIT: u64 = 64 << 20;

/// A call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DsCall {
    /// What is asked.
    pub action: DsAction,
    /// Of which image; for `monitor`, of which datastore.
    pub id: u32,
    /// Where the document is.
    pub input: DsInput,
}

/// What is asked of a datastore driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DsAction {
    /// Register an image from a path or a URL.
    Cp,
    /// Make an empty image.
    Mkfs,
    /// Copy an image.
    Clone,
    /// Remove an image.
    Rm,
    /// How large a file is that may become an image.
    Stat,
    /// How full the datastore is.
    Monitor,
    /// Hand an image to a marketplace.
    Export,
    /// Remove a snapshot of an image.
    SnapDelete,
    /// Set an image back to a snapshot.
    SnapRevert,
    /// Make a snapshot the image itself, and forget all snapshots.
    SnapFlatten,
}

impl DsAction {
    /// All actions, by the names of their scripts.
    pub const ALL: [(&'static str, Self); 10] = [
        ("cp", Self::Cp),
        ("mkfs", Self::Mkfs),
        ("clone", Self::Clone),
        ("rm", Self::Rm),
        ("stat", Self::Stat),
        ("monitor", Self::Monitor),
        ("export", Self::Export),
        ("snap_delete", Self::SnapDelete),
        ("snap_revert", Self::SnapRevert),
        ("snap_flatten", Self::SnapFlatten),
    ];
}

/// Where a call's document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DsInput {
    /// On standard input, in base64 (6.8 and later; 6.6.2 where it is asked for).
    Stdin,
    /// In an argument (before 6.8).
    Argument(String),
}

impl DsCall {
    pub(super) fn parse(action: &str, args: &[&str]) -> Result<Self, Wrong> {
        let known = DsAction::ALL.into_iter().find(|(name, _)| *name == action);
        let (_, action) = known.ok_or(Wrong::Action)?;
        let (input, id) = DsInput::before(args)
            .ok_or(Wrong::Arguments("ID, with the document on standard input"))?;
        let id = id.parse::<crate::one::ImageNumber>()?.0;
        Ok(Self { action, id, input })
    }
}

impl DsInput {
    /// Where the document is, and the id that comes last.
    pub(super) fn before<'a>(args: &[&'a str]) -> Option<(Self, &'a str)> {
        match args {
            [id] | ["-", id] => Some((Self::Stdin, id)),
            [document, id] => Some((Self::Argument((*document).to_owned()), id)),
            _ => None,
        }
    }

    /// The document as text. `stdin` is read only where the document is there.
    ///
    /// # Errors
    /// [`Kind::Usage`] if it is not base64, not text, or too long.
    pub fn document(&self, stdin: impl Read) -> Result<String> {
        match self {
            Self::Argument(word) => decode(word.as_bytes()),
            Self::Stdin => on_stdin(stdin),
        }
    }
}

/// The document that comes in base64 on standard input, as text.
///
/// # Errors
/// [`Kind::Usage`] if it is not base64, not text, or too long.
pub fn on_stdin(stdin: impl Read) -> Result<String> {
    decode(&read(stdin)?)
}

/// Reads standard input to its end, to a limit.
pub(super) fn read(stdin: impl Read) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = stdin.take(LIMIT + 1).read_to_end(&mut bytes);
    read.map_err(|error| {
        Error::new(Kind::Failed, "cannot read the document on standard input").because(error)
    })?;
    if bytes.len() as u64 > LIMIT {
        return Err(Error::new(
            Kind::Usage,
            format!("the document on standard input is longer than {LIMIT} bytes"),
        ));
    }
    Ok(bytes)
}

/// Base64, with or without padding; whatever white space oned puts around it.
fn decode(word: &[u8]) -> Result<String> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    let word: Vec<u8> = word
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let wrong = |why: String| {
        Error::new(Kind::Usage, format!("the driver's document {why}")).remedy(
            "oned gives it in base64: on standard input since 6.8, as the first argument before",
        )
    };
    if word.is_empty() {
        return Err(wrong("is missing".into()));
    }
    let bytes = LENIENT
        .decode(&word)
        .map_err(|error| wrong(format!("is not base64: {error}")))?;
    // Names of users and images may be in any encoding; what we read of them is ASCII.
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
