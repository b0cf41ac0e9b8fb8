//! What is usual, learned from numbers as they come.

/// Less is no upload, and tells nothing about how large uploads are.
const LEAST: u64 = 1_024 * 1_024;

/// Numbers at which half of each count is forgotten.
const NUMBERS: u32 = 256;

/// A distribution of numbers by their powers of two, the newer ones with more weight.
#[derive(Clone, Debug)]
pub(super) struct Usual {
    /// How many there were of as many bits.
    counts: [u32; 65],
    total: u32,
}

impl Default for Usual {
    fn default() -> Self {
        Self {
            counts: [0; 65],
            total: 0,
        }
    }
}

impl Usual {
    /// One more.
    pub(super) fn learn(&mut self, number: u64) {
        if number < LEAST {
            return;
        }
        let bits = (u64::BITS - number.leading_zeros()) as usize;
        if let Some(count) = self.counts.get_mut(bits) {
            *count += 1;
            self.total += 1;
        }
        if self.total >= NUMBERS {
            for count in &mut self.counts {
                *count /= 2;
            }
            self.total = self.counts.iter().sum();
        }
    }

    /// What nine of ten numbers do not exceed, rounded up to a power of two; none if there was no
    /// number yet.
    pub(super) fn most(&self) -> Option<u64> {
        let wanted = self.total.saturating_mul(9).div_ceil(10);
        let mut below = 0;
        let place = self.counts.iter().position(|count| {
            below += count;
            wanted > 0 && below >= wanted
        })?;
        let bits = u32::try_from(place).ok()?;
        Some(1_u64.checked_shl(bits).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn a_few_large_numbers_are_not_usual() {
        let mut usual = Usual::default();
        assert_eq!(usual.most(), None);
        usual.learn(1_000);
        assert_eq!(usual.most(), None);
        (0..19).for_each(|_| usual.learn(3 * LEAST));
        usual.learn(1_000 * LEAST);
        assert_eq!(usual.most(), Some(4 * LEAST));
    }

    #[test]
    fn what_is_usual_changes() {
        let mut usual = Usual::default();
        (0..10_000).for_each(|_| usual.learn(3 * LEAST));
        (0..1_000).for_each(|_| usual.learn(300 * LEAST));
        assert_eq!(usual.most(), Some(512 * LEAST));
    }

    proptest! {
        #[test]
        fn most_is_not_less_than_nine_of_ten(numbers in vec(any::<u64>(), 1..200)) {
            let mut usual = Usual::default();
            numbers.iter().for_each(|&number| usual.learn(number));
            let counted: Vec<u64> = numbers.into_iter().filter(|&number| number >= LEAST).collect();
            if let Some(most) = usual.most() {
                let within = counted.iter().filter(|&&number| number <= most).count();
                prop_assert!(within * 10 >= counted.len() * 9);
            } else {
                prop_assert!(counted.is_empty());
            }
        }
    }
}
