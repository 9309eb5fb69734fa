//! Which parts of a buffer are worth writing.

use std::ops::Range;

/// The unit of sparseness: a stretch of zeroes of this length that begins at a multiple of it is never written. It is
/// what an OSD allocates at most for a small write (`bluestore_min_alloc_size` is 4 KiB, and was 64 KiB before Pacific).
pub(super) const GRAIN: usize = 64 << 10;

static ZEROES: [u8; GRAIN] = [0; GRAIN];

/// Whether all bytes of a grain are zero. A comparison of memory runs at memory's speed; a loop over bytes does not.
fn is_zero(grain: &[u8]) -> bool {
    ZEROES.get(..grain.len()) == Some(grain)
}

/// The stretches of a buffer that hold anything but zeroes, in whole grains (the last one may be shorter).
pub(super) fn data(buffer: &[u8]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (nr, grain) in buffer.chunks(GRAIN).enumerate() {
        if is_zero(grain) {
            continue;
        }
        let start = nr * GRAIN;
        let end = start + grain.len();
        match found.last_mut() {
            Some(last) if last.end == start => last.end = end,
            _ => found.push(start..end),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_grains_with_data_are_told() {
        let mut buffer = vec![0; 5 * GRAIN + 10];
        assert!(data(&buffer).is_empty());
        assert!(data(&[]).is_empty());
        buffer[GRAIN] = 1;
        buffer[3 * GRAIN - 1] = 1;
        buffer[5 * GRAIN + 9] = 1;
        assert_eq!(data(&buffer), [GRAIN..3 * GRAIN, 5 * GRAIN..5 * GRAIN + 10]);
        assert_eq!(data(&[1; 7]), vec![Range { start: 0, end: 7 }]);
    }

    #[test]
    fn every_byte_that_is_not_zero_is_covered() {
        for at in [0, 1, GRAIN - 1, GRAIN, 2 * GRAIN + 5] {
            let mut buffer = vec![0; 2 * GRAIN + 6];
            buffer[at] = 0xff;
            let told = data(&buffer);
            assert!(told.iter().any(|range| range.contains(&at)), "{at}");
        }
    }
}
