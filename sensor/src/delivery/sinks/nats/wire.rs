//! The text protocol: what a server says, and how documents are published.

use std::{fmt, str};

use bytes::{Buf, Bytes, BytesMut};
use serde::Deserialize;

/// What a server says.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// What it is, when a client comes and when it changes.
    Info(Box<Info>),
    /// A message on the subject that we listen on.
    Message(Message),
    /// It wants to know whether we are there.
    Ping,
    /// It is there.
    Pong,
    /// It did as it was told.
    Accepted,
    /// It did not; the words are its own, without their quotes.
    Error(String),
}

/// What a server says of itself. What it leaves out it has not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Info {
    /// For a person.
    pub server_name: String,
    /// Whether messages may have headers.
    pub headers: bool,
    /// Most bytes of a message, headers included.
    pub max_payload: usize,
    /// It speaks TLS only.
    pub tls_required: bool,
    /// It speaks TLS if the client wants to.
    pub tls_available: bool,
    /// What a client signs to show who it is.
    pub nonce: Option<String>,
    /// It is about to go away.
    #[serde(rename = "ldm")]
    pub leaving: bool,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its subject.
    pub subject: String,
    /// The status in its headers, which only the server itself writes.
    pub status: Option<u16>,
    /// The text.
    pub payload: Bytes,
}

/// A server says what no server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(&'static str);

/// Most bytes of a line. That with the names of a cluster's servers is the longest.
const LINE_MAX: usize = 64 << 10;

/// Most bytes of a message for us. Acknowledgements have about a hundred.
const MESSAGE_MAX: usize = 64 << 10;

const HEADER_VERSION: &[u8] = b"NATS/1.0";

/// Takes the next operation from what was read; none if it is not complete.
///
/// # Errors
///
/// If it is none of the protocol's, or longer than anything that is meant for us.
pub fn take(read: &mut BytesMut) -> Result<Option<Operation>, Malformed> {
    let Some(length) = read.windows(2).position(|two| two == b"\r\n") else {
        return if read.len() > LINE_MAX {
            Err(Malformed("a line without an end"))
        } else {
            Ok(None)
        };
    };
    let line = read.get(..length).unwrap_or_default();
    let line = str::from_utf8(line).map_err(|_| Malformed("a line that is not UTF-8"))?;
    let (name, rest) = line
        .split_once([' ', '\t'])
        .map_or((line, ""), |(name, rest)| (name, rest.trim()));
    let operation = match name.to_ascii_uppercase().as_str() {
        "INFO" => Operation::Info(
            serde_json::from_str(rest).map_err(|_| Malformed("INFO that is not JSON"))?,
        ),
        "PING" => Operation::Ping,
        "PONG" => Operation::Pong,
        "+OK" => Operation::Accepted,
        "-ERR" => Operation::Error(rest.trim_matches('\'').to_owned()),
        "MSG" => return Announced::parse(rest, false)?.take(length + 2, read),
        "HMSG" => return Announced::parse(rest, true)?.take(length + 2, read),
        _ => return Err(Malformed("an operation that is not known")),
    };
    read.advance(length + 2);
    Ok(Some(operation))
}

/// A message whose line was read.
struct Announced {
    subject: String,
    /// Bytes of the headers, and of all.
    headers: usize,
    size: usize,
}

const WRONG_SIZES: Malformed = Malformed("a message whose sizes are wrong");

impl Announced {
    /// Reads a line without its name: `subject sid [reply] [size of headers] size`.
    fn parse(line: &str, has_headers: bool) -> Result<Self, Malformed> {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let (subject, headers, size) = match (has_headers, words.as_slice()) {
            (false, [subject, _, size] | [subject, _, _, size]) => (*subject, "0", *size),
            (true, [subject, _, headers, size] | [subject, _, _, headers, size]) => {
                (*subject, *headers, *size)
            }
            _ => return Err(WRONG_SIZES),
        };
        match (headers.parse(), size.parse()) {
            (Ok(headers), Ok(size)) if headers <= size && size <= MESSAGE_MAX => Ok(Self {
                subject: subject.to_owned(),
                headers,
                size,
            }),
            _ => Err(WRONG_SIZES),
        }
    }

    /// Takes the message after a line of so many bytes; none if it is not complete.
    fn take(self, line_length: usize, read: &mut BytesMut) -> Result<Option<Operation>, Malformed> {
        if read.len() < line_length + self.size + 2 {
            return Ok(None);
        }
        read.advance(line_length);
        let headers = read.split_to(self.headers);
        let payload = read.split_to(self.size - self.headers).freeze();
        if read.split_to(2) != b"\r\n"[..] {
            return Err(WRONG_SIZES);
        }
        Ok(Some(Operation::Message(Message {
            subject: self.subject,
            status: status(&headers),
            payload,
        })))
    }
}

/// The status in the first line of headers: `NATS/1.0 503 ...`.
fn status(headers: &[u8]) -> Option<u16> {
    let line = headers.strip_prefix(HEADER_VERSION)?.strip_prefix(b" ")?;
    str::from_utf8(line.get(..3)?).ok()?.parse().ok()
}

