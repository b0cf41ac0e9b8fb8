//! Datagrams to a socket of this host, as the journal and syslog daemons have them.
//!
//! Nothing is lost on the way: a queue that is full makes the sender wait, and the kernel knows when
//! the receiver has read everything. What is lost is what a receiver had in its queue when it died;
//! that is noticed, because nobody has the socket any more or another one is at its path.

use std::{
    fs, io,
    os::{
        fd::{AsFd, BorrowedFd},
        unix::{fs::MetadataExt, net::UnixDatagram as Plain},
    },
    path::{Path, PathBuf},
    time::SystemTime,
};

use rustix::net::SendFlags;
use tokio::{io::Interest, net::UnixDatagram};

use super::handover;

/// Bytes that the kernel is asked to hold for a receiver. It gives less if `net.core.wmem_max` is less.
const QUEUE_BYTES: usize = 8 << 20;

/// A way to a datagram socket at a path.
#[derive(Debug)]
pub(super) struct LocalSocket {
    path: PathBuf,
    /// The file that the path named when the socket was connected.
    receiver: Identity,
    socket: UnixDatagram,
}

impl LocalSocket {
    /// Connects to the receiver. To be called in a runtime.
    ///
    /// # Errors
    ///
    /// If there is none; says what to look at.
    pub(super) fn connect(path: &Path) -> io::Result<Self> {
        Self::try_connect(path).map_err(|error| {
            io::Error::new(
                error.kind(),
                format!(
                    "nothing receives at the socket {}: {error}\n  is its daemon running?",
                    path.display()
                ),
            )
        })
    }

    fn try_connect(path: &Path) -> io::Result<Self> {
        let receiver = file_at(path)?;
        let socket = Plain::unbound()?;
        socket.connect(path)?;
        // Less is fine as well: what does not fit is told apart when it is sent.
        let _ = rustix::net::sockopt::set_socket_send_buffer_size(&socket, QUEUE_BYTES);
        socket.set_nonblocking(true)?;
        Ok(Self {
            path: path.to_owned(),
            receiver,
            socket: UnixDatagram::from_std(socket)?,
        })
    }

    /// Sends a datagram, or waits while the receiver's queue is full.
    pub(super) async fn send(&self, datagram: &[u8]) -> io::Result<()> {
        self.send_by(|socket| rustix::net::send(socket, datagram, SendFlags::NOSIGNAL))
            .await
    }

    /// Sends by a call that is made again when there is room in the receiver's queue.
    pub(super) async fn send_by(
        &self,
        mut call: impl FnMut(BorrowedFd<'_>) -> rustix::io::Result<usize>,
    ) -> io::Result<()> {
        self.socket
            .async_io(Interest::WRITABLE, || {
                call(self.socket.as_fd()).map_err(io::Error::from)
            })
            .await
            .map(|_| ())
    }

    /// Waits until the receiver has read everything.
    ///
    /// # Errors
    ///
    /// If it went away meanwhile: it may have read nothing.
    pub(super) async fn read_by_receiver(&self) -> io::Result<()> {
        handover::over(self.socket.as_fd()).await?;
        self.is_there().map_err(|error| {
            io::Error::other(format!(
                "it went away and may have lost what it had not read: {error}"
            ))
        })
    }

    fn is_there(&self) -> io::Result<()> {
        if file_at(&self.path)? != self.receiver {
            return Err(io::Error::other("another is in its place"));
        }
        // A socket that nobody has any more cannot be connected to.
        Plain::unbound()?.connect(&self.path)
    }
}

/// What tells files apart: a number is given again when its file is gone, so the time is in it at
/// which the file was made or, where the kernel does not know that, changed.
type Identity = (u64, u64, Option<SystemTime>, Option<(i64, i64)>);

fn file_at(path: &Path) -> io::Result<Identity> {
    let metadata = fs::metadata(path)?;
    let made = metadata.created().ok();
    let changed = (metadata.ctime(), metadata.ctime_nsec());
    Ok((
        metadata.dev(),
        metadata.ino(),
        made,
        made.is_none().then_some(changed),
    ))
}
