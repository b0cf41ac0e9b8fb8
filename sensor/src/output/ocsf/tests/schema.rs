//! Judges events by the compiled schema, strictly: what it does not allow is a violation, and so is a
//! profile that an event lists and does not use.

mod tests;

use std::{collections::BTreeSet, fs, net::IpAddr, sync::OnceLock};

use serde_json::{Map, Value};

/// The compiled schema.
pub(super) struct Schema {
    root: Value,
}

/// What is found out about one event.
struct Judgement<'a> {
    schema: &'a Value,
    /// The profiles that the event lists.
    listed: Vec<&'a str>,
    /// Those of them that attributes were used of.
    used: BTreeSet<&'a str>,
    violations: Vec<String>,
}

/// Texts that may be empty: required or recommended ones that may have nothing to say.
const MAY_BE_EMPTY: [&str; 4] = [".cmd_line", ".rdata", "].name", "].value"];

impl Schema {
    /// The schema, if it is there; else the tests that need it are skipped.
    pub(super) fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Schema>> = OnceLock::new();
        let load = || {
            let path = concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/../../shared/ocsf/ocsf-1.8.0.json"
            );
            let Ok(text) = fs::read(path) else {
                println!("skipped: the OCSF schema is not there ({path})");
                return None;
            };
            let root = serde_json::from_slice(&text).unwrap();
            Some(Self { root })
        };
        SHARED.get_or_init(load).as_ref()
    }

    /// What is wrong with an event.
    pub(super) fn violations(&self, event: &Value) -> Vec<String> {
        let Some(fields) = event.as_object() else {
            return vec!["the event is no object".into()];
        };
        let classes = self.root["classes"].as_object().unwrap();
        let class = classes
            .values()
            .find(|class| class["uid"] == event["class_uid"]);
        let Some(class) = class else {
            return vec![format!("there is no class {}", event["class_uid"])];
        };
        let listed = event["metadata"]["profiles"].as_array();
        let listed: Vec<_> = listed
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        // The judgement borrows from the event and from the schema.
        let mut judgement = Judgement {
            schema: &self.root,
            listed,
            used: BTreeSet::new(),
            violations: Vec::new(),
        };
        judgement.attributes(class, fields, "");
        let number = |name: &str| event[name].as_i64().unwrap_or(-1);
        if number("type_uid") != number("class_uid") * 100 + number("activity_id") {
            judgement
                .violations
                .push("type_uid is not class_uid * 100 + activity_id".into());
        }
        if event["metadata"]["version"] != self.root["version"] {
            judgement
                .violations
                .push("the version is another one".into());
        }
        judgement.profiles();
        judgement.violations
    }
}

impl<'a> Judgement<'a> {
    fn violation(&mut self, path: &str, what: &str) {
        self.violations.push(format!("{path}: {what}"));
    }

    fn profiles(&mut self) {
        for profile in self.listed.clone() {
            if self.schema["profiles"].get(profile).is_none() {
                self.violation(profile, "no such profile");
            } else if !self.used.contains(profile) {
                self.violation(profile, "the profile is listed and not used");
            }
        }
    }

