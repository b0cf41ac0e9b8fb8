//! How values are read and shown.

use std::{collections::BTreeSet, path::PathBuf};

use crate::config::{
    keys::{Shown, path_text, quoted},
    value::{Flaws, Value},
};

pub(super) fn text(place: &mut Option<String>, value: Value<'_>) -> Result<(), Flaws> {
    let text = value.string()?;
    if text.is_empty() || text.chars().any(char::is_control) {
        return Err(value
            .flaw("must be a text that is not empty and has no control characters in it")
            .into());
    }
    *place = Some(text.to_owned());
    Ok(())
}

pub(super) fn path(place: &mut Option<PathBuf>, value: Value<'_>) -> Result<(), Flaws> {
    *place = Some(value.absolute_path()?);
    Ok(())
}

pub(super) fn names<T: Ord>(
    value: Value<'_>,
    find: impl Fn(&str) -> Result<T, String>,
) -> Result<BTreeSet<T>, Flaws> {
    let mut found = BTreeSet::new();
    let mut flaws = Flaws::default();
    for name in value.array()? {
        match name.string().map(&find) {
            Ok(Ok(one)) => {
                found.insert(one);
            }
            Ok(Err(what)) => flaws.0.push(name.flaw(what)),
            Err(_) => flaws.0.push(name.flaw(format!(
                "must be an array of strings, and {} is among them",
                name.sort()
            ))),
        }
    }
    if flaws.0.is_empty() {
        Ok(found)
    } else {
        Err(flaws)
    }
}

pub(super) fn word<T: Copy + PartialEq>(words: &[(&str, T)], value: T) -> Shown {
    let word = words.iter().find(|(_, meaning)| *meaning == value);
    Shown::Set(quoted(word.map_or("", |(word, _)| word)))
}

pub(super) fn set<T>(
    names: &Option<BTreeSet<T>>,
    name: fn(&T) -> &'static str,
    meaning: &'static str,
    example: &'static str,
) -> Shown {
    match names {
        Some(names) => {
            let names: Vec<String> = names.iter().map(|one| quoted(name(one))).collect();
            Shown::Set(format!("[{}]", names.join(", ")))
        }
        None => Shown::Unset { meaning, example },
    }
}

pub(super) fn optional(
    text: &Option<String>,
    meaning: &'static str,
    example: &'static str,
) -> Shown {
    match text {
        Some(text) => Shown::Set(quoted(text)),
        None => Shown::Unset { meaning, example },
    }
}

pub(super) fn optional_path(
    path: &Option<PathBuf>,
    meaning: &'static str,
    example: &'static str,
) -> Shown {
    match path {
        Some(path) => Shown::Set(path_text(path)),
        None => Shown::Unset { meaning, example },
    }
}
