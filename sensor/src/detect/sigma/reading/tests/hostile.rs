//! Text that is made to do harm: it is refused, soon and with little memory.

use proptest::prelude::*;

use super::{document, problem, read};
use crate::detect::sigma::reading::{DEPTH_MAX, FILE_SIZE_MAX, PROBLEMS_MAX, SELECTIONS_MAX};

#[test]
fn aliases_that_multiply_are_refused() {
    let mut text = "title: T\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..10 {
        let below = format!("*a{}", level - 1);
        text += &format!(
            "a{level}: &a{level} [{}]\n",
            [below.as_str(); 10].join(", ")
        );
    }
    let (line, what) = problem(&text);
    assert!(what.contains("aliases"), "{what}");
    assert!((6..10).contains(&line), "{line}");

    let long = "x".repeat(1 << 20);
    let text = format!("title: &a {long}\nb: [{}]\n", ["*a"; 1_000].join(", "));
    assert!(problem(&text).1.contains("aliases"));
}

#[test]
fn nesting_is_bounded() {
    for text in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
        format!("a: {}", "[".repeat(DEPTH_MAX)),
    ] {
        assert!(problem(&text).1.contains("nested more than 64 deep"));
    }
    // Each alias is one deeper than what it names.
    let mut text = "title: T\na0: &a0 [x]\n".to_owned();
    for level in 1..100 {
        text += &format!("a{level}: &a{level} [*a{}]\n", level - 1);
    }
    assert!(problem(&text).1.contains("nested more than 64 deep"));
}

#[test]
fn a_file_that_is_too_long_is_refused() {
    let rule = document("  s:\n    f: 1\n  condition: s\n");
    let most = format!("{rule}#{}", " ".repeat(FILE_SIZE_MAX - rule.len() - 1));
    assert_eq!(read(&most).rules.len(), 1);
    let (line, what) = problem(&format!("{most} "));
    assert_eq!(line, 1);
    assert!(what.contains("split it"), "{what}");
}

#[test]
fn global_documents_do_not_multiply() {
    let global = format!("action: global\ntitle: {}\n---\n", "x".repeat(1 << 20));
    let reading = read(&format!("{global}{}", "a: b\n---\n".repeat(200)));
    assert_eq!(reading.problems.len(), 200);
    let refused = reading
        .problems
        .iter()
        .filter(|problem| problem.what.contains("global documents are written out"))
        .count();
    assert!(refused > 100, "{refused}");
}

#[test]
fn selections_and_what_is_asked_of_them_are_bounded() {
    let many = |count: usize| -> String {
        let selections = (0..count).map(|number| format!("  a{number}: {{f: 1}}\n"));
        selections.collect()
    };
    let most = many(SELECTIONS_MAX);
    let asking = |times| {
        let conditions = "    - 1 of a1\n".repeat(times);
        document(&format!("{most}  condition:\n{conditions}"))
    };
    assert_eq!(read(&asking(2)).problems, []);
    let (line, what) = problem(&asking(10_000));
    assert!(what.contains("more than 64 MiB"), "{what}");
    assert!(line > SELECTIONS_MAX, "{line}");
    let more = format!("{}  condition: a0\n", many(SELECTIONS_MAX + 1));
    assert!(
        problem(&document(&more))
            .1
            .contains("more than 10000 selections")
    );
}

#[test]
fn merged_mappings_are_bounded() {
    let text = |times: usize| {
        let names = "*b, ".repeat(times);
        document(&format!(
            "  b: &b {{f: 1}}\n  s:\n    <<: [{names}]\n  condition: s\n"
        ))
    };
    assert_eq!(read(&text(100)).problems, []);
    let (line, what) = problem(&text(101));
    assert_eq!(line, 7);
    assert!(what.contains("more than 100 mappings"), "{what}");
}

#[test]
fn problems_are_bounded() {
    let reading = read(&"a: b\n---\n".repeat(2_000));
    assert_eq!(reading.problems.len(), PROBLEMS_MAX);
    let last = reading.problems.last().unwrap();
    // The first document is taken for a global one, as it has no detection.
    assert!(last.what.starts_with("1000 more problems"), "{last}");
}

proptest! {
    #[test]
    fn random_text_is_read_or_refused(text in ".{0,200}") {
        let reading = read(&text);
        prop_assert!(reading.rules.is_empty());
    }

    #[test]
    fn text_of_what_yaml_is_made_of_is_read_or_refused(
        pieces in prop::collection::vec(
            prop::sample::select(vec![
                "title: T\n", "logsource:\n", "  category: c\n", "detection:\n", "  s:\n", "    f: 1\n",
                "  condition: s\n", "---\n", "...\n", "- ", "? ", ": ", "&a ", "*a ", "<<: ", "|\n", ">-\n",
                "'", "\"", "[", "]", "{", "}", ",", "#", "%", "!!str ", "\t", "\n", "\r", "  ", "a", "é",
                "\\", "\u{feff}", "\u{85}", "\0", "correlation:\n", "filter:\n", "action: repeat\n",
            ]),
            0..40,
        ),
    ) {
        let text = pieces.concat();
        let lines = text.split(['\n', '\r', '\u{85}']).count();
        for problem in read(&text).problems {
            prop_assert!((1..=lines).contains(&problem.place.line), "{}", problem);
        }
    }
}
