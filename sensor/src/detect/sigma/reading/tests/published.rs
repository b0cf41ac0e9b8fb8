//! The public rules for Linux, where they are at hand.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proptest::prelude::*;

use super::read;

/// Every file below the directory with the public rules; none if it is absent.
fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/sigma/linux");
    let mut directories = vec![root];
    let mut files = Vec::new();
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "yml") {
                files.push(path);
            }
        }
    }
    files.sort();
    if files.is_empty() {
        println!("skipped: the public rules are not here");
    }
    files
}

#[test]
fn every_public_rule_for_linux_is_read() {
    let mut rules = 0;
    for file in files() {
        let text = fs::read_to_string(&file).unwrap();
        let reading = read(&text);
        assert_eq!(reading.problems, [], "{}", file.display());
        assert!(!reading.rules.is_empty(), "{}", file.display());
        for rule in &reading.rules {
            assert!(rule.header.id.is_some(), "{}", file.display());
            assert!(rule.header.level.is_some(), "{}", file.display());
        }
        rules += reading.rules.len();
    }
    println!("{rules} rules");
}

#[test]
fn public_rules_with_changed_bytes_are_read_or_refused() {
    let texts: Vec<_> = files()
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    if texts.is_empty() {
        return;
    }
    let change = (
        any::<prop::sample::Index>(),
        0..4_u8,
        "[-:|*'\"\\[{}&%#,! \n\ta-z0-9]",
    );
    let changes = prop::collection::vec(change, 1..6);
    proptest!(ProptestConfig::with_cases(500), |(
        text in any::<prop::sample::Index>(),
        changes in changes,
    )| {
        let mut letters: Vec<char> = text.get(&texts).chars().collect();
        for (at, sort, with) in changes {
            let at = at.index(letters.len().max(1)).min(letters.len());
            let with: Vec<char> = with.chars().collect();
            match sort {
                0 if at < letters.len() => letters[at] = with[0],
                1 if at < letters.len() => {
                    letters.remove(at);
                }
                2 => letters.truncate(at),
                _ => letters.insert(at, with[0]),
            }
        }
        let text: String = letters.into_iter().collect();
        let lines = text.lines().count().max(1);
        for problem in read(&text).problems {
            prop_assert!((1..=lines).contains(&problem.place.line), "{problem} of {lines}");
        }
    });
}
