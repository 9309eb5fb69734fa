//! A stream that says where it ends: chunks with their length before them, and an empty one last.
//!
//! What comes over ssh ends in the same way whether its sender was done or was killed. An image must not be made of the
//! half that came, so the bytes of an import go in chunks, and an end without the empty chunk is an error.

use std::io::{self, ErrorKind, Read, Write};

/// No chunk is longer.
const LONGEST: u32 = 4 << 20;

/// Writes `data` as one chunk. Nothing is written for no data: that would be the end.
pub fn write(to: &mut impl Write, data: &[u8]) -> io::Result<()> {
    for piece in data.chunks(LONGEST as usize) {
        let len = u32::try_from(piece.len()).map_err(io::Error::other)?;
        to.write_all(&len.to_be_bytes())?;
        to.write_all(piece)?;
    }
    Ok(())
}

/// Writes the end.
pub fn end(to: &mut impl Write) -> io::Result<()> {
    to.write_all(&0_u32.to_be_bytes())?;
    to.flush()
}

/// What is in the chunks.
#[derive(Debug)]
pub struct Chunks<R> {
    from: R,
    /// What is left of the present chunk.
    left: u32,
    ended: bool,
}

impl<R: Read> Chunks<R> {
    /// Of a stream that begins with a chunk.
    pub const fn new(from: R) -> Self {
        Self {
            from,
            left: 0,
            ended: false,
        }
    }

    fn next(&mut self) -> io::Result<()> {
        let mut len = [0; 4];
        self.from.read_exact(&mut len).map_err(cut)?;
        self.left = u32::from_be_bytes(len);
        if self.left > LONGEST {
            return Err(io::Error::new(
                ErrorKind::InvalidData,
                "the stream is not in chunks",
            ));
        }
        self.ended = self.left == 0;
        Ok(())
    }
}

fn cut(error: io::Error) -> io::Error {
    match error.kind() {
        ErrorKind::UnexpectedEof => io::Error::new(
            ErrorKind::UnexpectedEof,
            "the stream ended before it was complete: its sender has failed or was stopped",
        ),
        _ => error,
    }
}

impl<R: Read> Read for Chunks<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 && !self.ended && !into.is_empty() {
            self.next()?;
        }
        if self.ended || into.is_empty() {
            return Ok(0);
        }
        let most = into.len().min(self.left as usize);
        let count = match into.get_mut(..most) {
            Some(room) => self.from.read(room)?,
            None => 0,
        };
        if count == 0 {
            return Err(cut(ErrorKind::UnexpectedEof.into()));
        }
        self.left -= u32::try_from(count).unwrap_or(self.left);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        Chunks::new(bytes).read_to_end(&mut all).map(|_| all)
    }

    #[test]
    fn what_goes_in_comes_out() {
        let mut sent = Vec::new();
        let data = vec![7; LONGEST as usize + 3];
        write(&mut sent, b"abc").unwrap();
        write(&mut sent, b"").unwrap();
        write(&mut sent, &data).unwrap();
        end(&mut sent).unwrap();
        sent.extend(b"what comes after it");
        assert_eq!(read(&sent).unwrap(), [b"abc", data.as_slice()].concat());
    }

    #[test]
    fn a_stream_that_was_cut_is_no_stream() {
        let mut sent = Vec::new();
        write(&mut sent, b"abc").unwrap();
        for len in 0..=sent.len() {
            let error = read(&sent[..len]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{len}");
        }
        assert_eq!(
            read(b"no chunks here").unwrap_err().kind(),
            ErrorKind::InvalidData
        );
    }
}
