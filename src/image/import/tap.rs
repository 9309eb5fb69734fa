//! The bytes of a source on their way in: counted, and hashed if a checksum was asked for.

use std::io::{Cursor, Read};

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::checksum::{Checksum, Hasher};
use crate::{Error, Kind, Result};

/// A reader that counts and hashes what passes.
pub(super) struct Tap<R> {
    from: R,
    count: Arc<AtomicU64>,
    wanted: Option<(Checksum, Hasher)>,
}

impl<R: Read> Tap<R> {
    /// Around a reader whose bytes must have a checksum, if there is one.
    pub(super) fn new(from: R, wanted: Option<&Checksum>) -> Self {
        let wanted = wanted.map(|wanted| (wanted.clone(), Hasher::new(wanted.algorithm())));
        Self { from, count: Arc::default(), wanted }
    }

    /// The count of bytes that passed, for whoever has the reader's user only.
    pub(super) fn counter(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.count)
    }

    /// Reads what is left (an unpacker stops at its own end) and compares the checksum.
    ///
    /// # Errors
    /// [`Kind::Mismatch`] if it is another one.
    pub(super) fn verify(mut self) -> Result<()> {
        if self.wanted.is_some() {
            std::io::copy(&mut self, &mut std::io::sink()).map_err(|error| unreadable(error))?;
        }
        match self.wanted {
            Some((wanted, hasher)) => compare(&wanted, hasher),
            None => Ok(()),
        }
    }
}

/// Compares a finished checksum with the one that was asked for.
pub(super) fn compare(wanted: &Checksum, hasher: Hasher) -> Result<()> {
    let found = hasher.finish();
    if found == *wanted {
        return Ok(());
    }
    Err(Error::new(Kind::Mismatch, format!("the source's checksum is {found}, not {wanted}"))
        .remedy("fetch the source anew, and take the checksum of the packed file as it is published"))
}

/// A source that cannot be read, or unpacked.
pub(super) fn unreadable(error: std::io::Error) -> Error {
    let kind = match error.kind() {
        std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput | std::io::ErrorKind::UnexpectedEof => {
            Kind::Mismatch
        }
        _ => Kind::Failed,
    };
    Error::new(kind, "cannot read the source").because(error)
}

impl<R: Read> Read for Tap<R> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = self.from.read(into)?;
        self.count.fetch_add(count as u64, Ordering::Relaxed);
        if let (Some((_, hasher)), Some(bytes)) = (&mut self.wanted, into.get(..count)) {
            hasher.update(bytes);
        }
        Ok(count)
    }
}

/// Fills a buffer as far as the source goes; how far.
pub(super) fn fill(from: &mut (impl Read + ?Sized), into: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while let Some(rest) = into.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The first bytes of a reader, and a reader that has them still before it.
pub(super) fn peek<'a>(mut from: impl Read + 'a, len: usize) -> std::io::Result<(Vec<u8>, impl Read + 'a)> {
    let mut head = vec![0; len];
    let filled = fill(&mut from, &mut head)?;
    head.truncate(filled);
    Ok((head.clone(), Cursor::new(head).chain(from)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, as a slow pipe does.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
            let len = into.len().min(1);
            self.0.read(&mut into[..len])
        }
    }

    #[test]
    fn a_peek_takes_nothing_away() {
        let (head, mut rest) = peek(Slow(b"abcdef"), 4).unwrap();
        assert_eq!(head, b"abcd");
        let mut all = Vec::new();
        rest.read_to_end(&mut all).unwrap();
        assert_eq!(all, b"abcdef");
        assert_eq!(peek(Slow(b"ab"), 4).unwrap().0, b"ab");
    }

    #[test]
    fn the_checksum_is_of_all_bytes_even_of_those_that_nobody_read() {
        let wanted: Checksum = "md5:900150983cd24fb0d6963f7d28e17f72".parse().unwrap();
        let mut tap = Tap::new(&b"abc"[..], Some(&wanted));
        tap.read_exact(&mut [0]).unwrap();
        tap.verify().unwrap();
        let tap = Tap::new(&b"abd"[..], Some(&wanted));
        assert_eq!(tap.verify().unwrap_err().kind(), Kind::Mismatch);
    }
}
