//! DNS messages: what was asked, and what came back.
//!
//! Messages come from the network and may say anything. What can be read of one is kept, and why the
//! rest cannot is said beside it.

use std::{borrow::Cow, fmt, net::IpAddr};

use domain::{
    base::{
        Message as WireMessage, ParsedName, ParsedRecord, header::Header, rdata::UnknownRecordData,
        wire::ParseError,
    },
    rdata::AllRecordData,
};
use thiserror::Error;

use super::Text;

/// A DNS message, as far as it can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The id that a question and its answer share.
    pub id: u16,
    /// Whether it answers; else it asks.
    pub is_answer: bool,
    /// What is wanted: `QUERY`, `UPDATE`, ...; a number where it has no name.
    pub op_code: Cow<'static, str>,
    /// The flags that are set.
    pub header_flags: Vec<HeaderFlag>,
    /// The first question; servers answer no message that has several.
    pub question: Option<Question>,
    /// Of an answer, how it went: `NOERROR`, `NXDOMAIN`, ...; a number where it has no name.
    pub response_code: Option<Cow<'static, str>>,
    /// The answer section.
    pub answers: Vec<Answer>,
    /// Whether not all of its bytes were captured.
    pub truncated: bool,
    /// Why not all of the captured bytes can be read.
    pub error: Option<MessageError>,
}

/// A flag of a DNS message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderFlag {
    /// The server is the one that knows.
    AuthoritativeAnswer,
    /// The message was cut to fit.
    Truncated,
    /// The server shall ask others.
    RecursionDesired,
    /// The server can ask others.
    RecursionAvailable,
    /// The server has checked the signatures.
    AuthenticData,
    /// The server need not check signatures.
    CheckingDisabled,
    /// Signatures are wanted (EDNS).
    DnssecOk,
}

/// What a DNS message asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name, see [`Answer::name`].
    pub name: String,
    /// The type of record: `A`, `MX`, ...; `TYPE65280` where it has no name.
    pub kind: String,
    /// The class: `IN`, ...; `CLASS17` where it has no name.
    pub class: String,
}

/// A record of a DNS message's answer section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The name, as it was sent, without the final dot (the root is `.`). Bytes that do not print
    /// are `\` and three decimal digits; a dot, space or `\` inside a label has a `\` before it.
    pub name: String,
    /// As [`Question::kind`].
    pub kind: String,
    /// As [`Question::class`].
    pub class: String,
    /// Seconds that it may be kept.
    pub ttl: u32,
    /// What it says, as a zone file would; a name without the final dot.
    pub data: String,
    /// What it says, if that is an address.
    pub address: Option<IpAddr>,
}

/// Why a DNS message cannot be read, or not to its end.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum MessageError {
    /// It is shorter than a header.
    #[error("the message is shorter than a DNS header")]
    Short,
    /// It may well have a header, which was not captured.
    #[error("less than a DNS header was captured")]
    NotCaptured,
    /// A part of it is not as its format demands.
    #[error("the {0} section is malformed")]
    Malformed(Section),
    /// It ends before its sections do.
    #[error("the message ends inside its {0} section")]
    Incomplete(Section),
}

/// A part of a DNS message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// What is asked.
    Question,
    /// What is answered.
    Answer,
}

impl Message {
    /// Reads a message, as much of it as can be.
    ///
    /// # Errors
    ///
    /// If there is not even a header. What is wrong behind that is in [`Message::error`].
    pub fn parse(text: &Text) -> Result<Self, MessageError> {
        let wire = WireMessage::from_slice(&text.bytes).map_err(|_| {
            if text.is_truncated() {
                MessageError::NotCaptured
            } else {
                MessageError::Short
            }
        })?;
        let header = wire.header();
        let mut message = Self {
            id: header.id(),
            is_answer: header.qr(),
            op_code: name_or(header.opcode().to_mnemonic_str(), &header.opcode().to_int()),
            header_flags: header_flags(header),
            question: None,
            response_code: None,
            answers: Vec::new(),
            truncated: text.is_truncated(),
            error: None,
        };
        message.read_edns(wire);
        match message.read_sections(wire) {
            // That bytes which were not captured cannot be read is no fault of the message.
            Err(MessageError::Incomplete(_)) if message.truncated => {}
            result => message.error = result.err(),
        }
        Ok(message)
    }

