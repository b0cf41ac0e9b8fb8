//! DNS messages that are not as they should be, or longer than what is captured.

use std::net::SocketAddr;

use anyhow::Result;
use serde_json::json;

use crate::base64::base64;
use crate::expect::Expect;
use crate::scenario::{Context, Outcome, Scenario};

use super::super::flow::{self, UDP, check_all, sees_packets};
use super::super::puppet::Puppet;
use super::super::udp::opens;
use super::talk::{Talk, hex};
use super::wire::{A, Message, TXT, name, name_and, same};
use super::{ANSWER, HOST4, record};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "network/dns-malformed",
        play: malformed,
    },
    Scenario {
        name: "network/dns-not-a-message",
        play: not_a_message,
    },
    Scenario {
        name: "network/dns-sizes",
        play: sizes,
    },
    Scenario {
        name: "network/dns-in-pages",
        play: in_pages,
    },
    Scenario {
        name: "network/dns-by-two-calls",
        play: by_two_calls,
    },
    Scenario {
        name: "network/dns-fragments",
        play: fragments,
    },
];

/// As much of a message as is captured.
const CAPTURED: usize = 1392;

impl Expect {
    /// A message that cannot be read to its end.
    fn broken(self, error: &str, message: &Message) -> Self {
        self.is("sensor.dns.error", error)
            .is("sensor.dns.message_base64", base64(message.bytes()))
    }

    /// A message of which not all bytes were captured.
    fn truncated(self, is_truncated: bool) -> Self {
        self.has("sensor.dns.truncated", is_truncated.then_some(true))
    }
}

/// What can be read is told, and why the rest cannot.
fn malformed(context: &Context<'_>) -> Result<Outcome> {
    let example = name(&[b"example"]);
    let question = || Message::new(9, 0).question(&example, A);
    let answer = || Message::new(9, ANSWER).question(&example, A);
    let cut = |message: Message, bytes: usize| {
        let length = message.bytes().len() - bytes;
        message.cut(length)
    };
    let mut talk = Talk::begin(context, HOST4)?;
    let mut expected = Vec::new();

    for (message, error) in [
        (
            cut(question(), 1),
            "the message ends inside its question section",
        ),
        (
            Message::new(9, 0).with_missing_question(),
            "the message ends inside its question section",
        ),
        (
            // A name that is at its own place.
            Message::new(9, 0).question(&same(), A),
            "the question section is malformed",
        ),
        (
            // A name that goes on after itself.
            Message::new(9, 0).question(&name_and(&[b"a"], 12), A),
            "the question section is malformed",
        ),
        (
            // A label of a kind that there is not.
            Message::new(9, 0).question(&[0x80, 0], A),
            "the question section is malformed",
        ),
    ] {
        let asked = talk.asks(message.bytes())?;
        let expect = talk
            .question(context, &talk.client.who, &asked)?
            .header(9, &[])
            .broken(error, &message);
        expected.push(expect);
    }

    let good = || record("example", "A", 7, "192.0.2.7");
    for (message, error, records) in [
        (
            // Nobody's address has three bytes; what comes after is read all the same.
            answer()
                .answer(&same(), A, 7, &[192, 0, 2])
                .answer(&same(), A, 7, &[192, 0, 2, 7]),
            "the answer section is malformed",
            json!([record("example", "A", 7, r"\# 3 c0 00 02"), good()]),
        ),
        (
            cut(
                answer().answer(&same(), A, 7, &[192, 0, 2, 7]).answer(
                    &same(),
                    A,
                    7,
                    &[192, 0, 2, 8],
                ),
                1,
            ),
            "the message ends inside its answer section",
            json!([good()]),
        ),
        (
            answer().answer(&same(), A, 7, &[192, 0, 2, 7]).answer(
                &[0xff, 0xff],
                A,
                7,
                &[192, 0, 2, 8],
            ),
            "the answer section is malformed",
            json!([good()]),
        ),
    ] {
        let answered = talk.answers(message.bytes())?;
        let expect = talk
            .answer(context, &talk.client.who, &answered)?
            .header(9, &[])
            .asked("example", "A")
            .is("dns.response_code", "NOERROR")
            .is("dns.answers", records)
            .is("dns.resolved_ip", json!(["192.0.2.7"]))
            .broken(error, &message);
        expected.push(expect);
    }
    let events = context.settle()?;
    talk.check(context, &events, &expected)?;
    Ok(Outcome::Passed)
}

