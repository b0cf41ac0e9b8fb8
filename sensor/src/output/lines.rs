//! Documents in one format, one after the other, in a place that may hold the sensor up.

use std::{
    io::{self, Write},
    mem,
};

use super::{Document, Format, Output};

/// Documents are written in pieces of about this size.
const PIECE_BYTES: usize = 64 << 10;

/// Writes documents to one place.
pub struct Lines<W> {
    format: Box<dyn Format>,
    place: W,
    written: Vec<u8>,
}

impl<W: Write> Lines<W> {
    /// In this format, to this place. It is written to in whole documents.
    pub fn new(format: Box<dyn Format>, place: W) -> Self {
        Self {
            format,
            place,
            written: Vec::with_capacity(2 * PIECE_BYTES),
        }
    }
}

impl<W: Write> Output for Lines<W> {
    fn take(&mut self, document: &Document<'_>) -> io::Result<()> {
        self.format.write(document, &mut self.written)
    }

    fn is_full(&self) -> bool {
        self.written.len() >= PIECE_BYTES
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.written.is_empty() {
            return Ok(());
        }
        let mut written = mem::take(&mut self.written);
        self.place.write_all(&written)?;
        written.clear();
        // One long event does not make the buffer long for ever.
        written.shrink_to(4 * PIECE_BYTES);
        self.written = written;
        Ok(())
    }
}
