//! What nobody can guess.

use std::io::Read as _;

use crate::{Error, Kind, Result};

/// So many hexadecimal digits, from the kernel.
///
/// # Errors
/// [`Kind::Failed`] if the kernel gives none.
pub fn hex(digits: usize) -> Result<String> {
    let mut bytes = vec![0; digits.div_ceil(2)];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|error| Error::new(Kind::Failed, "cannot read /dev/urandom").because(error))?;
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(text.chars().take(digits).collect())
}
