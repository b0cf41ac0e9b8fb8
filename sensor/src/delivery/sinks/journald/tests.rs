use std::{
    collections::BTreeMap,
    fs::File,
    io::{IoSliceMut, Read, Seek},
    os::unix::net::UnixDatagram,
    path::Path,
    thread,
    time::Duration,
};

use proptest::prelude::*;
use rustix::{
    fs::fcntl_get_seals,
    net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg},
};

use super::{super::testing::*, *};

/// Takes an entry apart as systemd's description of the format says, and in no other way.
fn decode(mut rest: &[u8]) -> Option<BTreeMap<String, Vec<u8>>> {
    let mut fields = BTreeMap::new();
    while !rest.is_empty() {
        let line = &rest[..rest.iter().position(|byte| *byte == b'\n')?];
        let (name, value) = if let Some(equals) = line.iter().position(|byte| *byte == b'=') {
            rest = &rest[line.len() + 1..];
            (&line[..equals], &line[equals + 1..])
        } else {
            rest = &rest[line.len() + 1..];
            let (length, tail) = rest.split_first_chunk::<8>()?;
            let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
            let value = tail.get(..length)?;
            rest = tail.get(length..)?.strip_prefix(b"\n")?;
            (line, value)
        };
        let name = String::from_utf8(name.to_vec()).ok()?;
        if fields.insert(name, value.to_vec()).is_some() {
            return None;
        }
    }
    Some(fields)
}

proptest! {
    #[test]
    fn entries_are_read_back(entry in any_entry()) {
        let mut out = Vec::new();
        fields::write(&entry, Facility::Local3, &mut out);
        let fields = decode(&out).unwrap();
        let text = |name: &str| String::from_utf8(fields[name].clone()).unwrap();
        prop_assert_eq!(&fields["MESSAGE"], &entry.document.to_vec());
        prop_assert_eq!(text("SYSLOG_IDENTIFIER"), "sensor");
        prop_assert_eq!(text("SYSLOG_FACILITY"), "19");
        prop_assert_eq!(text("PRIORITY"), level_of(&entry));
        prop_assert_eq!(text("SENSOR_EVENT_ID"), entry.facts.id.clone());
        prop_assert_eq!(text("SENSOR_EVENT_CODE"), entry.facts.topic.code());
        prop_assert_eq!(text("SENSOR_EVENT_SEVERITY"), entry.facts.severity.name());
        let time: jiff::Timestamp = text("SENSOR_EVENT_TIME").parse().unwrap();
        let off = i128::from(entry.facts.time.0) - time.as_nanosecond();
        prop_assert!(off.abs() < 1000, "{off}");
        prop_assert_eq!(fields.len(), 8);
    }
}

fn level_of(entry: &Entry) -> String {
    (7 - entry.facts.severity.number()).to_string()
}

/// A journal: reads so many entries, out of datagrams or sealed memory.
struct Journal(UnixDatagram);

impl Journal {
    fn at(path: &Path) -> Self {
        let socket = UnixDatagram::bind(path).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        Self(socket)
    }

    /// The next entry's message, and whether it came in memory.
    fn next(&self) -> (String, bool) {
        let mut buffer = vec![0; 1 << 20];
        let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = recvmsg(
            &self.0,
            &mut [IoSliceMut::new(&mut buffer)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        )
        .unwrap();
        let descriptors = control.drain().filter_map(|message| match message {
            RecvAncillaryMessage::ScmRights(rights) => Some(rights),
            _ => None,
        });
        let memory: Option<OwnedFd> = descriptors.flatten().next();
        let in_memory = memory.is_some();
        let bytes = match memory {
            None => buffer[..received.bytes].to_vec(),
            Some(memory) => {
                assert_eq!(received.bytes, 0);
                let all = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
                assert!(fcntl_get_seals(&memory).unwrap().contains(all));
                let mut bytes = Vec::new();
                let mut file = File::from(memory);
                file.rewind().unwrap();
                file.read_to_end(&mut bytes).unwrap();
                bytes
            }
        };
        let fields = decode(&bytes).unwrap();
        (
            String::from_utf8(fields["MESSAGE"].clone()).unwrap(),
            in_memory,
        )
    }

    fn read(self, count: usize) -> Reading {
        Reading(thread::spawn(move || {
            let read = (0..count).map(|_| self.next()).collect();
            (read, self)
        }))
    }
}

struct Reading(thread::JoinHandle<(Vec<(String, bool)>, Journal)>);

impl Reading {
    /// What was read. The journal is there until then, and gone after.
    fn join(self) -> Vec<(String, bool)> {
        self.0.join().unwrap().0
    }
}

fn journald(path: &Path) -> Journald {
    Journald::new(JournaldSettings {
        socket: path.to_owned(),
        ..JournaldSettings::default()
    })
    .unwrap()
}

#[test]
fn large_entries_go_by_memory() {
    let directory = Directory::new("journal");
    let path = directory.0.join("socket");
    let reading = Journal::at(&path).read(3);
    let large = "x".repeat(20 << 20);
    let batch = entries(&["small", &large, "two\nlines"]);
    block_on(journald(&path).send(&batch)).unwrap();
    let read = reading.join();
    assert_eq!(read[0], ("small".into(), false));
    assert!(read[1].0 == large && read[1].1);
    assert_eq!(read[2], ("two\nlines".into(), false));
}

#[test]
fn nothing_is_sent_before_it_is_read_and_a_full_queue_is_waited_for() {
    let directory = Directory::new("journal");
    let path = directory.0.join("socket");
    let journal = Journal::at(&path);
    let mut sink = journald(&path);
    runtime().block_on(async {
        let unread = entries(&["a"]);
        let sending = tokio::time::timeout(Duration::from_millis(30), sink.send(&unread));
        sending.await.expect_err("nobody read it");
        // More than a queue holds, which has what was given up in it.
        let documents: Vec<_> = (0..2000).map(|number| number.to_string()).collect();
        let documents: Vec<_> = documents.iter().map(String::as_str).collect();
        let reading = journal.read(2001);
        sink.send(&entries(&documents)).await.unwrap();
        let read = reading.join();
        let read: Vec<_> = read.iter().map(|(message, _)| message.as_str()).collect();
        assert_eq!(read[0], "a");
        assert_eq!(read[1..], documents);
    });
}

#[test]
fn a_journal_that_is_started_anew_is_found_and_one_that_is_gone_is_told() {
    let directory = Directory::new("journal");
    let path = directory.0.join("socket");
    let mut sink = journald(&path);
    runtime().block_on(async {
        let batch = entries(&["a"]);
        let Failure::Again(again) = sink.send(&batch).await.unwrap_err() else {
            panic!("it may come");
        };
        assert!(again.why.contains("is its daemon running"), "{again:?}");
        for _ in 0..3 {
            let reading = Journal::at(&path).read(1);
            sink.send(&batch).await.unwrap();
            assert_eq!(reading.join(), [("a".to_owned(), false)]);
            std::fs::remove_file(&path).unwrap();
        }
    });
}

#[test]
fn what_a_journal_had_in_its_queue_when_it_died_is_sent_again() {
    let directory = Directory::new("journal");
    let path = directory.0.join("socket");
    let journal = Journal::at(&path);
    let mut sink = journald(&path);
    runtime().block_on(async {
        let batch = entries(&["a"]);
        // In the queue, and nobody reads it: then the journal dies.
        let mut sending = sink.send(&batch);
        let waiting = tokio::time::timeout(Duration::from_millis(30), &mut sending);
        waiting.await.expect_err("nobody read it");
        drop(journal);
        sending.await.unwrap_err();
    });
}
