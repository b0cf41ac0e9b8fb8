//! Text inside a string.

use crate::{hexadecimal::digit, output::scan};

/// Appends text, escaped where JSON demands it.
#[inline]
pub(super) fn append(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    if is_plain(bytes) {
        out.extend_from_slice(bytes);
    } else {
        append_escaped(bytes, out);
    }
}

const fn must_be_escaped(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Whether none of the bytes must be escaped.
fn is_plain(bytes: &[u8]) -> bool {
    !scan::has(bytes, |word| {
        scan::less_than(word, 0x20) | scan::equal(word, b'"') | scan::equal(word, b'\\')
    })
}

#[cold]
fn append_escaped(bytes: &[u8], out: &mut Vec<u8>) {
    for piece in bytes.split_inclusive(|byte| must_be_escaped(*byte)) {
        let Some((last, plain)) = piece.split_last() else {
            continue;
        };
        out.extend_from_slice(plain);
        match *last {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control @ 0..0x20 => {
                out.extend_from_slice(b"\\u00");
                out.extend(digit(u64::from(control >> 4)));
                out.extend(digit(u64::from(control & 0xf)));
            }
            plain => out.push(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn text_is_plain_if_each_byte_is(
            bytes in prop::collection::vec(
                prop_oneof![
                    20 => any::<u8>().prop_filter("plain", |byte| !must_be_escaped(*byte)),
                    1 => prop_oneof![Just(b'"'), Just(b'\\'), 0x1e..0x24_u8],
                ],
                0..30,
            ),
        ) {
            let plain = !bytes.iter().any(|byte| must_be_escaped(*byte));
            prop_assert_eq!(is_plain(&bytes), plain);
        }
    }
}
