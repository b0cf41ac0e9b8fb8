//! Rules ask for fields by the names of documents: what they are told is what documents say.

use proptest::prelude::*;
use serde_json::{Map, Value as Json};

use crate::{
    detect::sigma::{
        field::{Fields, Taxonomy, Value},
        taxonomy::{LinuxTaxonomy, ObservedFields, Texts, classes},
    },
    output::{
        Content,
        arbitrary::{Input, host, input, write_with},
        flat::Flat,
    },
};

/// What a rule is told, as text.
fn told(value: Value<'_>) -> String {
    match value {
        Value::Text(text) => text.to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Address(address) => address.to_string(),
        Value::Boolean(boolean) => boolean.to_string(),
    }
}

/// What a document says, as text.
fn said(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(items) => items.iter().map(said).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// What a document says under a name.
fn find(document: &Map<String, Json>, name: &str) -> Option<String> {
    let item = |name, at: usize| document.get(name)?.get(at).map(said);
    match name {
        "sensor.exec.stdin" => item("sensor.exec.stdio", 0),
        "sensor.exec.stdout" => item("sensor.exec.stdio", 1),
        "sensor.exec.stderr" => item("sensor.exec.stdio", 2),
        "dns.answers.data" => {
            let answers = document.get("dns.answers")?.as_array()?;
            let data = answers.iter().map(|answer| said(&answer["data"]));
            Some(data.collect::<Vec<_>>().join(" "))
        }
        "sensor.process.ancestors.name" => {
            let names = document.get(name)?.as_array()?;
            let names = names.iter().map(|name| said(name) + "/");
            Some(names.fold("/".to_owned(), |all, name| all + &name))
        }
        "sensor.process.ancestors.executable" => {
            let paths = document.get(name)?.as_array()?.iter().map(said);
            let known: Vec<String> = paths.filter(|path| !path.is_empty()).collect();
            Some(known.join(" "))
        }
        // Where the kernel could not tell, rules are told what was asked for.
        "process.executable" => document
            .get(name)
            .or(document.get("sensor.exec.filename"))
            .map(said),
        // In a document, a process has none where only its real user is known.
        "process.user.id" => document.get("user.id").map(said),
        "process.user.name" => document.get("user.name").map(said),
        _ => document.get(name).map(said),
    }
}

/// Whether one of the two may lack it.
fn may_differ(name: &str) -> bool {
    // Rules are told only of processes that are known, and documents show capabilities only where
    // they decide something.
    name.ends_with("entity_id") || name.starts_with("process.thread.capabilities")
}

/// Whether it is more than rules can compare.
fn is_beyond(document: &Map<String, Json>, name: &str) -> bool {
    let number = document.get(name).and_then(Json::as_u64);
    number.is_some_and(|number| i64::try_from(number).is_err())
}

fn check(input: &Input, texts: &mut Texts) -> Result<(), TestCaseError> {
    let mut flat = Flat::new(&host());
    let document = input.document();
    let json = write_with(&mut flat, input);
    let said: Map<String, Json> = serde_json::from_slice(&json).unwrap();
    let Content::Event(observed) = document.content else {
        return Ok(());
    };
    if observed.event.subject().is_none() {
        // Then no process is known either.
        return Ok(());
    }
    let fields = ObservedFields::new(&observed, document.wall_offset, texts);
    for class in classes(&observed) {
        let names = LinuxTaxonomy::fields(*class).flat_map(|field| field.names);
        for name in names.filter(|name| name.contains(['.', '@'])) {
            let field = LinuxTaxonomy.field(*class, name).unwrap();
            let expected = find(&said, name).filter(|text| !text.is_empty());
            match (fields.value(field), expected) {
                (Some(value), Some(expected)) => prop_assert_eq!(told(value), expected, "{}", name),
                (Some(Value::Boolean(false)), None) | (None, None) => {}
                (None, Some(_)) if is_beyond(&said, name) => {}
                (None, _) | (_, None) if may_differ(name) => {}
                (value, expected) => prop_assert!(false, "{name}: {value:?}, not {expected:?}"),
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn rules_are_told_what_documents_say(inputs in proptest::collection::vec(input(), 1..4)) {
        let mut texts = Texts::default();
        for input in &inputs {
            check(input, &mut texts)?;
        }
    }
}
