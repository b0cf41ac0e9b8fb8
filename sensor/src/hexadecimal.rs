//! Numbers in hexadecimal. `format!` needs some 500 instructions for one, and ids have several.

/// Appends a number, without leading zeros.
pub fn append(number: u64, out: &mut Vec<u8>) {
    append_digits(number, significant(number), out);
}

/// Appends all sixteen digits of a number.
pub fn append_all(number: u64, out: &mut Vec<u8>) {
    append_digits(number, u64::BITS / 4, out);
}

fn append_digits(number: u64, digits: u32, out: &mut Vec<u8>) {
    for place in (0..digits).rev() {
        out.extend(digit(number >> (place * 4) & 0xf));
    }
}

/// How many digits a number has; zero has one.
const fn significant(number: u64) -> u32 {
    let digits = (u64::BITS - number.leading_zeros()).div_ceil(4);
    if digits == 0 { 1 } else { digits }
}

/// The digit of a value below 16.
pub fn digit(value: u64) -> Option<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    DIGITS.get(usize::try_from(value).ok()?).copied()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(append: fn(u64, &mut Vec<u8>), number: u64) -> String {
        let mut out = Vec::new();
        append(number, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn zero_has_a_digit() {
        assert_eq!(written(append, 0), "0");
        assert_eq!(written(append_all, 0), "0000000000000000");
    }

    proptest! {
        #[test]
        fn as_rust_writes_it(number: u64) {
            prop_assert_eq!(written(append, number), format!("{number:x}"));
            prop_assert_eq!(written(append_all, number), format!("{number:016x}"));
        }
    }
}
