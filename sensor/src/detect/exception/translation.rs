//! An exception as a rule of the matcher's.

use std::{path::Path, sync::Arc};

use crate::{
    config::detect::exception::Exception,
    detect::sigma::{
        field::{Class, FieldId, Taxonomy},
        reading::pattern,
        rule::{Condition, Header, Item, LogSource, Place, Rule, Search, Selection, Test, Values},
    },
};

/// The rule that finds what an exception is about, in a configuration.
pub(super) fn rule(exception: &Exception, file: &Arc<Path>) -> Rule {
    let line = exception.line.unwrap_or(1);
    let items = exception
        .fields
        .iter()
        .map(|(name, values)| Item {
            line,
            field: name.clone(),
            values: Values {
                all: false,
                tests: values.iter().map(|value| vec![test(value)]).collect(),
            },
            negated: false,
        })
        .collect();
    Rule {
        place: Place {
            file: file.clone(),
            line,
        },
        header: Header {
            title: exception.to_string(),
            ..Header::default()
        },
        log_source: LogSource::default(),
        selections: vec![Selection {
            name: "fields".to_owned(),
            search: Search::All(items),
        }],
        condition: Condition::Selection(0),
    }
}

/// Case matters: two paths that differ in it are two files, of which one is known to be harmless.
fn test(value: &str) -> Test {
    Test::Text {
        pattern: pattern::parse(value),
        cased: true,
    }
}

/// The taxonomy's words, where a rule is about events of every class.
pub(super) struct EveryClass<'a> {
    pub(super) taxonomy: &'a dyn Taxonomy,
    pub(super) classes: &'a [Class],
}

impl EveryClass<'_> {
    /// Whether events of some class have a field.
    pub(super) fn has(&self, name: &str) -> bool {
        self.classes
            .iter()
            .any(|class| self.taxonomy.field(*class, name).is_some())
    }
}

impl Taxonomy for EveryClass<'_> {
    fn classes(&self, _: &LogSource) -> Result<Vec<Class>, String> {
        Ok(self.classes.to_vec())
    }

    fn field(&self, class: Class, name: &str) -> Option<FieldId> {
        self.taxonomy.field(class, name)
    }

    fn is_path(&self, field: FieldId) -> bool {
        self.taxonomy.is_path(field)
    }

    fn absent(&self, name: &str) -> Option<&'static str> {
        self.taxonomy.absent(name)
    }

    fn constant(&self, field: FieldId) -> Option<&'static str> {
        self.taxonomy.constant(field)
    }

    fn stands_for(&self, field: FieldId) -> Option<&'static str> {
        self.taxonomy.stands_for(field)
    }
}
