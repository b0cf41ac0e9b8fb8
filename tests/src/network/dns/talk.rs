//! A process that asks, and one that answers what the scenario wants.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use anyhow::{Context as _, Result};

use crate::event::Events;
use crate::expect::Expect;
use crate::portrait::Portrait;
use crate::scenario::Context;

use super::super::flow::{self, UDP, between, check_all, sees_packets};
use super::super::puppet::{Done, Puppet};
use super::super::udp::opens;
use super::wire::Message;

/// The port of DNS.
const DOMAIN: u16 = 53;

/// A client with the socket `c`, and a server with the socket `s` on the port of DNS.
pub struct Talk {
    /// Who asks.
    pub client: Puppet,
    /// Who answers.
    pub server: Puppet,
    /// The server's end.
    pub far: SocketAddr,
    /// The client's end, once the server has heard of it.
    near: Option<SocketAddr>,
    /// When the server was asked first, and how much it heard then.
    first: Option<(Done, Done)>,
}

impl Talk {
    /// The server is at this address of this host.
    pub fn begin(context: &Context<'_>, host: IpAddr) -> Result<Self> {
        let mut server = Puppet::start(context)?;
        let mut client = Puppet::start(context)?;
        let far = SocketAddr::new(host, DOMAIN);
        server.binds("s", "dgram", &far.to_string())?;
        opens(&mut client, "c", host)?;
        Ok(Self {
            client,
            server,
            far,
            near: None,
            first: None,
        })
    }

    /// The client asks. The message may be anything.
    pub fn asks(&mut self, message: &[u8]) -> Result<Done> {
        let command = format!("send c {} {}", hex(message), self.far);
        self.sends(command)
    }

    /// The client obeys a command that sends a message, which the server receives.
    pub fn sends(&mut self, command: String) -> Result<Done> {
        let sent = self.client.does(command)?;
        self.is_heard(sent)
    }

    /// The client asks by two calls, of which the first has so many bytes.
    pub fn asks_by_two_calls(&mut self, message: &[u8], length: usize) -> Result<Done> {
        let (first, rest) = message.split_at(length);
        let Self { client, far, .. } = self;
        let begun = client.does(format!("send-more c {} {far}", hex(first)))?;
        let mut sent = client.does(format!("send c {} {far}", hex(rest)))?;
        sent.window = between(begun.window, sent.window);
        self.is_heard(sent)
    }

    /// The server receives what the client has sent.
    fn is_heard(&mut self, sent: Done) -> Result<Done> {
        let heard = self.server.does("receive-from s")?;
        self.near = Some(heard.peer()?);
        self.first.get_or_insert_with(|| (sent.clone(), heard));
        Ok(sent)
    }

    /// The server answers who asked last. The message may be anything.
    pub fn answers(&mut self, message: &[u8]) -> Result<Done> {
        let near = self.near()?;
        self.server
            .does(format!("send s {} {near}", hex(message)))?;
        self.client.does("receive-from c")
    }

    /// The client asks and is answered.
    pub fn exchange(&mut self, question: &Message, answer: &Message) -> Result<(Done, Done)> {
        let asked = self.asks(question.bytes())?;
        let answered = self.answers(answer.bytes())?;
        Ok((asked, answered))
    }

    /// The client's end.
    pub fn near(&self) -> Result<SocketAddr> {
        self.near.context("nobody has asked")
    }

    /// What is expected of a question, beyond what is in it.
    pub fn question(&self, context: &Context<'_>, who: &Portrait, asked: &Done) -> Result<Expect> {
        let (near, far) = (self.near()?.into(), self.far.into());
        Ok(flow::flow(context, "dns_question", who, UDP, near, far)
            .within(asked.window)
            .is("network.protocol", "dns")
            .is("dns.type", "query"))
    }

    /// What is expected of an answer, beyond what is in it.
    pub fn answer(&self, context: &Context<'_>, who: &Portrait, heard: &Done) -> Result<Expect> {
        let (near, far) = (self.near()?.into(), self.far.into());
        Ok(flow::flow(context, "dns_answer", who, UDP, far, near)
            .within(heard.window)
            .is("network.protocol", "dns")
            .is("network.direction", "ingress")
            .is("dns.type", "answer"))
    }

    /// Checks all that is told of the client, which has used one socket, and of the server. Where no
    /// packets are seen, that is only whom it has talked to.
    pub fn check(&self, context: &Context<'_>, events: &Events, expected: &[Expect]) -> Result<()> {
        let (asked, heard) = self.first.as_ref().context("nobody has asked")?;
        let near = heard.peer()?;
        let (client, server) = (&self.client.who, &self.server.who);
        if sees_packets(context, "udp send") {
            check_all(context, events, client.pid, expected);
        } else {
            let sent = flow::sent(context, client, near, self.far, asked.bytes);
            check_all(context, events, client.pid, &[sent.within(asked.window)]);
        }
        // To the server, who asks is a peer like any other.
        let expected = [
            flow::bind(context, server, UDP, self.far.into()),
            flow::received(context, server, self.far, near, heard.bytes).within(heard.window),
        ];
        check_all(context, events, server.pid, &expected);
        Ok(())
    }
}

/// Bytes as a puppet takes them.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("0x".to_owned(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}
