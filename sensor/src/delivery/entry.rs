//! A document on its way to a sink.

use std::sync::Arc;

use bytes::Bytes;

use crate::{clock::WallTime, detect::severity::Severity, output::subject::Topic};

/// A document on its way to a sink, written down in the sink's format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// 1, 2, 3, ... in the order in which the sink gets them, over all runs of the sensor that share
    /// a backlog.
    pub place: u64,
    /// What sinks need to know of it.
    pub facts: Arc<Facts>,
    /// The document, without an end of line. UTF-8.
    pub document: Bytes,
}

/// What a sink needs to know of a document beside its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// `event.id`, by which a receiver recognises what it has already. ASCII: digits, letters, `-`
    /// and `_`.
    pub id: String,
    /// When it happened.
    pub time: WallTime,
    /// What it is about.
    pub topic: Topic,
    /// How grave it is.
    pub severity: Severity,
}

impl Entry {
    /// Bytes of memory that it takes, about.
    #[must_use]
    pub fn size(&self) -> usize {
        size_of::<Self>() + size_of::<Facts>() + self.facts.id.len() + self.document.len()
    }
}
