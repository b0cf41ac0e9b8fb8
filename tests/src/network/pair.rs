//! Two processes and a TCP connection between them.

use std::net::{IpAddr, SocketAddr};

use anyhow::Result;

use crate::contract::Window;
use crate::event::Events;
use crate::scenario::Context;

use super::flow::{self, End, Ending, Role, TCP, between, check_one, since};
use super::puppet::{Done, Puppet};

/// A client, whose socket is `c`, connected to a server, whose socket is `s` and whose listener is
/// `l`.
pub struct Pair {
    /// The process that connected.
    pub client: Puppet,
    /// The process that listens and accepted.
    pub server: Puppet,
    /// Where the server listens.
    pub bound: SocketAddr,
    /// What became of the connect.
    pub connect: Done,
    /// What became of the accept.
    pub accept: Done,
}

impl Pair {
    /// The server listens at an address, port 0; the client connects to this host.
    pub fn make(context: &Context<'_>, listen: &str, host: IpAddr) -> Result<Self> {
        let mut server = Puppet::start(context)?;
        let mut client = Puppet::start(context)?;
        let bound = server.binds("l", "stream", listen)?;
        server.does("listen l 7")?;
        server.begin("accept l s")?;
        let connect = client.connects("c", SocketAddr::new(host, bound.port()))?;
        let accept = server.done()?;
        Ok(Self {
            client,
            server,
            bound,
            connect,
            accept,
        })
    }

    /// Both on the IPv4 loopback address.
    pub fn usual(context: &Context<'_>) -> Result<Self> {
        Self::make(context, "127.0.0.1:0", IpAddr::from([127, 0, 0, 1]))
    }

    /// The client's end.
    pub fn client_end(&self) -> Result<End> {
        Ok(self.connect.local()?.into())
    }

    /// The server's end.
    pub fn server_end(&self) -> Result<End> {
        Ok(self.accept.local()?.into())
    }

    /// When the handshake came to its end.
    pub fn handshake(&self) -> Window {
        between(self.connect.window, self.accept.window)
    }

    /// Checks everything up to the accept.
    pub fn check_opening(&self, context: &Context<'_>, events: &Events) -> Result<()> {
        let (client, server) = (&self.client.who, &self.server.who);
        let check = |code, pid, expect| check_one(context, events, code, pid, &expect);
        let bound = End::address(self.bound.ip());
        check("bind", server.pid, flow::bind(context, server, TCP, bound));
        check(
            "listen",
            server.pid,
            flow::listen(context, server, self.bound.into(), 7),
        );
        let asked = self.connect.peer()?.into();
        check(
            "connect",
            client.pid,
            flow::connect(context, client, TCP, End::UNKNOWN, asked).within(self.connect.window),
        );
        let (near, far) = (self.client_end()?, self.server_end()?);
        check(
            "established",
            client.pid,
            flow::established(context, client, near, far).within(self.connect.window),
        );
        let accepted = if flow::stands_in(context, "accept") {
            self.handshake()
        } else {
            self.accept.window
        };
        check(
            "accept",
            server.pid,
            flow::accept(context, server, far, near).within(accepted),
        );
        Ok(())
    }

    /// Checks the client's end of the connection, which came after `done`.
    pub fn check_client_end(
        &self,
        context: &Context<'_>,
        events: &Events,
        end: &EndOf,
    ) -> Result<()> {
        let ending = Ending {
            role: Role::Client,
            local: self.client_end()?,
            remote: self.server_end()?,
            sent: end.sent,
            received: end.received,
            states: end.states,
            error: end.error,
            opened: self.connect.window,
            closed: since(end.after),
        };
        let who = &self.client.who;
        check_one(
            context,
            events,
            "closed",
            who.pid,
            &flow::closed(context, who, &ending),
        );
        Ok(())
    }

    /// Checks the server's end of the connection.
    pub fn check_server_end(
        &self,
        context: &Context<'_>,
        events: &Events,
        end: &EndOf,
    ) -> Result<()> {
        let ending = Ending {
            role: Role::Server,
            local: self.server_end()?,
            remote: self.client_end()?,
            sent: end.sent,
            received: end.received,
            states: end.states,
            error: end.error,
            opened: self.handshake(),
            closed: since(end.after),
        };
        let who = &self.server.who;
        check_one(
            context,
            events,
            "closed",
            who.pid,
            &flow::closed(context, who, &ending),
        );
        Ok(())
    }

    /// Waits for both ends of the connection to be told of; all events until then.
    pub fn settle(&self, context: &Context<'_>) -> Result<Events> {
        flow::wait_for_end(context, self.client.pid())?;
        flow::wait_for_end(context, self.server.pid())?;
        context.settle()
    }
}

/// How one end of a pair's connection ended.
#[derive(Clone, Copy, Debug)]
pub struct EndOf {
    /// Bytes that it sent.
    pub sent: u64,
    /// Bytes that it received.
    pub received: u64,
    /// The states it may have been in.
    pub states: &'static [&'static str],
    /// The name of its error.
    pub error: Option<&'static str>,
    /// It ended after this began.
    pub after: Window,
}
