//! Writes JSON, straight into the output's buffer.
//!
//! This is where the sensor spends most of its time for an event. A document has a hundred fields
//! with short names that are known when the sensor is built, so they are copied as they are, and
//! text is looked at eight bytes at once. `serde_json` needs three times as many instructions for the
//! same document, because it treats every name and every byte as if it could be anything.
//!
//! A field that turns out to be empty is taken back: an [`Object`] inside another one that gets no
//! field, a text of no length.

pub(super) mod text;

use std::{
    io::{self, Write},
    net::IpAddr,
    ops::Range,
};

use serde::Serialize;

/// Bytes of the longest name of a field.
const NAME_MAX: usize = 40;

/// An object under construction.
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
}

/// An array under construction.
pub(super) struct Array<'a> {
    out: &'a mut Vec<u8>,
}

/// Elements of arrays, written once to be put into many.
#[derive(Default)]
pub(super) struct Elements {
    written: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

/// A text under construction.
pub(super) struct Text<'a> {
    out: &'a mut Vec<u8>,
}

/// Appends an object.
pub(super) fn object(out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
    out.push(b'{');
    fill(&mut Object { out });
    close(out, b'}');
}

/// Every field and element ends with a comma; the last one's gives way to the end.
fn close(out: &mut Vec<u8>, end: u8) {
    match out.last_mut() {
        Some(last) if *last == b',' => *last = end,
        _ => out.push(end),
    }
}

