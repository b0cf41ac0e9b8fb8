//! Values of events, digested: what equal groups and equal values are told by.

use std::borrow::Cow;

use sha2::{Digest as _, Sha256};

use crate::detect::sigma::field::Value;

/// The first 128 bits of SHA-256 over values: nobody can choose values that share one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Digest([u8; 16]);

impl Digest {
    /// The digest of some values; each is told apart from the next one.
    pub(super) fn of<'a>(values: impl Iterator<Item = Value<'a>>) -> Self {
        let mut hash = Sha256::new();
        for value in values {
            let text = text(value);
            hash.update(text.len().to_le_bytes());
            hash.update(text.as_bytes());
        }
        let mut digest = [0; 16];
        for (to, from) in digest.iter_mut().zip(hash.finalize()) {
            *to = from;
        }
        Self(digest)
    }

    /// One of many that differ, made without the hashing, which is slow in tests.
    #[cfg(test)]
    pub(super) fn numbered(number: u64) -> Self {
        Self(u128::from(number).to_le_bytes())
    }
}

/// A value as text.
pub(super) fn text(value: Value<'_>) -> Cow<'_, str> {
    match value {
        Value::Text(text) => Cow::Borrowed(text),
        Value::Number(number) => Cow::Owned(number.to_string()),
        Value::Address(address) => Cow::Owned(address.to_string()),
        Value::Boolean(true) => Cow::Borrowed("true"),
        Value::Boolean(false) => Cow::Borrowed("false"),
    }
}

/// A value as a number; none if it is not one.
#[expect(
    clippy::cast_precision_loss,
    reason = "statistics are of the size of numbers; 53 bits of it are enough"
)]
pub(super) fn number(value: Value<'_>) -> Option<f64> {
    match value {
        Value::Number(number) => Some(number as f64),
        Value::Text(text) => text
            .trim()
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite()),
        Value::Address(_) | Value::Boolean(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[Value<'_>]) -> Digest {
        Digest::of(values.iter().copied())
    }

    #[test]
    fn values_are_told_apart_by_where_one_ends() {
        let split = [("ab", "c"), ("a", "bc"), ("", "abc")];
        let digests = split.map(|(left, right)| of(&[Value::Text(left), Value::Text(right)]));
        assert_ne!(digests[0], digests[1]);
        assert_ne!(digests[0], digests[2]);
        assert_ne!(digests[1], digests[2]);
        assert_ne!(of(&[]), of(&[Value::Text("")]));
    }

    #[test]
    fn a_value_is_the_same_whatever_it_is_kept_as() {
        assert_eq!(of(&[Value::Text("22")]), of(&[Value::Number(22)]));
        let address = Value::Address("2001:db8::1".parse().unwrap());
        assert_eq!(of(&[Value::Text("2001:db8::1")]), of(&[address]));
        assert_eq!(of(&[Value::Text("true")]), of(&[Value::Boolean(true)]));
    }

    #[test]
    fn only_numbers_are_numbers() {
        assert_eq!(number(Value::Number(-3)), Some(-3.0));
        assert_eq!(number(Value::Text(" 2.5 ")), Some(2.5));
        for not_one in ["", "x", "inf", "NaN", "1e999"] {
            assert_eq!(number(Value::Text(not_one)), None, "{not_one}");
        }
        assert_eq!(number(Value::Boolean(true)), None);
    }
}
