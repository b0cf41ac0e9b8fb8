//! Values of a TOML file, and what is wrong with them.

use std::{
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use toml::{Spanned, de::DeValue};

use super::{ByteSize, RING_BYTES_MAX};

/// A value in a file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'a>(pub(super) &'a Spanned<DeValue<'a>>);

/// What is wrong with a value: `KEY` and this make a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flaw {
    /// Where the value begins in the text.
    pub(super) at: usize,
    /// What is wrong and what to do, to be read after the key's name.
    pub(super) what: String,
}

/// Everything that is wrong with a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Flaws(pub(super) Vec<Flaw>);

impl From<Flaw> for Flaws {
    fn from(flaw: Flaw) -> Self {
        Self(vec![flaw])
    }
}

const BYTES_WANTED: &str = "a number of bytes, or a string as \"4MiB\"";

impl<'a> Value<'a> {
    pub(super) fn flaw(self, what: impl Into<String>) -> Flaw {
        Flaw {
            at: self.0.span().start,
            what: what.into(),
        }
    }

    fn must_be(self, wanted: &str) -> Flaw {
        self.flaw(format!("must be {wanted}, not {}", self.sort()))
    }

    /// What sort of value it is.
    pub(super) fn sort(self) -> &'static str {
        match self.0.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) => "an integer",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "a boolean",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "an array",
            DeValue::Table(_) => "a table",
        }
    }

    pub(super) fn boolean(self) -> Result<bool, Flaw> {
        match self.0.get_ref() {
            DeValue::Boolean(value) => Ok(*value),
            _ => Err(self.must_be("true or false")),
        }
    }

    pub(super) fn integer(self, range: RangeInclusive<u32>) -> Result<u32, Flaw> {
        let wanted = || format!("an integer from {} to {}", range.start(), range.end());
        let DeValue::Integer(integer) = self.0.get_ref() else {
            return Err(self.must_be(&wanted()));
        };
        u32::from_str_radix(integer.as_str(), integer.radix())
            .ok()
            .filter(|value| range.contains(value))
            .ok_or_else(|| self.flaw(format!("is {integer}, but must be {}", wanted())))
    }

    pub(super) fn string(self) -> Result<&'a str, Flaw> {
        match self.0.get_ref() {
            DeValue::String(value) => Ok(value),
            _ => Err(self.must_be("a string")),
        }
    }

    pub(super) fn array(self) -> Result<impl Iterator<Item = Value<'a>>, Flaw> {
        match self.0.get_ref() {
            DeValue::Array(values) => Ok(values.iter().map(Value)),
            _ => Err(self.must_be("an array of strings")),
        }
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(self, words: &[(&str, T)]) -> Result<T, Flaw> {
        let wanted = || {
            let quoted: Vec<String> = words
                .iter()
                .map(|(word, _)| format!("\"{word}\""))
                .collect();
            either(&quoted)
        };
        let DeValue::String(value) = self.0.get_ref() else {
            return Err(self.must_be(&wanted()));
        };
        words
            .iter()
            .find(|(word, _)| word == value)
            .map(|(_, meaning)| *meaning)
            .ok_or_else(|| self.flaw(format!("is {value:?}, but must be {}", wanted())))
    }

    fn byte_size(self) -> Result<u64, Flaw> {
        match self.0.get_ref() {
            DeValue::Integer(integer) => u64::from_str_radix(integer.as_str(), integer.radix())
                .map_err(|_| self.flaw(format!("is {integer}, but must be {BYTES_WANTED}"))),
            DeValue::String(text) => match text.parse::<ByteSize>() {
                Ok(size) => Ok(size.0),
                Err(error) => Err(self.flaw(format!("must be {BYTES_WANTED}: {error}"))),
            },
            _ => Err(self.must_be(BYTES_WANTED)),
        }
    }

    /// A number of bytes.
    pub(super) fn bytes(self, range: RangeInclusive<u32>) -> Result<u32, Flaw> {
        let bytes = self.byte_size()?;
        u32::try_from(bytes)
            .ok()
            .filter(|bytes| range.contains(bytes))
            .ok_or_else(|| {
                self.flaw(format!(
                    "is {}, but must be from {} to {}",
                    ByteSize(bytes),
                    ByteSize((*range.start()).into()),
                    ByteSize((*range.end()).into()),
                ))
            })
    }

    /// A number of bytes that may be larger than memory.
    pub(super) fn large(self, range: RangeInclusive<u64>) -> Result<u64, Flaw> {
        let bytes = self.byte_size()?;
        if range.contains(&bytes) {
            return Ok(bytes);
        }
        Err(self.flaw(format!(
            "is {}, but must be from {} to {}",
            ByteSize(bytes),
            ByteSize(*range.start()),
            ByteSize(*range.end()),
        )))
    }

    /// The size of a ring: a power of two, at least a page.
    pub(super) fn ring_bytes(self, page_size: u32) -> Result<u32, Flaw> {
        let bytes = self.byte_size()?;
        let range = u64::from(page_size)..=u64::from(RING_BYTES_MAX);
        if !range.contains(&bytes) {
            return Err(self.flaw(format!(
                "is {}, but must be from {} (a page) to {}",
                ByteSize(bytes),
                ByteSize(*range.start()),
                ByteSize(*range.end()),
            )));
        }
        if !bytes.is_power_of_two() {
            let below = 1_u64 << bytes.ilog2();
            return Err(self.flaw(format!(
                "is {}, but must be a power of two: {} or {}",
                ByteSize(bytes),
                ByteSize(below),
                ByteSize(below * 2),
            )));
        }
        u32::try_from(bytes).map_err(|_| self.must_be(BYTES_WANTED))
    }

    /// A path from the root.
    pub(super) fn absolute_path(self) -> Result<PathBuf, Flaw> {
        let path = self.string()?;
        if path.contains('\0') {
            return Err(self.flaw("must be a path, in which there is no NUL"));
        }
        if !Path::new(path).is_absolute() {
            return Err(self.flaw(format!(
                "is {path:?}, but must be a path that begins with /"
            )));
        }
        Ok(PathBuf::from(path))
    }
}

/// `a, b or c`.
fn either(choices: &[String]) -> String {
    match choices {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}
