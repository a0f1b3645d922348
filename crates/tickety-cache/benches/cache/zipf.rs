//! Keys that are asked for unevenly.

/// Zipf's law over the keys from 0: the key `n` is asked for `1 / (n + 1)^s` times as often as the first.
pub(crate) struct Zipf {
    sums: Vec<f64>,
}

impl Zipf {
    /// Makes the law for so many keys and an exponent.
    pub(crate) fn new(keys: u64, exponent: f64) -> Self {
        let mut sum = 0.0;
        let sums = (1..=keys).map(|key| {
            sum += 1.0 / (key as f64).powf(exponent);
            sum
        });
        Self { sums: sums.collect() }
    }

    /// Draws keys; the same seed draws the same.
    pub(crate) fn draw(&self, seed: u64, count: usize) -> Vec<u64> {
        let all = self.sums.last().copied().unwrap_or_default();
        let mut random = Random(seed);
        let mut drawn = || {
            let wanted = random.part() * all;
            self.sums.partition_point(|sum| *sum < wanted) as u64
        };
        (0..count).map(|_| drawn()).collect()
    }
}

/// Random numbers from a seed: splitmix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// Returns the next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn part(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}
