//! Names by id, from a file in the format of `passwd(5)` or `group(5)`.
//!
//! Both formats have the name first and the id third; the rest of a line is not looked at.

use std::{
    collections::HashSet,
    io::{self, BufRead, Read},
};

/// How much of a file is kept and read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Entries kept; those after them are counted.
    pub entries: usize,
    /// Bytes of a line that are looked at. The rest of it is skipped: a group's members can fill
    /// any line, and come last.
    pub line: usize,
    /// Bytes read; the file is cut there.
    pub bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 65_536,
            line: 4096,
            bytes: 64 << 20,
        }
    }
}

/// The longest name, in bytes (`LOGIN_NAME_MAX`). A line with a longer one is skipped.
const LONGEST_NAME: usize = 256;

/// What was left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Lines that are no entry, no comment and not empty.
    pub lines_skipped: u64,
    /// Entries beyond the limit.
    pub entries_beyond_limit: u64,
    /// Whether there were more bytes than the limit.
    pub truncated: bool,
}

/// Names by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Sorted by id.
    entries: Box<[Entry]>,
    /// All names, one after another.
    text: Box<str>,
    counters: Counters,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    id: u32,
    start: u32,
    length: u16,
}

impl Names {
    /// Reads a file. Of several entries with the same id the first counts, as it does for
    /// `getpwuid(3)`.
    ///
    /// # Errors
    ///
    /// If reading fails. What is wrong in the file is skipped and counted.
    pub fn read(input: impl BufRead, limits: Limits) -> io::Result<Self> {
        let mut input = input.take(limits.bytes);
        let mut found = Builder::default();
        let mut line = Vec::new();
        loop {
            line.clear();
            // A byte more than nothing, or a line would never end.
            let longest = limits.line.max(1) as u64;
            input.by_ref().take(longest).read_until(b'\n', &mut line)?;
            let is_whole = line.last() == Some(&b'\n');
            if !is_whole {
                input.skip_until(b'\n')?;
            }
            if input.limit() == 0 && !input.get_mut().fill_buf()?.is_empty() {
                found.counters.truncated = true;
                // The last line may be cut anywhere.
                if !is_whole {
                    break;
                }
            }
            if line.is_empty() {
                break;
            }
            found.add(&line, limits.entries);
        }
        Ok(found.finish())
    }

    /// The name of an id.
    #[must_use]
    pub fn get(&self, id: u32) -> Option<&str> {
        let index = self
            .entries
            .binary_search_by_key(&id, |entry| entry.id)
            .ok()?;
        self.name(self.entries.get(index)?)
    }

    /// All names, by ascending id.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &str)> {
        self.entries
            .iter()
            .filter_map(|entry| Some((entry.id, self.name(entry)?)))
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What was left out.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    fn name(&self, entry: &Entry) -> Option<&str> {
        let start = entry.start as usize;
        self.text.get(start..start + usize::from(entry.length))
    }
}

#[derive(Default)]
struct Builder {
    ids: HashSet<u32>,
    entries: Vec<Entry>,
    text: String,
    counters: Counters,
}

impl Builder {
    fn add(&mut self, line: &[u8], limit: usize) {
        match parse(line) {
            Line::Entry(id, _) if self.ids.contains(&id) => {}
            Line::Entry(id, name) => {
                let place = u32::try_from(self.text.len()).ok();
                let (Some(start), Ok(length)) = (place, u16::try_from(name.len())) else {
                    self.counters.entries_beyond_limit += 1;
                    return;
                };
                if self.entries.len() >= limit {
                    self.counters.entries_beyond_limit += 1;
                    return;
                }
                self.ids.insert(id);
                self.entries.push(Entry { id, start, length });
                self.text.push_str(name);
            }
            Line::Nothing => {}
            Line::Bad => self.counters.lines_skipped += 1,
        }
    }

    fn finish(mut self) -> Names {
        self.entries.sort_unstable_by_key(|entry| entry.id);
        Names {
            entries: self.entries.into(),
            text: self.text.into(),
            counters: self.counters,
        }
    }
}

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    Entry(u32, &'a str),
    /// Empty, a comment, or a reference to the Network Information Service.
    Nothing,
    Bad,
}

fn parse(line: &[u8]) -> Line<'_> {
    let line = line.trim_ascii_start();
    if matches!(line.first(), None | Some(b'#' | b'+' | b'-')) {
        return Line::Nothing;
    }
    entry(line).map_or(Line::Bad, |(id, name)| Line::Entry(id, name))
}

fn entry(line: &[u8]) -> Option<(u32, &str)> {
    let mut fields = line.splitn(4, |byte| *byte == b':');
    let name = fields.next()?;
    let id = fields.nth(1)?;
    // Without what ends it, the number may be cut.
    fields.next()?;
    let name = std::str::from_utf8(name).ok()?;
    let is_name = (1..=LONGEST_NAME).contains(&name.len()) && !name.chars().any(char::is_control);
    // `parse` would take a sign.
    let is_number = id.iter().all(u8::is_ascii_digit);
    let id = std::str::from_utf8(id).ok()?.parse().ok()?;
    // The last one means none.
    (is_name && is_number && id != u32::MAX).then_some((id, name))
}

