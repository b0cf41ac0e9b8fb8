//! Which of many texts are in a text, found by a few bytes of each.
//!
//! Of each text that is looked for one gram is picked, so many bytes on end, that few others have. All
//! grams of the text that is searched are looked up in a bitmap, and where one is known the whole is
//! compared. Unlike the states of an automaton, the lookups do not wait for each other, and what they touch
//! fits a core's nearest cache however many texts there are.

use std::collections::HashMap;

/// Most texts that are picked out by the same gram: so much is compared at most at each place.
const SHARING_MAX: usize = 4;
/// Bits of the map for each text, about: so few of them are set that a chance meeting is rare.
const BITS_PER_TEXT: usize = 64;
/// The smallest and the largest map.
const BITS: std::ops::RangeInclusive<u32> = 10..=20;

/// Texts by grams of `WIDTH` bytes, at most 4.
#[derive(Debug)]
pub(super) struct Grams<const WIDTH: usize> {
    map: Box<[u64]>,
    /// How far a gram's hash is shifted to be a place in the map.
    shift: u32,
    /// In the order of grams.
    picks: Box<[Pick]>,
}

/// A text, picked out by a gram.
#[derive(Debug)]
struct Pick {
    gram: u32,
    /// Where in the text the gram is.
    place: usize,
    text: Box<[u8]>,
    /// The text's number.
    number: usize,
}

impl<const WIDTH: usize> Grams<WIDTH> {
    /// For these texts with their numbers. Leaves those that are too short, or have too little of their
    /// own.
    pub(super) fn new(texts: &mut Vec<(usize, &str)>) -> Self {
        let mut sharing: HashMap<u32, usize> = HashMap::new();
        let mut picks = Vec::new();
        texts.retain(|(number, text)| {
            let grams = text.as_bytes().windows(WIDTH).map(gram);
            let best = grams.enumerate().min_by_key(|(_, gram)| {
                let shared = sharing.get(gram).copied().unwrap_or(0);
                (shared, commonness(*gram))
            });
            let Some((place, gram)) = best else {
                return true;
            };
            let shared = sharing.entry(gram).or_default();
            if *shared >= SHARING_MAX {
                return true;
            }
            *shared += 1;
            picks.push(Pick {
                gram,
                place,
                text: text.as_bytes().into(),
                number: *number,
            });
            false
        });
        picks.sort_by_key(|pick| pick.gram);
        let wanted = picks.len().saturating_mul(BITS_PER_TEXT).max(2).ilog2();
        let bits = wanted.clamp(*BITS.start(), *BITS.end());
        let shift = u32::BITS - bits;
        let mut map = vec![0; 1 << (bits - u64::BITS.ilog2())];
        for pick in &picks {
            let (word, bit) = place_of(pick.gram, shift);
            if let Some(word) = map.get_mut(word) {
                *word |= bit;
            }
        }
        Self {
            map: map.into(),
            shift,
            picks: picks.into(),
        }
    }

    /// Looks at one place of a text.
    #[inline]
    fn look(&self, gram: u32, at: usize, text: &[u8], found: &mut impl FnMut(usize)) {
        let (word, bit) = place_of(gram, self.shift);
        if self.map.get(word).is_some_and(|word| word & bit != 0) {
            self.compare(gram, at, text, found);
        }
    }

    fn compare(&self, gram: u32, at: usize, text: &[u8], found: &mut impl FnMut(usize)) {
        let first = self.picks.partition_point(|pick| pick.gram < gram);
        let picks = self.picks.get(first..).unwrap_or_default();
        for pick in picks.iter().take_while(|pick| pick.gram == gram) {
            let from = at.checked_sub(pick.place).and_then(|from| text.get(from..));
            if from.is_some_and(|from| from.starts_with(&pick.text)) {
                found(pick.number);
            }
        }
    }
}

impl<const WIDTH: usize> Default for Grams<WIDTH> {
    fn default() -> Self {
        Self::new(&mut Vec::new())
    }
}

/// Calls `found` with the number of each text of both wherever it is in another, which is gone through
/// once.
pub(super) fn search(
    long: &Grams<4>,
    short: &Grams<2>,
    text: &[u8],
    found: &mut impl FnMut(usize),
) {
    let windows = text.windows(4);
    // Where only a short gram has room.
    let last = windows.len();
    for (at, window) in windows.enumerate() {
        let gram = gram(window);
        long.look(gram, at, text, found);
        short.look(gram & 0xffff, at, text, found);
    }
    let rest = text.get(last..).unwrap_or_default();
    for (at, window) in rest.windows(2).enumerate() {
        short.look(gram(window), last + at, text, found);
    }
}

/// Bytes as a number: the first two of four are its lower half.
fn gram(bytes: &[u8]) -> u32 {
    match bytes {
        [a, b, c, d] => u32::from_le_bytes([*a, *b, *c, *d]),
        _ => bytes
            .iter()
            .rev()
            .fold(0, |gram, byte| gram << 8 | u32::from(*byte)),
    }
}

/// A gram's word in the map, and its bit there.
fn place_of(gram: u32, shift: u32) -> (usize, u64) {
    let hash = gram.wrapping_mul(0x9e37_79b1) >> shift;
    ((hash / u64::BITS) as usize, 1 << (hash % u64::BITS))
}

/// How often a gram is seen, by its letters: a guess.
fn commonness(gram: u32) -> u32 {
    gram.to_le_bytes().iter().map(|byte| common(*byte)).sum()
}

fn common(byte: u8) -> u32 {
    match byte {
        b'e' | b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' | b'-' | b'/' | b' ' => 8,
        b'l' | b'c' | b'd' | b'p' | b'u' | b'm' | b'h' | b'.' | b'b' | b'_' => 5,
        b'f' | b'g' | b'k' | b'w' | b'y' | b'v' | b'0'..=b'9' | b'=' => 3,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    /// What is found, by the long and the short grams, and what neither picks out.
    fn found(texts: &[String], text: &str) -> (Vec<usize>, Vec<usize>) {
        let mut left: Vec<_> = texts.iter().map(String::as_str).enumerate().collect();
        let long = Grams::<4>::new(&mut left);
        let short = Grams::<2>::new(&mut left);
        let mut found = Vec::new();
        search(&long, &short, text.as_bytes(), &mut |number| {
            found.push(number);
        });
        found.sort_unstable();
        found.dedup();
        (found, left.into_iter().map(|(number, _)| number).collect())
    }

    #[test]
    fn texts_that_share_all_they_have_are_left() {
        let same = vec!["abab".to_owned(); 3 * SHARING_MAX + 2];
        let (found, left) = found(&same, "xababx");
        // One gram of four bytes, and two of two.
        assert_eq!(found.len(), 3 * SHARING_MAX);
        assert_eq!(left, [3 * SHARING_MAX, 3 * SHARING_MAX + 1]);
        search(&Grams::default(), &Grams::default(), b"abcabc", &mut |_| {
            panic!("there is nothing to find")
        });
    }

    proptest! {
        #[test]
        fn finds_what_is_there(texts in vec("[ab/é]{0,6}", 0..40), text in "[ab/é]{0,30}") {
            let (found, left) = found(&texts, &text);
            for (number, one) in texts.iter().enumerate() {
                let expected = text.contains(one.as_str()) && !left.contains(&number);
                prop_assert_eq!(found.contains(&number), expected, "{}", one);
            }
        }
    }
}
