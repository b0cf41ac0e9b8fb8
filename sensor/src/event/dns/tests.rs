//! Messages with all that is in them, and messages that are broken.

use bytes::Bytes;
use proptest::prelude::*;

use super::{encoder::Encoder, *};

const A: u16 = 1;
const CNAME: u16 = 5;
const MX: u16 = 15;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const ANSWER: u16 = 0x8000;
const RECURSION: u16 = 0x0180;

fn whole(bytes: &[u8]) -> Text {
    Text {
        bytes: Bytes::copy_from_slice(bytes),
        original: Some(u32::try_from(bytes.len()).unwrap()),
    }
}

fn cut(bytes: &[u8], at: usize) -> Text {
    Text {
        bytes: Bytes::copy_from_slice(&bytes[..at]),
        original: Some(u32::try_from(bytes.len()).unwrap()),
    }
}

fn parse(bytes: &[u8]) -> Message {
    Message::parse(&whole(bytes)).unwrap()
}

#[test]
fn reads_a_question() {
    let message = Encoder::new(0xbeef, 0x0120)
        .question(&[b"wWw", b"example", b"org"], AAAA)
        .edns(0, true)
        .bytes();
    let message = parse(&message);
    let question = Question {
        name: "wWw.example.org".into(),
        kind: "AAAA".into(),
        class: "IN".into(),
    };
    assert_eq!(
        message,
        Message {
            id: 0xbeef,
            is_answer: false,
            op_code: "QUERY".into(),
            header_flags: vec![
                HeaderFlag::RecursionDesired,
                HeaderFlag::AuthenticData,
                HeaderFlag::DnssecOk
            ],
            question: Some(question),
            response_code: None,
            answers: vec![],
            truncated: false,
            error: None,
        }
    );
}

#[test]
fn reads_answers() {
    let message = Encoder::new(1, ANSWER | RECURSION)
        .question(&[b"www", b"example", b"org"], A)
        .answer_to_question(CNAME, 300, &[3, b'w', b'e', b'b', 0xc0, 16])
        .answer(&[b"web", b"example", b"org"], A, 60, &[192, 0, 2, 7])
        .answer(
            &[b"web", b"example", b"org"],
            AAAA,
            60,
            &[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        )
        .answer(&[], MX, 9, &[0, 10, 2, b'm', b'x', 0])
        .answer(&[], TXT, 9, b"\x05a \"b\x07")
        .answer(&[], 65280, 9, &[1, 0xff])
        .bytes();
    let message = parse(&message);
    assert_eq!(message.error, None);
    let read: Vec<_> = message
        .answers
        .iter()
        .map(|answer| (&*answer.name, &*answer.kind, answer.ttl, &*answer.data))
        .collect();
    assert_eq!(
        read,
        [
            ("www.example.org", "CNAME", 300, "web.example.org"),
            ("web.example.org", "A", 60, "192.0.2.7"),
            ("web.example.org", "AAAA", 60, "2001:db8::1"),
            (".", "MX", 9, "10 mx."),
            (".", "TXT", 9, "\"a \\\"b\\007\""),
            (".", "TYPE65280", 9, "\\# 2 01 ff"),
        ]
    );
    let addresses: Vec<_> = message.resolved_addresses().collect();
    assert_eq!(
        addresses,
        ["192.0.2.7", "2001:db8::1"].map(|address| address.parse::<IpAddr>().unwrap())
    );
    assert_eq!(message.response_code.as_deref(), Some("NOERROR"));
}

#[test]
fn a_record_that_lies_about_its_type_does_not_hide_the_next() {
    let message = Encoder::new(1, ANSWER)
        .answer(&[b"a"], A, 9, &[192, 0, 2])
        .answer(&[b"a"], A, 9, &[192, 0, 2, 7])
        .bytes();
    let message = parse(&message);
    assert_eq!(
        message.error,
        Some(MessageError::Malformed(Section::Answer))
    );
    let data: Vec<_> = message.answers.iter().map(|answer| &*answer.data).collect();
    assert_eq!(data, ["\\# 3 c0 00 02", "192.0.2.7"]);
}

#[test]
fn names_response_codes_with_their_upper_bits() {
    let code = |encoder: Encoder| parse(&encoder.bytes()).response_code.unwrap();
    assert_eq!(code(Encoder::new(1, ANSWER | 3)), "NXDOMAIN");
    assert_eq!(code(Encoder::new(1, ANSWER).edns(1, false)), "BADVERS");
    assert_eq!(code(Encoder::new(1, ANSWER).edns(0xff, false)), "4080");
}

#[test]
fn makes_bytes_of_names_visible() {
    let message = Encoder::new(1, 0)
        .question(&[b"a.b", b"\x1b[2J\n", b"\xc3\xa4 \\"], A)
        .bytes();
    let message = parse(&message);
    assert_eq!(
        message.question.unwrap().name,
        "a\\.b.\\027[2J\\010.\\195\\164\\ \\\\"
    );
}

#[test]
fn follows_no_name_for_ever() {
    // The name of the question points to itself, then to another pointer that points back.
    for pointers in [&[0xc0, 12][..], &[0xc0, 14, 0xc0, 12]] {
        let mut bytes = Encoder::new(1, 0).bytes();
        bytes[5] = 1;
        bytes.extend(pointers);
        bytes.extend([0, 1, 0, 1]);
        let message = parse(&bytes);
        assert_eq!(message.question, None);
        assert!(message.error.is_some());
    }
}

#[test]
fn a_message_without_a_header_is_none() {
    let error = Message::parse(&whole(&[0; 11])).unwrap_err();
    assert_eq!(error, MessageError::Short);
    for captured in [0, 11] {
        let error = Message::parse(&cut(&[0; 12], captured)).unwrap_err();
        assert_eq!(error, MessageError::NotCaptured);
    }
    assert_eq!(parse(&[0; 12]).error, None);
}

#[test]
fn what_was_not_captured_is_no_error_and_what_was_not_sent_is() {
    let bytes = Encoder::new(1, ANSWER)
        .question(&[b"example"], A)
        .answer_to_question(A, 60, &[192, 0, 2, 7])
        .answer_to_question(A, 60, &[192, 0, 2, 8])
        .bytes();
    let message = Message::parse(&cut(&bytes, bytes.len() - 1)).unwrap();
    assert!(message.truncated);
    assert_eq!(message.error, None);
    assert_eq!(message.answers.len(), 1);
    assert_eq!(message.question.unwrap().name, "example");

    let message = parse(&bytes[..bytes.len() - 1]);
    assert!(!message.truncated);
    assert_eq!(
        message.error,
        Some(MessageError::Incomplete(Section::Answer))
    );
    assert_eq!(message.answers.len(), 1);
}

fn label() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 1..=63)
}

