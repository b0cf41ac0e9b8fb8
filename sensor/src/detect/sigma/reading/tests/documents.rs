//! Files of several documents, and what a document says of itself.

use super::{problem, read};
use crate::detect::sigma::rule::{Header, Level, LogSource, Rule, Status};

const RULE: &str = "\
title: One
logsource:
    product: linux
detection:
    s:
        f: 1
    condition: s
";

fn titles(rules: &[Rule]) -> Vec<&str> {
    rules
        .iter()
        .map(|rule| rule.header.title.as_str())
        .collect()
}

#[test]
fn a_header_is_read() {
    let text = format!(
        "{RULE}id: 0e95725d-7320-415d-80f7-004da920fc11
name: one
status: test
level: High
description: |
    Two
    lines
author:
    - A
    - B
license: MIT
references:
    - https://example.org
falsepositives: none
tags:
    - attack.t1059.004
date: 2026/01/01
modified: yesterday
fields: [a]
unknown:
    key: []
"
    );
    let reading = read(&text);
    assert_eq!(reading.problems, []);
    let wanted = Header {
        title: "One".to_owned(),
        id: Some("0e95725d-7320-415d-80f7-004da920fc11".to_owned()),
        name: Some("one".to_owned()),
        status: Some(Status::Test),
        level: Some(Level::High),
        description: "Two\nlines\n".to_owned(),
        author: "A, B".to_owned(),
        license: "MIT".to_owned(),
        references: vec!["https://example.org".to_owned()],
        false_positives: vec!["none".to_owned()],
        tags: vec!["attack.t1059.004".to_owned()],
    };
    assert_eq!(reading.rules[0].header, wanted);
    let source = LogSource {
        product: Some("linux".to_owned()),
        ..LogSource::default()
    };
    assert_eq!(reading.rules[0].log_source, source);
    assert_eq!(reading.rules[0].place.to_string(), "a.yml:1");
}

#[test]
fn documents_are_independent() {
    let text = format!("# Rules\n---\n{RULE}---\n\n---\n{RULE}...\n{RULE}--- # Last\n{RULE}---\n");
    let reading = read(&text);
    assert_eq!(reading.problems, []);
    let lines: Vec<_> = reading.rules.iter().map(|rule| rule.place.line).collect();
    assert_eq!(lines, [3, 13, 21, 29]);
    let endings = text.replace('\n', "\r\n");
    assert_eq!(read(&endings).rules.len(), 4);
    assert_eq!(read(&endings).problems, []);
    assert_eq!(
        read(&format!("\u{feff}%YAML 1.2\n---\n{RULE}")).rules.len(),
        1
    );
    for empty in ["", "\n\n", "# Nothing\n", "---\n", "---\n...\n", "null\n"] {
        assert_eq!(read(empty), super::Reading::default(), "{empty:?}");
    }
}

#[test]
fn a_bad_document_leaves_the_others_alone() {
    for (bad, line, wanted) in [
        ("title: \"One\nlogsource:\n", 9, "is not YAML"),
        ("title: [One\n", 9, "is not YAML"),
        ("title: One\n  b: 1\n", 10, "is not YAML"),
        ("title: One\nb: @x\n", 10, "is not YAML"),
        ("title: *one\n", 9, "is not YAML"),
        (
            "title: One\nlogsource: {product: linux}\n",
            9,
            "has none of `detection`",
        ),
        ("- One\n", 9, "must be a mapping"),
        ("One\n", 9, "must be a mapping"),
        ("title: One\ntitle: Two\n", 10, "`title` is written twice"),
        ("title: One\n? [a]\n: b\n", 10, "a key must be text"),
        (
            "title: &a\n    b: *a\n",
            10,
            "an alias stands in what it names",
        ),
        ("<<: text\ntitle: One\n", 9, "`<<` must name mappings"),
        (
            "title: One\naction: other\n",
            10,
            "must be global, reset or repeat",
        ),
    ] {
        let text = format!("{RULE}---\n{bad}---\n{RULE}");
        let reading = read(&text);
        assert_eq!(titles(&reading.rules), ["One", "One"], "{bad}");
        assert_eq!(reading.problems.len(), 1, "{bad} {:?}", reading.problems);
        let problem = &reading.problems[0];
        assert!(problem.what.contains(wanted), "{bad}: {problem}");
        assert_eq!(problem.place.line, line, "{bad}: {problem}");
    }
}

#[test]
fn a_problem_names_the_title() {
    for text in [
        "title: A rule\nlogsource: {product: a}\ndetection: {}\n",
        "title: 'A rule'\nlogsource: [\n",
        "action: global\ntitle: A rule\n---\nlogsource: {}\ndetection: {}\n",
    ] {
        let reading = read(text);
        assert_eq!(reading.problems.len(), 1, "{text}");
        assert_eq!(
            reading.problems[0].title.as_deref(),
            Some("A rule"),
            "{text}"
        );
    }
}

#[test]
fn a_problem_is_one_line_and_not_too_long() {
    let text = format!(
        "title: \"A\\e[31m\\n{}\"\nlogsource: [a]\ndetection: {{}}\n",
        "x".repeat(10_000)
    );
    let reading = read(&text);
    let line = reading.problems[0].to_string();
    assert!(line.starts_with("a.yml:2: A [31m xxx"), "{line}");
    assert!(
        line.len() < 500 && !line.contains(char::is_control),
        "{line}"
    );
}