/// Bytes that are too few for a header, even none: that they were sent is told all the same.
fn not_a_message(context: &Context<'_>) -> Result<Outcome> {
    let mut talk = Talk::begin(context, HOST4)?;
    let mut expected = Vec::new();
    for length in [11, 1, 0] {
        let message = Message::new(0xffff, 0xffff).cut(length);
        let asked = talk.asks(message.bytes())?;
        let answered = talk.answers(message.bytes())?;
        let broken = |expect: Expect| {
            let expect = expect.broken("the message is shorter than a DNS header", &message);
            if length > 0 {
                return expect;
            }
            expect.absent("sensor.dns.message_base64")
        };
        let who = &talk.client.who;
        expected.push(broken(talk.question(context, who, &asked)?));
        expected.push(broken(talk.answer(context, who, &answered)?));
    }
    let events = context.settle()?;
    talk.check(context, &events, &expected)?;
    Ok(Outcome::Passed)
}

/// Messages about as long as the two sizes that a record has room for, and longer ones.
fn sizes(context: &Context<'_>) -> Result<Outcome> {
    let mut talk = Talk::begin(context, HOST4)?;
    let mut expected = Vec::new();
    for length in [135, 136, 137, CAPTURED - 1, CAPTURED, CAPTURED + 1, 4096] {
        let fits = length <= CAPTURED;
        let example = name(&[b"example"]);
        let (question, _) = Message::new(2, 0).question(&example, TXT).filled(length);
        let (answer, text) = Message::new(2, ANSWER)
            .question(&example, TXT)
            .filled(length);
        let (asked, answered) = talk.exchange(&question, &answer)?;
        let who = &talk.client.who;
        // Of a record that was not captured whole, nothing is told.
        let records = fits.then(|| json!([record("example", "TXT", 5, &text)]));
        expected.extend([
            talk.question(context, who, &asked)?
                .header(2, &[])
                .asked("example", "TXT")
                .has("dns.answers", records.clone())
                .truncated(!fits),
            talk.answer(context, who, &answered)?
                .header(2, &[])
                .asked("example", "TXT")
                .is("dns.response_code", "NOERROR")
                .has("dns.answers", records)
                .truncated(!fits),
        ]);
    }
    let many = many_answers();
    let answered = talk.answers(many.bytes())?;
    expected.push(captured_of_many(talk.answer(
        context,
        &talk.client.who,
        &answered,
    )?));
    let events = context.settle()?;
    talk.check(context, &events, &expected)?;
    Ok(Outcome::Passed)
}

/// A hundred answers: more than are captured.
fn many_answers() -> Message {
    (0..100).fold(
        Message::new(3, ANSWER).question(&name(&[b"example"]), A),
        |message, number| message.answer(&same(), A, 5, &[192, 0, 2, number]),
    )
}

/// What is told of them: as many as were captured whole.
fn captured_of_many(expect: Expect) -> Expect {
    const HEADER_AND_QUESTION: usize = 12 + 9 + 4;
    const ANSWER_BYTES: usize = 16;
    let count = (CAPTURED - HEADER_AND_QUESTION) / ANSWER_BYTES;
    let addresses: Vec<String> = (0..count)
        .map(|number| format!("192.0.2.{number}"))
        .collect();
    let records: Vec<_> = addresses
        .iter()
        .map(|address| record("example", "A", 5, address))
        .collect();
    expect
        .header(3, &[])
        .asked("example", "A")
        .is("dns.response_code", "NOERROR")
        .is("dns.answers", records)
        .is("dns.resolved_ip", addresses)
        .truncated(true)
}

