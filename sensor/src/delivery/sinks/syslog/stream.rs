//! Messages one behind the other, in a connection that is kept.

use std::{collections::VecDeque, mem};

use bytes::Bytes;

use super::{
    super::handover::Peer,
    Messages,
    connection::{Connection, Way},
};
use crate::delivery::sink::Failure;

/// A connection that is made when it is needed, and what must be said again should it break.
pub(super) struct Stream {
    way: Way,
    destination: String,
    /// Taken out while it is written to: a call that is dropped half-way leaves half a message in it.
    connection: Option<Connection>,
    /// Whether it is being written to; still so when a call begins if the one before was dropped.
    is_written_to: bool,
    /// What the other end's kernel has and its program may not have read, the oldest first.
    unproven: VecDeque<Bytes>,
    /// What was lost with a connection, and has not been sent since.
    lost: VecDeque<Bytes>,
}

/// Bytes of batches that are kept; the last batch is kept in any case.
const UNPROVEN_MAX: usize = 1 << 20;

impl Stream {
    pub(super) const fn new(way: Way, destination: String) -> Self {
        Self {
            way,
            destination,
            connection: None,
            is_written_to: false,
            unproven: VecDeque::new(),
            lost: VecDeque::new(),
        }
    }

    /// Sends a batch; says what became of it.
    pub(super) async fn send(&mut self, messages: Messages) -> Result<String, Failure> {
        if mem::take(&mut self.is_written_to) {
            // It did not take more, so it may be dead as well as busy.
            self.lose();
        }
        let mut connection = match self.standing().await {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let batch = Bytes::from(messages.bytes);
        let repeated = self.lost.len();
        self.is_written_to = true;
        for index in 0..=repeated {
            let bytes = self.lost.get(index).unwrap_or(&batch);
            if let Err(error) = connection.hand_over(bytes).await {
                // Closed in good order or not: it was written to, and so may have lost something.
                self.is_written_to = false;
                self.lose();
                return Err(Failure::again(format!(
                    "the connection to {} broke: {error}",
                    self.destination
                )));
            }
        }
        self.is_written_to = false;
        self.unproven.append(&mut self.lost);
        self.unproven.push_back(batch);
        bound(&mut self.unproven);
        self.connection = Some(connection);
        Ok(match repeated {
            0 => format!("acknowledged by the host of {}", self.destination),
            _ => format!(
                "acknowledged by the host of {}, as was what the connection before had lost",
                self.destination
            ),
        })
    }

    /// The connection, if it still stands.
    async fn standing(&mut self) -> Option<Connection> {
        let mut connection = self.connection.take()?;
        match connection.peer().await {
            Peer::Open => Some(connection),
            // Its program has read everything.
            Peer::Closed => {
                self.unproven.clear();
                None
            }
            Peer::Broken(_) => {
                self.lose();
                None
            }
        }
    }

    async fn connect(&self) -> Result<Connection, Failure> {
        self.way.connect().await.map_err(|error| {
            Failure::again(format!("cannot connect to {}: {error}", self.destination))
        })
    }

    /// What the program at the other end may not have read is to be sent again.
    fn lose(&mut self) {
        let mut lost = mem::take(&mut self.lost);
        self.lost = mem::take(&mut self.unproven);
        self.lost.append(&mut lost);
        bound(&mut self.lost);
    }
}

/// Keeps the latest.
fn bound(batches: &mut VecDeque<Bytes>) {
    let mut bytes: usize = batches.iter().map(Bytes::len).sum();
    while bytes > UNPROVEN_MAX && batches.len() > 1 {
        bytes -= batches.pop_front().map_or(0, |batch| batch.len());
    }
}
