//! The table against itself, the documents and `docs/sigma.md`.

use std::{collections::HashSet, fmt::Write as _, sync::Arc};

use super::{
    class::{self, ALL, DNS_QUERY, NETWORK_CONNECTION, PROCESS_CREATION},
    table::{self, Classes},
    *,
};
use crate::detect::sigma::{matcher::Use, reading::Placeholders, ruleset::Ruleset};

fn source(category: Option<&str>, product: Option<&str>, service: Option<&str>) -> LogSource {
    LogSource {
        category: category.map(Into::into),
        product: product.map(Into::into),
        service: service.map(Into::into),
    }
}

fn classes_of(category: &str, product: Option<&str>) -> Result<Vec<Class>, String> {
    LinuxTaxonomy.classes(&source(Some(category), product, None))
}

#[test]
fn log_sources_have_their_classes() {
    assert_eq!(
        classes_of("process_creation", Some("linux")),
        Ok(vec![PROCESS_CREATION])
    );
    assert_eq!(
        classes_of("process_creation", None),
        Ok(vec![PROCESS_CREATION])
    );
    assert_eq!(classes_of("dns", None), Ok(vec![DNS_QUERY]));
    assert_eq!(
        classes_of("kernel_module", None),
        Ok(vec![class::DRIVER_LOAD])
    );
    let audit = source(None, Some("linux"), Some("auditd"));
    assert_eq!(
        LinuxTaxonomy.classes(&audit),
        Ok(vec![class::AUDIT_EXECVE, class::AUDIT_SYSCALL])
    );
    let sysmon = source(Some("network_connection"), Some("linux"), Some("sysmon"));
    assert_eq!(LinuxTaxonomy.classes(&sysmon), Ok(vec![NETWORK_CONNECTION]));
}

#[test]
fn a_log_source_that_cannot_be_had_says_what_it_needs() {
    let why = |category, product, service| {
        LinuxTaxonomy
            .classes(&source(category, product, service))
            .unwrap_err()
    };
    assert_eq!(
        why(Some("process_creation"), Some("windows"), None),
        "it is about product `windows`, and this sensor sees Linux"
    );
    assert_eq!(
        why(Some("file_event"), Some("linux"), None),
        "it needs data that the sensor does not capture: which files are made or written"
    );
    assert_eq!(
        why(None, Some("linux"), Some("sshd")),
        "it needs data that the sensor does not capture: the log of sshd"
    );
    assert!(why(None, Some("linux"), Some("new")).contains("`new`"));
    assert!(why(Some("registry_set"), None, None).contains("`registry_set`"));
    assert!(why(Some("process_creation"), None, Some("auditd")).contains("`auditd`"));
    assert!(why(None, Some("linux"), None).contains("all logs"));
}

#[test]
fn classes_are_in_their_places_and_every_category_is_one_class() {
    let mut categories = HashSet::new();
    for (place, description) in ALL.iter().enumerate() {
        assert_eq!(usize::from(description.class.0), place);
        for category in description.categories {
            assert!(categories.insert(category), "{category} is twice");
        }
    }
    for (kind, name, _) in absent::all() {
        assert!(
            kind == "service" || !categories.contains(&name),
            "{name} can be had"
        );
    }
}

#[test]
fn a_name_has_one_meaning_in_a_class_and_is_found() {
    for description in &ALL {
        let mut names = HashSet::new();
        for name in LinuxTaxonomy::fields(description.class).flat_map(|field| field.names) {
            assert!(
                names.insert(name),
                "{name} is twice in {}",
                description.events
            );
            let found = table::get(LinuxTaxonomy.field(description.class, name).unwrap());
            assert!(found.unwrap().names.contains(name));
        }
        assert!(names.len() > 1);
    }
    assert_eq!(LinuxTaxonomy.field(PROCESS_CREATION, "image"), None);
    assert_eq!(LinuxTaxonomy.field(NETWORK_CONNECTION, "QueryName"), None);
}

#[test]
fn audits_arguments_are_found_by_number() {
    let field = |name: &str| LinuxTaxonomy.field(class::AUDIT_EXECVE, name);
    let numbers: HashSet<FieldId> = (0..256).map(|n| field(&format!("a{n}")).unwrap()).collect();
    assert_eq!(numbers.len(), 256);
    for wrong in ["a", "a01", "a-1", "a+1", "a256", "a99999999", "aa", "ARGC"] {
        assert_eq!(field(wrong), None, "{wrong}");
    }
    assert_eq!(LinuxTaxonomy.field(class::AUDIT_SYSCALL, "a0"), None);
    assert_eq!(field("exe"), None);
}

