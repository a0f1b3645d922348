//! Choices that follow from a seed.

/// A sequence of numbers that follows from a seed and the name of what uses it (splitmix64).
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// Starts the sequence of one round of something.
    pub(super) fn new(seed: u64, what: &str, round: u64) -> Self {
        let name = what
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        let mut random = Self(seed ^ name.rotate_left(17) ^ round.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        random.next();
        random
    }

    /// Returns the next number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below another one, which is not 0.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Says yes in so many of a hundred cases.
    pub(super) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Picks one of several things.
    pub(super) fn pick<T: Copy>(&mut self, things: &[T]) -> Option<T> {
        let count = u64::try_from(things.len()).ok().filter(|count| *count > 0)?;
        things.get(usize::try_from(self.below(count)).ok()?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_and_a_name_say_all() {
        let draw = |seed, what, round| {
            let mut random = Random::new(seed, what, round);
            [random.next(), random.below(10), u64::from(random.chance(50))]
        };
        assert_eq!(draw(1, "kills", 3), draw(1, "kills", 3));
        assert_ne!(draw(1, "kills", 3), draw(1, "kills", 4));
        assert_ne!(draw(1, "kills", 3), draw(2, "kills", 3));
        assert_ne!(draw(1, "kills", 3), draw(1, "races", 3));
    }
}
