//! Where a syslog server is, in a line.

use std::{fmt, path::PathBuf, str::FromStr};

use thiserror::Error;

/// Where a syslog server is. As text: `unix:///dev/log`, `unix-stream:///run/log`, `udp://HOST:514`,
/// `tcp://HOST:601`, `tls://HOST:6514`; an IPv6 address is in brackets, a port that is left out is
/// the usual one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SyslogAddress {
    /// A datagram socket of this host.
    UnixDatagram(PathBuf),
    /// A stream socket of this host.
    UnixStream(PathBuf),
    /// Elsewhere.
    Network(Transport, Host),
}

/// How a server elsewhere is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A stream that anyone on the way can read.
    Tcp,
    /// A stream that nobody can.
    Tls,
}

/// A port of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its name or address, without brackets.
    pub name: String,
    /// The port.
    pub port: u16,
}

/// Why a text is no address.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum SyslogAddressError {
    /// It does not begin as one.
    #[error("must begin with unix://, unix-stream://, udp://, tcp:// or tls://")]
    Scheme,
    /// It has no path from the root.
    #[error("must have a path that begins with / after unix://, as in \"unix:///dev/log\"")]
    Path,
    /// It has no host.
    #[error(
        "must have a host after ://, as in \"tls://siem.example:6514\"; an IPv6 address in brackets"
    )]
    Host,
    /// Its port is none.
    #[error("must end with a port from 1 to 65535, as in \"tls://siem.example:6514\"")]
    Port,
}

impl Transport {
    const ALL: [Self; 3] = [Self::Udp, Self::Tcp, Self::Tls];

    const fn scheme(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }

    /// Those that IANA has given: syslog, syslog-conn, syslog-tls.
    const fn usual_port(self) -> u16 {
        match self {
            Self::Udp => 514,
            Self::Tcp => 601,
            Self::Tls => 6514,
        }
    }
}

impl FromStr for SyslogAddress {
    type Err = SyslogAddressError;

    fn from_str(text: &str) -> Result<Self, SyslogAddressError> {
        let (scheme, rest) = text.split_once("://").ok_or(SyslogAddressError::Scheme)?;
        let path = || {
            if rest.starts_with('/') && !rest.contains('\0') {
                Ok(PathBuf::from(rest))
            } else {
                Err(SyslogAddressError::Path)
            }
        };
        match scheme {
            "unix" => return path().map(Self::UnixDatagram),
            "unix-stream" => return path().map(Self::UnixStream),
            _ => {}
        }
        let transport = Transport::ALL
            .into_iter()
            .find(|transport| transport.scheme() == scheme)
            .ok_or(SyslogAddressError::Scheme)?;
        host(rest, transport.usual_port()).map(|host| Self::Network(transport, host))
    }
}

fn host(text: &str, usual_port: u16) -> Result<Host, SyslogAddressError> {
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (name, after) = rest.split_once(']').ok_or(SyslogAddressError::Host)?;
            (name, after)
        }
        None => match text.find(':') {
            Some(colon) => text.split_at(colon),
            None => (text, ""),
        },
    };
    let is_fit = |name: &str| {
        !name.is_empty()
            && !name.contains(['/', '[', ']', '@', ' '])
            && !name.chars().any(char::is_control)
    };
    if !is_fit(name) {
        return Err(SyslogAddressError::Host);
    }
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => usual_port,
        None => return Err(SyslogAddressError::Host),
        Some(digits) if digits.starts_with('+') => return Err(SyslogAddressError::Port),
        Some(digits) => digits
            .parse()
            .ok()
            .filter(|port| *port != 0)
            .ok_or(SyslogAddressError::Port)?,
    };
    Ok(Host {
        name: name.to_owned(),
        port,
    })
}

impl fmt::Display for SyslogAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnixDatagram(path) => write!(formatter, "unix://{}", path.display()),
            Self::UnixStream(path) => write!(formatter, "unix-stream://{}", path.display()),
            Self::Network(transport, Host { name, port }) if name.contains(':') => {
                write!(formatter, "{}://[{name}]:{port}", transport.scheme())
            }
            Self::Network(transport, Host { name, port }) => {
                write!(formatter, "{}://{name}:{port}", transport.scheme())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_are_read() {
        let read = |text: &str| text.parse::<SyslogAddress>();
        let network = |transport, name: &str, port| {
            Ok(SyslogAddress::Network(
                transport,
                Host {
                    name: name.to_owned(),
                    port,
                },
            ))
        };
        assert_eq!(
            read("unix:///dev/log"),
            Ok(SyslogAddress::UnixDatagram("/dev/log".into()))
        );
        assert_eq!(
            read("udp://a.example"),
            network(Transport::Udp, "a.example", 514)
        );
        assert_eq!(read("tls://[::1]:99"), network(Transport::Tls, "::1", 99));
        assert_eq!(read("tcp://[::1]"), network(Transport::Tcp, "::1", 601));
        assert_eq!(read("/dev/log"), Err(SyslogAddressError::Scheme));
        assert_eq!(read("http://a"), Err(SyslogAddressError::Scheme));
        assert_eq!(read("unix://dev/log"), Err(SyslogAddressError::Path));
        assert_eq!(read("tls://:1"), Err(SyslogAddressError::Host));
        assert_eq!(read("tls://a/b"), Err(SyslogAddressError::Host));
        for port in ["0", "65536", "", "+1", "x"] {
            assert_eq!(
                read(&format!("tls://a:{port}")),
                Err(SyslogAddressError::Port)
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused_and_shown_as_it_is_read(text in "(unix|udp|tls)://\\PC*") {
            if let Ok(address) = text.parse::<SyslogAddress>() {
                prop_assert_eq!(address.to_string().parse(), Ok(address));
            }
        }
    }
}
