//! A small seeded generator of pseudo-random numbers: the same seed gives the same capture on every machine and in every release.

/// Marsaglia's xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled", 2016).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// A sequence of its own for each seed, 0 included.
    pub fn new(seed: u64) -> Self {
        // Spreads neighbouring seeds (the finaliser of SplitMix64) and keeps the state away from zero, where xorshift would stay.
        let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self((z ^ (z >> 31)) | 1)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // Multiply-shift: the bias is below bound / 2^64.
        ((u128::from(self.bits()) * u128::from(bound)) >> 64) as u64
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True `percent` times out of a hundred.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Appends `length` octets that do not compress.
    pub fn append(&mut self, out: &mut Vec<u8>, length: usize) {
        let whole = length / 8;
        out.reserve(length);
        for _ in 0..whole {
            out.extend_from_slice(&self.bits().to_le_bytes());
        }
        out.extend_from_slice(&self.bits().to_le_bytes()[..length - whole * 8]);
    }
}
