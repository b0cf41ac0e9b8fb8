//! An event as each engine sees it.

use sensor::detect::sigma::field::{Class, FieldId, Fields, Value};
use serde_json::{Map, Value as Json};

/// A field of a class of events, with all the names that rules call it by.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its number in the sensor's engine.
    pub id: FieldId,
    /// Its names; at least one.
    pub names: Vec<String>,
}

/// What a field has.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum {
    /// Text.
    Text(String),
    /// A number.
    Number(i64),
    /// True or false.
    Boolean(bool),
    /// The field is there and has no value.
    Null,
    /// Several texts. The sensor's events have one text instead, the parts with a space between them.
    List {
        /// The parts.
        parts: Vec<String>,
        /// The one text.
        joined: String,
    },
}

impl Datum {
    /// Several texts.
    pub fn list(parts: Vec<String>) -> Self {
        let joined = parts.join(" ");
        Self::List { parts, joined }
    }

    /// It as text; none if there is no value.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Text(text) | Self::List { joined: text, .. } => Some(text.clone()),
            Self::Number(number) => Some(number.to_string()),
            Self::Boolean(boolean) => Some(boolean.to_string()),
            Self::Null => None,
        }
    }

    fn json(&self) -> Json {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Number(number) => (*number).into(),
            Self::Boolean(boolean) => (*boolean).into(),
            Self::Null => Json::Null,
            Self::List { parts, .. } => parts.clone().into(),
        }
    }
}

/// An event of a class.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// The class.
    pub class: Class,
    /// What its fields have; no field twice.
    pub values: Vec<(&'a Field, Datum)>,
}

impl Event<'_> {
    /// What a field has, by any of its names; none if the event has no such field.
    pub fn get(&self, name: &str) -> Option<&Datum> {
        let (_, datum) = self
            .values
            .iter()
            .find(|(field, _)| field.names.iter().any(|known| known == name))?;
        Some(datum)
    }

    /// It as JSON, each field under all of its names as they are, dots and all.
    pub fn flat_json(&self) -> Json {
        let mut object = Map::new();
        for (field, datum) in &self.values {
            for name in &field.names {
                object.insert(name.clone(), datum.json());
            }
        }
        Json::Object(object)
    }

    /// It as JSON, a dot in a name being a step into an object.
    pub fn nested_json(&self) -> Map<String, Json> {
        let mut object = Map::new();
        for (field, datum) in &self.values {
            for name in &field.names {
                nest(&mut object, name, datum.json());
            }
        }
        object
    }
}

fn nest(object: &mut Map<String, Json>, name: &str, value: Json) {
    let Some((first, rest)) = name.split_once('.') else {
        object.insert(name.to_owned(), value);
        return;
    };
    let inner = object
        .entry(first)
        .or_insert_with(|| Json::Object(Map::new()));
    match inner {
        Json::Object(inner) => nest(inner, rest, value),
        // The name of another field is this one's beginning: this one cannot be nested in it.
        _ => {
            object.insert(name.to_owned(), value);
        }
    }
}

impl Fields for Event<'_> {
    fn value(&self, id: FieldId) -> Option<Value<'_>> {
        let (_, datum) = self.values.iter().find(|(field, _)| field.id == id)?;
        match datum {
            Datum::Text(text) | Datum::List { joined: text, .. } => Some(Value::Text(text)),
            Datum::Number(number) => Some(Value::Number(*number)),
            Datum::Boolean(boolean) => Some(Value::Boolean(*boolean)),
            Datum::Null => None,
        }
    }

    fn any_text(&self, found: &mut dyn FnMut(&str) -> bool) -> bool {
        self.values.iter().any(|(_, datum)| match datum {
            Datum::Text(text) | Datum::List { joined: text, .. } => found(text),
            Datum::Number(_) | Datum::Boolean(_) | Datum::Null => false,
        })
    }

    fn moment(&self, id: FieldId) -> Option<i64> {
        match self.value(id)? {
            Value::Text(text) => {
                let time: jiff::Timestamp = text.parse().ok()?;
                time.as_nanosecond().try_into().ok()
            }
            _ => None,
        }
    }
}
