//! The fields that events have, and values that rules ask of them.

use std::collections::{BTreeMap, HashMap};

use fastrand::Rng;
use sensor::detect::sigma::{
    field::{Class, FieldId, Taxonomy},
    rule::{Item, Search, Test},
};

use super::sample;
use crate::{
    event::{Datum, Field},
    rules::Pair,
};

/// The fields of each class.
#[derive(Default)]
pub struct Vocabulary {
    classes: BTreeMap<Class, Vec<Field>>,
    ids: HashMap<(Class, String), FieldId>,
    constants: HashMap<FieldId, &'static str>,
    texts: HashMap<FieldId, Vec<String>>,
}

impl Vocabulary {
    /// The fields that rules ask of.
    pub fn new(pairs: &[Pair], taxonomy: &dyn Taxonomy, random: &mut Rng) -> Self {
        let mut vocabulary = Self::default();
        for pair in pairs {
            let mut items = Vec::new();
            for selection in &pair.rule.selections {
                items_of(&selection.search, &mut items);
            }
            for class in &pair.classes {
                vocabulary.classes.entry(*class).or_default();
                for item in &items {
                    let texts = item.values.tests.iter().flatten();
                    let texts = texts.filter_map(|test| match test {
                        Test::Text { pattern, .. } => Some(sample::of_pattern(pattern, random)),
                        _ => None,
                    });
                    let texts: Vec<String> = texts.collect();
                    vocabulary.add(*class, &item.field, texts, taxonomy);
                    for test in item.values.tests.iter().flatten() {
                        if let Some((name, _)) = sample::other_field(test) {
                            vocabulary.add(*class, name, Vec::new(), taxonomy);
                        }
                    }
                }
            }
        }
        vocabulary
    }

    /// Fields of random rules, for tests.
    #[cfg(test)]
    pub fn of_names(names: &[&str]) -> Self {
        let mut vocabulary = Self::default();
        for name in names {
            vocabulary.add(
                Class(0),
                name,
                Vec::new(),
                &crate::random_rules::RandomTaxonomy,
            );
        }
        vocabulary
    }

    fn add(&mut self, class: Class, name: &str, texts: Vec<String>, taxonomy: &dyn Taxonomy) {
        let Some(id) = taxonomy.field(class, name) else {
            return;
        };
        self.texts.entry(id).or_default().extend(texts);
        if let Some(constant) = taxonomy.constant(id) {
            self.constants.insert(id, constant);
        }
        self.ids.insert((class, name.to_owned()), id);
        let fields = self.classes.entry(class).or_default();
        match fields.iter_mut().find(|field| field.id == id) {
            Some(field) if field.names.iter().any(|known| known == name) => {}
            Some(field) => field.names.push(name.to_owned()),
            None => fields.push(Field {
                id,
                names: vec![name.to_owned()],
            }),
        }
    }

    /// The fields of a class that rules ask of.
    pub fn fields(&self, class: Class) -> &[Field] {
        self.classes.get(&class).map_or(&[], Vec::as_slice)
    }

    /// The field of a class with a name.
    pub fn find(&self, class: Class, name: &str) -> Option<FieldId> {
        self.ids.get(&(class, name.to_owned())).copied()
    }

    /// What a field always has.
    pub fn constant(&self, field: FieldId) -> Option<&'static str> {
        self.constants.get(&field).copied()
    }

    /// A value that some rule asks of a field.
    pub fn any_value(&self, field: FieldId, random: &mut Rng) -> Option<Datum> {
        let text = random.choice(self.texts.get(&field)?)?;
        Some(Datum::Text(text.clone()))
    }
}

fn items_of<'a>(search: &'a Search, items: &mut Vec<&'a Item>) {
    match search {
        Search::All(all) => items.extend(all),
        Search::Any(searches) => {
            for search in searches {
                items_of(search, items);
            }
        }
        Search::Keywords(_) => {}
    }
}
