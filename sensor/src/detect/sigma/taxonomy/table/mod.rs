//! The fields: their names, the classes that have them, and where each is taken from.
//!
//! A name from ECS, or below `sensor`, means what it means in the sensor's own documents
//! (`docs/events.md`). What is a list there is one text here, its parts with a space between them.
//! A flag that is left out of documents where it is false is false here.

mod accounts;
mod audit;
mod exec;
mod network;
mod origin;
mod privilege;
mod process;

use std::sync::OnceLock;

use super::{class, observed_fields::ObservedFields};
use crate::{
    detect::sigma::field::{Class, FieldId, Value},
    output::names::Name,
};

/// How a value is found.
type Getter = for<'a> fn(&'a ObservedFields<'a>) -> Option<Value<'a>>;

/// A field of events.
#[derive(Clone, Copy)]
pub(super) struct Field {
    /// Its names.
    pub(super) names: &'static [&'static str],
    /// What it is, or is taken from, for people.
    pub(super) meaning: &'static str,
    /// The classes that have it.
    pub(super) classes: Classes,
    /// How it is found.
    pub(super) value: Getter,
    /// Whether it is a path.
    pub(super) is_path: bool,
    /// Whether it is searched for words without a field.
    pub(super) is_searched: bool,
    /// Whether it is when the event was.
    pub(super) is_moment: bool,
    /// What it always is, if it is always the same.
    pub(super) constant: Option<&'static str>,
    /// What it would be elsewhere where it is that here.
    pub(super) stands_for: Option<&'static str>,
}

const fn field(
    names: &'static [&'static str],
    classes: Classes,
    meaning: &'static str,
    value: Getter,
) -> Field {
    Field {
        names,
        meaning,
        classes,
        value,
        is_path: false,
        is_searched: false,
        is_moment: false,
        constant: None,
        stands_for: None,
    }
}

impl Field {
    /// It is a path.
    const fn path(self) -> Self {
        Self {
            is_path: true,
            ..self
        }
    }

    /// It is searched for words.
    const fn searched(self) -> Self {
        Self {
            is_searched: true,
            ..self
        }
    }

    /// It is when the event was.
    const fn moment(self) -> Self {
        Self {
            is_moment: true,
            ..self
        }
    }

    /// It is always this.
    const fn always(self, constant: &'static str) -> Self {
        Self {
            constant: Some(constant),
            ..self
        }
    }

    /// It is so where it would be this elsewhere, too.
    const fn instead_of(self, other: &'static str) -> Self {
        Self {
            stands_for: Some(other),
            ..self
        }
    }
}

/// Some of the classes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Classes(u32);

impl Classes {
    /// All that are about a process as the sensor sees it.
    pub(super) const EVERY: Self = Self(!Self::AUDIT.0);
    /// Audit's records.
    const AUDIT: Self = Self::these(&[class::AUDIT_EXECVE, class::AUDIT_SYSCALL]);

    /// These.
    pub(super) const fn these(classes: &[Class]) -> Self {
        let mut bits = 0;
        let mut rest = classes;
        while let [first, others @ ..] = rest {
            bits |= Self::bit(*first);
            rest = others;
        }
        Self(bits)
    }

    /// Whether a class is one of them; one that there is no room for is not.
    pub(super) const fn has(self, class: Class) -> bool {
        self.0 & Self::bit(class) != 0
    }

    const fn bit(class: Class) -> u32 {
        match 1_u32.checked_shl(class.0 as u32) {
            Some(bit) => bit,
            None => 0,
        }
    }
}

const _: () = assert!(
    class::ALL.len() <= u32::BITS as usize,
    "a set of classes has no room for all of them"
);

const TABLES: [&[Field]; 7] = [
    process::FIELDS,
    accounts::FIELDS,
    origin::FIELDS,
    exec::FIELDS,
    network::FIELDS,
    privilege::FIELDS,
    audit::FIELDS,
];

/// How many fields a table has at most.
const TABLE_SIZE: u16 = 64;

/// The number of audit's `a0`; those of `a1` and so on follow.
const ARGUMENTS: u16 = 512;

/// A field's number is its table's and its place in it: no two fields may have one number.
const _: () = {
    assert!(TABLES.len() * TABLE_SIZE as usize <= ARGUMENTS as usize);
    let mut rest: &[&[Field]] = &TABLES;
    while let [first, others @ ..] = rest {
        assert!(first.len() <= TABLE_SIZE as usize);
        rest = others;
    }
};

/// How many arguments have a name.
const ARGUMENTS_MAX: u16 = 256;

/// The field with a number.
pub(super) fn get(field: FieldId) -> Option<&'static Field> {
    let table = TABLES.get(usize::from(field.0 / TABLE_SIZE))?;
    table.get(usize::from(field.0 % TABLE_SIZE))
}

/// Which of audit's `a0`, `a1`, ... a field is, if it is one.
pub(super) fn argument_number(field: FieldId) -> Option<usize> {
    field.0.checked_sub(ARGUMENTS).map(usize::from)
}

/// Every field.
pub(super) fn all() -> impl Iterator<Item = &'static Field> {
    TABLES.into_iter().flatten()
}

/// Those that are searched for words.
pub(super) fn searched() -> &'static [&'static Field] {
    static SEARCHED: OnceLock<Vec<&'static Field>> = OnceLock::new();
    SEARCHED.get_or_init(|| all().filter(|field| field.is_searched).collect())
}

/// The field of a class with a name.
pub(super) fn find(class: Class, name: &str) -> Option<FieldId> {
    if class == class::AUDIT_EXECVE
        && let Some(digits) = name.strip_prefix('a')
        && let Ok(number) = digits.parse::<u16>()
        && number < ARGUMENTS_MAX
        && digits == number.to_string()
    {
        return Some(FieldId(ARGUMENTS + number));
    }
    (0_u16..).zip(TABLES).find_map(|(table, fields)| {
        let (row, _) = (0_u16..)
            .zip(fields)
            .find(|(_, field)| field.classes.has(class) && field.names.contains(&name))?;
        Some(FieldId(table * TABLE_SIZE + row))
    })
}

/// A number, unless it is beyond what rules can compare.
fn number(number: impl TryInto<i64>) -> Option<Value<'static>> {
    number.try_into().ok().map(Value::Number)
}

/// A text, unless it is empty.
fn text(text: &str) -> Option<Value<'_>> {
    Some(text).filter(|text| !text.is_empty()).map(Value::Text)
}

/// What the kernel calls a number, or the number where it has no name.
const fn name(name: Name) -> Value<'static> {
    match name {
        Name::Known(name) => Value::Text(name),
        Name::Unknown { number, .. } => Value::Number(number as i64),
    }
}
