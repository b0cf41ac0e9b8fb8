//! DNS over UDP: every question and every answer, as its bytes have it.

pub mod broken;
mod talk;
mod wire;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use anyhow::Result;
use serde_json::json;

use crate::expect::Expect;
use crate::portrait::Portrait;
use crate::scenario::{Context, Outcome, Scenario};

use super::flow::{self, End, UDP, check_all, sees_packets};
use super::puppet::Done;
use talk::{Talk, hex};
use wire::{A, AAAA, ANY, CNAME, MX, Message, TXT, name, name_and, same};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "network/dns-ipv4",
        play: |context| lookup(context, HOST4),
    },
    Scenario {
        name: "network/dns-ipv6",
        play: |context| lookup(context, HOST6),
    },
    Scenario {
        name: "network/dns-connected",
        play: connected,
    },
    Scenario {
        name: "network/dns-codes",
        play: codes,
    },
    Scenario {
        name: "network/dns-odd-names",
        play: odd_names,
    },
    Scenario {
        name: "network/dns-every-time",
        play: every_time,
    },
    Scenario {
        name: "network/dns-peeked",
        play: peeked,
    },
];

/// An address of this host at which nobody else is asked.
pub const HOST4: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 53, 7, 1));
const HOST6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// Bits of a header: it answers, it knows, it was cut, others are to be asked, others can be,
/// signatures were checked, they need not be.
pub const ANSWER: u16 = 0x8000;
const AUTHORITATIVE: u16 = 0x0400;
const CUT: u16 = 0x0200;
const RECURSION: u16 = 0x0100;
const RECURSES: u16 = 0x0080;
const CHECKED: u16 = 0x0020;
const UNCHECKED: u16 = 0x0010;

impl Expect {
    /// A message's header. `flags` are those that are set.
    #[must_use]
    pub fn header(self, id: u16, flags: &[&str]) -> Self {
        self.is("dns.id", id.to_string())
            .is("dns.op_code", "QUERY")
            .has(
                "dns.header_flags",
                (!flags.is_empty()).then(|| json!(flags)),
            )
    }

    /// What a message asks, in the class of the internet.
    #[must_use]
    pub fn asked(self, name: &str, kind: &str) -> Self {
        self.is("dns.question.name", name)
            .is("dns.question.type", kind)
            .is("dns.question.class", "IN")
    }
}

