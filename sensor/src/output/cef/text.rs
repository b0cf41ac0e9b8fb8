//! Text inside a value.
//!
//! The standard has escapes for `\`, `=` and the two ends of a line, and none for other control
//! characters; and readers take the spaces at the end of a value for what they like. A value with
//! any of those is written as the inside of a JSON string, whose escapes are plain text to CEF, and
//! the line says of which keys that is so.

use crate::output::{
    json::text::{self as json, is_control},
    scan,
};

/// How a value is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is.
    Verbatim,
    /// As the inside of a JSON string.
    JsonString,
}

/// Escapes the text that was appended from `begin` on. `scratch` is overwritten.
#[inline]
pub(super) fn escape(begin: usize, out: &mut Vec<u8>, scratch: &mut Vec<u8>) -> Form {
    if out.get(begin..).is_none_or(is_plain) {
        return Form::Verbatim;
    }
    scratch.clear();
    scratch.extend(out.drain(begin..));
    escape_all(scratch, out)
}

/// Whether nothing must be escaped, which is so for certain.
fn is_plain(text: &[u8]) -> bool {
    const DELETE: u8 = 0x7f;
    !ends_with_space(text)
        && !scan::has(text, |word| {
            scan::less_than(word, 0x20)
                | scan::equal(word, b'\\')
                | scan::equal(word, b'=')
                | scan::equal(word, DELETE)
                | scan::not_ascii(word)
        })
}

const fn ends_with_space(text: &[u8]) -> bool {
    matches!(text, [b' ', ..] | [.., b' '])
}

fn escape_all(text: &[u8], out: &mut Vec<u8>) -> Form {
    if !ends_with_space(text) && !has_control(text) {
        append(text, out);
        return Form::Verbatim;
    }
    let mut string = Vec::with_capacity(text.len() * 2);
    let inner = text.strip_prefix(b" ").unwrap_or(text);
    let inner = inner.strip_suffix(b" ").unwrap_or(inner);
    if text.starts_with(b" ") {
        string.extend_from_slice(SPACE);
    }
    json::append(&String::from_utf8_lossy(inner), &mut string);
    if text.len() > 1 && text.ends_with(b" ") {
        string.extend_from_slice(SPACE);
    }
    append(&string, out);
    Form::JsonString
}

/// A space in a JSON string.
const SPACE: &[u8] = b"\\u0020";

/// Whether there is a control character that CEF cannot escape.
fn has_control(text: &[u8]) -> bool {
    let is_to_be_looked_at = scan::has(text, |word| {
        scan::less_than(word, 0x20) | scan::equal(word, 0x7f) | scan::not_ascii(word)
    });
    is_to_be_looked_at
        && String::from_utf8_lossy(text)
            .chars()
            .any(|character| is_control(character) && !matches!(character, '\n' | '\r'))
}

/// Appends text with the escapes of CEF.
fn append(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    loop {
        let special = scan::first(rest, |word| {
            scan::equal(word, b'\\')
                | scan::equal(word, b'=')
                | scan::equal(word, b'\n')
                | scan::equal(word, b'\r')
        });
        let Some((plain, [special, after @ ..])) = special.and_then(|at| rest.split_at_checked(at))
        else {
            out.extend_from_slice(rest);
            return;
        };
        out.extend_from_slice(plain);
        out.push(b'\\');
        out.push(match special {
            b'\n' => b'n',
            b'\r' => b'r',
            other => *other,
        });
        rest = after;
    }
}

/// Appends a field of the header. Nothing in it may be a line's end, so control characters become
/// U+FFFD there.
pub(super) fn append_header(text: &str, out: &mut Vec<u8>) {
    let mut buffer = [0; 4];
    for character in text.chars() {
        if matches!(character, '\\' | '|') {
            out.push(b'\\');
        }
        let shown = if is_control(character) {
            char::REPLACEMENT_CHARACTER
        } else {
            character
        };
        out.extend_from_slice(shown.encode_utf8(&mut buffer).as_bytes());
    }
}
