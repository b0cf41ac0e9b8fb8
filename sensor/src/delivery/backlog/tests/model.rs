//! Whatever is done to a backlog, it does what a plain list would.

use std::{fs::File, io, os::unix::fs::FileExt as _};

use proptest::{collection::vec, prelude::*, sample::Index};

use super::{
    super::{
        class::Class,
        record::{self, Header},
        store::Medium,
    },
    *,
};

/// A disk with so much room for segments.
#[derive(Debug)]
pub(super) struct Small {
    pub(super) directory: PathBuf,
    pub(super) room: Arc<AtomicU64>,
}

impl Medium for Small {
    fn write(&mut self, file: &File, bytes: &[u8], at: u64) -> io::Result<usize> {
        let used = bytes_of_entries(&self.directory);
        let left = self.room.load(Ordering::Relaxed).saturating_sub(used);
        let left = usize::try_from(left).unwrap().min(bytes.len());
        if left == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        file.write_at(&bytes[..left], at)
    }

    fn cut(&mut self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }
}

#[derive(Clone, Debug)]
enum Step {
    Append(Vec<(Severity, usize)>),
    Peek(usize, usize),
    Acknowledge(Index),
    Reopen,
    /// The end of one segment is missing.
    Crash(Index, Index),
    /// There is so much room on the disk.
    Room(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let severity = prop::sample::select(&Severity::ALL[..]);
    let step = prop_oneof![
        8 => vec((severity, 0_usize..400), 0..12).prop_map(Step::Append),
        4 => (0_usize..20, 0_usize..3000).prop_map(|(entries, bytes)| Step::Peek(entries, bytes)),
        4 => any::<Index>().prop_map(Step::Acknowledge),
        1 => Just(Step::Reopen),
        1 => any::<(Index, Index)>().prop_map(|(file, at)| Step::Crash(file, at)),
        1 => prop_oneof![0_u64..20_000, Just(u64::from(u32::MAX))].prop_map(Step::Room),
    ];
    vec(step, 1..40)
}

fn limits() -> impl Strategy<Value = Limits> {
    let bytes = prop_oneof![200_u64..30_000, Just(10 << 20)];
    let memory_bytes = prop_oneof![Just(0), 0_usize..10_000, Just(1 << 20)];
    (bytes, memory_bytes).prop_map(|(bytes, memory_bytes)| Limits {
        bytes,
        memory_bytes,
    })
}

/// The list, the backlog, and where it is.
struct Both {
    list: Vec<Entry>,
    backlog: Option<Backlog>,
    place: Place,
    room: Arc<AtomicU64>,
    limits: Limits,
    acknowledged: u64,
}

/// More than an entry has in memory.
const ENTRY_BYTES_MAX: usize = 1000;

impl Both {
    fn new(limits: Limits, on_disk: bool) -> Self {
        let mut both = Self {
            list: Vec::new(),
            backlog: None,
            place: Place::new(),
            room: Arc::new(u64::from(u32::MAX).into()),
            limits,
            acknowledged: 0,
        };
        if on_disk {
            both.open();
        } else {
            both.backlog = Some(Backlog::in_memory(limits));
        }
        both
    }

    fn open(&mut self) -> Recovery {
        self.backlog = None;
        let disk = Small {
            directory: self.place.0.clone(),
            room: self.room.clone(),
        };
        let (backlog, recovery) =
            Backlog::open_with(&self.place.0, self.limits, Box::new(disk)).unwrap();
        self.backlog = Some(backlog);
        assert_eq!(recovery.left, []);
        recovery
    }

    fn backlog(&mut self) -> &mut Backlog {
        self.backlog.as_mut().unwrap()
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Append(new) => self.append(&new),
            Step::Peek(entries, bytes) => self.peek(entries, bytes),
            Step::Acknowledge(index) => {
                let place = match self.list.len() {
                    0 => 0,
                    length => self.list[index.index(length)].place,
                };
                // What a sink acknowledges it has seen.
                let seen = self.backlog().peek(1000, 1 << 20).unwrap();
                let place = place.min(seen.last().map_or(0, |last| last.place));
                self.backlog().acknowledge(place);
                self.acknowledged = self.acknowledged.max(place);
                self.list.retain(|entry| entry.place > place);
            }
            Step::Reopen => {
                self.make_room();
                let recovery = self.open();
                assert_eq!(recovery.damaged, 0);
                assert_eq!(recovery.evicted, []);
            }
            Step::Crash(file, at) => self.crash(file, at),
            Step::Room(bytes) => self.room.store(bytes, Ordering::Relaxed),
        }
        self.check();
    }

    fn check(&mut self) {
        let limits = self.limits;
        let waiting = self.list.len() as u64;
        let backlog = self.backlog();
        assert_eq!(backlog.len(), waiting);
        assert_eq!(backlog.is_empty(), waiting == 0);
        assert!(backlog.bytes() <= limits.bytes);
        assert_eq!(backlog.lost(), []);
        if backlog.is_empty() {
            assert_eq!(backlog.bytes(), 0);
            assert_eq!(backlog.memory_used(), 0);
            if self.place.0.exists() {
                assert_eq!(bytes_of_entries(&self.place.0), 0);
            }
        }
    }

    fn check_memory(&mut self) {
        let used = self.backlog().memory_used();
        assert!(used <= self.limits.memory_bytes + 4 * ENTRY_BYTES_MAX);
    }