/// Records of many types, some of whose names are in other places of the message.
fn lookup(context: &Context<'_>, host: IpAddr) -> Result<Outcome> {
    let www = name(&[b"www", b"example", b"org"]);
    let question = Message::new(0xbeef, RECURSION | CHECKED)
        .question(&www, ANY)
        .edns(0, true);
    // The name of the question begins at 12, its second label at 16.
    let web = name_and(&[b"web"], 16);
    let mail = [&[0, 10][..], &name_and(&[b"mx"], 16)].concat();
    let answer = Message::new(0xbeef, ANSWER | RECURSION | RECURSES | UNCHECKED)
        .question(&www, ANY)
        .answer(&same(), CNAME, 300, &web)
        .answer(&web, A, 60, &[192, 0, 2, 7])
        .answer(&web, A, 0, &[198, 51, 100, 8])
        .answer(&web, AAAA, 0x7fff_ffff, &LONG_ADDRESS)
        .answer(&same(), MX, 9, &mail)
        .answer(&same(), TXT, 9, b"\x0dv=spf1 \"a\" \\\x07\x02bc")
        .answer(&same(), 65280, 9, &[1, 0xff]);

    let mut talk = Talk::begin(context, host)?;
    let (asked, answered) = talk.exchange(&question, &answer)?;
    let events = context.settle()?;
    let who = &talk.client.who;
    let records = json!([
        record("www.example.org", "CNAME", 300, "web.example.org"),
        record("web.example.org", "A", 60, "192.0.2.7"),
        record("web.example.org", "A", 0, "198.51.100.8"),
        record("web.example.org", "AAAA", 0x7fff_ffff, "2001:db8::1"),
        record("www.example.org", "MX", 9, "10 mx.example.org."),
        record("www.example.org", "TXT", 9, r#""v=spf1 \"a\" \\\007" "bc""#),
        record("www.example.org", "TYPE65280", 9, "\\# 2 01 ff"),
    ]);
    let expected = [
        talk.question(context, who, &asked)?
            .header(0xbeef, &["RD", "AD", "DO"])
            .asked("www.example.org", "ANY"),
        talk.answer(context, who, &answered)?
            .header(0xbeef, &["RD", "RA", "CD"])
            .asked("www.example.org", "ANY")
            .is("dns.response_code", "NOERROR")
            .is("dns.answers", records)
            .is(
                "dns.resolved_ip",
                json!(["192.0.2.7", "198.51.100.8", "2001:db8::1"]),
            ),
    ];
    talk.check(context, &events, &expected)?;
    Ok(Outcome::Passed)
}

/// 2001:db8::1
const LONG_ADDRESS: [u8; 16] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

/// An answer as events have it.
pub fn record(name: &str, kind: &str, ttl: u32, data: &str) -> serde_json::Value {
    json!({"name": name, "type": kind, "class": "IN", "ttl": ttl, "data": data})
}

/// A socket that has the server for its peer, as resolvers use. Who receives does not ask from whom.
fn connected(context: &Context<'_>) -> Result<Outcome> {
    let question = Message::new(7, RECURSION).question(&name(&[b"example"]), AAAA);
    let answer = Message::new(7, ANSWER | AUTHORITATIVE)
        .question(&name(&[b"example"]), AAAA)
        .answer(&same(), AAAA, 1, &LONG_ADDRESS);
    let mut talk = Talk::begin(context, HOST4)?;
    let connect = talk.client.does(format!("connect c {}", talk.far))?;
    let asked = talk.sends(format!("send c {}", hex(question.bytes())))?;
    let near = talk.near()?;
    talk.server
        .does(format!("send s {} {near}", hex(answer.bytes())))?;
    let answered = talk.client.does("receive c 1")?;

    let events = context.settle()?;
    let who = &talk.client.who;
    let connect =
        flow::connect(context, who, UDP, End::UNKNOWN, talk.far.into()).within(connect.window);
    let mut expected = vec![connect];
    if sees_packets(context, "udp send") {
        expected.extend([
            talk.question(context, who, &asked)?
                .header(7, &["RD"])
                .asked("example", "AAAA"),
            talk.answer(context, who, &answered)?
                .header(7, &["AA"])
                .asked("example", "AAAA")
                .is("dns.response_code", "NOERROR")
                .is(
                    "dns.answers",
                    json!([record("example", "AAAA", 1, "2001:db8::1")]),
                )
                .is("dns.resolved_ip", json!(["2001:db8::1"])),
        ]);
    }
    check_all(context, &events, who.pid, &expected);
    Ok(Outcome::Passed)
}

/// Kinds of questions and answers, some of which have no name.
fn codes(context: &Context<'_>) -> Result<Outcome> {
    // The operation's bits of the header, the code's, those of EDNS if there are any, and the names.
    let cases = [
        (0, 3, None, "QUERY", "NXDOMAIN"),
        (0, 2, None, "QUERY", "SERVFAIL"),
        (2, 5, None, "STATUS", "REFUSED"),
        (4, 4, None, "NOTIFY", "NOTIMP"),
        (5, 0, Some(1), "UPDATE", "BADVERS"),
        (9, 15, Some(0xff), "9", "4095"),
    ];
    let example = name(&[b"example"]);
    let mut talk = Talk::begin(context, HOST4)?;
    let mut expected = Vec::new();
    for (operation, code, more, op_code, response_code) in cases {
        let question = Message::new(operation, operation << 11).question(&example, A);
        let bits = ANSWER | CUT | operation << 11 | code;
        let mut answer = Message::new(operation, bits).question(&example, A);
        if let Some(more) = more {
            answer = answer.edns(more, false);
        }
        let (asked, answered) = talk.exchange(&question, &answer)?;
        let who = &talk.client.who;
        expected.extend([
            talk.question(context, who, &asked)?
                .header(operation, &[])
                .is("dns.op_code", op_code)
                .asked("example", "A"),
            talk.answer(context, who, &answered)?
                .header(operation, &["TC"])
                .is("dns.op_code", op_code)
                .asked("example", "A")
                .is("dns.response_code", response_code),
        ]);
    }
    let events = context.settle()?;
    talk.check(context, &events, &expected)?;
    Ok(Outcome::Passed)
}

/// A label may hold any bytes: none of them reaches a terminal, and no two names look the same.
fn odd_names(context: &Context<'_>) -> Result<Outcome> {
    let long = [b'a'; 63];
    let longest = [&long[..], &long, &long, &long[..61]];
    let long_text = "a".repeat(63);
    let longest_text = format!("{long_text}.{long_text}.{long_text}.{}", "a".repeat(61));
    let cases: [(&[&[u8]], &str); 7] = [
        (&[], "."),
        (&[b"wWw", b"eXample"], "wWw.eXample"),
        (&[b"a.b", b"c d", b"e\\f"], r"a\.b.c\ d.e\\f"),
        (&[b"\x1b[2J\n\0"], r"\027[2J\010\000"),
        (&["\u{e4}".as_bytes(), b"\xff\x7f"], r"\195\164.\255\127"),
        (
            &[b"_dns-sd", b"\"quoted\"", b"$*@;()"],
            r#"_dns-sd."quoted".$*@;()"#,
        ),
        (&longest, &longest_text),
    ];
    let mut talk = Talk::begin(context, HOST4)?;
    let mut expected = Vec::new();
    for (labels, text) in cases {
        let question = Message::new(1, 0).question_of_class(&name(labels), 65280, 3);
        let answer = Message::new(1, ANSWER).answer(&name(labels), CNAME, 1, &name(labels));
        let (asked, answered) = talk.exchange(&question, &answer)?;
        let who = &talk.client.who;
        expected.extend([
            talk.question(context, who, &asked)?
                .header(1, &[])
                .is("dns.question.name", text)
                .is("dns.question.type", "TYPE65280")
                .is("dns.question.class", "CH"),
            talk.answer(context, who, &answered)?
                .header(1, &[])
                .is("dns.response_code", "NOERROR")
                .is("dns.answers", json!([record(text, "CNAME", 1, text)])),
        ]);
    }
    let events = context.settle()?;
    talk.check(context, &events, &expected)?;
    Ok(Outcome::Passed)
}

/// Not the first only, and of each who it was: the process, another thread, a child.
fn every_time(context: &Context<'_>) -> Result<Outcome> {
    let example = name(&[b"example"]);
    let question = Message::new(1, 0).question(&example, A);
    let answer = Message::new(1, ANSWER).question(&example, A);
    let mut talk = Talk::begin(context, HOST4)?;
    let both = |talk: &Talk, who: [&Portrait; 2], asked: &Done, answered: &Done| {
        let [asker, hearer] = who;
        let question = talk.question(context, asker, asked)?;
        let answer = talk.answer(context, hearer, answered)?;
        anyhow::Ok([
            question.header(1, &[]).asked("example", "A"),
            answer
                .header(1, &[])
                .asked("example", "A")
                .is("dns.response_code", "NOERROR"),
        ])
    };
    let who = talk.client.who.clone();
    let mut expected = Vec::new();
    for _ in 0..2 {
        let (asked, answered) = talk.exchange(&question, &answer)?;
        expected.extend(both(&talk, [&who, &who], &asked, &answered)?);
    }
    talk.client.forks()?;
    let child = talk.client.who.clone();
    let (asked, answered) = talk.exchange(&question, &answer)?;
    let by_child = if sees_packets(context, "udp send") {
        both(&talk, [&child, &child], &asked, &answered)?.into()
    } else {
        let sent = flow::sent(context, &child, talk.near()?, talk.far, 0);
        vec![sent.within(asked.window)]
    };
    talk.client.ends_child()?;

    let command = format!("send c {} {}", hex(question.bytes()), talk.far);
    let asked = talk.sends(format!("in-thread {command}"))?;
    let answered = talk.answers(answer.bytes())?;
    let asker = Portrait {
        thread: asked.thread()?,
        ..who.clone()
    };
    context.claim(asker.thread != asker.pid, "another thread asked");
    expected.extend(both(&talk, [&asker, &who], &asked, &answered)?);

    let events = context.settle()?;
    talk.check(context, &events, &expected)?;
    check_all(context, &events, child.pid, &by_child);
    Ok(Outcome::Passed)
}

/// An answer that was looked at before it was received came once.
fn peeked(context: &Context<'_>) -> Result<Outcome> {
    let question = Message::new(1, 0).question(&name(&[b"example"]), A);
    let answer = Message::new(1, ANSWER | 3);
    let mut talk = Talk::begin(context, HOST4)?;
    let asked = talk.asks(question.bytes())?;
    let near = talk.near()?;
    talk.server
        .does(format!("send s {} {near}", hex(answer.bytes())))?;
    talk.client.does("peek-from c")?;
    talk.client.does("peek-from c")?;
    let answered = talk.client.does("receive-from c")?;

    let events = context.settle()?;
    let who = &talk.client.who;
    let expected = [
        talk.question(context, who, &asked)?
            .header(1, &[])
            .asked("example", "A"),
        talk.answer(context, who, &answered)?
            .header(1, &[])
            .is("dns.response_code", "NXDOMAIN"),
    ];
    talk.check(context, &events, &expected)?;
    Ok(Outcome::Passed)
}
