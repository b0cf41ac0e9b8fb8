//! io_uring: requests that the kernel takes from memory, and does without a system call for each.

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::ptr;

use io_uring::squeue::{Entry, Flags};
use io_uring::{IoUring, opcode, types};
use rustix::net::SocketAddrAny;

/// Who does a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doer {
    /// The thread that asks, as far as it can without waiting.
    Caller,
    /// A thread of the process's pool: `IOSQE_ASYNC`.
    Pool,
    /// The thread that looks for requests by itself: `IORING_SETUP_SQPOLL`.
    Poller,
}

/// A ring for requests on one socket.
pub struct Ring {
    ring: IoUring,
    flags: Flags,
}

/// The socket's place in the table of registered files: before 5.11 a poller can use no other.
const SOCKET: types::Fixed = types::Fixed(0);

impl Ring {
    /// Makes a ring. ENOSYS and EPERM mean that this host has io_uring switched off.
    pub fn new(socket: BorrowedFd<'_>, doer: Doer) -> io::Result<Self> {
        const IDLE_MILLISECONDS: u32 = 1000;
        let mut builder = IoUring::builder();
        if doer == Doer::Poller {
            builder.setup_sqpoll(IDLE_MILLISECONDS);
        }
        let ring = builder.build(4)?;
        ring.submitter().register_files(&[socket.as_raw_fd()])?;
        Ok(Self {
            ring,
            flags: match doer {
                Doer::Pool => Flags::ASYNC,
                Doer::Caller | Doer::Poller => Flags::empty(),
            },
        })
    }

    /// Connects the socket.
    pub fn connect(&mut self, to: &SocketAddrAny) -> io::Result<()> {
        let request = opcode::Connect::new(SOCKET, to.as_ptr().cast(), to.addr_len());
        // SAFETY: the address is borrowed until the request is done.
        unsafe { self.done(request.build()) }?;
        Ok(())
    }

    /// Sends a datagram. Returns its length.
    pub fn send(&mut self, bytes: &[u8], to: &SocketAddrAny) -> io::Result<usize> {
        let mut pieces = libc::iovec {
            iov_base: bytes.as_ptr().cast_mut().cast(),
            iov_len: bytes.len(),
        };
        let message = libc::msghdr {
            msg_name: to.as_ptr().cast_mut().cast(),
            msg_namelen: to.addr_len(),
            msg_iov: &raw mut pieces,
            msg_iovlen: 1,
            msg_control: ptr::null_mut(),
            msg_controllen: 0,
            msg_flags: 0,
        };
        let request = opcode::SendMsg::new(SOCKET, &raw const message);
        // SAFETY: the message and all that it points to live until the request is done; the kernel
        // only reads them.
        let sent = unsafe { self.done(request.build()) }?;
        usize::try_from(sent).map_err(io::Error::other)
    }

    /// Has a request done, however long that takes.
    ///
    /// # Safety
    ///
    /// What the request points to must live until this returns.
    unsafe fn done(&mut self, request: Entry) -> io::Result<i32> {
        let request = request.flags(self.flags);
        // SAFETY: the caller vouches for what the request points to until this returns, which it
        // does not before the request is done.
        unsafe { self.ring.submission().push(&request) }.map_err(io::Error::other)?;
        let answer = loop {
            if let Err(error) = self.ring.submit_and_wait(1)
                && error.kind() != io::ErrorKind::Interrupted
            {
                // The request may be under way: its memory must never be used for anything else.
                eprintln!("io_uring: {error}");
                std::process::abort();
            }
            if let Some(answer) = self.ring.completion().next() {
                break answer.result();
            }
        };
        if answer < 0 {
            return Err(io::Error::from_raw_os_error(-answer));
        }
        Ok(answer)
    }
}
