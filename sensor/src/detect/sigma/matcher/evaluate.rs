//! Answers atoms and conditions for one event.

use super::{
    atom::{self, Atom, Check, Subject},
    node::Node,
    scratch::{Answers, Texts},
};
use crate::detect::sigma::{
    field::{FieldId, Fields, Value},
    rule::Position,
};

/// An event and what was found out of it.
pub(super) struct Evaluation<'a, F: ?Sized> {
    pub(super) event: &'a F,
    pub(super) fields: &'a [FieldId],
    pub(super) atoms: &'a [Atom],
    pub(super) texts: &'a mut Texts,
    pub(super) answers: &'a mut Answers,
}

impl<F: Fields + ?Sized> Evaluation<'_, F> {
    /// Whether a condition is so. The depth is bounded by the compiler.
    pub(super) fn holds(&mut self, node: &Node) -> bool {
        match node {
            Node::Is(atom) => self.atom(*atom),
            Node::Not(atom) => !self.atom(*atom),
            Node::All(parts) => parts.iter().all(|part| self.holds(part)),
            Node::Any(parts) => parts.iter().any(|part| self.holds(part)),
            Node::AtLeast(count, parts) => {
                let mut missing = *count;
                for (index, part) in parts.iter().enumerate() {
                    if parts.len() - index < missing {
                        return false;
                    }
                    if self.holds(part) {
                        missing = missing.saturating_sub(1);
                    }
                    if missing == 0 {
                        return true;
                    }
                }
                missing == 0
            }
        }
    }

    fn atom(&mut self, index: usize) -> bool {
        let Some(atom) = self.atoms.get(index) else {
            return false;
        };
        if !atom.remembered {
            return self.answer(atom);
        }
        if let Some(answer) = self.answers.get(index) {
            return answer;
        }
        let answer = self.answer(atom);
        self.answers.set(index, answer);
        answer
    }

    fn answer(&mut self, atom: &Atom) -> bool {
        match atom.subject {
            Subject::Field(slot) => self.field(slot, &atom.check),
            Subject::Words => self.words(&atom.check),
        }
    }

    fn field(&mut self, slot: usize, check: &Check) -> bool {
        let Some(field) = self.fields.get(slot).copied() else {
            return false;
        };
        match check {
            Check::Exists => self.event.value(field).is_some(),
            Check::Folded(test) => self
                .texts
                .field(self.event, slot, field)
                .is_some_and(|text| test.matches(text)),
            Check::Cased(test) => self.text(slot, field, |text| test.matches(text)),
            Check::Regex(regex) => self.text(slot, field, |text| regex.is_match(text)),
            Check::Network(network) => self
                .event
                .value(field)
                .is_some_and(|value| atom::in_network(*network, value)),
            Check::Number(relation, bound) => self
                .event
                .value(field)
                .is_some_and(|value| atom::compares(*relation, *bound, value)),
            Check::Field {
                other,
                position,
                cased,
            } => self.other_field((slot, field), *other, *position, *cased),
            Check::Moment(part, number) => self
                .event
                .moment(field)
                .and_then(|moment| atom::moment_part(*part, moment))
                .is_some_and(|part| part == *number),
        }
    }

    /// Asks of a field's text as it is.
    fn text(&mut self, slot: usize, field: FieldId, ask: impl FnOnce(&str) -> bool) -> bool {
        match self.event.value(field) {
            Some(Value::Text(text)) => ask(text),
            // The text of all other values has no case.
            Some(_) => self.texts.field(self.event, slot, field).is_some_and(ask),
            None => false,
        }
    }

    /// How another field's text is in a field's.
    fn other_field(
        &mut self,
        (slot, field): (usize, FieldId),
        other: usize,
        position: Position,
        cased: bool,
    ) -> bool {
        let Some(other_field) = self.fields.get(other).copied() else {
            return false;
        };
        self.texts.field(self.event, slot, field);
        self.texts.field(self.event, other, other_field);
        let text = |slot, field| match self.event.value(field)? {
            Value::Text(text) if cased => Some(text),
            _ => self.texts.known_field(slot),
        };
        match (text(slot, field), text(other, other_field)) {
            (Some(text), Some(other)) => atom::is_at(position, text, other),
            _ => false,
        }
    }

    fn words(&mut self, check: &Check) -> bool {
        match check {
            Check::Folded(test) => self.texts.words(self.event).any(|text| test.matches(text)),
            Check::Cased(test) => self.event.any_text(&mut |text| test.matches(text)),
            Check::Regex(regex) => self.event.any_text(&mut |text| regex.is_match(text)),
            Check::Network(network) => self
                .event
                .any_text(&mut |text| atom::in_network(*network, Value::Text(text))),
            Check::Number(relation, bound) => self
                .event
                .any_text(&mut |text| atom::compares(*relation, *bound, Value::Text(text))),
            // These are about a field; the compiler makes none for words.
            Check::Exists | Check::Field { .. } | Check::Moment(..) => false,
        }
    }
}
