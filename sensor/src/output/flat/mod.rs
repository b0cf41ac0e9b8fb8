//! Plain JSON: what ECS says, as one object without objects inside.
//!
//! A field's name is its ECS name with dots: `{"@timestamp":...,"process.pid":1,"process.args":["a"]}`.
//! Arrays stay as they are, with objects in them where ECS has such (`dns.answers`); so does an object
//! that is empty. Values are those of ECS, byte by byte.
//!
//! `flatten` rewrites the one into the other.

mod flatten;
#[cfg(test)]
mod tests;

use std::io;

use self::flatten::Flattener;
use super::{Document, Format, ecs::Ecs};
use crate::host::Host;

/// Writes plain JSON.
#[derive(Debug)]
pub struct Flat {
    ecs: Ecs,
    /// The ECS document, its memory kept from one to the next.
    document: Vec<u8>,
    flattener: Flattener,
}

impl Flat {
    /// Documents of a host's events.
    #[must_use]
    pub fn new(host: &Host) -> Self {
        Self {
            ecs: Ecs::new(host),
            document: Vec::new(),
            flattener: Flattener::default(),
        }
    }
}

impl Format for Flat {
    fn write(&mut self, document: &Document<'_>, out: &mut Vec<u8>) -> io::Result<()> {
        self.document.clear();
        self.ecs.write(document, &mut self.document)?;
        let begin = out.len();
        if self.flattener.flatten(&self.document, out).is_some() {
            Ok(())
        } else {
            out.truncate(begin);
            Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "cannot flatten a document: it is not an object in JSON without white space",
            ))
        }
    }
}
