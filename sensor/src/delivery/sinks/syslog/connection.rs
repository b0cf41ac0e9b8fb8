//! A connection to a receiver.

use std::{
    future::poll_fn,
    io,
    os::fd::{AsFd, BorrowedFd},
    path::PathBuf,
    pin::Pin,
    task::Poll,
    time::Duration,
};

use rustix::net::sockopt;
use rustls::ProtocolVersion;
use tokio::{
    io::{AsyncRead, AsyncWriteExt, ReadBuf},
    net::{TcpStream, UnixStream},
    time::timeout,
};
use tokio_rustls::client::TlsStream;

use super::{
    super::handover::{self, Pauses, Peer, Said},
    Address,
};
use crate::delivery::tls::Tls;

/// How a receiver is connected to.
pub(super) enum Way {
    Unix(PathBuf),
    Tcp(Address),
    Tls(Address, Tls),
}

/// A connection to a receiver.
pub(super) enum Connection {
    Unix(UnixStream),
    Tcp(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// How long a receiver may take to say that it takes our certificate, in TLS 1.3, where that is after
/// the handshake and may be never. Those that use tickets, as nearly all do, send one at once.
const VERDICT_WAIT: Duration = Duration::from_secs(1);

/// When the other end of a connection on which nothing happens is asked whether it is still there.
const IDLE: Duration = Duration::from_secs(60);

impl Way {
    /// Connects to the receiver.
    pub(super) async fn connect(&self) -> io::Result<Connection> {
        match self {
            Self::Unix(path) => Ok(Connection::Unix(UnixStream::connect(path).await?)),
            Self::Tcp(address) => Ok(Connection::Tcp(connect(address).await?)),
            Self::Tls(address, tls) => {
                let stream = tls.connect(&address.host, connect(address).await?).await?;
                let mut connection = Connection::Tls(Box::new(stream));
                connection.await_verdict().await?;
                Ok(connection)
            }
        }
    }
}

async fn connect(address: &Address) -> io::Result<TcpStream> {
    let host = address.host.trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, address.port)).await?;
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(&stream, true)?;
    sockopt::set_tcp_keepidle(&stream, IDLE)?;
    Ok(stream)
}

impl Connection {
    /// Writes, and waits until the other end has it.
    ///
    /// # Errors
    ///
    /// If the connection ended: how much of it arrived is not known.
    pub(super) async fn hand_over(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Unix(stream) => stream.write_all(bytes).await?,
            Self::Tcp(stream) => stream.write_all(bytes).await?,
            Self::Tls(stream) => {
                stream.write_all(bytes).await?;
                stream.flush().await?;
            }
        }
        let mut pauses = Pauses::new();
        loop {
            // In this order: a connection that broke has nothing on its way either.
            let over = handover::is_over(self.as_fd())?;
            match self.peer().await {
                Peer::Broken(error) => return Err(error),
                Peer::Closed => return Err(io::ErrorKind::ConnectionAborted.into()),
                Peer::Open if over => return Ok(()),
                Peer::Open => pauses.pause().await,
            }
        }
    }

    /// How the other end is.
    pub(super) async fn peer(&mut self) -> Peer {
        match self {
            Self::Unix(stream) => handover::peer(stream.as_fd()),
            Self::Tcp(stream) => handover::peer(stream.as_fd()),
            Self::Tls(stream) => loop {
                match handover::said(stream.get_ref().0.as_fd()) {
                    Said::Nothing => return Peer::Open,
                    Said::End(peer) => return peer,
                    // A ticket, or the reason why it will hang up.
                    Said::Something => match hear(stream).await {
                        Ok(Heard::Nothing) => {}
                        Ok(Heard::Farewell) => return after_farewell(stream.get_ref().0.as_fd()),
                        Err(error) => return Peer::Broken(error),
                    },
                }
            },
        }
    }

    /// Waits until the other end says whether it lets us in.
    async fn await_verdict(&mut self) -> io::Result<()> {
        let mut said = Said::Nothing;
        if let Self::Tls(stream) = self {
            let (tcp, tls) = stream.get_ref();
            if tls.protocol_version() == Some(ProtocolVersion::TLSv1_3) {
                let mut pauses = Pauses::new();
                // Silence is consent.
                let _ = timeout(VERDICT_WAIT, async {
                    while matches!(said, Said::Nothing) {
                        pauses.pause().await;
                        said = handover::said(tcp.as_fd());
                    }
                })
                .await;
            }
        }
        let peer = match said {
            Said::End(peer) => peer,
            Said::Nothing | Said::Something => self.peer().await,
        };
        match peer {
            Peer::Open => Ok(()),
            Peer::Closed => Err(io::Error::new(
                io::ErrorKind::ConnectionAborted,
                "it closed the connection when we had shown who we are",
            )),
            Peer::Broken(error) => Err(error),
        }
    }
}

/// How the other end of a connection is that said it will say no more: what it has read by then, only
/// the kernels know.
fn after_farewell(socket: BorrowedFd<'_>) -> Peer {
    match handover::said(socket) {
        Said::End(peer) => peer,
        // There the connection is not closed yet, and may be broken off.
        Said::Nothing | Said::Something => Peer::Broken(io::ErrorKind::ConnectionAborted.into()),
    }
}

/// What there was to read.
enum Heard {
    Farewell,
    Nothing,
}

/// Reads what has come in. What a receiver of syslog says to its senders means nothing.
async fn hear(stream: &mut TlsStream<TcpStream>) -> io::Result<Heard> {
    // Something is there: the runtime only has to notice.
    stream.get_ref().0.readable().await?;
    let mut talk = [0; 4096];
    poll_fn(|context| {
        let mut talk = ReadBuf::new(&mut talk);
        Poll::Ready(match Pin::new(&mut *stream).poll_read(context, &mut talk) {
            Poll::Ready(Ok(())) if talk.filled().is_empty() => Ok(Heard::Farewell),
            // Without a word of farewell, as many do.
            Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Ok(Heard::Farewell)
            }
            Poll::Ready(Ok(())) | Poll::Pending => Ok(Heard::Nothing),
            Poll::Ready(Err(error)) => Err(error),
        })
    })
    .await
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Unix(stream) => stream.as_fd(),
            Self::Tcp(stream) => stream.as_fd(),
            Self::Tls(stream) => stream.get_ref().0.as_fd(),
        }
    }
}
