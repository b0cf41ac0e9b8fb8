//! Numbers as people write them.

/// A number of bytes: `17 B`, `1.2 KiB`, `34 MiB`.
pub(super) fn bytes(number: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if number < 1024 {
        return format!("{number} B");
    }
    // Tenths of the unit, of which there are less than 10,240 in the right one.
    let mut tenths = u128::from(number) * 10 / 1024;
    let mut unit = UNITS[0];
    for larger in UNITS.into_iter().skip(1) {
        if tenths < 10_240 {
            break;
        }
        tenths /= 1024;
        unit = larger;
    }
    if tenths < 100 {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    } else {
        format!("{} {unit}", tenths / 10)
    }
}

/// A number of nanoseconds: `90 µs`, `250 ms`, `1.5 s`, `2 min 5 s`, `3 h 20 min`, `4 d 6 h`.
pub(super) fn duration(nanoseconds: u64) -> String {
    const MICROSECOND: u64 = 1_000;
    const MILLISECOND: u64 = 1_000 * MICROSECOND;
    const SECOND: u64 = 1_000 * MILLISECOND;
    const MINUTE: u64 = 60 * SECOND;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let whole = |unit| nanoseconds / unit;
    match nanoseconds {
        0..MILLISECOND => format!("{} µs", whole(MICROSECOND)),
        MILLISECOND..SECOND => format!("{} ms", whole(MILLISECOND)),
        SECOND..MINUTE => format!("{}.{} s", whole(SECOND), whole(SECOND / 10) % 10),
        MINUTE..HOUR => format!("{} min {} s", whole(MINUTE), whole(SECOND) % 60),
        HOUR..DAY => format!("{} h {} min", whole(HOUR), whole(MINUTE) % 60),
        DAY.. => format!("{} d {} h", whole(DAY), whole(HOUR) % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_the_largest_unit_that_fits() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1024), "1.0 KiB");
        assert_eq!(bytes(10_188), "9.9 KiB");
        assert_eq!(bytes(10_240), "10 KiB");
        assert_eq!(bytes(1_048_575), "1023 KiB");
        assert_eq!(bytes(1_048_576), "1.0 MiB");
        assert_eq!(bytes(u64::MAX), "15 EiB");
    }

    #[test]
    fn durations_have_the_units_that_matter() {
        assert_eq!(duration(0), "0 µs");
        assert_eq!(duration(999_999), "999 µs");
        assert_eq!(duration(1_000_000), "1 ms");
        assert_eq!(duration(59_990_000_000), "59.9 s");
        assert_eq!(duration(125_000_000_000), "2 min 5 s");
        assert_eq!(duration(12_000_000_000_000), "3 h 20 min");
        assert_eq!(duration(u64::MAX), "213503 d 23 h");
    }
}
