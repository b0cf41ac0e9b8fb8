//! What is kept of the event in hand, in memory that is used again for the next.

use std::{fmt::Write as _, ops::Range};

use super::fold;
use crate::detect::sigma::field::{FieldId, Fields, Value};

/// Bytes of text that are kept for the next event. One with more costs an allocation.
const KEPT_TEXT: usize = 1 << 20;

/// What a [`Matcher`](super::Matcher) needs while it looks at an event, to be used again for the next.
///
/// It grows to what the largest matcher needs that it was used with, and to a megabyte of text; after
/// that there is no allocation. It may be used with one matcher after another. What was found out of
/// an event counts for all of its classes.
#[derive(Debug, Default)]
pub struct Scratch {
    turn: Turn,
    pub(super) texts: Texts,
    pub(super) answers: Answers,
    pub(super) candidates: Candidates,
}

/// Which event it is, and for candidates which of its classes. What has another turn's number is of
/// another: so nothing has to be cleared.
type Turn = u32;

impl Scratch {
    /// Begins with an event.
    pub(super) fn begin(&mut self, fields: usize, atoms: usize) {
        if self.turn == Turn::MAX {
            // The numbers begin again, so those that were kept have no meaning any more.
            *self = Self::default();
        }
        self.turn += 1;
        self.texts.begin(self.turn, fields);
        self.answers.turn = self.turn;
        if self.answers.known.len() < atoms {
            self.answers.known.resize(atoms, (0, false));
        }
    }

    #[cfg(test)]
    pub(super) fn near_the_last_turn() -> Self {
        Self {
            turn: Turn::MAX - 3,
            candidates: Candidates {
                turn: Turn::MAX - 4,
                ..Candidates::default()
            },
            ..Self::default()
        }
    }
}

/// The event's texts, folded when first asked for.
#[derive(Debug, Default)]
pub(super) struct Texts {
    turn: Turn,
    folded: String,
    fields: Vec<Seen>,
    words: Vec<Range<usize>>,
    words_known: bool,
}

/// Where a field's text is; none if the event has no such field.
#[derive(Clone, Debug, Default)]
struct Seen {
    turn: Turn,
    text: Option<Range<usize>>,
}

impl Texts {
    fn begin(&mut self, turn: Turn, fields: usize) {
        self.turn = turn;
        self.folded.clear();
        self.folded.shrink_to(KEPT_TEXT);
        if self.fields.len() < fields {
            self.fields.resize(fields, Seen::default());
        }
        self.words.clear();
        self.words_known = false;
    }

    /// A field's text, folded.
    pub(super) fn field<F: Fields + ?Sized>(
        &mut self,
        event: &F,
        slot: usize,
        field: FieldId,
    ) -> Option<&str> {
        let seen = self.fields.get_mut(slot)?;
        if seen.turn != self.turn {
            seen.turn = self.turn;
            let start = self.folded.len();
            seen.text = event.value(field).map(|value| {
                append(value, &mut self.folded);
                start..self.folded.len()
            });
        }
        self.folded.get(seen.text.clone()?)
    }

    /// A field's text, folded, that was asked for before.
    pub(super) fn known_field(&self, slot: usize) -> Option<&str> {
        let seen = self.fields.get(slot)?;
        if seen.turn != self.turn {
            return None;
        }
        self.folded.get(seen.text.clone()?)
    }

    /// All of the event's texts, folded.
    pub(super) fn words<F: Fields + ?Sized>(&mut self, event: &F) -> impl Iterator<Item = &str> {
        if !self.words_known {
            self.words_known = true;
            event.any_text(&mut |text| {
                let start = self.folded.len();
                fold::append(text, &mut self.folded);
                self.words.push(start..self.folded.len());
                false
            });
        }
        let folded = &self.folded;
        self.words
            .iter()
            .filter_map(|range| folded.get(range.clone()))
    }
}

fn append(value: Value<'_>, folded: &mut String) {
    match value {
        Value::Text(text) => fold::append(text, folded),
        Value::Number(number) => folded.push_str(itoa::Buffer::new().format(number)),
        Value::Boolean(true) => folded.push_str("true"),
        Value::Boolean(false) => folded.push_str("false"),
        Value::Address(address) => {
            // Writing to a text cannot fail.
            let _ = write!(folded, "{address}");
        }
    }
}

/// What was found out of questions that several rules ask.
#[derive(Debug, Default)]
pub(super) struct Answers {
    turn: Turn,
    known: Vec<(Turn, bool)>,
}

impl Answers {
    pub(super) fn get(&self, atom: usize) -> Option<bool> {
        let (turn, answer) = *self.known.get(atom)?;
        (turn == self.turn).then_some(answer)
    }

    pub(super) fn set(&mut self, atom: usize, answer: bool) {
        if let Some(known) = self.known.get_mut(atom) {
            *known = (self.turn, answer);
        }
    }
}

/// The rules that may match.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    turn: Turn,
    chosen: Vec<Turn>,
    /// Each once, in no order.
    pub(super) programs: Vec<usize>,
}

impl Candidates {
    /// Begins with a class of an event.
    pub(super) fn begin(&mut self, programs: usize) {
        if self.turn == Turn::MAX {
            *self = Self::default();
        }
        self.turn += 1;
        self.programs.clear();
        if self.chosen.len() < programs {
            self.chosen.resize(programs, 0);
        }
    }

    pub(super) fn add(&mut self, programs: &[usize]) {
        for &program in programs {
            if let Some(chosen) = self.chosen.get_mut(program)
                && *chosen != self.turn
            {
                *chosen = self.turn;
                self.programs.push(program);
            }
        }
    }
}