#[test]
fn no_class_is_too_large_for_a_set_of_classes() {
    let some = Classes::these(&[Class(0), Class(31), Class(32), Class(200), Class(u8::MAX)]);
    for number in 0..=u8::MAX {
        let class = Class(number);
        assert_eq!(some.has(class), [0, 31].contains(&number), "{number}");
        // Nor has any a field that is not there.
        let is_known = usize::from(number) < ALL.len();
        if !is_known {
            assert_eq!(LinuxTaxonomy.field(class, "type"), None);
        }
    }
}

#[test]
fn what_a_constant_stands_for_is_not_missed_beside_it() {
    let of = |calls: &str| {
        let text = format!(
            "title: T\nlogsource:\n  product: linux\n  service: auditd\ndetection:\n  s:\n    \
             SYSCALL: [{calls}]\n    euid: 33\n  condition: s\n"
        );
        let texts = [("a.yml", &*text)];
        let loaded = Ruleset::from_texts(&texts, Arc::new(LinuxTaxonomy), &Placeholders::default());
        loaded.report.rules[0].usage.clone()
    };
    assert_eq!(of("execve, execveat"), Use::Full);
    assert!(matches!(of("execveat"), Use::NeverFires(_)));
    assert!(matches!(of("execve, mknod"), Use::Partial(_)));
}

#[test]
fn what_is_always_the_same_is_known() {
    let constant = |class, name| LinuxTaxonomy.constant(LinuxTaxonomy.field(class, name)?);
    assert_eq!(constant(class::AUDIT_EXECVE, "type"), Some("EXECVE"));
    assert_eq!(constant(class::AUDIT_SYSCALL, "type"), Some("SYSCALL"));
    assert_eq!(constant(class::AUDIT_SYSCALL, "SYSCALL"), Some("execve"));
    assert_eq!(constant(class::AUDIT_SYSCALL, "comm"), None);
    let image = LinuxTaxonomy.field(PROCESS_CREATION, "Image").unwrap();
    assert!(LinuxTaxonomy.is_path(image));
    assert_eq!(
        LinuxTaxonomy.field(PROCESS_CREATION, "process.executable"),
        Some(image)
    );
}

/// What `docs/sigma.md` says between two comments is what the tables say.
#[test]
fn the_manual_says_what_the_table_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/sigma.md");
    let manual = std::fs::read_to_string(path).unwrap();
    let mut expected = manual.clone();
    for (name, table) in [
        ("log sources", log_sources()),
        ("absent", absent_sources()),
        ("fields", fields()),
    ] {
        let begin = format!("<!-- {name}: checked by a test -->\n");
        let (before, rest) = expected.split_once(&begin).unwrap();
        let (_, after) = rest.split_once("<!-- end -->").unwrap();
        expected = format!("{before}{begin}\n{table}\n<!-- end -->{after}");
    }
    if manual != expected {
        let file = std::env::temp_dir().join(format!("sigma-{}.md", std::process::id()));
        std::fs::write(&file, expected).unwrap();
        panic!(
            "docs/sigma.md is not what the table says; {} is",
            file.display()
        );
    }
}

fn log_sources() -> String {
    let mut out = String::from("| log source | events |\n| --- | --- |\n");
    for description in &ALL {
        let mut names = String::new();
        for category in description.categories {
            let separator = if names.is_empty() { "" } else { ", " };
            write!(names, "{separator}`category: {category}`").unwrap();
        }
        if let Some(service) = description.service {
            write!(names, "`service: {service}`").unwrap();
        }
        writeln!(out, "| {names} | {} |", description.events).unwrap();
    }
    out
}

fn absent_sources() -> String {
    let mut out = String::from("| log source | it would need |\n| --- | --- |\n");
    for (kind, name, what) in absent::all() {
        writeln!(out, "| `{kind}: {name}` | {what} |").unwrap();
    }
    out
}

fn fields() -> String {
    let mut out = String::from("| fields | in | what it is |\n| --- | --- | --- |\n");
    for field in table::all() {
        let names: Vec<String> = field.names.iter().map(|name| format!("`{name}`")).collect();
        let names = names.join(", ");
        writeln!(
            out,
            "| {names} | {} | {} |",
            in_words(field.classes),
            field.meaning
        )
        .unwrap();
    }
    out
}

fn in_words(classes: Classes) -> String {
    if classes == Classes::EVERY {
        return "all".into();
    }
    let has = ALL
        .iter()
        .filter(|description| classes.has(description.class));
    let names = has.map(
        |description| match (description.categories, description.class) {
            ([name, ..], _) => format!("`{name}`"),
            (_, class::AUDIT_EXECVE) => "`auditd`, `EXECVE`".into(),
            _ => "`auditd`, `SYSCALL`".into(),
        },
    );
    names.collect::<Vec<_>>().join(", ")
}
