//! Which rules match an event: all rules together, compiled once.
//!
//! A rule is looked at only if the event has something that the rule cannot match without, and of the
//! rules that are looked at, each question is asked once. So the time for an event depends little on
//! the number of rules.
//!
//! - `compile`: from rules as they were written to conditions (`node`) over questions to one field
//!   (`atom`; `atoms` has all of them), of which those about text are in `text`.
//! - [`Use`]: what a rule is good for.
//! - `witness`: what a rule cannot match without. `search`: finds that in an event, of which `grams` are
//!   for texts within texts.
//! - `evaluate`: answers conditions. [`Scratch`]: what is kept of the event in hand.
//! - `fold`: text without case.

mod atom;
mod atoms;
mod compile;
mod evaluate;
mod fold;
mod grams;
mod node;
mod scratch;
mod search;
mod text;
mod usage;
mod witness;

#[cfg(test)]
mod tests;

use self::{
    atom::Atom,
    compile::{Compiler, Program},
    evaluate::Evaluation,
    search::Searches,
};
use super::{
    field::{Class, FieldId, Fields, Taxonomy},
    rule::Rule,
};

pub use scratch::Scratch;
pub use usage::Use;

/// Rules, compiled. It does not change, and any number of threads may use it, each with its own
/// [`Scratch`].
#[derive(Debug)]
pub struct Matcher {
    /// The fields that rules ask of, by slot.
    fields: Box<[FieldId]>,
    atoms: Box<[Atom]>,
    /// By the class's number.
    classes: Box<[ClassRules]>,
}

/// The rules about a class.
#[derive(Debug, Default)]
struct ClassRules {
    searches: Searches,
    /// In the order of rules.
    programs: Box<[Program]>,
}

impl Matcher {
    /// Compiles rules; what each is good for is in the same order. A rule that cannot be used does not
    /// concern the others.
    #[must_use]
    pub fn compile(rules: &[Rule], taxonomy: &dyn Taxonomy) -> (Self, Vec<Use>) {
        let mut compiler = Compiler::new(taxonomy);
        let uses = rules
            .iter()
            .enumerate()
            .map(|(index, rule)| compiler.rule(index, rule))
            .collect();
        let mut classes: Vec<ClassRules> = Vec::new();
        for (class, programs) in std::mem::take(&mut compiler.programs) {
            let clues: Vec<_> = programs
                .iter()
                .map(|program| compiler.clues(program))
                .collect();
            classes.resize_with(usize::from(class.0), ClassRules::default);
            classes.push(ClassRules {
                searches: Searches::new(&clues),
                programs: programs.into(),
            });
        }
        let atoms = compiler.atoms.finish();
        let matcher = Self {
            fields: compiler.atoms.fields.into(),
            atoms,
            classes: classes.into(),
        };
        (matcher, uses)
    }

    /// Calls `found` with each class that an event is of and the index of each rule that matches it as
    /// one of that class: class by class, and in ascending order.
    pub fn matches<F: Fields + ?Sized>(
        &self,
        classes: &[Class],
        event: &F,
        scratch: &mut Scratch,
        found: &mut dyn FnMut(Class, usize),
    ) {
        scratch.begin(self.fields.len(), self.atoms.len());
        for class in classes {
            if let Some(rules) = self.classes.get(usize::from(class.0))
                && !rules.programs.is_empty()
            {
                self.matches_of(rules, event, scratch, &mut |rule| found(*class, rule));
            }
        }
    }

    fn matches_of<F: Fields + ?Sized>(
        &self,
        rules: &ClassRules,
        event: &F,
        scratch: &mut Scratch,
        found: &mut dyn FnMut(usize),
    ) {
        let Scratch {
            texts,
            answers,
            candidates,
            ..
        } = scratch;
        candidates.begin(rules.programs.len());
        rules
            .searches
            .candidates(event, &self.fields, texts, candidates);
        candidates.programs.sort_unstable();
        let mut evaluation = Evaluation {
            event,
            fields: &self.fields,
            atoms: &self.atoms,
            texts,
            answers,
        };
        for program in &candidates.programs {
            if let Some(program) = rules.programs.get(*program)
                && evaluation.holds(&program.condition)
            {
                found(program.rule);
            }
        }
    }

    /// How many rules are tried on events of a class.
    #[must_use]
    pub fn rules_for(&self, class: Class) -> usize {
        self.classes
            .get(usize::from(class.0))
            .map_or(0, |rules| rules.programs.len())
    }
}
