//! The rewriting against a flattening of the parsed document.

use proptest::{collection::vec, prelude::*};
use serde_json::{Map, Value, json};

use super::{super::arbitrary as documents, *};

fn flattened(value: &Value) -> Map<String, Value> {
    fn flatten(prefix: &str, fields: &Map<String, Value>, flat: &mut Map<String, Value>) {
        for (name, value) in fields {
            let name = format!("{prefix}{name}");
            match value {
                Value::Object(fields) if !fields.is_empty() => {
                    flatten(&format!("{name}."), fields, flat);
                }
                value => {
                    flat.insert(name, value.clone());
                }
            }
        }
    }
    let mut flat = Map::new();
    flatten("", value.as_object().unwrap(), &mut flat);
    flat
}

fn rewritten(document: &str) -> Option<String> {
    let mut out = Vec::new();
    Flattener::default().flatten(document.as_bytes(), &mut out)?;
    Some(String::from_utf8(out).unwrap())
}

#[test]
fn gives_fields_their_whole_names() {
    let document =
        r#"{"a":{"b":1,"c":{"d":"}"}},"e":[{"f":{"g":["]"]}},2],"h":{},"i":{"j":-1.5e3}}"#;
    let expected = r#"{"a.b":1,"a.c.d":"}","e":[{"f":{"g":["]"]}},2],"h":{},"i.j":-1.5e3}"#;
    assert_eq!(rewritten(document).unwrap(), format!("{expected}\n"));
    assert_eq!(rewritten("{}").unwrap(), "{}\n");
    assert_eq!(rewritten("{\"a\":null}\n").unwrap(), "{\"a\":null}\n");
}

#[test]
fn refuses_what_is_no_object() {
    for document in [
        "",
        "{",
        "[]",
        "1",
        "{}{}",
        "{\"a",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":[1",
        "{\"a\":\"b\\\"}",
        "{ }",
        "{\"a\":{\"b\":1}",
    ] {
        assert_eq!(rewritten(document), None, "{document}");
    }
}

#[test]
fn writes_what_the_sensor_says_of_itself() {
    use crate::{
        clock::{BootTime, WallOffset},
        event::state::{Stated, Statement, Totals},
        output::Content,
    };
    let stated = Stated {
        time: BootTime(1),
        statement: Statement::Stopped(Totals::default()),
    };
    let document = Document {
        sequence: 1,
        wall_offset: WallOffset(0),
        content: Content::Statement(&stated),
    };
    let mut out = b"before\n".to_vec();
    Flat::new(&documents::host())
        .write(&document, &mut out)
        .unwrap();
    let line = out.strip_prefix(b"before\n").unwrap();
    let flat: Value = serde_json::from_slice(line).unwrap();
    assert_eq!(flat["event.code"], "sensor_stop");
    assert_eq!(flat["sensor.totals.degraded"], json!({}));
    assert_eq!(flat["host.boot.id"], documents::host().boot_id);
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[\"\\\\{}\\[\\],:a]{0,9}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            fields(inner).prop_map(Value::from),
        ]
    })
}

/// Names without dots, so that no two whole names are the same.
fn fields(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    let name = prop_oneof!["[a-z]{1,4}", "[\"\\\\{}\\[\\],:]{0,3}", "[^.]{0,9}"];
    vec((name, value), 0..5).prop_map(Map::from_iter)
}

proptest! {
    #[test]
    fn any_event_is_its_ecs_document_flattened(input in documents::input()) {
        let ecs: Value = serde_json::from_slice(&documents::write_with(&mut Ecs::new(&documents::host()), &input)).unwrap();
        let line = documents::write_with(&mut Flat::new(&documents::host()), &input);
        let flat: Map<String, Value> = serde_json::from_slice(&line).unwrap();
        prop_assert_eq!(flat, flattened(&ecs));
    }

    #[test]
    fn any_object_is_flattened_as_a_parser_would(object in fields(value())) {
        let object = Value::from(object);
        let line = rewritten(&object.to_string()).unwrap();
        let flat: Map<String, Value> = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(flat, flattened(&object));
    }

    #[test]
    fn any_bytes_do_no_harm(bytes in vec(any::<u8>(), 0..60)) {
        let mut out = Vec::new();
        let _ = Flattener::default().flatten(&bytes, &mut out);
        let mut document = b"{\"a\":".to_vec();
        document.extend(bytes);
        let _ = Flattener::default().flatten(&document, &mut out);
    }
}
