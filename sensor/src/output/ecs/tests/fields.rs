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

fn list_path() -> PathBuf {
    env::var_os(LIST).map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/ecs/ecs_flat.yml"),
        PathBuf::from,
    )
}

/// The list, if it is at hand.
fn ecs() -> Option<BTreeMap<String, Field>> {
    let list = fs::read_to_string(list_path()).ok()?;
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

/// Types by category.
type Categories = BTreeMap<String, Vec<String>>;

/// For each `event.category`, the `event.type`s that ECS expects of it, and every `event.kind`.
fn expected() -> Option<(Categories, Vec<String>)> {
    let list = fs::read_to_string(list_path()).ok()?;
    let section = |name: &str| {
        let begin = format!("\n{name}:\n");
        let rest = list.split_once(&begin).map(|(_, rest)| rest)?;
        // Up to the next field, which begins a line.
        Some(
            rest.lines()
                .take_while(|line| line.is_empty() || line.starts_with(' '))
                .collect::<Vec<_>>(),
        )
    };
    let mut types = Vec::new();
    let mut categories = BTreeMap::new();
    for line in section("event.category")? {
        if line.starts_with("  - description") {
            types.clear();
        } else if let Some(name) = line.strip_prefix("    - ") {
            types.push(name.to_owned());
        } else if let Some(name) = line.strip_prefix("    name: ") {
            categories.insert(name.to_owned(), std::mem::take(&mut types));
        }
    }
    let kinds = section("event.kind")?
        .iter()
        .filter_map(|line| line.strip_prefix("    name: "))
        .map(str::to_owned)
        .collect();
    Some((categories, kinds))
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

#[test]
fn every_event_is_filed_as_ecs_expects() {
    let Some((categories, kinds)) = expected() else {
        eprintln!("SKIPPED: the list of ECS's fields is not at hand; name it with {LIST}");
        return;
    };
    assert!(
        categories.len() > 15 && kinds.len() > 5,
        "the list cannot be read"
    );
    TestRunner::default()
        .run(&input(), |input| {
            let document = parse(&write(&input));
            let event = &document["event"];
            let kind = event["kind"].as_str().unwrap_or_default().to_owned();
            prop_assert!(kinds.contains(&kind), "{}", kind);
            for category in event["category"].as_array().into_iter().flatten() {
                let category = category.as_str().unwrap_or_default();
                let Some(expected) = categories.get(category) else {
                    return Err(TestCaseError::fail(format!(
                        "ECS has no category {category}"
                    )));
                };
                for kind in event["type"].as_array().into_iter().flatten() {
                    let kind = kind.as_str().unwrap_or_default().to_owned();
                    prop_assert!(expected.contains(&kind), "{} in {}", kind, category);
                }
            }
            Ok(())
        })
        .unwrap();
}
