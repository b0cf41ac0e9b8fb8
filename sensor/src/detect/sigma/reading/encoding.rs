//! What `base64`, `base64offset`, `utf16` and its kin, and `windash` make of a value.

use base64::{Engine, engine::general_purpose::STANDARD};

use super::super::rule::{Part, Pattern};

/// The characters that begin an option on Windows.
const DASHES: [char; 5] = ['-', '/', '\u{2013}', '\u{2014}', '\u{2015}'];

/// UTF-16 with the low or the high byte first.
pub(super) fn utf16(text: &str, bytes_of: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes_of).collect()
}

pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// What is in a Base64 text whatever stands before and after the bytes: for each of the three places
/// that the bytes may have in a group of three. None if they are too few to leave anything.
pub(super) fn base64_anywhere(bytes: &[u8]) -> Option<[String; 3]> {
    let at = |before: usize| {
        let mut whole = vec![b' '; before];
        whole.extend_from_slice(bytes);
        let encoded = base64(&whole);
        // Letters that also hold bits of what stands before or after are left out, and the padding.
        let start = match before {
            0 => 0,
            1 => 2,
            _ => 3,
        };
        let after = match whole.len() % 3 {
            0 => 0,
            1 => 3,
            _ => 2,
        };
        encoded
            .get(start..encoded.len().saturating_sub(after))
            .filter(|kept| !kept.is_empty())
            .map(str::to_owned)
    };
    Some([at(0)?, at(1)?, at(2)?])
}

/// A pattern with each dash that begins an option as each of the characters that may: every
/// combination. None if there are more than a limit.
///
/// A dash begins an option if no letter or digit stands before it and one stands after it, so that
/// the one in `no-color` stays as it is.
pub(super) fn windash(pattern: &Pattern, most: usize) -> Option<Vec<Pattern>> {
    let mut patterns = vec![Pattern::default()];
    for part in &pattern.0 {
        let Part::Literal(text) = part else {
            for pattern in &mut patterns {
                pattern.push(part.clone());
            }
            continue;
        };
        let mut before = None;
        let mut letters = text.chars().peekable();
        while let Some(letter) = letters.next() {
            let begins = DASHES.contains(&letter)
                && !before.is_some_and(is_word)
                && letters.peek().copied().is_some_and(is_word);
            before = Some(letter);
            if !begins {
                for pattern in &mut patterns {
                    pattern.push_letter(letter);
                }
                continue;
            }
            if patterns.len().saturating_mul(DASHES.len()) > most {
                return None;
            }
            patterns = patterns
                .iter()
                .flat_map(|pattern| {
                    DASHES.map(|dash| {
                        let mut pattern = pattern.clone();
                        pattern.push_letter(dash);
                        pattern
                    })
                })
                .collect();
        }
    }
    Some(patterns)
}

fn is_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::detect::sigma::reading::pattern::parse;

    #[test]
    fn utf16_has_two_bytes_a_letter() {
        assert_eq!(utf16("cmd", u16::to_le_bytes), b"c\0m\0d\0");
        assert_eq!(utf16("cmd", u16::to_be_bytes), b"\0c\0m\0d");
    }

    #[test]
    fn base64_has_its_padding() {
        assert_eq!(base64(b"foobar"), "Zm9vYmFy");
        assert_eq!(base64(b"foo bar"), "Zm9vIGJhcg==");
    }

    #[test]
    fn base64_at_each_offset_is_what_does_not_change() {
        assert_eq!(
            base64_anywhere(b"http://").unwrap(),
            ["aHR0cDovL", "h0dHA6Ly", "odHRwOi8v"]
        );
        assert_eq!(
            base64_anywhere(b"foobar").unwrap(),
            ["Zm9vYmFy", "Zvb2Jhc", "mb29iYX"]
        );
        assert_eq!(base64_anywhere(b""), None);
        assert_eq!(base64_anywhere(b"a"), None);
    }

    #[test]
    fn dashes_that_begin_options_are_each_of_five() {
        let patterns = windash(&parse("*-f no-color"), 100).unwrap();
        let written: Vec<_> = ["*-f", "*/f", "*–f", "*—f", "*―f"]
            .map(|option| parse(&format!("{option} no-color")))
            .into();
        assert_eq!(patterns, written);
        assert_eq!(windash(&parse("-a -b /c"), 125).unwrap().len(), 125);
        assert_eq!(windash(&parse("-a -b /c"), 124), None);
        assert_eq!(windash(&parse("a - b"), 1).unwrap(), [parse("a - b")]);
    }

    proptest! {
        #[test]
        fn one_of_the_offsets_is_in_any_text_that_holds_the_bytes(
            before in prop::collection::vec(any::<u8>(), 0..7),
            bytes in prop::collection::vec(any::<u8>(), 3..9),
            after in prop::collection::vec(any::<u8>(), 0..7),
        ) {
            let whole = base64(&[before.as_slice(), &bytes, &after].concat());
            let anywhere = base64_anywhere(&bytes).unwrap();
            prop_assert!(anywhere.iter().any(|kept| whole.contains(kept.as_str())));
        }
    }
}
