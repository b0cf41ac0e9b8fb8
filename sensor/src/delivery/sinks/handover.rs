//! Waiting until what was written to a socket is at its other end.
//!
//! Neither syslog nor the journal acknowledge anything. The kernel knows a part of it: what of a TCP
//! connection the other end's kernel has acknowledged, and what of a Unix socket the other end has
//! read. It says so when it is asked only, so it is asked again and again.

use std::{io, os::fd::BorrowedFd, time::Duration};

use rustix::{
    io::Errno,
    net::{RecvFlags, recv, sockopt::socket_error},
};

use crate::memory;

/// The first and the longest time between two questions.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(32));

/// Most bytes of a receiver that talks that are thrown away before it is believed to be alive.
const TALK_MAX: usize = 64 << 10;

/// How the other end of a connection is.
#[derive(Debug)]
pub(super) enum Peer {
    /// There, as far as this host knows.
    Open,
    /// It ended the connection in good order. A kernel that closes a connection for a program which
    /// has not read all that was acknowledged breaks it off instead, or behind that.
    Closed,
    /// The connection broke, or the other end broke it off: what it has not read is lost.
    Broken(io::Error),
}

/// Times between questions, ever longer.
#[derive(Debug)]
pub(super) struct Pauses(Duration);

impl Pauses {
    pub(super) const fn new() -> Self {
        Self(PAUSES.0)
    }

    /// Waits a little.
    pub(super) async fn pause(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(PAUSES.1);
    }
}

/// Whether all that was written is at the other end.
pub(super) fn is_over(socket: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(memory::on_its_way(socket)? == 0)
}

/// Waits until all that was written is at the other end, or that one is gone.
pub(super) async fn over(socket: BorrowedFd<'_>) -> io::Result<()> {
    let mut pauses = Pauses::new();
    while !is_over(socket)? {
        pauses.pause().await;
    }
    Ok(())
}

/// How the other end of a connection is that says nothing which matters: what it says is thrown
/// away.
pub(super) fn peer(socket: BorrowedFd<'_>) -> Peer {
    let mut talk = [0; 4096];
    let mut thrown_away = 0;
    while thrown_away < TALK_MAX {
        match recv(socket, &mut talk, RecvFlags::DONTWAIT) {
            Ok((0, _)) => return ended(socket),
            Ok((length, _)) => thrown_away += length,
            Err(Errno::AGAIN) => return Peer::Open,
            Err(Errno::INTR) => {}
            Err(error) => return Peer::Broken(error.into()),
        }
    }
    Peer::Open
}

/// What the other end has said that was not read yet.
pub(super) enum Said {
    Nothing,
    Something,
    /// It says no more.
    End(Peer),
}

/// Whether there is something to read. Why a connection broke, the kernel tells once only.
pub(super) fn said(socket: BorrowedFd<'_>) -> Said {
    match recv(socket, &mut [0; 1], RecvFlags::DONTWAIT | RecvFlags::PEEK) {
        Ok((0, _)) => Said::End(ended(socket)),
        Ok(_) => Said::Something,
        Err(Errno::AGAIN | Errno::INTR) => Said::Nothing,
        Err(error) => Said::End(Peer::Broken(error.into())),
    }
}

/// How the other end of a connection is from which nothing more will come.
fn ended(socket: BorrowedFd<'_>) -> Peer {
    match socket_error(socket) {
        Ok(Ok(())) => Peer::Closed,
        // It was broken off after it had been closed from there.
        Ok(Err(error)) | Err(error) => Peer::Broken(error.into()),
    }
}
