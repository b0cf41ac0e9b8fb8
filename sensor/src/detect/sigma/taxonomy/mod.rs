//! What Sigma's words mean for the sensor's events.
//!
//! Rules call an event's values by the names of Sysmon, of ECS or of Linux's audit; all of them are
//! answered here, and `docs/sigma.md` lists them.
//!
//! - [`class`]: the classes of events, and the log sources that are about them.
//! - `absent`: the log sources and fields that are about something else, and what they would need.
//! - `table`: the fields, and where each is taken from.
//! - [`observed_fields`]: an event's values, each found when it is asked for.
//! - [`resolved`]: the names that addresses were looked up by.

mod absent;
pub mod class;
pub mod observed_fields;
pub mod resolved;
mod table;
#[cfg(test)]
mod tests;

pub use class::classes;
pub use observed_fields::{ObservedFields, Texts};
pub use resolved::ResolvedNames;

use super::{
    field::{Class, FieldId, Taxonomy},
    rule::LogSource,
};

/// What rules for Linux mean.
#[derive(Clone, Copy, Debug, Default)]
pub struct LinuxTaxonomy;

impl Taxonomy for LinuxTaxonomy {
    fn classes(&self, source: &LogSource) -> Result<Vec<Class>, String> {
        class::of_source(source)
    }

    fn field(&self, class: Class, name: &str) -> Option<FieldId> {
        table::find(class, name)
    }

    fn is_path(&self, field: FieldId) -> bool {
        table::get(field).is_some_and(|field| field.is_path)
    }

    fn absent(&self, name: &str) -> Option<&'static str> {
        absent::field(name)
    }

    fn constant(&self, field: FieldId) -> Option<&'static str> {
        table::get(field)?.constant
    }

    fn stands_for(&self, field: FieldId) -> Option<&'static str> {
        table::get(field)?.stands_for
    }
}

/// A field, as people read of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldDescription {
    /// Its names, all of which mean the same.
    pub names: &'static [&'static str],
    /// What it is, or is taken from.
    pub meaning: &'static str,
}

impl LinuxTaxonomy {
    /// The fields of a class's events; the arguments `a0`, `a1`, ... of audit are not among them.
    pub fn fields(class: Class) -> impl Iterator<Item = FieldDescription> {
        table::all()
            .filter(move |field| field.classes.has(class))
            .map(|field| FieldDescription {
                names: field.names,
                meaning: field.meaning,
            })
    }

    /// The events that a class consists of, for people.
    #[must_use]
    pub fn events(class: Class) -> &'static str {
        let description = class::ALL.get(usize::from(class.0));
        description.map_or("", |description| description.events)
    }
}
