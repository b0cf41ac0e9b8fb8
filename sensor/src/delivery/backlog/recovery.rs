//! What an earlier run left in the directory.

use std::{
    collections::VecDeque,
    fs,
    io::{self, Read as _},
    os::unix::fs::FileExt as _,
};

use super::{
    BacklogError, Left, Recovery,
    class::Class,
    lane::Lane,
    reader::{Reader, Step},
    record::{SEGMENT_HEADER_BYTES, SegmentHeader, segment_header},
    segment::{HEADER_BYTES, Segment},
    store::{Name, Store},
};

/// What was found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) lanes: [Lane; Class::ALL.len()],
    /// The greatest place in any segment.
    pub(super) last_place: u64,
    pub(super) recovery: Recovery,
}

/// What a file with the name of a segment is.
enum File {
    /// A segment.
    Segment(Segment),
    /// Nothing was written to it, or all of it is done with.
    Done,
    /// Something else, for this reason.
    Foreign(String),
}

/// What is in one file, as far as it was read.
struct Scan {
    segment: Segment,
    /// The last place before, and then the last one.
    last_place: u64,
    entries: u64,
    damaged: u64,
    damaged_bytes: u64,
}

/// Looks at everything in a directory. Entries up to a place are done with.
pub(super) fn find(store: &mut Store, acknowledged: u64) -> Result<Found, BacklogError> {
    let mut recovery = Recovery::default();
    let mut segments = Vec::new();
    for name in store.names()? {
        match name {
            Name::Own => {}
            Name::Segment(class, number) => segments.push((class, number)),
            Name::Foreign(name) => leave(
                Left {
                    path: store.path(name),
                    why: "its name is none of a backlog's".to_owned(),
                },
                &mut recovery,
            ),
        }
    }
    segments.sort_unstable();

    let mut last_place = 0;
    let lanes = Class::ALL.map(|class| {
        let mut lane = VecDeque::new();
        let mut last_in_lane = 0;
        for (_, number) in segments.iter().filter(|(each, _)| *each == class) {
            let file = look(
                store,
                (class, *number),
                acknowledged,
                &mut last_in_lane,
                &mut recovery,
            );
            match file.unwrap_or_else(|why| File::Foreign(why.to_string())) {
                File::Segment(segment) => lane.push_back(segment),
                File::Done => store.remove(class, *number),
                File::Foreign(why) => leave(
                    Left {
                        path: store.segment_path(class, *number),
                        why,
                    },
                    &mut recovery,
                ),
            }
        }
        last_place = last_place.max(last_in_lane);
        let mut lane = Lane::new(class, lane, acknowledged);
        lane.go_on(store);
        lane
    });
    Ok(Found {
        lanes,
        last_place,
        recovery,
    })
}

/// Reads one file.
fn look(
    store: &mut Store,
    (class, number): (Class, u64),
    acknowledged: u64,
    last_place: &mut u64,
    recovery: &mut Recovery,
) -> io::Result<File> {
    let file = store.read(class, number)?;
    let length = file.metadata()?.len();
    let header = read_header(&file)?;
    let mut scan = Scan::new(number, *last_place);
    match SegmentHeader::parse(&header) {
        SegmentHeader::Known => {}
        SegmentHeader::Later(version) => {
            return Ok(File::Foreign(format!(
                "a later sensor wrote it, in version {version} of the format"
            )));
        }
        SegmentHeader::Damaged if segment_header().starts_with(&header) => {
            scan.damage(0, length);
            scan.report(recovery);
            return Ok(File::Done);
        }
        // If there are records behind, it was one.
        SegmentHeader::Damaged => scan.damage(0, HEADER_BYTES),
    }
    let is_damaged = scan.damaged > 0;

    let mut reader = Reader::new(file, HEADER_BYTES);
    loop {
        match reader.next(length)? {
            Step::End => break,
            Step::Damaged { from, to } => {
                scan.damage(from, to);
                if to == length {
                    scan.segment.length = from;
                }
            }
            Step::Record { from, to, entry } if entry.place <= scan.last_place => {
                if scan.entries == 0 {
                    return Ok(File::Foreign(
                        "its entries come before those of the segment before it: a copy".to_owned(),
                    ));
                }
                scan.damage(from, to);
            }
            Step::Record { to, entry, .. } => {
                scan.last_place = entry.place;
                scan.entries += 1;
                scan.segment.length = to;
                if entry.place > acknowledged {
                    scan.segment.waiting.add(entry.facts.severity);
                }
            }
        }
    }
    if is_damaged && scan.entries == 0 {
        return Ok(File::Foreign("it is no segment of a backlog".to_owned()));
    }
    *last_place = scan.last_place;
    scan.report(recovery);
    if scan.segment.is_done() {
        return Ok(File::Done);
    }
    if let Ok(file) = store.append(class, number) {
        // A tail that cannot be cut off is written over, or passed over the next time; and so is a
        // header that cannot be mended.
        if scan.segment.length < length {
            let _ = store.cut(&file, scan.segment.length);
        }
        if is_damaged {
            let _ = file.write_all_at(&segment_header(), 0);
        }
    }
    Ok(File::Segment(scan.segment))
}

/// As much of a segment's header as there is.
fn read_header(file: &fs::File) -> io::Result<Vec<u8>> {
    let mut header = Vec::with_capacity(SEGMENT_HEADER_BYTES);
    file.take(HEADER_BYTES).read_to_end(&mut header)?;
    Ok(header)
}

fn leave(left: Left, recovery: &mut Recovery) {
    recovery.left_count += 1;
    if recovery.left.len() < Recovery::LEFT_MAX {
        recovery.left.push(left);
    }
}

impl Scan {
    fn new(number: u64, last_place: u64) -> Self {
        let mut segment = Segment::new(number);
        segment.length = HEADER_BYTES;
        Self {
            segment,
            last_place,
            entries: 0,
            damaged: 0,
            damaged_bytes: 0,
        }
    }

    fn damage(&mut self, from: u64, to: u64) {
        if to > from {
            self.damaged += 1;
            self.damaged_bytes += to - from;
        }
    }

    fn report(&self, recovery: &mut Recovery) {
        recovery.damaged += self.damaged;
        recovery.damaged_bytes += self.damaged_bytes;
    }
}
