//! Every field is one of ECS's, of the type that it has there, or below `sensor`.

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use proptest::test_runner::TestRunner;

use super::*;

/// A field of ECS.
struct Field {
    kind: String,
    is_array: bool,
}

/// Names the list of ECS's fields (`generated/ecs/ecs_flat.yml` of ECS's repository).
const LIST: &str = "SENSOR_ECS_FLAT";

/// The list, if it is at hand.
fn ecs() -> Option<BTreeMap<String, Field>> {
    let path = env::var_os(LIST).map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/ecs/ecs_flat.yml"),
        PathBuf::from,
    );
    let list = fs::read_to_string(path).ok()?;
    let mut fields = BTreeMap::new();
    let mut current = None;
    for line in list.lines() {
        if let Some(name) = line.strip_suffix(':')
            && !line.starts_with(' ')
        {
            current = Some(name.trim_matches('\'').to_owned());
        } else if let Some(name) = &current {
            let field: &mut Field = fields.entry(name.clone()).or_insert(Field {
                kind: String::new(),
                is_array: false,
            });
            if let Some(kind) = line.strip_prefix("  type: ") {
                kind.clone_into(&mut field.kind);
            }
            field.is_array |= line == "  - array";
        }
    }
    Some(fields)
}

/// Adds the paths below a value, each with a value that it has.
fn collect(path: &str, value: &Value, is_in_array: bool, found: &mut Vec<(String, Value, bool)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                collect(&path, value, is_in_array, found);
            }
        }
        Value::Array(elements) => {
            for element in elements {
                collect(path, element, true, found);
            }
        }
        plain => found.push((path.to_owned(), plain.clone(), is_in_array)),
    }
}

#[test]
fn every_field_is_one_of_ecs() {
    let Some(ecs) = ecs() else {
        eprintln!("SKIPPED: the list of ECS's fields is not at hand; name it with {LIST}");
        return;
    };
    assert!(ecs.len() > 1000, "the list of ECS's fields cannot be read");
    TestRunner::default()
        .run(&input(), |input| {
            let mut found = Vec::new();
            collect("", &parse(&write(&input)), false, &mut found);
            for (path, value, is_in_array) in found {
                // What is below is the user's to name.
                if path.starts_with("sensor.") || path.starts_with("container.labels.") {
                    continue;
                }
                let Some(field) = ecs.get(&path) else {
                    return Err(TestCaseError::fail(format!("ECS has no {path}")));
                };
                // What ECS nests (`dns.answers`) is an array of objects: only its name is checked.
                if !path.starts_with("dns.answers.") {
                    prop_assert_eq!(field.is_array, is_in_array, "{}", path);
                }
                let is_right = match &*field.kind {
                    "long" | "float" => value.is_number(),
                    "boolean" => value.is_boolean(),
                    // The contract: inode numbers are numbers.
                    "keyword" if path == "host.pid_ns_ino" => value.is_number(),
                    _ => value.is_string(),
                };
                prop_assert!(is_right, "{} is a {}, not {}", path, field.kind, value);
                if field.kind == "date" {
                    let date = value.as_str().unwrap();
                    prop_assert!(date.parse::<jiff::Timestamp>().is_ok(), "{}", date);
                }
            }
            Ok(())
        })
        .unwrap();
}
