//! Random numbers for tests, with a seed that is printed, so that a failure can be repeated:
//! `LIF_TESTS_SEED` sets it.

use std::{env, time::SystemTime};

/// A generator (xorshift64*).
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// One with a new seed, which is printed.
    ///
    /// # Panics
    ///
    /// If `LIF_TESTS_SEED` is not a number.
    #[must_use]
    pub fn new() -> Random {
        let seed = match env::var("LIF_TESTS_SEED") {
            Ok(text) => text.parse().expect("LIF_TESTS_SEED is a number"),
            Err(_) => SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(1, |since| u64::from(since.subsec_nanos()) + 1),
        };
        println!("LIF_TESTS_SEED={seed}");
        Random::from_seed(seed)
    }

    /// One with a given seed.
    #[must_use]
    pub fn from_seed(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }
}

impl Default for Random {
    fn default() -> Random {
        Random::new()
    }
}