impl Object<'_> {
    /// A field's name, and what its value begins with.
    ///
    /// Inlined, both are known when the sensor is built: they are put together then, and appended
    /// by a few moves.
    #[inline(always)]
    fn name(&mut self, name: &'static str, opening: &'static [u8]) {
        let mut field = [b'"'; NAME_MAX + 8];
        let (name_end, value) = (name.len() + 1, name.len() + 3);
        let end = value + opening.len();
        if let Some(place) = field.get_mut(1..name_end) {
            place.copy_from_slice(name.as_bytes());
        }
        if let Some(place) = field.get_mut(name_end + 1) {
            *place = b':';
        }
        if let Some(place) = field.get_mut(value..end) {
            place.copy_from_slice(opening);
        }
        debug_assert!(
            name.len() <= NAME_MAX,
            "{name} is longer than a name may be"
        );
        self.out
            .extend_from_slice(field.get(..end).unwrap_or_default());
    }

    /// A number.
    #[inline(always)]
    pub(super) fn number(&mut self, name: &'static str, number: impl itoa::Integer) {
        self.name(name, b"");
        append_number(number, self.out);
        self.out.push(b',');
    }

    /// A number that is held to be a name: in quotes.
    #[inline(always)]
    pub(super) fn id(&mut self, name: &'static str, number: impl itoa::Integer) {
        self.name(name, b"\"");
        append_number(number, self.out);
        self.out.extend_from_slice(b"\",");
    }

    /// Whether something is so.
    #[inline(always)]
    pub(super) fn truth(&mut self, name: &'static str, truth: bool) {
        self.name(name, b"");
        self.out
            .extend_from_slice(if truth { b"true," } else { b"false," });
    }

    /// That something is so, if it is.
    #[inline(always)]
    pub(super) fn flag(&mut self, name: &'static str, flag: bool) {
        if flag {
            self.truth(name, flag);
        }
    }

    /// A word of ours, without anything to escape.
    #[inline(always)]
    pub(super) fn word(&mut self, name: &'static str, word: impl AsRef<[u8]>) {
        self.name(name, b"\"");
        self.out.extend_from_slice(word.as_ref());
        self.out.extend_from_slice(b"\",");
    }

    /// Any text, if there is some.
    #[inline(always)]
    pub(super) fn text(&mut self, name: &'static str, text: &str) {
        if !text.is_empty() {
            self.name(name, b"\"");
            text::append(text, self.out);
            self.out.extend_from_slice(b"\",");
        }
    }

    /// Any text under a name that is no word of ours.
    pub(super) fn label(&mut self, name: &str, text: &str) {
        self.out.push(b'"');
        text::append(name, self.out);
        self.out.extend_from_slice(b"\":\"");
        text::append(text, self.out);
        self.out.extend_from_slice(b"\",");
    }

    /// Bytes that should be text, if there are any.
    #[inline(always)]
    pub(super) fn bytes(&mut self, name: &'static str, bytes: &[u8]) {
        self.text(name, &String::from_utf8_lossy(bytes));
    }

    /// Text that comes in pieces.
    #[inline(always)]
    pub(super) fn pieces(&mut self, name: &'static str, fill: impl FnOnce(&mut Text<'_>)) {
        self.name(name, b"\"");
        fill(&mut Text { out: self.out });
        self.out.extend_from_slice(b"\",");
    }

    /// Bytes in Base64, with padding, if there are any.
    pub(super) fn base64(&mut self, name: &'static str, bytes: &[u8]) {
        use base64::{Engine, engine::general_purpose::STANDARD};
        self.text(name, &STANDARD.encode(bytes));
    }

    /// An address, under two names.
    pub(super) fn address(&mut self, names: [&'static str; 2], address: IpAddr) {
        let [first, second] = names;
        self.name(first, b"");
        let begin = self.out.len();
        append_address(address, self.out);
        let end = self.out.len();
        self.name(second, b"");
        self.out.extend_from_within(begin..end);
    }

    /// An object, if it gets a field.
    #[inline(always)]
    pub(super) fn object(&mut self, name: &'static str, fill: impl FnOnce(&mut Object<'_>)) {
        let before = self.out.len();
        self.name(name, b"{");
        let begin = self.out.len();
        fill(&mut Object { out: self.out });
        if self.out.len() == begin {
            self.out.truncate(before);
        } else {
            close(self.out, b'}');
            self.out.push(b',');
        }
    }

    /// An array, which may be empty.
    #[inline(always)]
    pub(super) fn array(&mut self, name: &'static str, fill: impl FnOnce(&mut Array<'_>)) {
        self.name(name, b"[");
        fill(&mut Array { out: self.out });
        close(self.out, b']');
        self.out.push(b',');
    }

    /// Words of ours, without anything to escape.
    #[inline(always)]
    pub(super) fn words<'a>(
        &mut self,
        name: &'static str,
        words: impl IntoIterator<Item = &'a str>,
    ) {
        self.array(name, |array| {
            words.into_iter().for_each(|word| array.word(word));
        });
    }

    /// Numbers.
    #[inline(always)]
    pub(super) fn numbers(
        &mut self,
        name: &'static str,
        numbers: impl IntoIterator<Item = impl itoa::Integer>,
    ) {
        self.array(name, |array| {
            for number in numbers {
                append_number(number, array.out);
                array.out.push(b',');
            }
        });
    }

    /// Fields by themselves, to be [appended](Self::append).
    pub(super) fn alone(fill: impl FnOnce(&mut Object<'_>)) -> Vec<u8> {
        let mut out = Vec::new();
        fill(&mut Object { out: &mut out });
        out
    }

    /// Fields that were [`written`](Self::written) before.
    pub(super) fn append(&mut self, fields: &[u8]) {
        self.out.extend_from_slice(fields);
    }

    /// Adds fields, and gives back what was written.
    pub(super) fn written(&mut self, fill: impl FnOnce(&mut Object<'_>)) -> &[u8] {
        let begin = self.out.len();
        fill(&mut Object { out: self.out });
        self.out.get(begin..).unwrap_or_default()
    }

    /// Anything, if time does not matter.
    ///
    /// # Errors
    ///
    /// If it cannot be written down.
    pub(super) fn value(&mut self, name: &'static str, value: &impl Serialize) -> io::Result<()> {
        self.name(name, b"");
        text::append_json(&serde_json::to_string(value)?, self.out);
        self.out.push(b',');
        Ok(())
    }
}

impl Text<'_> {
    /// A piece of it.
    #[inline]
    pub(super) fn piece(&mut self, piece: &str) {
        text::append(piece, self.out);
    }
}

impl Array<'_> {
    /// A word of ours, without anything to escape.
    pub(super) fn word(&mut self, word: &str) {
        append_word(word, self.out);
        self.out.push(b',');
    }

    /// Some of the elements that were written before.
    pub(super) fn elements(&mut self, elements: &Elements, which: Range<usize>) {
        let end_before = |index: usize| match index {
            0 => Some(0),
            index => elements.ends.get(index - 1).copied(),
        };
        if let (Some(begin), Some(end)) = (end_before(which.start), end_before(which.end)) {
            let written = elements.written.get(begin..end);
            self.out.extend_from_slice(written.unwrap_or_default());
        }
    }

    /// Any text.
    pub(super) fn text(&mut self, text: &str) {
        self.out.push(b'"');
        text::append(text, self.out);
        self.out.extend_from_slice(b"\",");
    }

    /// A number that is held to be a name: in quotes.
    pub(super) fn id(&mut self, number: impl itoa::Integer) {
        append_id(number, self.out);
        self.out.push(b',');
    }

    /// An address.
    pub(super) fn address(&mut self, address: IpAddr) {
        append_address(address, self.out);
    }

    /// An object.
    pub(super) fn object(&mut self, fill: impl FnOnce(&mut Object<'_>)) {
        object(self.out, fill);
        self.out.push(b',');
    }
}

