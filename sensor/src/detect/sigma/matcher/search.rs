//! Finds the rules that may match an event, by a few searches for all rules of a class.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasherDefault, Hasher},
};

use aho_corasick::{Anchored, MatchKind, StartKind, automaton::Automaton, dfa, nfa::contiguous};

use super::{
    atom::Subject,
    grams::{self, Grams},
    scratch::{Candidates, Texts},
    witness::Clue,
};
use crate::detect::sigma::field::{FieldId, Fields};

/// Up to so many bytes of texts are searched for with the fast table, which takes up to a kilobyte
/// for each.
const FAST_BYTES_MAX: usize = 32 * 1024;

/// Which programs to look at, by what is in an event.
#[derive(Debug, Default)]
pub(super) struct Searches {
    tails: Box<[(usize, Tails)]>,
    insides: Box<[(usize, Insides)]>,
    words: Option<Insides>,
    /// What is looked at whatever is in the event.
    always: Box<[usize]>,
}

/// Programs by the last part of a text. Keys come from rules alone, so nobody can fill a bucket with
/// events.
type Tails = HashMap<Box<str>, Box<[usize]>, BuildHasherDefault<ShortTextHasher>>;

/// Programs by texts in a text.
#[derive(Debug)]
struct Insides {
    long: Grams<4>,
    short: Grams<2>,
    /// The few texts that no gram picks out, by their place here.
    rest: Option<(Automatons, Box<[usize]>)>,
    /// By the number of the text.
    programs: Box<[Box<[usize]>]>,
}

/// An automaton for many texts.
#[derive(Debug)]
enum Automatons {
    Fast(Box<dfa::DFA>),
    Small(Box<contiguous::NFA>),
}

impl Searches {
    /// Searches for programs by their clues; a program without is always looked at.
    pub(super) fn new(programs: &[Option<Vec<Clue>>]) -> Self {
        let mut tails: BTreeMap<usize, BTreeMap<&str, Vec<usize>>> = BTreeMap::new();
        let mut insides: BTreeMap<Subject, BTreeMap<&str, Vec<usize>>> = BTreeMap::new();
        let mut always = Vec::new();
        for (program, clues) in programs.iter().enumerate() {
            let Some(clues) = clues else {
                always.push(program);
                continue;
            };
            for clue in clues {
                let found = match clue {
                    Clue::Tail(Subject::Field(slot), text) => {
                        tails.entry(*slot).or_default().entry(text).or_default()
                    }
                    Clue::Tail(Subject::Words, text) => insides
                        .entry(Subject::Words)
                        .or_default()
                        .entry(text)
                        .or_default(),
                    Clue::Inside(subject, text) => insides
                        .entry(*subject)
                        .or_default()
                        .entry(text)
                        .or_default(),
                };
                if found.last() != Some(&program) {
                    found.push(program);
                }
            }
        }
        let mut words = None;
        let mut searched = Vec::new();
        for (subject, texts) in insides {
            match (Insides::new(&texts), subject) {
                (Some(insides), Subject::Words) => words = Some(insides),
                (Some(insides), Subject::Field(slot)) => searched.push((slot, insides)),
                // What cannot be searched for is looked at always: slower, but nothing is missed.
                (None, _) => always.extend(texts.into_values().flatten()),
            }
        }
        always.sort_unstable();
        always.dedup();
        Self {
            tails: tails
                .into_iter()
                .map(|(slot, tails)| {
                    let tails = tails
                        .into_iter()
                        .map(|(text, programs)| (text.into(), programs.into()))
                        .collect();
                    (slot, tails)
                })
                .collect(),
            insides: searched.into(),
            words,
            always: always.into(),
        }
    }

    /// How many programs are looked at whatever is in the event.
    #[cfg(test)]
    pub(super) fn always(&self) -> usize {
        self.always.len()
    }