    fn append(&mut self, new: &[(Severity, usize)]) {
        let new: Vec<_> = new
            .iter()
            .map(|(severity, length)| super::new(*severity, vec![b'x'; *length]))
            .collect();
        let appended = self.backlog().append(new.clone());
        assert!(appended.places.start > self.list.last().map_or(0, |last| last.place));
        assert!(appended.places.start > self.acknowledged);
        assert_eq!(
            appended.places.end - appended.places.start,
            new.len() as u64
        );
        let entries = appended.places.zip(new).map(|(place, new)| Entry {
            place,
            facts: new.facts,
            document: new.document,
        });
        let mut left = [0; 5];
        for gone in &appended.evicted {
            left[usize::from(gone.severity.number()) - 1] += gone.count;
        }
        if self.place.0.exists() {
            for entry in entries {
                if record::length(&entry.facts, &entry.document) as u64 <= self.limits.bytes {
                    self.list.push(entry);
                } else {
                    left[usize::from(entry.facts.severity.number()) - 1] -= 1;
                }
            }
            self.check_memory();
        } else {
            self.evict_in_memory(entries.collect(), &mut left);
        }

        // What went is the oldest of its class.
        let mut gone_of = [false; 4];
        self.list.retain(|entry| {
            let class = Class::of(entry.facts.severity);
            let of_class = Severity::ALL
                .iter()
                .filter(|each| Class::of(**each) == class);
            if of_class
                .map(|each| left[usize::from(each.number()) - 1])
                .sum::<u64>()
                == 0
            {
                return true;
            }
            let left = &mut left[usize::from(entry.facts.severity.number()) - 1];
            assert!(*left > 0, "one went that is not the oldest");
            *left -= 1;
            gone_of[class as usize] = true;
            false
        });
        assert_eq!(left, [0; 5], "more went than there were");
        // Of a class that is less severe than one that lost something nothing is left.
        let severest = gone_of.iter().rposition(|gone| *gone);
        for entry in &self.list {
            let class = Class::of(entry.facts.severity) as usize;
            assert!(severest.is_none_or(|severest| class >= severest));
        }
    }

    /// In memory it is known which ones go.
    fn evict_in_memory(&mut self, new: Vec<Entry>, left: &mut [u64; 5]) {
        self.list.extend(new);
        let limit = self.limits.bytes;
        let mut expected = [0; 5];
        let mut go = |entry: Entry| expected[usize::from(entry.facts.severity.number()) - 1] += 1;
        self.list
            .extract_if(.., |entry| entry.size() as u64 > limit)
            .for_each(&mut go);
        while self
            .list
            .iter()
            .map(|entry| entry.size() as u64)
            .sum::<u64>()
            > limit
        {
            let first = (0..self.list.len())
                .min_by_key(|index| (Class::of(self.list[*index].facts.severity), *index));
            go(self.list.remove(first.unwrap()));
        }
        assert_eq!(*left, expected);
        *left = [0; 5];
    }

    fn peek(&mut self, entries: usize, bytes: usize) {
        let on_disk = self.place.0.exists();
        let seen = self.backlog().peek(entries, bytes).unwrap();
        assert_eq!(seen, self.list[..seen.len()]);
        assert!(seen.len() <= entries.max(1));
        let documents: usize = seen.iter().map(|entry| entry.document.len()).sum();
        assert!(documents <= bytes || seen.len() == 1);
        assert_eq!(seen.is_empty(), self.list.is_empty());
        let next = self.list.get(seen.len());
        let would_fit = next.is_some_and(|next| documents + next.document.len() <= bytes)
            && seen.len() < entries.max(1);
        // On disk there are fewer if memory is short.
        assert!(!would_fit || (on_disk && self.limits.memory_bytes < 1 << 20));
        if on_disk {
            self.check_memory();
        }
    }

    /// All is written.
    fn make_room(&mut self) {
        self.room.store(u64::from(u32::MAX), Ordering::Relaxed);
        self.append(&[]);
    }

    fn crash(&mut self, file: Index, at: Index) {
        self.make_room();
        self.backlog = None;
        let segments = self.place.segments();
        if segments.is_empty() {
            self.open();
            return;
        }
        let path = &segments[file.index(segments.len())];
        let bytes = fs::read(path).unwrap();
        let length = at.index(bytes.len() + 1);
        let file = File::options().write(true).open(path).unwrap();
        file.set_len(length as u64).unwrap();
        let mut next = record::SEGMENT_HEADER_BYTES;
        while let Some(header) = bytes.get(next..).and_then(Header::parse) {
            let body = next + record::HEADER_BYTES;
            next = body + header.body;
            let lost = header.decode(&bytes[body..next]).unwrap();
            if next > length {
                self.list.retain(|entry| entry.place != lost.place);
            }
        }
        let recovery = self.open();
        assert_eq!(recovery.entries, self.list.len() as u64);
        assert!(recovery.damaged <= 1);
    }

    fn finish(mut self) {
        let list = std::mem::take(&mut self.list);
        assert_eq!(drain(self.backlog()), list);
        self.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn on_disk_it_is_a_list(limits in limits(), steps in steps()) {
        let mut both = Both::new(limits, true);
        for step in steps {
            both.take(step);
        }
        both.make_room();
        both.finish();
    }

    #[test]
    fn in_memory_it_is_a_list(limits in limits(), steps in steps()) {
        let mut both = Both::new(limits, false);
        for step in steps {
            if !matches!(step, Step::Reopen | Step::Crash(..)) {
                both.take(step);
            }
        }
        both.finish();
    }
}
