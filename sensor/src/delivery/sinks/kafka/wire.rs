//! The numbers, texts and lists that requests and responses are made of, in the form that they had
//! before "flexible" versions.

use std::io;

/// Appends to a request.
pub trait Write {
    /// A text. One of more than 32 767 bytes is cut off; settings are held to less.
    fn put_string(&mut self, text: &str);
    /// Bytes with their length.
    fn put_bytes(&mut self, bytes: &[u8]);
    /// The number of things in a list, or of bytes.
    fn put_length(&mut self, length: usize);
    /// A 16-bit number.
    fn put_i16(&mut self, number: i16);
    /// A 32-bit number.
    fn put_i32(&mut self, number: i32);
    /// A 64-bit number.
    fn put_i64(&mut self, number: i64);
    /// A number of few bytes if it is near 0.
    fn put_varint(&mut self, number: i64);
}

impl Write for Vec<u8> {
    fn put_string(&mut self, text: &str) {
        let length = i16::try_from(text.len()).unwrap_or(i16::MAX);
        self.put_i16(length);
        self.extend(text.bytes().take(usize::from(length.unsigned_abs())));
    }

    fn put_bytes(&mut self, bytes: &[u8]) {
        self.put_length(bytes.len());
        self.extend_from_slice(bytes);
    }

    fn put_length(&mut self, length: usize) {
        self.put_i32(i32::try_from(length).unwrap_or(i32::MAX));
    }

    fn put_i16(&mut self, number: i16) {
        self.extend_from_slice(&number.to_be_bytes());
    }

    fn put_i32(&mut self, number: i32) {
        self.extend_from_slice(&number.to_be_bytes());
    }

    fn put_i64(&mut self, number: i64) {
        self.extend_from_slice(&number.to_be_bytes());
    }

    fn put_varint(&mut self, number: i64) {
        let mut rest = (number << 1 ^ number >> 63).cast_unsigned();
        loop {
            let [seven, ..] = rest.to_le_bytes();
            rest >>= 7;
            if rest == 0 {
                self.push(seven & 0x7f);
                return;
            }
            self.push(seven | 0x80);
        }
    }
}

/// What of a response is still to be read.
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// Reads from the beginning.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    fn take<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or_else(short)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn slice(&mut self, length: usize) -> io::Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or_else(short)?;
        self.0 = rest;
        Ok(taken)
    }

    pub fn boolean(&mut self) -> io::Result<bool> {
        Ok(self.take::<1>()? != [0])
    }

    pub fn i16(&mut self) -> io::Result<i16> {
        self.take().map(i16::from_be_bytes)
    }

    pub fn i32(&mut self) -> io::Result<i32> {
        self.take().map(i32::from_be_bytes)
    }

    pub fn i64(&mut self) -> io::Result<i64> {
        self.take().map(i64::from_be_bytes)
    }

    /// A text, or none.
    pub fn string(&mut self) -> io::Result<Option<String>> {
        match usize::try_from(self.i16()?) {
            Ok(length) => {
                let text = self.slice(length)?;
                Ok(Some(String::from_utf8_lossy(text).into_owned()))
            }
            Err(_) => Ok(None),
        }
    }

    /// Bytes; what has none is empty.
    pub fn bytes(&mut self) -> io::Result<&'a [u8]> {
        match usize::try_from(self.i32()?) {
            Ok(length) => self.slice(length),
            Err(_) => Ok(&[]),
        }
    }

    /// A list. One that says it is longer than what is left is refused before anything is reserved
    /// for it.
    pub fn list<T>(
        &mut self,
        mut one: impl FnMut(&mut Self) -> io::Result<T>,
    ) -> io::Result<Vec<T>> {
        let length = usize::try_from(self.i32()?).unwrap_or(0);
        if length > self.0.len() {
            return Err(short());
        }
        (0..length).map(|_| one(self)).collect()
    }
}

fn short() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "a response is shorter than it says\n  what answers may be no Kafka broker",
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Reads a number of few bytes, as the format's description says.
    fn varint(bytes: &[u8]) -> i64 {
        let bits = bytes.iter().enumerate().fold(0_u64, |bits, (place, byte)| {
            bits | u64::from(byte & 0x7f) << (7 * place)
        });
        (bits >> 1).cast_signed() ^ -(bits & 1).cast_signed()
    }

    #[test]
    fn small_numbers_are_short() {
        let written = |number| {
            let mut out = Vec::new();
            out.put_varint(number);
            out
        };
        assert_eq!(written(0), [0]);
        assert_eq!(written(-1), [1]);
        assert_eq!(written(1), [2]);
        assert_eq!(written(-64), [0x7f]);
        assert_eq!(written(64), [0x80, 1]);
        assert_eq!(written(i64::MIN).len(), 10);
    }

    #[test]
    fn a_list_that_is_longer_than_the_response_is_refused() {
        let mut input = Input::new(&[0x7f, 0xff, 0xff, 0xff, 0, 0]);
        input.list(Input::i16).unwrap_err();
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            text in "\\PC{0,40}", bytes: Vec<u8>, a: i16, b: i32, c: i64, list: Vec<i32>,
        ) {
            let mut out = Vec::new();
            out.put_string(&text);
            out.put_bytes(&bytes);
            out.put_i16(a);
            out.put_i32(b);
            out.put_i64(c);
            out.put_length(list.len());
            list.iter().for_each(|number| out.put_i32(*number));
            let mut input = Input::new(&out);
            prop_assert_eq!(input.string().unwrap(), Some(text));
            prop_assert_eq!(input.bytes().unwrap(), bytes);
            prop_assert_eq!(input.i16().unwrap(), a);
            prop_assert_eq!(input.i32().unwrap(), b);
            prop_assert_eq!(input.i64().unwrap(), c);
            prop_assert_eq!(input.list(Input::i32).unwrap(), list);
            input.boolean().unwrap_err();
        }

        #[test]
        fn every_number_is_read_back(number: i64) {
            let mut out = Vec::new();
            out.put_varint(number);
            prop_assert_eq!(varint(&out), number);
        }
    }
}
