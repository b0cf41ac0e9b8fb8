//! What a user namespace calls the ids outside of it (`/proc/PID/uid_map` and `gid_map`).

/// The most lines that the kernel takes (`UID_GID_MAP_MAX_EXTENTS`).
const MOST_EXTENTS: usize = 340;

/// The ids of a user namespace.
///
/// The kernel shows the outer ids as the user namespace of the *reader* has them; a reader in the
/// same namespace is shown those of the parent. So a sensor in the host's user namespace sees the
/// host's ids, as the kernel's records have them. One that runs in another cannot use the map for
/// them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IdMap {
    extents: Box<[Extent]>,
}

/// A range of ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The first id, inside.
    pub inside: u32,
    /// The first id, outside.
    pub outside: u32,
    /// How many there are.
    pub count: u32,
}

impl IdMap {
    /// Reads the file's text; `None` if it is not in its format. A namespace without a map yet has
    /// an empty file.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut extents = Vec::new();
        for line in text.lines() {
            let extent = extent(line)?;
            if extents.len() == MOST_EXTENTS {
                return None;
            }
            // The kernel's way to say that the reader's namespace has no such ids.
            if extent.outside != u32::MAX {
                extents.push(extent);
            }
        }
        Some(Self {
            extents: extents.into(),
        })
    }

    /// What an id of the outside is called inside, if it is there at all.
    #[must_use]
    pub fn inside(&self, outside: u32) -> Option<u32> {
        self.extents.iter().find_map(|extent| {
            let distance = outside.checked_sub(extent.outside)?;
            (distance < extent.count).then(|| extent.inside.checked_add(distance))?
        })
    }

    /// The ranges, as the kernel orders them.
    #[must_use]
    pub const fn extents(&self) -> &[Extent] {
        &self.extents
    }
}

fn extent(line: &str) -> Option<Extent> {
    let mut numbers = line
        .split_ascii_whitespace()
        .map(|number| number.parse().ok());
    let extent = Extent {
        inside: numbers.next()??,
        outside: numbers.next()??,
        count: numbers.next()??,
    };
    numbers.next().is_none().then_some(extent)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_the_hosts_own() {
        let map = IdMap::parse("         0          0 4294967295\n").unwrap();
        assert_eq!(map.inside(0), Some(0));
        assert_eq!(map.inside(4_294_967_294), Some(4_294_967_294));
        assert_eq!(map.inside(u32::MAX), None);
    }

    #[test]
    fn reads_that_of_a_rootless_container() {
        let map = IdMap::parse("0 1000 1\n1 100000 65536\n").unwrap();
        assert_eq!(map.inside(1000), Some(0));
        assert_eq!(map.inside(100_032), Some(33));
        assert_eq!(map.inside(165_535), Some(65_536));
        assert_eq!(map.inside(165_536), None);
        assert_eq!(map.inside(0), None);
    }

    #[test]
    fn leaves_out_what_the_reader_has_no_ids_for() {
        let map = IdMap::parse("0 4294967295 10\n10 5 1\n").unwrap();
        assert_eq!(map.extents().len(), 1);
        assert_eq!(map.inside(5), Some(10));
    }

    #[test]
    fn refuses_another_format() {
        assert_eq!(IdMap::parse("").unwrap(), IdMap::default());
        for text in ["0 0", "0 0 1 2", "a 0 1", "-1 0 1", "0 0 4294967296", "\n"] {
            assert_eq!(IdMap::parse(text), None, "{text:?}");
        }
        let lines = |count| "0 0 1\n".repeat(count);
        assert!(IdMap::parse(&lines(340)).is_some());
        assert!(IdMap::parse(&lines(341)).is_none());
    }

    proptest! {
        #[test]
        fn never_panics(text: String, outside: u32) {
            let _ = IdMap::parse(&text).map(|map| map.inside(outside));
        }

        #[test]
        fn maps_what_is_in_the_range(inside: u32, outside: u32, count: u32, id: u32) {
            let text = format!("{inside} {outside} {count}\n");
            let found = IdMap::parse(&text).unwrap().inside(id);
            let distance = u64::from(id).checked_sub(u64::from(outside));
            let expected = distance
                .filter(|distance| outside != u32::MAX && *distance < u64::from(count))
                .and_then(|distance| u32::try_from(u64::from(inside) + distance).ok());
            prop_assert_eq!(found, expected);
        }
    }
}
