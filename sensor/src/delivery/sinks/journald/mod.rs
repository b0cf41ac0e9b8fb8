//! The journal of systemd, by its own protocol.
//!
//! An entry is a datagram of fields (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>). What does not
//! fit a datagram is put into memory, sealed so that nobody can change it any more, and the journal
//! is handed that memory. An entry counts as sent when the journal has read it. The socket is
//! systemd's, so that what is in its queue outlives a journal that is started anew; what is lost is
//! what the journal had read and not stored when it died, and what it drops because of its own
//! `RateLimitBurst`, which it says in its log only.
//!
//! Find events by their fields: `journalctl SENSOR_EVENT_CODE=exec -o cat`.
//!
//! - `fields`: how an entry is written down.

mod fields;

#[cfg(test)]
mod tests;

use std::{
    io::{self, IoSlice},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    path::PathBuf,
};

use rustix::{
    cmsg_space,
    fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create},
    io::Errno,
    net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg},
};

use super::{local::LocalSocket, syslog::Facility};
use crate::delivery::{
    entry::Entry,
    sink::{Failure, Receipt, Refused, Sending, Sink},
};

/// How the journal is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournaldSettings {
    /// The journal's socket.
    pub socket: PathBuf,
    /// What it hands on to a syslog daemon has this facility.
    pub facility: Facility,
}

/// The journal, as a sink.
pub struct Journald {
    settings: JournaldSettings,
    socket: Option<LocalSocket>,
}

/// The journal takes no larger entries.
const ENTRY_BYTES_MAX: usize = 512 << 20;

impl Default for JournaldSettings {
    fn default() -> Self {
        Self {
            socket: "/run/systemd/journal/socket".into(),
            facility: Facility::default(),
        }
    }
}

impl Journald {
    /// Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// None so far.
    pub const fn new(settings: JournaldSettings) -> io::Result<Self> {
        Ok(Self {
            settings,
            socket: None,
        })
    }

    async fn write(&mut self, entries: &[Entry]) -> io::Result<Receipt> {
        if let Some(old) = self.socket.take() {
            match self.write_to(old, entries).await {
                // It was started anew since.
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
                written => return written,
            }
        }
        let new = LocalSocket::connect(&self.settings.socket)?;
        self.write_to(new, entries).await
    }

    async fn write_to(&mut self, socket: LocalSocket, entries: &[Entry]) -> io::Result<Receipt> {
        let mut refused = Vec::new();
        let mut datagram = Vec::new();
        for (index, entry) in entries.iter().enumerate() {
            datagram.clear();
            fields::write(entry, self.settings.facility, &mut datagram);
            if datagram.len() > ENTRY_BYTES_MAX {
                refused.push(Refused {
                    index,
                    why: format!(
                        "it takes {} bytes, and the journal takes at most {ENTRY_BYTES_MAX}",
                        datagram.len()
                    ),
                });
                continue;
            }
            match socket.send(&datagram).await {
                Err(error) if Errno::from_io_error(&error) == Some(Errno::MSGSIZE) => {
                    let memory = sealed(&datagram)?;
                    socket
                        .send_by(|socket| send_descriptor(socket, memory.as_fd()))
                        .await?;
                }
                sent => sent?,
            }
        }
        socket.read_by_receiver().await?;
        self.socket = Some(socket);
        Ok(Receipt {
            refused,
            ..Receipt::all(format!(
                "read by the journal at {}",
                self.settings.socket.display()
            ))
        })
    }
}

impl Sink for Journald {
    fn send<'a>(&'a mut self, entries: &'a [Entry]) -> Sending<'a> {
        Box::pin(async move {
            let path = self.settings.socket.display().to_string();
            self.write(entries).await.map_err(|error| {
                Failure::again(format!("cannot write to the journal at {path}: {error}"))
            })
        })
    }
}

/// Memory with these bytes, which nobody can change any more.
fn sealed(bytes: &[u8]) -> io::Result<OwnedFd> {
    let memory = memfd_create(
        "sensor-journal-entry",
        MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING,
    )?;
    let mut rest = bytes;
    while !rest.is_empty() {
        let written = rustix::io::retry_on_intr(|| rustix::io::write(&memory, rest))?;
        rest = rest.get(written..).unwrap_or_default();
    }
    fcntl_add_seals(
        &memory,
        SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL,
    )?;
    Ok(memory)
}

fn send_descriptor(
    socket: BorrowedFd<'_>,
    descriptor: BorrowedFd<'_>,
) -> rustix::io::Result<usize> {
    let descriptors = [descriptor];
    let mut space = [MaybeUninit::uninit(); cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(Errno::NOBUFS);
    }
    sendmsg(
        socket,
        &[IoSlice::new(&[])],
        &mut control,
        SendFlags::NOSIGNAL,
    )
}
