//! What is drawn: the same again for the same seed, whoever comes first.

/// A generator of an actor's own, so that what it draws does not depend on how the threads take turns (splitmix64).
#[derive(Debug)]
pub(super) struct Dice(u64);

impl Dice {
    pub(super) fn new(seed: u64, actor: u64) -> Self {
        let mut dice = Self(seed);
        dice.0 = dice.next() ^ actor.wrapping_mul(0xD6E8_FEB8_6659_FD93);
        dice
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below a limit, which is not 0.
    pub(super) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap_or(0) % limit
    }

    pub(super) fn yes(&mut self) -> bool {
        self.below(2) == 0
    }

    /// One of these, of which there is one at least.
    pub(super) fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}