    /// Collects the programs that may match.
    pub(super) fn candidates<F: Fields + ?Sized>(
        &self,
        event: &F,
        fields: &[FieldId],
        texts: &mut Texts,
        candidates: &mut Candidates,
    ) {
        candidates.add(&self.always);
        for (slot, tails) in &self.tails {
            if let Some(field) = fields.get(*slot)
                && let Some(text) = texts.field(event, *slot, *field)
            {
                let tail = match memchr::memrchr(b'/', text.as_bytes()) {
                    Some(slash) => text.get(slash + 1..).unwrap_or(""),
                    None => text,
                };
                if let Some(programs) = tails.get(tail) {
                    candidates.add(programs);
                }
            }
        }
        for (slot, insides) in &self.insides {
            if let Some(field) = fields.get(*slot)
                && let Some(text) = texts.field(event, *slot, *field)
            {
                insides.search(text, candidates);
            }
        }
        if let Some(insides) = &self.words {
            for text in texts.words(event) {
                insides.search(text, candidates);
            }
        }
    }
}

impl Insides {
    /// None if there are too many texts for an automaton.
    fn new(texts: &BTreeMap<&str, Vec<usize>>) -> Option<Self> {
        let mut left: Vec<(usize, &str)> = texts.keys().copied().enumerate().collect();
        let long = Grams::new(&mut left);
        let short = Grams::new(&mut left);
        let rest = if left.is_empty() {
            None
        } else {
            let (numbers, texts): (Vec<usize>, Vec<&str>) = left.into_iter().unzip();
            Some((Automatons::new(&texts)?, numbers.into()))
        };
        let programs = texts
            .values()
            .map(|programs| programs.as_slice().into())
            .collect();
        Some(Self {
            long,
            short,
            rest,
            programs,
        })
    }

    fn search(&self, text: &str, candidates: &mut Candidates) {
        let mut found = |number: usize| {
            if let Some(programs) = self.programs.get(number) {
                candidates.add(programs);
            }
        };
        grams::search(&self.long, &self.short, text.as_bytes(), &mut found);
        if let Some((automaton, numbers)) = &self.rest {
            automaton.search(text, &mut |place| {
                if let Some(number) = numbers.get(place) {
                    found(*number);
                }
            });
        }
    }
}

impl Automatons {
    /// None if there are too many texts for an automaton.
    fn new(texts: &[&str]) -> Option<Self> {
        let bytes: usize = texts.iter().map(|text| text.len()).sum();
        if bytes <= FAST_BYTES_MAX {
            let automaton = dfa::DFA::builder()
                .match_kind(MatchKind::Standard)
                .start_kind(StartKind::Unanchored)
                .prefilter(false)
                .build(texts)
                .ok()?;
            automaton.start_state(Anchored::No).ok()?;
            Some(Self::Fast(Box::new(automaton)))
        } else {
            let automaton = contiguous::NFA::builder()
                .match_kind(MatchKind::Standard)
                .prefilter(false)
                .build(texts)
                .ok()?;
            automaton.start_state(Anchored::No).ok()?;
            Some(Self::Small(Box::new(automaton)))
        }
    }

    fn search(&self, text: &str, found: &mut dyn FnMut(usize)) {
        match self {
            Self::Fast(automaton) => walk(&**automaton, text, found),
            Self::Small(automaton) => walk(&**automaton, text, found),
        }
    }
}

/// Every text must be found, also one in another, so the states are gone through one by one.
fn walk<A: Automaton>(automaton: &A, text: &str, found: &mut dyn FnMut(usize)) {
    let Ok(mut state) = automaton.start_state(Anchored::No) else {
        return;
    };
    for &byte in text.as_bytes() {
        state = automaton.next_state(Anchored::No, state, byte);
        if automaton.is_special(state) && automaton.is_match(state) {
            for index in 0..automaton.match_len(state) {
                found(automaton.match_pattern(state, index).as_usize());
            }
        }
    }
}

/// FNV-1a: the quickest for texts as short as the names of programs.
#[derive(Debug)]
struct ShortTextHasher(u64);

impl Default for ShortTextHasher {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for ShortTextHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}