    /// The listed profile that an attribute belongs to. Of one that several profiles have, the
    /// compiled schema names one.
    fn profile(&self, named: &str, attribute: &str) -> Option<&'a str> {
        self.listed.iter().copied().find(|listed| {
            let short = listed.rsplit('/').next().unwrap();
            short == named
                || self.schema["profiles"][*listed]["attributes"]
                    .get(attribute)
                    .is_some()
        })
    }

    fn attributes(&mut self, of: &Value, fields: &Map<String, Value>, path: &str) {
        let attributes = of["attributes"].as_object().unwrap();
        for (name, attribute) in attributes {
            let is_offered = attribute["profile"]
                .as_str()
                .is_none_or(|profile| self.profile(profile, name).is_some());
            if attribute["requirement"] == "required" && is_offered && !fields.contains_key(name) {
                self.violation(path, &format!("{name} is required"));
            }
        }
        for (name, value) in fields {
            let path = format!("{path}.{name}");
            let Some(attribute) = attributes.get(name) else {
                self.violation(&path, "no such attribute");
                continue;
            };
            if let Some(profile) = attribute["profile"].as_str() {
                match self.profile(profile, name) {
                    Some(listed) => {
                        self.used.insert(listed);
                    }
                    None => self.violation(&path, &format!("the profile {profile} is not listed")),
                }
            }
            if !attribute["@deprecated"].is_null() {
                self.violation(&path, "deprecated");
            }
            self.attribute(attribute, value, &path);
            self.enumerated(attribute, value, fields, &path);
        }
        self.constraints(of, fields, path);
    }

    fn attribute(&mut self, attribute: &Value, value: &Value, path: &str) {
        let kind = attribute["type"].as_str().unwrap();
        if attribute["is_array"] != true {
            return self.value(kind, value, path);
        }
        match value.as_array() {
            None => self.violation(path, "must be an array"),
            Some(elements) if elements.is_empty() => self.violation(path, "says nothing"),
            Some(elements) => {
                for (index, element) in elements.iter().enumerate() {
                    self.value(kind, element, &format!("{path}[{index}]"));
                }
            }
        }
    }

    fn value(&mut self, kind: &str, value: &Value, path: &str) {
        let schema = self.schema;
        match (schema["types"].get(kind), value) {
            (Some(definition), _) => self.scalar(kind, definition, value, path),
            (None, Value::Object(_)) if kind == "object" => {}
            (None, Value::Object(fields)) => {
                self.attributes(&schema["objects"][kind], fields, path);
            }
            (None, _) => self.violation(path, "must be an object"),
        }
    }

    fn scalar(&mut self, kind: &str, definition: &Value, value: &Value, path: &str) {
        let primitive = definition["type"].as_str().unwrap_or(kind);
        let fits = match primitive {
            "string_t" => value.is_string(),
            "integer_t" | "long_t" => value.is_i64(),
            "float_t" => value.is_number(),
            "boolean_t" => value.is_boolean(),
            "json_t" => true,
            other => panic!("the schema has another primitive type: {other}"),
        };
        if !fits {
            return self.violation(path, &format!("must be of type {primitive}"));
        }
        if let (Some([least, most]), Some(number)) = (
            definition["range"].as_array().map(Vec::as_slice),
            value.as_i64(),
        ) && !(least.as_i64().unwrap()..=most.as_i64().unwrap()).contains(&number)
        {
            self.violation(path, "is out of range");
        }
        let Some(text) = value.as_str() else {
            return;
        };
        let longest = definition["max_len"].as_u64().unwrap_or(u64::MAX);
        if text.chars().count() as u64 > longest {
            self.violation(path, "is too long");
        }
        if text.is_empty() && !MAY_BE_EMPTY.iter().any(|end| path.ends_with(end)) {
            self.violation(path, "is empty");
        }
        let matches = match kind {
            "ip_t" => text.parse::<IpAddr>().is_ok(),
            "uuid_t" => is_uuid(text),
            // Of other types with a pattern nothing is written.
            _ => definition["regex"].is_null(),
        };
        if !matches {
            self.violation(path, &format!("is no {kind}"));
        }
    }

    /// Whether numbers are of those that there are, and their captions are theirs.
    fn enumerated(
        &mut self,
        attribute: &Value,
        value: &Value,
        fields: &Map<String, Value>,
        path: &str,
    ) {
        let Some(members) = attribute["enum"].as_object() else {
            return;
        };
        let elements = value
            .as_array()
            .map_or(std::slice::from_ref(value), Vec::as_slice);
        for element in elements {
            let key = element
                .as_str()
                .map_or_else(|| element.to_string(), str::to_owned);
            let Some(member) = members.get(&key) else {
                self.violation(path, &format!("{key} is none of the enumerated values"));
                continue;
            };
            let sibling = attribute["sibling"]
                .as_str()
                .and_then(|name| fields.get(name));
            let is_other = member["caption"] == "Other";
            if is_other && attribute["sibling"].is_string() && sibling.is_none() {
                self.violation(path, "99 without a word for it");
            } else if !is_other
                && let Some(sibling) = sibling.filter(|sibling| sibling.is_string())
                && *sibling != member["caption"]
            {
                self.violation(path, &format!("{sibling} is not {}", member["caption"]));
            }
        }
    }

    fn constraints(&mut self, of: &Value, fields: &Map<String, Value>, path: &str) {
        let count = |names: &Value| {
            let names = names.as_array().unwrap().iter();
            names
                .filter(|name| fields.contains_key(name.as_str().unwrap()))
                .count()
        };
        for (constraint, names) in of["constraints"].as_object().into_iter().flatten() {
            let holds = match constraint.as_str() {
                "at_least_one" => count(names) >= 1,
                "just_one" => count(names) == 1,
                other => panic!("the schema has another constraint: {other}"),
            };
            if !holds {
                self.violation(path, &format!("{constraint} of {names}"));
            }
        }
    }
}

fn is_uuid(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.concat().bytes().all(|byte| byte.is_ascii_hexdigit())
}