/// A message so long that newer kernels keep it in pages of its own, which no program can read: where
/// that is so, only that there was one can be told.
fn in_pages(context: &Context<'_>) -> Result<Outcome> {
    let is_captured = !context.host.is_at_least(5, 15);
    let example = name(&[b"example"]);
    let (question, _) = Message::new(4, 0).question(&example, TXT).filled(20_000);
    let (answer, _) = Message::new(4, ANSWER)
        .question(&example, TXT)
        .filled(20_000);
    let mut talk = Talk::begin(context, HOST4)?;
    let (asked, answered) = talk.exchange(&question, &answer)?;
    let who = &talk.client.who;
    let part = |expect: Expect| {
        let expect = expect.truncated(true);
        if is_captured {
            return expect.header(4, &[]).asked("example", "TXT");
        }
        expect.is("sensor.dns.error", "less than a DNS header was captured")
    };
    let code = is_captured.then_some("NOERROR");
    let expected = [
        part(talk.question(context, who, &asked)?),
        part(talk.answer(context, who, &answered)?).has("dns.response_code", code),
    ];
    let events = context.settle()?;
    talk.check(context, &events, &expected)?;
    Ok(Outcome::Passed)
}

/// A datagram that several calls put together: the kernel keeps what the later ones add in pages, so that
/// only what the first one sent is captured. That there was a question is told all the same, and to whom.
fn by_two_calls(context: &Context<'_>) -> Result<Outcome> {
    const HEADER: usize = 12;
    let question = Message::new(5, 0).question(&name(&[b"example"]), A);
    let mut talk = Talk::begin(context, HOST4)?;
    let mut expected = Vec::new();
    for length in [HEADER, 0] {
        let asked = talk.asks_by_two_calls(question.bytes(), length)?;
        let expect = talk
            .question(context, &talk.client.who, &asked)?
            .truncated(true);
        expected.push(if length == HEADER {
            expect.header(5, &[])
        } else {
            expect.is("sensor.dns.error", "less than a DNS header was captured")
        });
    }
    let events = context.settle()?;
    talk.check(context, &events, &expected)?;
    Ok(Outcome::Passed)
}

/// An answer that comes in pieces, in a network of its own: the first piece is captured.
fn fragments(context: &Context<'_>) -> Result<Outcome> {
    let mut puppet = Puppet::start(context)?;
    let inode = puppet.does("new-network")?.bytes;
    puppet.who.namespaces.insert("net", inode);
    puppet.does("packet-size 1500")?;
    let far: SocketAddr = "127.0.0.1:53".parse()?;
    puppet.binds("s", "dgram", &far.to_string())?;
    opens(&mut puppet, "c", far.ip())?;
    let question = Message::new(3, 0).question(&name(&[b"example"]), A);
    let asked = puppet.does(format!("send c {} {far}", hex(question.bytes())))?;
    let heard = puppet.does("receive-from s")?;
    let near = heard.peer()?;
    let answer = many_answers();
    puppet.does(format!("send s {} {near}", hex(answer.bytes())))?;
    let answered = puppet.does("receive-from c")?;

    let events = context.settle()?;
    let who = &puppet.who;
    let bind = flow::bind(context, who, UDP, far.into());
    let received = flow::received(context, who, far, near, asked.bytes).within(heard.window);
    let dns = |code, from: SocketAddr, to: SocketAddr| {
        flow::flow(context, code, who, UDP, from.into(), to.into()).is("network.protocol", "dns")
    };
    let expected = if sees_packets(context, "udp send") {
        vec![
            bind,
            dns("dns_question", near, far)
                .within(asked.window)
                .is("dns.type", "query")
                .header(3, &[])
                .asked("example", "A"),
            received,
            captured_of_many(
                dns("dns_answer", far, near)
                    .within(answered.window)
                    .is("network.direction", "ingress")
                    .is("dns.type", "answer"),
            ),
        ]
    } else {
        let sent = flow::sent(context, who, near, far, asked.bytes).within(asked.window);
        vec![bind, sent, received]
    };
    check_all(context, &events, who.pid, &expected);
    Ok(Outcome::Passed)
}
