//! How a matcher sees an event: a class, and values by number.

use std::net::IpAddr;

use super::rule::LogSource;

/// A class of events that rules are about, as `process_creation`: a small number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class(pub u8);

/// A field of events: a small number. Names that mean the same have the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldId(pub u16);

/// A field's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// Text.
    Text(&'a str),
    /// A number; as text it is in decimal.
    Number(i64),
    /// An address; as text it is as RFC 5952 writes it.
    Address(IpAddr),
    /// As text it is `true` or `false`.
    Boolean(bool),
}

/// An event, as a matcher sees it.
pub trait Fields {
    /// The value of a field; none where the event has none.
    fn value(&self, field: FieldId) -> Option<Value<'_>>;

    /// Every text of the event, for rules that look for words without a field, until one is
    /// found: whether one was.
    fn any_text(&self, found: &mut dyn FnMut(&str) -> bool) -> bool;

    /// Nanoseconds since 1970 of a moment in a field, for `hour` and the like.
    fn moment(&self, field: FieldId) -> Option<i64>;
}

/// What a rule's words mean.
pub trait Taxonomy {
    /// The classes of events that a rule is about.
    ///
    /// # Errors
    ///
    /// Why there are no such events, for people.
    fn classes(&self, source: &LogSource) -> Result<Vec<Class>, String>;

    /// The field of a class's events with a name; none if such events never have it.
    fn field(&self, class: Class, name: &str) -> Option<FieldId>;

    /// Fields whose text is a path, and of which rules mostly ask how it ends.
    fn is_path(&self, field: FieldId) -> bool;

    /// What the sensor would have to tell for a field that events do not have, for people; none if that
    /// is not known.
    fn absent(&self, name: &str) -> Option<&'static str> {
        let _ = name;
        None
    }

    /// What a field that is always the same stands for as well, as `execve` for `execveat`: a rule that
    /// asks for either misses nothing.
    fn stands_for(&self, field: FieldId) -> Option<&'static str> {
        let _ = field;
        None
    }

    /// What a field always is where a class has it, as `type` in a class of audit's: a rule that asks
    /// for something else never fires.
    fn constant(&self, field: FieldId) -> Option<&'static str> {
        let _ = field;
        None
    }
}
