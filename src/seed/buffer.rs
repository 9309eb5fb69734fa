//! Memory that O_DIRECT takes.

use crate::model::Bytes;

/// Alignment in memory: the page size covers every logical block size.
const ALIGN: usize = 4096;

/// A buffer whose start is aligned, so that the kernel reads and writes it without a copy.
#[derive(Debug)]
pub(super) struct Buffer {
    memory: Vec<u8>,
    start: usize,
    len: usize,
}

impl Buffer {
    /// A zeroed buffer.
    pub(super) fn new(len: Bytes) -> Self {
        let len = usize::try_from(len.0).unwrap_or(usize::MAX - ALIGN);
        // An aligned start is found within a vector that is a page longer: no unsafe, a page lost.
        let memory = vec![0; len + ALIGN];
        let start = memory.as_ptr().align_offset(ALIGN);
        Self { memory, start, len }
    }

    /// The first `len` bytes, or all if there are fewer.
    pub(super) fn head(&mut self, len: Bytes) -> &mut [u8] {
        let len = usize::try_from(len.0).unwrap_or(usize::MAX).min(self.len);
        &mut self.memory[self.start..self.start + len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn starts_where_the_kernel_wants_it() {
        for len in [1, 512, 4096, 1 << 20] {
            let mut buffer = Buffer::new(Bytes(len));
            let head = buffer.head(Bytes(u64::MAX));
            assert_eq!(head.len() as u64, len);
            assert_eq!(head.as_ptr().align_offset(ALIGN), 0);
        }
    }
}
