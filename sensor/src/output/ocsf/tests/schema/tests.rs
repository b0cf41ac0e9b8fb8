//! What the judge finds in an event that was right.

use serde_json::{Value, json};

use super::Schema;

/// A connection to a container's process.
fn event() -> Value {
    json!({
        "time": 1_795_491_380_000_i64,
        "activity_id": 1,
        "activity_name": "Open",
        "category_uid": 4,
        "class_uid": 4001,
        "type_uid": 400_101,
        "severity_id": 1,
        "severity": "Informational",
        "actor": {
            "process": {"pid": 1, "auid": 1000, "namespace_pid": 1, "group": {"uid": "0"}},
        },
        "src_endpoint": {"name": "192.0.2.1", "ip": "192.0.2.1", "port": 65535},
        "connection_info": {"direction_id": 2, "direction": "Outbound"},
        "device": {
            "type_id": 0,
            "uid": "0b1c",
            "agent_list": [{"name": "sensor", "type_id": 99, "type": "sensor"}],
        },
        "unmapped": {"anything": [{}]},
        "metadata": {
            "version": "1.8.0",
            "product": {"name": "sensor"},
            "profiles": ["host", "container", "linux/linux_users"],
        },
    })
}

/// The event with something else in a place; nothing if it is null.
fn with(pointer: &str, value: Value) -> Value {
    let mut event = event();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = event.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    if value.is_null() {
        parent.remove(name);
    } else {
        parent.insert(name.to_owned(), value);
    }
    event
}

/// Exactly one violation, which says this.
fn assert_found(event: &Value, said: &str) {
    let Some(schema) = Schema::shared() else {
        return;
    };
    let violations = schema.violations(event);
    assert!(
        matches!(&*violations, [one] if one.contains(said)),
        "not \"{said}\": {violations:#?}"
    );
}

#[test]
fn finds_nothing_where_nothing_is_wrong() {
    if let Some(schema) = Schema::shared() {
        assert_eq!(schema.violations(&event()), [""; 0]);
    }
}

#[test]
fn finds_attributes_that_are_none() {
    assert_found(&with("/bogus", json!(1)), ".bogus: no such attribute");
    assert_found(
        &with("/device/agent_list", json!([{"name": "a", "bogus": 1}])),
        ".device.agent_list[0].bogus: no such attribute",
    );
    // Another class has it.
    assert_found(
        &with("/query_time", json!(1)),
        ".query_time: no such attribute",
    );
}

#[test]
fn finds_what_is_missing() {
    assert_found(
        &with("/severity_id", Value::Null),
        "severity_id is required",
    );
    assert_found(&with("/device/type_id", Value::Null), "type_id is required");
    assert_found(
        &with("/connection_info/direction_id", Value::Null),
        ".connection_info: direction_id is required",
    );
    assert_found(&with("/src_endpoint", Value::Null), "at_least_one");
    assert_found(&with("/actor/process/pid", Value::Null), "at_least_one");
    assert_found(
        &with("/device/agent_list", json!([{"name": "a", "type_id": 99}])),
        "99 without a word for it",
    );
}

#[test]
fn a_profile_makes_attributes_required() {
    let mut event = with(
        "/metadata/profiles",
        json!(["host", "cloud", "container", "linux/linux_users"]),
    );
    if let Some(schema) = Schema::shared() {
        let violations = schema.violations(&event);
        assert!(
            violations
                .iter()
                .any(|found| found.contains("cloud is required")),
            "{violations:?}"
        );
    }
    event["cloud"] = json!({"region": "eu"});
    assert_found(&event, ".cloud: provider is required");
}

#[test]
fn finds_profiles_that_are_not_listed_or_not_used() {
    assert_found(
        &with("/metadata/profiles", json!(["host", "linux/linux_users"])),
        ".actor.process.namespace_pid: the profile container is not listed",
    );
    assert_found(
        &with(
            "/metadata/profiles",
            json!(["host", "container", "linux/linux_users", "datetime"]),
        ),
        "datetime: the profile is listed and not used",
    );
    assert_found(
        &with(
            "/metadata/profiles",
            json!(["host", "container", "linux/linux_users", "bogus"]),
        ),
        "no such profile",
    );
    assert_found(
        &with("/is_alert", json!(true)),
        "the profile security_control is not listed",
    );
}

#[test]
fn finds_values_of_other_types() {
    assert_found(
        &with("/time", json!("2026-11-24")),
        "must be of type long_t",
    );
    assert_found(&with("/time", json!(0.5)), "must be of type long_t");
    assert_found(&with("/time", json!(u64::MAX)), "must be of type long_t");
    assert_found(&with("/device/uid", json!(1)), "must be of type string_t");
    assert_found(&with("/device/uid", json!("")), ".device.uid: is empty");
    assert_found(
        &with("/device/agent_list", json!({"name": "a"})),
        "must be an array",
    );
    assert_found(&with("/src_endpoint/port", json!(65536)), "is out of range");
    assert_found(&with("/src_endpoint/ip", json!("host")), "is no ip_t");
    assert_found(
        &with("/actor/process/cpid", json!("1-2-3-4-5")),
        "is no uuid_t",
    );
    assert_found(&with("/actor/user", json!("root")), "must be an object");
    assert_found(&with("/unmapped", json!("text")), "must be an object");
}

#[test]
fn finds_values_that_are_not_enumerated() {
    assert_found(
        &with("/severity_id", json!(7)),
        "7 is none of the enumerated values",
    );
    assert_found(
        &with("/connection_info/direction_id", json!(5)),
        "5 is none of the enumerated values",
    );
    assert_found(
        &with("/activity_name", json!("Close")),
        "\"Close\" is not \"Open\"",
    );
}

#[test]
fn finds_what_is_deprecated() {
    assert_found(
        &with("/actor/process/tid", json!(1)),
        ".actor.process.tid: deprecated",
    );
}

#[test]
fn finds_a_type_that_is_not_of_class_and_activity() {
    assert_found(&with("/type_uid", json!(400_102)), "type_uid is not");
    assert_found(&with("/class_uid", json!(4)), "there is no class 4");
    assert_found(&with("/metadata/version", json!("1.7.0")), "another one");
}
