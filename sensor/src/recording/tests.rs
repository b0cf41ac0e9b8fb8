//! What a recording promises: every whole frame is given back, and never anything else.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, path::PathBuf};

use bytes::Bytes;
use proptest::{collection::vec, prelude::*, sample::Index};

use super::{
    arbitrary::{end, frame},
    header::{self, HEADER_BYTES, Machine},
    *,
};

/// The bytes of a recording, and where each of its frames begins.
fn recording(frames: &[Frame]) -> (Vec<u8>, Vec<usize>) {
    let mut bytes = header::encode(&Machine::HERE);
    let mut starts = Vec::new();
    for frame in frames {
        starts.push(bytes.len());
        frame::encode(frame, &mut bytes).unwrap();
    }
    (bytes, starts)
}

/// The frames that are given, and the error after them.
fn read(bytes: &[u8]) -> (Vec<Frame>, Option<RecordingError>) {
    let reader = match Reader::new(Path::new("FILE"), bytes) {
        Ok(reader) => reader,
        Err(error) => return (Vec::new(), Some(error)),
    };
    let mut frames = Vec::new();
    let mut last = None;
    for next in reader {
        assert!(last.is_none(), "something comes after an error");
        match next {
            Ok(frame) => frames.push(frame),
            Err(error) => last = Some(error),
        }
    }
    (frames, last)
}

/// A whole recording.
fn frames() -> impl Strategy<Value = Vec<Frame>> {
    (vec(frame(), 0..8), end()).prop_map(|(mut frames, end)| {
        frames.push(end);
        frames
    })
}

proptest! {
    #[test]
    fn frames_are_given_back(frames in frames()) {
        let (bytes, _) = recording(&frames);
        let (given, error) = read(&bytes);
        prop_assert!(error.is_none(), "{error:?}");
        prop_assert_eq!(given, frames);
    }

    #[test]
    fn wherever_it_is_cut_off_the_whole_frames_are_given(frames in frames(), cut: Index) {
        let (bytes, starts) = recording(&frames);
        let length = cut.index(bytes.len());
        let (given, error) = read(&bytes[..length]);
        let whole = starts.iter().skip(1).filter(|start| **start <= length).count();
        prop_assert_eq!(&given[..], &frames[..whole]);
        let at = starts[whole] as u64;
        match error {
            Some(RecordingError::Foreign(_)) => prop_assert_eq!(length, 0),
            Some(RecordingError::Truncated { at: 0, .. }) => prop_assert!(length < HEADER_BYTES),
            Some(RecordingError::Truncated { at: told, .. }) => prop_assert_eq!(told, at),
            Some(RecordingError::Unfinished { at: told, .. }) => {
                prop_assert_eq!(told, at);
                prop_assert_eq!(told, length as u64);
            }
            other => prop_assert!(false, "{:?}", other),
        }
    }

    #[test]
    fn a_changed_byte_is_noticed(frames in frames(), at: Index, by in 1..=u8::MAX) {
        let (mut bytes, starts) = recording(&frames);
        let at = at.index(bytes.len());
        bytes[at] ^= by;
        let (given, error) = read(&bytes);
        let before = starts.iter().skip(1).filter(|start| **start <= at).count();
        prop_assert_eq!(&given[..], &frames[..before]);
        prop_assert!(error.is_some());
        let told = error.map(|error| error.to_string()).unwrap_or_default();
        prop_assert!(told.contains("FILE"), "{}", told);
    }

    #[test]
    fn more_after_the_end_is_noticed(frames in frames(), more in vec(any::<u8>(), 1..20)) {
        let (mut bytes, _) = recording(&frames);
        bytes.extend(more);
        let (given, error) = read(&bytes);
        prop_assert_eq!(given, frames);
        let is_corrupt = matches!(error, Some(RecordingError::Corrupt { .. }));
        prop_assert!(is_corrupt);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..300)) {
        prop_assert!(read(&bytes).1.is_some());
        let mut behind_header = header::encode(&Machine::HERE);
        behind_header.extend(&bytes);
        prop_assert!(read(&behind_header).1.is_some());
    }

    #[test]
    fn any_payload_is_read_or_refused(number: u8, payload in vec(any::<u8>(), 0..100)) {
        if let Ok(frame) = frame::decode(number, Bytes::from(payload)) {
            let (bytes, _) = recording(std::slice::from_ref(&frame));
            prop_assert_eq!(read(&bytes).0, [frame]);
        }
    }

    #[test]
    fn any_json_is_read_or_refused(number in 1_u8..10, frame in frame(), at: Index, by: u8) {
        let (bytes, starts) = recording(&[frame]);
        let payload = starts[0] + frame::PREFIX_BYTES..bytes.len() - frame::CHECKSUM_BYTES;
        let mut payload = bytes[payload].to_vec();
        if !payload.is_empty() {
            let at = at.index(payload.len());
            payload[at] = by;
        }
        let _ = frame::decode(number, Bytes::from(payload));
    }
}