impl Elements {
    /// One more: a word of ours, without anything to escape.
    pub(super) fn word(&mut self, word: &str) {
        Array {
            out: &mut self.written,
        }
        .word(word);
        self.ends.push(self.written.len());
    }
}

fn append_number(number: impl itoa::Integer, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    out.extend_from_slice(buffer.format(number).as_bytes());
}

fn append_id(number: impl itoa::Integer, out: &mut Vec<u8>) {
    out.push(b'"');
    append_number(number, out);
    out.push(b'"');
}

fn append_word(word: impl AsRef<[u8]>, out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(word.as_ref());
    out.push(b'"');
}

/// With quotes and comma.
fn append_address(address: IpAddr, out: &mut Vec<u8>) {
    out.push(b'"');
    match address {
        IpAddr::V4(address) => {
            let [first, others @ ..] = address.octets();
            append_number(first, out);
            for octet in others {
                out.push(b'.');
                append_number(octet, out);
            }
        }
        IpAddr::V6(address) => {
            // Writing to a vector cannot fail.
            let _ = write!(out, "{address}");
        }
    }
    out.extend_from_slice(b"\",");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn written(fill: impl FnOnce(&mut Object<'_>)) -> Value {
        let mut out = Vec::new();
        object(&mut out, fill);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn writes_each_sort_of_field() {
        let value = written(|object| {
            object.number("number", -5_i64);
            object.id("id", u32::MAX);
            object.truth("no", false);
            object.flag("yes", true);
            object.flag("absent", false);
            object.word("word", "word");
            object.words("words", ["a", "b"]);
            object.words("none", []);
            object.numbers("numbers", [1_u8, 20]);
            object.base64("base64", b"\xff\0");
            object.bytes("bytes", b"a\xff");
            object.pieces("pieces", |text| {
                text.piece("a\"");
                text.piece("b");
            });
            object.address(["ip", "address"], IpAddr::from([192, 0, 2, 1]));
            object.array("array", |array| {
                array.text("\\");
                array.id(7_u8);
                array.address("2001:db8::1".parse().unwrap());
                array.object(|_| {});
            });
            object.value("value", &[1, 2]).unwrap();
        });
        assert_eq!(
            value,
            json!({
                "number": -5,
                "id": "4294967295",
                "no": false,
                "yes": true,
                "word": "word",
                "words": ["a", "b"],
                "none": [],
                "numbers": [1, 20],
                "base64": "/wA=",
                "bytes": "a\u{fffd}",
                "pieces": "a\"b",
                "ip": "192.0.2.1",
                "address": "192.0.2.1",
                "array": ["\\", "7", "2001:db8::1", {}],
                "value": [1, 2],
            })
        );
    }

    #[test]
    fn fields_can_be_written_again() {
        let value = written(|object| {
            object.number("before", 1_u8);
            let fields = object.written(|object| object.number("a", 2_u8)).to_vec();
            object.object("again", |again| again.append(&fields));
        });
        assert_eq!(value, json!({"before": 1, "a": 2, "again": {"a": 2}}));
    }

    #[test]
    fn takes_back_what_is_empty() {
        let value = written(|object| {
            object.text("text", "");
            object.object("outer", |outer| outer.object("inner", |_| {}));
            object.object("kept", |kept| kept.number("a", 1_u8));
            object.object("gone", |_| {});
        });
        assert_eq!(value, json!({"kept": {"a": 1}}));
        assert_eq!(written(|_| {}), json!({}));
    }

    proptest! {
        #[test]
        fn any_text_is_read_back(texts in prop::collection::vec(any::<String>(), 1..5)) {
            let value = written(|object| {
                object.array("texts", |array| texts.iter().for_each(|text| array.text(text)));
            });
            prop_assert_eq!(value, json!({"texts": texts}));
        }

        #[test]
        fn any_address_is_read_back(address: IpAddr) {
            let value = written(|object| object.address(["ip", "address"], address));
            prop_assert_eq!(value, json!({"ip": address, "address": address}));
        }
    }
}
