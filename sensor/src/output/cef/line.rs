//! A line under construction.

use std::{
    io::Write,
    net::{Ipv4Addr, Ipv6Addr},
};

use super::{
    keys::Key,
    text::{Form, escape},
};

/// Bytes of the longest key.
const NAME_MAX: usize = 30;

/// What is to be said of values themselves.
#[derive(Clone, Debug, Default)]
pub(super) struct Notes {
    /// Keys whose value is the inside of a JSON string.
    json: Vec<&'static str>,
    /// Keys whose value is longer than the dictionary allows.
    overlong: Vec<&'static str>,
    scratch: Vec<u8>,
}

/// A line under construction, from behind its first value on.
pub(super) struct Line<'a> {
    out: &'a mut Vec<u8>,
    notes: &'a mut Notes,
}

impl Notes {
    /// Begins with the notes of what every line has.
    pub(super) fn begin(&mut self, common: &Self) {
        self.json.clone_from(&common.json);
        self.overlong.clone_from(&common.overlong);
    }
}

impl<'a> Line<'a> {
    pub(super) const fn new(out: &'a mut Vec<u8>, notes: &'a mut Notes) -> Self {
        Self { out, notes }
    }

    /// The key, with what stands around it. Both are known when the sensor is built.
    #[inline(always)]
    fn key(&mut self, key: Key) {
        let mut text = [b' '; NAME_MAX + 2];
        let end = key.name.len() + 1;
        if let Some(place) = text.get_mut(1..end) {
            place.copy_from_slice(key.name.as_bytes());
        }
        if let Some(place) = text.get_mut(end) {
            *place = b'=';
        }
        debug_assert!(
            key.name.len() <= NAME_MAX,
            "{} is longer than a key may be",
            key.name
        );
        self.out
            .extend_from_slice(text.get(..=end).unwrap_or_default());
    }

    #[inline(always)]
    fn label(&mut self, key: Key) {
        self.out.extend_from_slice(key.label.as_bytes());
    }

    /// A number.
    #[inline(always)]
    pub(super) fn number(&mut self, key: Key, number: impl itoa::Integer) {
        self.key(key);
        let mut buffer = itoa::Buffer::new();
        self.out.extend_from_slice(buffer.format(number).as_bytes());
        self.label(key);
    }

    /// A word of ours, without anything to escape.
    #[inline(always)]
    pub(super) fn word(&mut self, key: Key, word: impl AsRef<[u8]>) {
        self.key(key);
        self.out.extend_from_slice(word.as_ref());
        self.label(key);
    }

    /// Words, if there are some: with commas between them.
    pub(super) fn words<'b>(&mut self, key: Key, words: impl IntoIterator<Item = &'b str>) {
        self.pieces(key, |text| {
            for (index, word) in words.into_iter().enumerate() {
                if index > 0 {
                    text(",");
                }
                text(word);
            }
        });
    }

    /// That something is so, if it is.
    #[inline(always)]
    pub(super) fn flag(&mut self, key: Key, flag: bool) {
        if flag {
            self.word(key, "true");
        }
    }

    /// Any text, if there is some.
    #[inline(always)]
    pub(super) fn text(&mut self, key: Key, text: &str) {
        self.pieces(key, |piece| piece(text));
    }

    /// Bytes that should be text, if there are any.
    #[inline(always)]
    pub(super) fn bytes(&mut self, key: Key, bytes: &[u8]) {
        self.text(key, &String::from_utf8_lossy(bytes));
    }

    /// Any text that comes in pieces, if there is some.
    #[inline(always)]
    pub(super) fn pieces(&mut self, key: Key, fill: impl FnOnce(&mut dyn FnMut(&str))) {
        let before = self.out.len();
        self.key(key);
        let begin = self.out.len();
        fill(&mut |piece| self.out.extend_from_slice(piece.as_bytes()));
        let length = self.out.len() - begin;
        if length == 0 {
            self.out.truncate(before);
            return;
        }
        if length > key.length {
            self.notes.overlong.push(key.name);
        }
        if escape(begin, self.out, &mut self.notes.scratch) == Form::JsonString {
            self.notes.json.push(key.name);
        }
        self.label(key);
    }

    /// An address.
    pub(super) fn ipv4(&mut self, key: Key, address: Ipv4Addr) {
        self.key(key);
        // Writing to a vector cannot fail.
        let _ = write!(self.out, "{address}");
        self.label(key);
    }

    /// An address.
    pub(super) fn ipv6(&mut self, key: Key, address: Ipv6Addr) {
        self.key(key);
        let _ = write!(self.out, "{address}");
        self.label(key);
    }

    /// Bytes in Base64, with padding, if there are any. The padding is escaped.
    pub(super) fn base64(&mut self, key: Key, bytes: &[u8]) {
        use base64::{Engine, engine::general_purpose::STANDARD};
        self.text(key, &STANDARD.encode(bytes));
    }

    /// A set of 64 bits, in hexadecimal, as `/proc` shows it.
    pub(super) fn set(&mut self, key: Key, set: u64) {
        self.key(key);
        crate::hexadecimal::append_all(set, self.out);
        self.label(key);
    }

    /// Values that were written before, with their keys.
    pub(super) fn constant(&mut self, values: &[u8]) {
        self.out.extend_from_slice(values);
    }

    /// What is to be said of the values before; nothing if nothing is.
    pub(super) fn notes(self) {
        let notes = [
            (" sensorJsonStrings=", &self.notes.json),
            (" sensorOverlong=", &self.notes.overlong),
        ];
        for (name, keys) in notes {
            for (index, key) in keys.iter().enumerate() {
                let before = if index == 0 { name } else { "," };
                self.out.extend_from_slice(before.as_bytes());
                self.out.extend_from_slice(key.as_bytes());
            }
        }
    }
}