#[test]
fn a_frame_that_claims_too_much_is_refused_before_memory_is_given() {
    let mut bytes = header::encode(&Machine::HERE);
    bytes.push(6);
    bytes.extend(u32::MAX.to_le_bytes());
    let (_, error) = read(&bytes);
    assert!(matches!(
        error,
        Some(RecordingError::Corrupt { at: 32, .. })
    ));
}

#[test]
fn the_longest_record_is_given_back_and_a_longer_one_not_taken() {
    let longest = Frame::Record(Bytes::from(vec![7; PAYLOAD_BYTES_MAX]));
    let (bytes, _) = recording(std::slice::from_ref(&longest));
    assert_eq!(read(&bytes).0, [longest]);
    let longer = Frame::Record(Bytes::from(vec![7; PAYLOAD_BYTES_MAX + 1]));
    let mut out = vec![1, 2, 3];
    assert!(frame::encode(&longer, &mut out).is_err());
    assert_eq!(out, [1, 2, 3]);
}

/// A path of its own for each test.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let name = format!("sensor-recording-{}-{name}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn some_frames() -> [Frame; 3] {
    [
        Frame::WallOffset(WallOffset(-5)),
        Frame::Record(Bytes::from_static(b"record")),
        Frame::End {
            totals: Totals::default(),
            time: BootTime(9),
        },
    ]
}

#[test]
fn a_file_is_written_and_read() {
    let place = Place::new("whole");
    let mut writer = Writer::create(&place.0).unwrap();
    for frame in some_frames() {
        writer.write(&frame).unwrap();
    }
    writer.finish().unwrap();
    let mode = fs::metadata(&place.0).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let read: Result<Vec<Frame>, _> = Reader::open(&place.0).unwrap().collect();
    assert_eq!(read.unwrap(), some_frames());
}

#[test]
fn what_was_complete_is_there_when_the_sensor_is_killed() {
    let place = Place::new("killed");
    let [offset, record, _] = some_frames();
    let complete = Frame::CompleteUntil(BootTime(5));
    let mut writer = Writer::create(&place.0).unwrap();
    assert_eq!(fs::metadata(&place.0).unwrap().len(), HEADER_BYTES as u64);
    for frame in [&offset, &complete, &record] {
        writer.write(frame).unwrap();
    }
    // As if it were killed: nothing more reaches the file.
    std::mem::forget(writer);
    let mut reader = Reader::open(&place.0).unwrap();
    assert_eq!(reader.next().unwrap().unwrap(), offset);
    assert_eq!(reader.next().unwrap().unwrap(), complete);
    let error = reader.next().unwrap().unwrap_err();
    assert!(
        matches!(error, RecordingError::Unfinished { .. }),
        "{error}"
    );
    assert!(reader.next().is_none());
}

#[test]
fn nothing_is_overwritten() {
    let place = Place::new("there");
    fs::write(&place.0, "mine").unwrap();
    let error = Writer::create(&place.0).unwrap_err();
    assert!(matches!(error, RecordingError::Exists(_)));
    assert!(error.to_string().contains("exists already"), "{error}");
    assert_eq!(fs::read(&place.0).unwrap(), b"mine");
    let error = Reader::open(&place.0).unwrap_err();
    assert!(matches!(error, RecordingError::Foreign(_)));
}

#[test]
fn a_full_disk_is_told_with_the_file() {
    let error = RecordingError::Write {
        path: "/mnt/FILE".into(),
        why: std::io::ErrorKind::StorageFull.into(),
    };
    let told = error.to_string();
    assert!(
        told.contains("/mnt/FILE") && told.contains("make room"),
        "{told}"
    );
}

#[test]
fn what_cannot_be_opened_is_told_with_the_file() {
    for path in ["/proc/self/no-such-file", "/proc"] {
        let told = Reader::open(Path::new(path)).unwrap_err().to_string();
        assert!(
            told.starts_with(&format!("cannot read the recording {path}: ")),
            "{told}"
        );
    }
    let told = Writer::create(Path::new("/proc/self/x"))
        .unwrap_err()
        .to_string();
    assert!(
        told.starts_with("cannot make the recording /proc/self/x: "),
        "{told}"
    );
}