#[cfg(test)]
mod tests {
    use std::{
        fmt::Write as _,
        time::{Duration, Instant},
    };

    use proptest::prelude::*;

    use super::*;

    fn names(text: &[u8]) -> Names {
        Names::read(text, Limits::default()).unwrap()
    }

    #[test]
    fn reads_both_formats() {
        let users = names(b"root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1000::/:/bin/sh\n");
        assert_eq!(users.get(0), Some("root"));
        assert_eq!(users.get(1000), Some("alice"));
        assert_eq!(users.get(1), None);
        let groups = names(b"wheel:x:10:alice,bob\nempty:x:11:");
        let all: Vec<_> = groups.iter().collect();
        assert_eq!(all, [(10, "wheel"), (11, "empty")]);
        assert_eq!(groups.counters(), Counters::default());
    }

    #[test]
    fn the_first_entry_of_an_id_counts() {
        let found = names(b"root:x:0:0:::\ntoor:x:0:0:::\n");
        assert_eq!((found.get(0), found.len()), (Some("root"), 1));
    }

    #[test]
    fn skips_and_counts_what_is_no_entry() {
        let found = names(
            b"\n# comment\n+@netgroup::::::\n-nobody\n  a:x:1:1:::\nb:x:-2:\nc:x:+3:\nd:x::\n:x:4:\n\
              e:x:5\nf\ng:x:4294967295:\nh:x:4294967296:\n\xff:x:6:\n\x1b:x:7:\n",
        );
        assert_eq!(found.iter().collect::<Vec<_>>(), [(1, "a")]);
        assert_eq!(found.counters().lines_skipped, 10);
        let long = format!("{}:x:1:\n{}:x:2:\n", "a".repeat(257), "b".repeat(256));
        let found = names(long.as_bytes());
        assert_eq!(
            (found.get(1), found.get(2).map(str::len)),
            (None, Some(256))
        );
    }

    #[test]
    fn looks_at_the_beginning_of_a_long_line() {
        let members = "x,".repeat(1_000_000);
        let text = format!("a:x:1:{members}\nb:x:2:\n");
        let found = names(text.as_bytes());
        assert_eq!(found.iter().collect::<Vec<_>>(), [(1, "a"), (2, "b")]);
        let limits = Limits {
            line: 8,
            ..Limits::default()
        };
        let found = Names::read(&b"abc:x:1000:\nb:x:2:3\n"[..], limits).unwrap();
        assert_eq!(found.iter().collect::<Vec<_>>(), [(2, "b")]);
        assert_eq!(found.counters().lines_skipped, 1);
    }

    #[test]
    fn keeps_no_more_than_the_limits() {
        let text = b"a:x:1:\nb:x:2:\nc:x:3:\na:x:1:\n";
        let limits = Limits {
            entries: 2,
            ..Limits::default()
        };
        let found = Names::read(&text[..], limits).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found.counters().entries_beyond_limit, 1);
        for (bytes, count, truncated) in
            [(7, 1, true), (13, 1, true), (14, 2, true), (28, 3, false)]
        {
            let limits = Limits {
                bytes,
                ..Limits::default()
            };
            let found = Names::read(&text[..], limits).unwrap();
            assert_eq!(
                (found.len(), found.counters().truncated),
                (count, truncated),
                "{bytes}"
            );
        }
    }

    #[test]
    fn a_million_lines_take_neither_memory_nor_long() {
        let mut text = String::new();
        for id in 0..1_000_000 {
            writeln!(text, "user{id}:x:{id}:{id}::/home/user{id}:/bin/sh").unwrap();
        }
        let start = Instant::now();
        let found = names(text.as_bytes());
        // Without optimisation it takes a tenth of this.
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "{:?}",
            start.elapsed()
        );
        assert_eq!(found.len(), 65_536);
        assert_eq!(found.get(65_535), Some("user65535"));
        assert!(found.text.len() < 1 << 20);
        assert_eq!(found.counters().entries_beyond_limit, 1_000_000 - 65_536);
    }

    #[test]
    fn an_endless_file_ends() {
        let limits = Limits {
            bytes: 1 << 20,
            ..Limits::default()
        };
        let found = Names::read(io::BufReader::new(io::repeat(b'x')), limits).unwrap();
        assert!(found.is_empty());
        assert!(found.counters().truncated);
    }

    proptest! {
        #[test]
        fn never_panics(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            entries in 0usize..4,
            line in 0usize..20,
            limit in 0u64..300,
        ) {
            let limits = Limits { entries, line, bytes: limit };
            let found = Names::read(&bytes[..], limits).unwrap();
            prop_assert!(found.len() <= entries);
            prop_assert_eq!(found.counters().truncated, bytes.len() as u64 > limit);
        }

        #[test]
        fn finds_what_was_written(
            written in proptest::collection::vec((0u32..20, "[a-z][a-z0-9_-]{0,8}"), 0..30),
        ) {
            let text: String = written.iter().map(|(id, name)| format!("{name}:x:{id}:0\n")).collect();
            let found = names(text.as_bytes());
            for id in 0..20 {
                let first = written.iter().find(|(written, _)| *written == id);
                prop_assert_eq!(found.get(id), first.map(|(_, name)| &**name));
            }
        }
    }
}
