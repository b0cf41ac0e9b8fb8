//! Connections to the servers of queues: addresses, and TCP with or without TLS.

use std::{fmt, io, str::FromStr};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// A name or an IP address, an IPv6 address without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// What a protocol is spoken on.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl Address {
    /// Reads `host`, `host:port`, `[IPv6]` or `[IPv6]:port`.
    ///
    /// # Errors
    ///
    /// If it is none of these; says so.
    pub fn parse(text: &str, default_port: u16) -> io::Result<Self> {
        let wrong = || {
            io::Error::other(format!(
                "{text:?} is no address of a server\n  write `host:port` or `[IPv6 address]:port`"
            ))
        };
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (host, port) = rest.split_once(']').ok_or_else(wrong)?;
                (host, Some(port).filter(|port| !port.is_empty()))
            }
            None => match text.find(':') {
                Some(colon) => {
                    let (host, port) = text.split_at(colon);
                    (host, Some(port))
                }
                None => (text, None),
            },
        };
        let port = match port {
            None => default_port,
            Some(port) => port
                .strip_prefix(':')
                .and_then(|port| u16::from_str(port).ok())
                .filter(|port| *port != 0)
                .ok_or_else(wrong)?,
        };
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || "/@[]".contains(c)) {
            return Err(wrong());
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }

    /// Reads several, of which there must be one at least.
    ///
    /// # Errors
    ///
    /// If there is none, or one that is no address.
    pub fn parse_all(texts: &[String], default_port: u16) -> io::Result<Vec<Self>> {
        if texts.is_empty() {
            return Err(io::Error::other("no server is named\n  name one at least"));
        }
        texts
            .iter()
            .map(|text| Self::parse(text, default_port))
            .collect()
    }

    /// Connects. Small writes are not held back.
    ///
    /// # Errors
    ///
    /// If the server cannot be reached.
    pub async fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(formatter, "[{}]:{}", self.host, self.port)
        } else {
            write!(formatter, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_read() {
        for (text, host, port) in [
            ("queue.example", "queue.example", 4222),
            ("queue.example:1", "queue.example", 1),
            ("10.0.0.1:65535", "10.0.0.1", 65535),
            ("[::1]", "::1", 4222),
            ("[2001:db8::1]:9092", "2001:db8::1", 9092),
        ] {
            let address = Address::parse(text, 4222).unwrap();
            assert_eq!((address.host.as_str(), address.port), (host, port));
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_advice() {
        for text in [
            "",
            ":1",
            "a:",
            "a:0",
            "a:65536",
            "a:b",
            "::1",
            "[::1",
            "[::1]1",
            "[]:1",
            "nats://a:1",
            "user@a:1",
            "a b:1",
        ] {
            let error = Address::parse(text, 1).expect_err(text).to_string();
            assert!(error.contains("host:port"), "{error}");
        }
        Address::parse_all(&[], 1).unwrap_err();
    }

    proptest! {
        #[test]
        fn an_address_that_is_shown_is_read_as_the_same(text in "\\PC{0,40}", port: u16) {
            if let Ok(address) = Address::parse(&text, port.max(1)) {
                prop_assert_eq!(Address::parse(&address.to_string(), 1).unwrap(), address);
            }
        }
    }
}
