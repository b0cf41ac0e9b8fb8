//! What a sink must do.

use std::{future::Future, pin::Pin, time::Duration};

use super::entry::Entry;

/// A way to a receiver. It sends what it is given, once; trying again is the worker's business, who
/// also bounds the time that a call may take: a call that is dropped half-way leaves the sink usable.
pub trait Sink: Send {
    /// Hands entries over, in their order, and waits until the receiver has them as safely as the
    /// protocol can say. There is at least one.
    ///
    /// # Errors
    ///
    /// If none of them is known to have arrived.
    fn send<'a>(&'a mut self, entries: &'a [Entry]) -> Sending<'a>;

    /// Somebody moved the files away that are written to (SIGHUP).
    fn reopen(&mut self) {}
}

/// What a sink does with a batch.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<Receipt, Failure>> + Send + 'a>>;

/// What a receiver said about a batch: everything that is not named here it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The answer in a few words, for a person who tries the sink.
    pub answer: String,
    /// What it will never take.
    pub refused: Vec<Refused>,
    /// What it did not take now, by its index in the batch, and may take later.
    pub again: Vec<usize>,
    /// Why, and when the receiver asked for it to be sent again; about `again`.
    pub delay: Option<Again>,
}

/// An entry that a receiver will never take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its index in the batch.
    pub index: usize,
    /// Why, in the receiver's words.
    pub why: String,
}

/// A refusal that need not last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Again {
    /// Why, for a person: what failed, at what address.
    pub why: String,
    /// How long the receiver asked to be left alone (`Retry-After`).
    pub after: Option<Duration>,
}

/// None of a batch is known to have arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It is worth to try again: the receiver cannot be reached, is busy, or does not let us in.
    Again(Again),
    /// The receiver will not take this batch, because it is too large: two halves may do. An entry
    /// that is alone in its batch it never takes.
    TooLarge(String),
    /// The receiver does not understand something in this batch, and does not say what: each half is
    /// tried. An entry that is alone in its batch it never takes.
    Malformed(String),
}

impl Failure {
    /// Worth to be tried again.
    pub fn again(why: impl Into<String>) -> Self {
        Self::Again(Again {
            why: why.into(),
            after: None,
        })
    }
}

impl Receipt {
    /// The receiver has all.
    pub fn all(answer: impl Into<String>) -> Self {
        Self {
            answer: answer.into(),
            ..Self::default()
        }
    }
}