/// Bytes of a message as the server counts them against its limit, without its document.
#[must_use]
pub fn overhead(id: &str) -> usize {
    HEADER_VERSION.len() + 2 + MESSAGE_ID.len() + id.len() + 4
}

/// By which a stream recognises what it has already.
const MESSAGE_ID: &[u8] = b"Nats-Msg-Id: ";

/// Appends what publishes a document and asks for an answer on `reply`.
pub fn publish(subject: &[u8], reply: &str, id: &str, document: &[u8], out: &mut BytesMut) {
    let headers = overhead(id);
    out.extend_from_slice(b"HPUB ");
    out.extend_from_slice(subject);
    let sizes = format!(" {reply} {headers} {}\r\n", headers + document.len());
    out.extend_from_slice(sizes.as_bytes());
    for part in [
        HEADER_VERSION,
        b"\r\n",
        MESSAGE_ID,
        id.as_bytes(),
        b"\r\n\r\n",
        document,
        b"\r\n",
    ] {
        out.extend_from_slice(part);
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "what answers is no NATS server: it sent {}",
            self.0
        )
    }
}

impl std::error::Error for Malformed {}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(text: &[u8]) -> Result<Vec<Operation>, Malformed> {
        let mut read = BytesMut::from(text);
        let mut operations = Vec::new();
        while let Some(operation) = take(&mut read)? {
            operations.push(operation);
        }
        Ok(operations)
    }

    #[test]
    fn operations_are_read() {
        let text = b"INFO {\"server_name\":\"n\",\"headers\":true,\"max_payload\":9,\"new\":{}}\r\n\
            PING\r\npong\r\n+OK\r\n-ERR 'Authorization Violation'\r\n\
            MSG a.1 1 2\r\n{}\r\nMSG a.2 1 r 0\r\n\r\nHMSG a.3 1 16 18\r\nNATS/1.0 503\r\n\r\nab\r\n";
        let operations = all(text).unwrap();
        let message = |subject: &str, status, payload: &'static [u8]| {
            Operation::Message(Message {
                subject: subject.into(),
                status,
                payload: payload.into(),
            })
        };
        let info = Info {
            server_name: "n".into(),
            headers: true,
            max_payload: 9,
            ..Info::default()
        };
        assert_eq!(
            operations,
            [
                Operation::Info(Box::new(info)),
                Operation::Ping,
                Operation::Pong,
                Operation::Accepted,
                Operation::Error("Authorization Violation".into()),
                message("a.1", None, b"{}"),
                message("a.2", None, b""),
                message("a.3", Some(503), b"ab"),
            ]
        );
        // However it is cut, what is whole is read and what is not is waited for.
        for cut in 0..text.len() {
            let begun = all(&text[..cut]).unwrap();
            assert_eq!(begun, operations[..begun.len()]);
        }
    }

    #[test]
    fn what_no_server_says_is_refused() {
        for wrong in [
            "HTTP/1.1 400 Bad Request\r\n",
            "INFO x\r\n",
            "MSG\r\n",
            "MSG a 1\r\n",
            "MSG a 1 x\r\n",
            "MSG a 1 99999999\r\n",
            "MSG a 1 18446744073709551615\r\n",
            "MSG a 1 2\r\nabcd",
            "HMSG a 1 3 2\r\n",
            "\u{fffd}\r\n",
        ] {
            all(wrong.as_bytes()).expect_err(wrong);
        }
        all(&vec![b'x'; LINE_MAX + 1]).unwrap_err();
    }

    #[test]
    fn a_document_is_published_with_its_id() {
        let mut out = BytesMut::new();
        publish(b"s.x", "i.7", "1-a", b"{}", &mut out);
        let expected = "HPUB s.x i.7 30 32\r\nNATS/1.0\r\nNats-Msg-Id: 1-a\r\n\r\n{}\r\n";
        assert_eq!(out, expected.as_bytes());
        assert_eq!("NATS/1.0\r\nNats-Msg-Id: 1-a\r\n\r\n".len(), 30);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, operation in "(MSG|HMSG|INFO|PING)? ?[a-z]? ?[0-9 ]{0,8}\r?\n?") {
            let _ = all(&bytes);
            let _ = all(operation.as_bytes());
        }

        #[test]
        fn what_is_published_has_the_sizes_it_says(id in "[0-9a-f-]{1,40}", document: Vec<u8>) {
            let mut out = BytesMut::new();
            publish(b"s", "r", &id, &document, &mut out);
            // A message for a client looks the same but for its name and the number of a subscription.
            let text = out.to_vec();
            let mut delivered = BytesMut::from(&b"HMSG s 1 r"[..]);
            delivered.extend_from_slice(&text[b"HPUB s r".len()..]);
            let taken = take(&mut delivered).unwrap();
            prop_assert_eq!(taken, Some(Operation::Message(Message {
                subject: "s".into(),
                status: None,
                payload: document.into(),
            })));
            prop_assert!(delivered.is_empty());
        }
    }
}
