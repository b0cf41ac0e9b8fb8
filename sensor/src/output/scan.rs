//! Looks for bytes, eight at a time.

/// Eight bytes.
#[derive(Clone, Copy)]
pub(super) struct Word(u64);

/// Whether `found` finds something in any of the bytes.
#[inline]
pub(super) fn has(bytes: &[u8], found: impl Fn(Word) -> u64) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    words.iter().any(|word| found(Word::of(*word)) != 0)
        || (!rest.is_empty() && found(Word::last(bytes)) != 0)
}

/// Where the first byte is that `found` finds, which must find bytes by themselves, as the functions
/// of this module do.
#[inline]
pub(super) fn first(bytes: &[u8], found: impl Fn(Word) -> u64) -> Option<usize> {
    // A borrow marks only bytes above one that is to be found: the lowest mark is always right.
    let at = |marks: u64| (marks.trailing_zeros() / u8::BITS) as usize;
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let marks = found(Word::of(*word));
        if marks != 0 {
            return Some(index * 8 + at(marks));
        }
    }
    if let Some(last) = bytes.last_chunk::<8>() {
        // In what is looked at once more, nothing was found before.
        let marks = found(Word::of(*last));
        return (marks != 0).then(|| bytes.len() - 8 + at(marks));
    }
    rest.iter()
        .position(|byte| found(Word::of([*byte; 8])) != 0)
}

impl Word {
    const fn of(bytes: [u8; 8]) -> Self {
        Self(u64::from_le_bytes(bytes))
    }

    /// The last bytes, up to eight. Where there are fewer, some stand there more than once.
    fn last(bytes: &[u8]) -> Self {
        if let Some(last) = bytes.last_chunk::<8>() {
            return Self::of(*last);
        }
        match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>(), bytes) {
            (Some([a, b, c, d]), Some([e, f, g, h]), _) => {
                Self::of([*a, *b, *c, *d, *e, *f, *g, *h])
            }
            (_, _, [a, b, c]) => Self::of([*a, *b, *c, *a, *a, *a, *a, *a]),
            (_, _, [a, b]) => Self::of([*a, *b, *a, *a, *a, *a, *a, *a]),
            (_, _, [a, ..]) => Self::of([*a; 8]),
            (_, _, []) => Self(u64::MAX),
        }
    }
}

/// Not 0 if any byte is less than a limit, which is at most 128.
///
/// Subtracting borrows into the upper bit of every byte that is less, if that bit was not set
/// before. A borrow can reach the next byte and mark that one too: there is one to find then.
#[inline]
pub(super) const fn less_than(word: Word, limit: u8) -> u64 {
    word.0.wrapping_sub(each(limit)) & !word.0 & each(0x80)
}

/// Not 0 if any byte equals another.
#[inline]
pub(super) const fn equal(word: Word, byte: u8) -> u64 {
    less_than(Word(word.0 ^ each(byte)), 1)
}

/// Not 0 if any byte is not one of ASCII.
#[inline]
pub(super) const fn not_ascii(word: Word) -> u64 {
    word.0 & each(0x80)
}

const fn each(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_is_there(
            bytes in prop::collection::vec(prop_oneof![9 => any::<u8>(), 3 => 30..34_u8], 0..40),
            limit in 0..=128_u8,
            byte: u8,
        ) {
            prop_assert_eq!(
                has(&bytes, |word| less_than(word, limit)),
                bytes.iter().any(|byte| *byte < limit)
            );
            prop_assert_eq!(has(&bytes, |word| equal(word, byte)), bytes.contains(&byte));
            prop_assert_eq!(has(&bytes, not_ascii), !bytes.is_ascii());
            prop_assert_eq!(
                first(&bytes, |word| less_than(word, limit) | equal(word, byte) | not_ascii(word)),
                bytes.iter().position(|one| *one < limit || *one == byte || !one.is_ascii())
            );
            prop_assert_eq!(
                first(&bytes, |word| equal(word, 30)),
                bytes.iter().position(|byte| *byte == 30)
            );
        }

        #[test]
        fn finds_one_in_many(mut bytes in prop::collection::vec(33..127_u8, 1..40), at: prop::sample::Index) {
            prop_assert!(!has(&bytes, |word| less_than(word, 33)));
            let at = at.index(bytes.len());
            bytes[at] = 32;
            prop_assert!(has(&bytes, |word| less_than(word, 33)));
        }
    }
}