    /// The addresses that the name was resolved to.
    pub fn resolved_addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.answers.iter().filter_map(|answer| answer.address)
    }

    fn read_edns(&mut self, wire: &WireMessage<[u8]>) {
        let edns = wire.opt();
        if edns.as_ref().is_some_and(|edns| edns.dnssec_ok()) {
            self.header_flags.push(HeaderFlag::DnssecOk);
        }
        if self.is_answer {
            let code = edns.map_or_else(
                || wire.header().rcode().into(),
                |edns| edns.rcode(wire.header()),
            );
            self.response_code = Some(name_or(code.to_mnemonic_str(), &code.to_int()));
        }
    }

    fn read_sections(&mut self, wire: &WireMessage<[u8]>) -> Result<(), MessageError> {
        let mut questions = wire.question();
        if let Some(question) = questions.next() {
            let question = question.map_err(|error| at(Section::Question, error))?;
            self.question = Some(Question {
                name: name(question.qname()),
                kind: question.qtype().to_string(),
                class: question.qclass().to_string(),
            });
        }
        let answers = questions
            .answer()
            .map_err(|error| at(Section::Question, error))?;
        let mut result = Ok(());
        for record in answers {
            let record = record.map_err(|error| at(Section::Answer, error))?;
            let (answer, readable) = read_answer(&record);
            self.answers.push(answer);
            // One record that lies about its type does not hide those behind it.
            if readable.is_err() {
                result = Err(MessageError::Malformed(Section::Answer));
            }
        }
        result
    }
}

impl HeaderFlag {
    /// Its two letters.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthoritativeAnswer => "AA",
            Self::Truncated => "TC",
            Self::RecursionDesired => "RD",
            Self::RecursionAvailable => "RA",
            Self::AuthenticData => "AD",
            Self::CheckingDisabled => "CD",
            Self::DnssecOk => "DO",
        }
    }
}

impl fmt::Display for Section {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Question => "question",
            Self::Answer => "answer",
        })
    }
}

const fn at(section: Section, error: ParseError) -> MessageError {
    match error {
        ParseError::ShortInput => MessageError::Incomplete(section),
        ParseError::Form(_) => MessageError::Malformed(section),
    }
}

fn header_flags(header: Header) -> Vec<HeaderFlag> {
    [
        (header.aa(), HeaderFlag::AuthoritativeAnswer),
        (header.tc(), HeaderFlag::Truncated),
        (header.rd(), HeaderFlag::RecursionDesired),
        (header.ra(), HeaderFlag::RecursionAvailable),
        (header.ad(), HeaderFlag::AuthenticData),
        (header.cd(), HeaderFlag::CheckingDisabled),
    ]
    .into_iter()
    .filter_map(|(is_set, flag)| is_set.then_some(flag))
    .collect()
}

fn name_or(name: Option<&'static str>, number: &impl ToString) -> Cow<'static, str> {
    name.map_or_else(|| number.to_string().into(), Cow::Borrowed)
}

fn name(name: &ParsedName<&[u8]>) -> String {
    if name.is_root() {
        ".".to_owned()
    } else {
        name.to_string()
    }
}

fn read_answer(record: &ParsedRecord<'_, [u8]>) -> (Answer, Result<(), ParseError>) {
    let (data, address, result) = match record.to_any_record::<Data<'_>>() {
        Ok(record) => {
            let address = match record.data() {
                AllRecordData::A(a) => Some(IpAddr::V4(a.addr())),
                AllRecordData::Aaaa(aaaa) => Some(IpAddr::V6(aaaa.addr())),
                _ => None,
            };
            (data_text(record.data()), address, Ok(()))
        }
        Err(error) => (raw_data(record), None, Err(error)),
    };
    let answer = Answer {
        name: name(&record.owner()),
        kind: record.rtype().to_string(),
        class: record.class().to_string(),
        ttl: record.ttl().as_secs(),
        data,
        address,
    };
    (answer, result)
}

type Data<'a> = AllRecordData<&'a [u8], ParsedName<&'a [u8]>>;

fn data_text(data: &Data<'_>) -> String {
    match data {
        AllRecordData::Cname(cname) => name(cname.cname()),
        AllRecordData::Dname(dname) => name(dname.dname()),
        AllRecordData::Ns(ns) => name(ns.nsdname()),
        AllRecordData::Ptr(ptr) => name(ptr.ptrdname()),
        data => data.to_string(),
    }
}

/// Data that is not what its type says, in the notation for types without one (RFC 3597).
fn raw_data(record: &ParsedRecord<'_, [u8]>) -> String {
    match record.to_record::<UnknownRecordData<&[u8]>>() {
        Ok(Some(record)) => record.data().to_string(),
        _ => String::new(),
    }
}

#[cfg(test)]
pub(crate) mod encoder;
#[cfg(test)]
mod tests;
