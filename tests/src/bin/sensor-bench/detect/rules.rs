//! Rules: those of the sensor, those of a directory, and as many times more of them as are wanted.
//!
//! A copy has ids and names of its own, and three quarters of the values that it looks for are changed by
//! a word at their end; which quarter is as it was differs from copy to copy. So copies ask questions of
//! their own, and some of them are looked at wherever the first is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use sensor::detect::pack::RULES;

/// Names and texts of all rules, so many times.
pub fn pack(directory: Option<&Path>, times: u32) -> Result<Vec<(String, String)>> {
    let mut texts: Vec<(String, String)> = RULES
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
        .collect();
    if let Some(directory) = directory {
        collect(directory, &mut texts)
            .with_context(|| format!("cannot read rules from {}", directory.display()))?;
    }
    let names: BTreeSet<String> = texts.iter().flat_map(|(_, text)| names(text)).collect();
    let mut all = texts.clone();
    for copy in 1..times {
        for (name, text) in &texts {
            all.push((format!("{copy}/{name}"), varied(text, copy, &names)));
        }
    }
    Ok(all)
}

fn collect(directory: &Path, texts: &mut Vec<(String, String)>) -> Result<()> {
    let mut entries: Vec<_> = fs::read_dir(directory)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let name = path.to_string_lossy().into_owned();
        if path.is_dir() {
            collect(&path, texts)?;
        } else if name.ends_with(".yml") && !name.ends_with(".tests.yml") {
            texts.push((name, fs::read_to_string(&path)?));
        }
    }
    Ok(())
}

/// The ids and names that rules of a text go by.
fn names(text: &str) -> impl Iterator<Item = String> + '_ {
    text.lines().filter_map(|line| {
        let name = line
            .strip_prefix("id: ")
            .or_else(|| line.strip_prefix("name: "))?;
        Some(name.trim().to_owned())
    })
}

/// A text with other names, and mostly other values.
fn varied(text: &str, copy: u32, names: &BTreeSet<String>) -> String {
    let mut varied = String::with_capacity(text.len() + 200);
    let mut in_detection = false;
    let mut is_changeable = false;
    let mut number = copy;
    for line in text.lines() {
        if line.starts_with(|first: char| first.is_ascii_alphabetic()) {
            in_detection = line.starts_with("detection:");
            is_changeable = true;
        }
        let start = line.trim_start();
        let (key, value) = if let Some(value) = start.strip_prefix("- ") {
            match value.split_once(": ").filter(|(key, _)| is_key(key)) {
                Some((key, value)) => (Some(key), value),
                None => (value.strip_suffix(':').filter(|key| is_key(key)), value),
            }
        } else if let Some((key, value)) = start.split_once(':').filter(|(key, _)| is_key(key)) {
            (Some(key), value.trim_start())
        } else {
            (None, start)
        };
        if let Some(key) = key {
            is_changeable = can_change(key);
        }
        if in_detection && is_changeable && !value.is_empty() && !value.ends_with(':') {
            number += 1;
            if !number.is_multiple_of(4) {
                varied.push_str(line.strip_suffix(value).unwrap_or_default());
                varied.push_str(&changed(value, copy));
                varied.push('\n');
                continue;
            }
        }
        match names
            .iter()
            .find(|name| line.trim_end().ends_with(name.as_str()))
        {
            Some(name) if !in_detection => {
                varied.push_str(line.trim_end().strip_suffix(name.as_str()).unwrap_or(line));
                varied.push_str(&renamed(name, copy));
            }
            _ => varied.push_str(line),
        }
        varied.push('\n');
    }
    varied
}

fn is_key(key: &str) -> bool {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "_|.@-*".contains(letter);
    !key.is_empty() && key.chars().all(is_part)
}

/// Whether a word at the end of a value makes another value of the same kind.
fn can_change(key: &str) -> bool {
    /// What audit says of every exec.
    const ALWAYS: [&str; 4] = ["SYSCALL", "syscall", "success", "type"];
    const OTHERS: [&str; 9] = [
        "base64",
        "base64offset",
        "cidr",
        "exists",
        "expand",
        "fieldref",
        "gt",
        "gte",
        "lt",
    ];
    let mut modifiers = key.split('|');
    key != "condition"
        && !ALWAYS.contains(&key)
        && !modifiers.any(|modifier| OTHERS.contains(&modifier))
}

/// A value with a word at its end.
fn changed(value: &str, copy: u32) -> String {
    let (value, remark) = match value.find(" #") {
        Some(at) => value.split_at(at),
        None => (value, ""),
    };
    let value = value.trim_end();
    let letters = value.chars().filter(char::is_ascii_alphabetic).count();
    if letters < 2 || matches!(value, "null" | "true" | "false") || value.starts_with('|') {
        return format!("{value}{remark}");
    }
    // Short enough that it stays one word with what it follows.
    let word = format!("q{copy}");
    for quote in ['\'', '"'] {
        if let Some(inner) = value.strip_prefix(quote)
            && let Some(inner) = inner.strip_suffix(quote)
        {
            // What is last, as `*`, stays last.
            let end = inner.trim_end_matches(['*', ' ', '$', '\\', '?']).len();
            let (before, after) = inner.split_at(end);
            return format!("{quote}{before}{word}{after}{quote}{remark}");
        }
    }
    format!("{value}{word}{remark}")
}

/// Another id or name.
fn renamed(name: &str, copy: u32) -> String {
    let is_id = name.len() == 36 && name.split('-').count() == 5;
    match name.get(4..) {
        Some(rest) if is_id => format!("{copy:04x}{rest}"),
        _ => format!("{name}_{copy}"),
    }
}