#[test]
fn what_a_document_lacks_is_told_with_its_line() {
    for (from, to, line, wanted) in [
        ("title: One\n", "", 1, "has no `title`"),
        (
            "title: One",
            "title: [a]",
            1,
            "`title` must be a single value, but is a list",
        ),
        ("    product: linux\n", "", 1, "has no `logsource`"),
        (
            "    product: linux\n",
            "    definition: x\n",
            3,
            "`logsource` says nothing",
        ),
        (
            "    product: linux\n",
            "    - linux\n",
            3,
            "`logsource` must be a mapping",
        ),
        (
            "    s:\n        f: 1\n",
            "",
            4,
            "`detection` has no selection",
        ),
        ("    condition: s\n", "", 4, "as `condition: s`"),
        (
            "    condition: s\n",
            "    condition:\n",
            7,
            "`condition` must be a single value",
        ),
        (
            "title: One",
            "title: One\nlevel: hgih",
            2,
            "`level` is `hgih`, but must be one of",
        ),
        (
            "title: One",
            "title: One\nstatus: new",
            2,
            "`status` is `new`",
        ),
        (
            "title: One",
            "title: One\ntags:\n  - {a: b}",
            3,
            "`tags` must be a single value",
        ),
    ] {
        let text = RULE.replacen(from, to, 1);
        let (told, what) = problem(&text);
        assert!(what.contains(wanted), "{text}: {what}");
        assert_eq!(told, line, "{text}: {what}");
    }
    assert_eq!(
        problem("title: One\ndetection:\n").1,
        "has no `logsource`: add `category`, `product` or `service`"
    );
    let (line, what) =
        problem(&RULE.replace("    s:\n        f: 1\n    condition: s\n", "    - a\n"));
    assert_eq!(
        (line, what.as_str()),
        (4, "`detection` must be a mapping, but is a list")
    );
}

#[test]
fn global_documents_are_part_of_those_that_follow() {
    let global = "title: Common\nlogsource:\n    product: linux\ndetection:\n    condition: s\n";
    let one = "logsource:\n    service: auditd\ndetection:\n    s:\n        f: 1\n";
    let two =
        "title: Two\ndetection:\n    s:\n        g: 1\n    t:\n        g: 2\n    condition: t\n";
    let reading = read(&format!(
        "action: global\n{global}---\n{one}---\n{two}---\naction: reset\n---\n{one}"
    ));
    assert_eq!(titles(&reading.rules), ["Common", "Two"]);
    let source = &reading.rules[0].log_source;
    assert_eq!(source.product.as_deref(), Some("linux"));
    assert_eq!(source.service.as_deref(), Some("auditd"));
    assert_eq!(reading.rules[0].place.line, 8);
    assert_eq!(
        reading.problems.len(),
        1,
        "a reset ends the global document"
    );
    assert!(
        reading.problems[0].what.contains("no `title`"),
        "{}",
        reading.problems[0]
    );
}

#[test]
fn a_first_document_without_detection_is_global() {
    let global = "title: Common\nlogsource:\n    product: linux\n";
    let detection = "detection:\n    s:\n        f: 1\n    condition: s\n";
    let reading = read(&format!(
        "{global}---\n{detection}---\ntitle: Two\n{detection}"
    ));
    assert_eq!(reading.problems, []);
    assert_eq!(titles(&reading.rules), ["Common", "Two"]);
    let (line, what) = problem(global);
    assert_eq!(line, 1);
    assert!(what.contains("has none of"), "{what}");
}

#[test]
fn a_document_may_repeat_the_one_before_it_with_changes() {
    let text = format!(
        "{RULE}---\naction: repeat\ntitle: Two\ndetection:\n    s:\n        g: 2\n---\naction: \
         repeat\ntitle: Three\n"
    );
    let reading = read(&text);
    assert_eq!(reading.problems, []);
    assert_eq!(titles(&reading.rules), ["One", "Two", "Three"]);
    assert_eq!(reading.rules[1].selections, reading.rules[2].selections);
    assert_eq!(reading.rules[1].place.line, 9);
    let (line, what) = problem("action: repeat\ntitle: One\n");
    assert_eq!(line, 1);
    assert!(what.contains("no document before it"), "{what}");
}

#[test]
fn aliases_and_merged_mappings_are_written_out() {
    let text = "\
title: &name One
description: *name
logsource: {product: linux}
detection:
    base: &base
        f: &values
            - 1
            - 2
        g: 1
    s:
        <<: *base
        g: 2
        h: *values
    condition: s
";
    let reading = read(text);
    assert_eq!(reading.problems, []);
    let rule = &reading.rules[0];
    assert_eq!(rule.header.description, "One");
    let super::Search::All(items) = &rule.selections[1].search else {
        panic!("a mapping is one");
    };
    let told: Vec<_> = items
        .iter()
        .map(|item| (item.field.as_str(), item.values.tests.len(), item.line))
        .collect();
    assert_eq!(told, [("f", 2, 6), ("g", 1, 12), ("h", 2, 13)]);
    assert_eq!(items[1].values.tests, [[super::text("2")]]);
}
