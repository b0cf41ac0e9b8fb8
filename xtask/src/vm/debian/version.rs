//! The order of Debian's version numbers (deb-version(7)): `1:2.0~rc1-3+b1` and the like.

use std::cmp::Ordering;

/// Compares two versions as dpkg does.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let (left_epoch, left) = split_epoch(left);
    let (right_epoch, right) = split_epoch(right);
    let (left_upstream, left_revision) = left.rsplit_once('-').unwrap_or((left, ""));
    let (right_upstream, right_revision) = right.rsplit_once('-').unwrap_or((right, ""));
    left_epoch
        .cmp(&right_epoch)
        .then_with(|| compare_part(left_upstream, right_upstream))
        .then_with(|| compare_part(left_revision, right_revision))
}

fn split_epoch(version: &str) -> (u64, &str) {
    match version.split_once(':') {
        Some((epoch, rest)) => (epoch.parse().unwrap_or(0), rest),
        None => (0, version),
    }
}

/// Compares by turns what is not a number, letter by letter, and what is, by value.
fn compare_part(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.as_bytes(), right.as_bytes());
    while !left.is_empty() || !right.is_empty() {
        let (left_text, left_rest) = split_while(left, |byte| !byte.is_ascii_digit());
        let (right_text, right_rest) = split_while(right, |byte| !byte.is_ascii_digit());
        let (left_number, left_rest) = split_while(left_rest, u8::is_ascii_digit);
        let (right_number, right_rest) = split_while(right_rest, u8::is_ascii_digit);
        let order = compare_text(left_text, right_text)
            .then_with(|| number(left_number).cmp(&number(right_number)));
        if order != Ordering::Equal {
            return order;
        }
        (left, right) = (left_rest, right_rest);
    }
    Ordering::Equal
}

fn compare_text(left: &[u8], right: &[u8]) -> Ordering {
    let longest = left.len().max(right.len());
    let weights = |text: &[u8]| -> Vec<u16> {
        (0..longest)
            .map(|at| weight(text.get(at).copied()))
            .collect()
    };
    weights(left).cmp(&weights(right))
}

/// A tilde sorts before everything, even the end; letters sort before everything else.
fn weight(byte: Option<u8>) -> u16 {
    match byte {
        Some(b'~') => 0,
        None => 1,
        Some(letter) if letter.is_ascii_alphabetic() => 2 + u16::from(letter),
        Some(other) => 2 + 256 + u16::from(other),
    }
}

fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |value: u64, digit| {
        value
            .saturating_mul(10)
            .saturating_add(u64::from(digit.saturating_sub(b'0')))
    })
}

fn split_while(text: &[u8], belongs: impl Fn(&u8) -> bool) -> (&[u8], &[u8]) {
    let end = text
        .iter()
        .position(|byte| !belongs(byte))
        .unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_as_dpkg_does() {
        let ascending = [
            "5.10.209-2",
            "5.10.223-1",
            "6.1.9-1",
            "6.1.76-1",
            "6.12.117-1~bpo12+1",
            "6.12.117-1",
            "6.12.117-1+b1",
            "7.0.4-1~bpo13+1",
            "7.0.10-1~bpo13+1",
            "1:1.0-1",
        ];
        for pair in ascending.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{pair:?}");
            assert_eq!(compare(pair[1], pair[0]), Ordering::Greater, "{pair:?}");
        }
    }

    #[test]
    fn tilde_is_less_than_the_end_and_letters_less_than_signs() {
        assert_eq!(compare("1.0~rc1", "1.0"), Ordering::Less);
        assert_eq!(compare("1.0a", "1.0+"), Ordering::Less);
        assert_eq!(compare("1.0", "1.0"), Ordering::Equal);
        assert_eq!(compare("1.0-0", "1.0"), Ordering::Equal);
        assert_eq!(compare("1.007", "1.7"), Ordering::Equal);
    }
}
