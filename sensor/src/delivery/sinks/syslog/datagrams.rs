//! A datagram for each message.
//!
//! Of UDP, this host hears at most that nobody listens, and that after a while: it says so when the
//! next datagram is sent. So the last batch is kept, and sent once more when it is known that it met
//! nobody.

use std::{
    io, mem,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::PathBuf,
};

use rustix::io::Errno;
use tokio::net::{UdpSocket, lookup_host};

use super::{super::local::LocalSocket, Address, Messages};
use crate::delivery::sink::Failure;

/// What sends datagrams.
pub(super) enum Datagrams {
    Unix {
        path: PathBuf,
        socket: Option<LocalSocket>,
    },
    Udp {
        address: Address,
        socket: Option<UdpSocket>,
        /// The batch that was sent last.
        last: Messages,
        /// A batch that met nobody, of which it was not said at once.
        unheard: Messages,
    },
}

/// The index in the batch and the length of a message that the kernel takes no datagram for.
type Oversized = Vec<(usize, usize)>;

impl Datagrams {
    pub(super) const fn unix(path: PathBuf) -> Self {
        Self::Unix { path, socket: None }
    }

    pub(super) fn udp(address: Address) -> Self {
        Self::Udp {
            address,
            socket: None,
            last: Messages::default(),
            unheard: Messages::default(),
        }
    }

    /// Sends a batch; says what became of it, and which messages the kernel does not take.
    pub(super) async fn send(
        &mut self,
        messages: Messages,
        destination: &str,
    ) -> Result<(String, Oversized), Failure> {
        let failed = |error| Failure::again(format!("cannot send to {destination}: {error}"));
        match self {
            Self::Unix { path, socket } => {
                let mut sent = None;
                if let Some(old) = socket.take() {
                    match send_to(old, &messages).await {
                        // The daemon was started anew since.
                        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                        other => sent = Some(other.map_err(failed)?),
                    }
                }
                let (connected, oversized) = match sent {
                    Some(sent) => sent,
                    None => {
                        let new = LocalSocket::connect(path).map_err(failed)?;
                        send_to(new, &messages).await.map_err(failed)?
                    }
                };
                *socket = Some(connected);
                Ok((format!("read by {destination}"), oversized))
            }
            Self::Udp {
                address,
                socket,
                last,
                unheard,
            } => {
                if socket
                    .as_ref()
                    .is_some_and(|socket| !matches!(socket.take_error(), Ok(None)))
                {
                    *socket = None;
                    // There is one only if nothing failed since, and then nothing is unheard.
                    if !last.ends.is_empty() {
                        *unheard = mem::take(last);
                    }
                }
                let connected = match socket.take() {
                    Some(old) => old,
                    None => connect(address).await.map_err(failed)?,
                };
                for (_, message) in unheard.iter() {
                    connected.send(message).await.map_err(failed)?;
                }
                let mut oversized = Vec::new();
                for (index, message) in messages.iter() {
                    let sent = connected.send(message).await.map(|_| ());
                    note_oversized(sent, index, message, &mut oversized).map_err(failed)?;
                }
                // A receiver on this host that is not there is noticed at once.
                if let Some(error) = connected.take_error().map_err(failed)? {
                    return Err(failed(error));
                }
                *unheard = Messages::default();
                *last = messages;
                *socket = Some(connected);
                Ok((
                    format!("sent to {destination}, who cannot answer"),
                    oversized,
                ))
            }
        }
    }
}

/// Sends a batch to a daemon of this host, who has read it then.
async fn send_to(socket: LocalSocket, messages: &Messages) -> io::Result<(LocalSocket, Oversized)> {
    let mut oversized = Vec::new();
    for (index, message) in messages.iter() {
        let sent = socket.send(message).await;
        note_oversized(sent, index, message, &mut oversized)?;
    }
    socket.read_by_receiver().await?;
    Ok((socket, oversized))
}

/// Puts a message aside that is too long for a datagram. Every other error is one.
fn note_oversized(
    sent: io::Result<()>,
    index: usize,
    message: &[u8],
    oversized: &mut Oversized,
) -> io::Result<()> {
    match sent {
        Err(error) if Errno::from_io_error(&error) == Some(Errno::MSGSIZE) => {
            oversized.push((index, message.len()));
            Ok(())
        }
        other => other,
    }
}

async fn connect(address: &Address) -> io::Result<UdpSocket> {
    let mut latest = io::Error::other("the name has no address");
    for found in lookup_host((address.host.trim_matches(['[', ']']), address.port)).await? {
        let ours: SocketAddr = match found {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let connected = async {
            let socket = UdpSocket::bind(ours).await?;
            socket.connect(found).await?;
            Ok(socket)
        };
        match connected.await {
            Ok(socket) => return Ok(socket),
            Err(error) => latest = error,
        }
    }
    Err(latest)
}