fn labels() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(label(), 0..4).prop_filter("a name has at most 255 bytes", |labels| {
        labels.iter().map(|label| label.len() + 1).sum::<usize>() < 255
    })
}

/// The bytes that a name's text stands for.
fn unescaped(name: &str) -> Vec<Vec<u8>> {
    if name == "." {
        return vec![];
    }
    let mut labels = vec![vec![]];
    let mut rest = name.bytes();
    while let Some(byte) = rest.next() {
        let byte = match byte {
            b'.' => {
                labels.push(vec![]);
                continue;
            }
            b'\\' => match rest.next().unwrap() {
                digit if digit.is_ascii_digit() => {
                    let mut number = u32::from(digit - b'0');
                    for _ in 0..2 {
                        number = number * 10 + u32::from(rest.next().unwrap() - b'0');
                    }
                    u8::try_from(number).unwrap()
                }
                plain => plain,
            },
            plain => plain,
        };
        labels.last_mut().unwrap().push(byte);
    }
    labels
}

proptest! {
    #[test]
    fn reads_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600), extra in 0_u32..2) {
        let original = u32::try_from(bytes.len()).unwrap() + extra;
        let _ = Message::parse(&Text { bytes: bytes.into(), original: Some(original) });
    }

    /// Bytes that look like a message to begin with get further.
    #[test]
    fn reads_any_sections(
        counts in prop::array::uniform4(0_u16..4),
        tail in prop::collection::vec(prop_oneof![Just(0), Just(0xc0), Just(12), 0_u8..70], 0..300),
    ) {
        let mut bytes = Encoder::new(7, ANSWER).bytes();
        for (place, count) in bytes[4..].chunks_mut(2).zip(counts) {
            place.copy_from_slice(&count.to_be_bytes());
        }
        bytes.extend(tail);
        let message = parse(&bytes);
        prop_assert!(message.answers.len() <= usize::from(counts[1]));
        prop_assert!(message.error.is_some() || message.answers.len() == usize::from(counts[1]));
    }

    #[test]
    fn says_what_was_encoded(
        id in any::<u16>(),
        question in labels(),
        answers in prop::collection::vec((labels(), any::<u32>(), any::<[u8; 4]>()), 0..5),
        at in any::<prop::sample::Index>(),
    ) {
        fn refer(labels: &[Vec<u8>]) -> Vec<&[u8]> {
            labels.iter().map(Vec::as_slice).collect()
        }
        let mut encoder = Encoder::new(id, ANSWER).question(&refer(&question), A);
        let question_end = encoder.len();
        for (name, ttl, address) in &answers {
            encoder = encoder.answer(&refer(name), A, *ttl, address);
        }
        let bytes = encoder.bytes();
        let message = parse(&bytes);
        prop_assert_eq!(message.id, id);
        prop_assert_eq!(message.error, None);
        prop_assert_eq!(unescaped(&message.question.as_ref().unwrap().name), question);
        let read: Vec<_> = message
            .answers
            .iter()
            .map(|answer| (unescaped(&answer.name), answer.ttl, answer.address.unwrap()))
            .collect();
        let encoded: Vec<_> = answers
            .into_iter()
            .map(|(name, ttl, address)| (name, ttl, IpAddr::from(address)))
            .collect();
        prop_assert_eq!(read, encoded);

        // Of a message of which only the first bytes were captured, what is in those.
        let at = question_end + at.index(bytes.len() - question_end + 1);
        let part = Message::parse(&cut(&bytes, at)).unwrap();
        prop_assert_eq!(part.error, None);
        prop_assert_eq!(part.truncated, at < bytes.len());
        prop_assert_eq!(part.question, message.question);
        prop_assert!(message.answers.starts_with(&part.answers));
    }
}
