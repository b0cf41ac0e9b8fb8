//! Text inside a string.
//!
//! More is escaped than JSON demands: no control character is left, and nothing that anybody takes
//! for the end of a line. A reader that splits lines by Unicode's rules, or shows them on a terminal,
//! cannot be led astray by what a process calls itself.

use crate::{hexadecimal::digit, output::scan};

/// Appends text, escaped where it must be.
#[inline]
pub(in crate::output) fn append(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    if is_plain(bytes) {
        out.extend_from_slice(bytes);
    } else {
        append_escaped(text, must_be_escaped, out);
    }
}

/// Appends JSON, in which no more is escaped than JSON demands, with the rest escaped too.
pub(super) fn append_json(json: &str, out: &mut Vec<u8>) {
    append_escaped(json, is_control, out);
}

fn must_be_escaped(character: char) -> bool {
    matches!(character, '"' | '\\') || is_control(character)
}

/// Whether a terminal or a reader of lines may obey it.
pub(in crate::output) fn is_control(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

/// Whether none of the bytes must be escaped, which is so for certain.
fn is_plain(bytes: &[u8]) -> bool {
    const DELETE: u8 = 0x7f;
    !scan::has(bytes, |word| {
        scan::less_than(word, 0x20)
            | scan::equal(word, b'"')
            | scan::equal(word, b'\\')
            | scan::equal(word, DELETE)
            | scan::not_ascii(word)
    })
}

#[cold]
fn append_escaped(text: &str, must_be: fn(char) -> bool, out: &mut Vec<u8>) {
    for piece in text.split_inclusive(must_be) {
        let last = piece.chars().next_back().filter(|last| must_be(*last));
        let Some(last) = last else {
            out.extend_from_slice(piece.as_bytes());
            continue;
        };
        let plain = piece.len() - last.len_utf8();
        out.extend(piece.bytes().take(plain));
        match last {
            '"' => out.extend_from_slice(b"\\\""),
            '\\' => out.extend_from_slice(b"\\\\"),
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            // None of them has more than four digits.
            other => {
                out.extend_from_slice(b"\\u");
                let number = u64::from(u32::from(other));
                out.extend([12, 8, 4, 0].map(|shift| digit(number >> shift & 0xf).unwrap_or(b'0')));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn special() -> impl Strategy<Value = char> {
        prop_oneof![
            Just('"'),
            Just('\\'),
            proptest::char::range('\0', '\u{22}'),
            proptest::char::range('\u{7e}', '\u{a1}'),
            proptest::char::range('\u{2027}', '\u{202a}'),
        ]
    }

    fn text() -> impl Strategy<Value = String> {
        let character = prop_oneof![20 => proptest::char::range(' ', '~'), 1 => special()];
        prop::collection::vec(character, 0..30).prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn text_is_plain_if_it_is_ascii_without_anything_special(text in text()) {
            let plain = text.chars().all(|character| character.is_ascii() && !must_be_escaped(character));
            prop_assert_eq!(is_plain(text.as_bytes()), plain);
        }

        #[test]
        fn no_control_character_is_left(text in text()) {
            let mut written = Vec::new();
            append(&text, &mut written);
            let written = String::from_utf8(written).unwrap();
            prop_assert!(!written.chars().any(is_control), "{}", written);
            let json = format!("\"{written}\"");
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text.clone());

            let mut rewritten = Vec::new();
            append_json(&serde_json::to_string(&text).unwrap(), &mut rewritten);
            let rewritten = String::from_utf8(rewritten).unwrap();
            prop_assert!(!rewritten.chars().any(is_control), "{}", rewritten);
            prop_assert_eq!(serde_json::from_str::<String>(&rewritten).unwrap(), text);
        }
    }
}
