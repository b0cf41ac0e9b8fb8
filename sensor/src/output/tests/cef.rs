//! Reads CEF as the standard lays it down, and refuses what the standard does not allow.
//!
//! The rules, of version 27: seven fields of a header, each ended by `|`, with `\|` and `\\` in them;
//! then pairs of key and value. A key is a word before an `=` that has no backslash before it; a
//! value ends at the last space before the next key, so that all other spaces before that belong to
//! it, but for the very last value, which ends with the line without its spaces. In values, `\\`,
//! `\=`, `\n` and `\r` are escapes.

use std::collections::BTreeMap;

/// An event, read.
#[derive(Debug)]
pub(in crate::output) struct Read {
    /// Vendor, product, version, class, name, severity.
    pub(in crate::output) header: Vec<String>,
    /// The values, as CEF has them.
    pub(in crate::output) raw: BTreeMap<String, String>,
    /// The values, as `sensorJsonStrings` says that they are to be read.
    pub(in crate::output) values: BTreeMap<String, String>,
}

/// Reads a line without its end.
pub(in crate::output) fn read(line: &str) -> Result<Read, String> {
    let rest = line.strip_prefix("CEF:0|").ok_or("no CEF of version 0")?;
    let (header, extension) = header(rest)?;
    let raw = extension_pairs(extension)?;
    let mut values = raw.clone();
    let listed = raw.get("sensorJsonStrings").cloned().unwrap_or_default();
    for key in listed.split(',').filter(|key| !key.is_empty()) {
        let value = values.get_mut(key).ok_or(format!("{key} is not there"))?;
        *value = serde_json::from_str(&format!("\"{value}\""))
            .map_err(|error| format!("{key} is no JSON string: {error}"))?;
    }
    Ok(Read {
        header,
        raw,
        values,
    })
}

fn header(text: &str) -> Result<(Vec<String>, &str), String> {
    let mut fields = Vec::new();
    let mut field = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '|' => {
                fields.push(std::mem::take(&mut field));
                if fields.len() == 6 {
                    return Ok((fields, &text[at + 1..]));
                }
            }
            '\\' => match characters.next() {
                Some((_, escaped @ ('|' | '\\'))) => field.push(escaped),
                other => return Err(format!("{other:?} is escaped in the header")),
            },
            '\n' | '\r' => return Err("the header has several lines".into()),
            character => field.push(character),
        }
    }
    Err(format!("the header has {} fields", fields.len()))
}

fn extension_pairs(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut pairs = BTreeMap::new();
    let mut equals = Vec::new();
    let mut is_escaped = false;
    for (at, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '=' => equals.push(at),
            _ => {}
        }
    }
    // Where each key begins: behind the last space before its equals sign.
    let begins: Vec<usize> = equals
        .iter()
        .map(|at| text[..*at].rfind(' ').map_or(0, |space| space + 1))
        .collect();
    for (index, (begin, equal)) in begins.iter().zip(&equals).enumerate() {
        let key = &text[*begin..*equal];
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(format!("{key:?} is no key"));
        }
        let value = match begins.get(index + 1) {
            Some(next) if *next <= *equal => return Err(format!("{key} has two equals signs")),
            // Without the one space before the next key.
            Some(next) => &text[equal + 1..next - 1],
            None => text[equal + 1..].trim_end_matches(' '),
        };
        if pairs.insert(key.to_owned(), unescaped(value)?).is_some() {
            return Err(format!("{key} is there twice"));
        }
    }
    match begins.first() {
        Some(0) | None => Ok(pairs),
        Some(_) => Err("there is something before the first key".into()),
    }
}

fn unescaped(value: &str) -> Result<String, String> {
    let mut text = String::new();
    let mut characters = value.chars();
    while let Some(character) = characters.next() {
        text.push(match character {
            '\\' => match characters.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some(escaped @ ('\\' | '=')) => escaped,
                other => return Err(format!("{other:?} is escaped in {value:?}")),
            },
            plain => plain,
        });
    }
    Ok(text)
}

#[test]
fn reads_the_examples_of_the_standard() {
    let event = read(
        "CEF:0|security|threatmanager|1.0|100|detected a \\| in message|10|src=10.0.0.1 \
         act=blocked a | dst=1.1.1.1",
    )
    .unwrap();
    assert_eq!(event.header[4], "detected a | in message");
    assert_eq!(event.raw["act"], "blocked a |");
    assert_eq!(event.raw["dst"], "1.1.1.1");
    let event = read("CEF:0|a|b|1|1|a \\\\ b|3|act=blocked a \\\\ and \\= msg=One.\\n Two.  x=y  ")
        .unwrap();
    assert_eq!(event.header[4], "a \\ b");
    assert_eq!(event.raw["act"], "blocked a \\ and =");
    assert_eq!(event.raw["msg"], "One.\n Two. ");
    assert_eq!(event.raw["x"], "y");
}

#[test]
fn refuses_what_the_standard_does_not_allow() {
    for line in [
        "CEF:1|a|b|1|1|n|3|",
        "CEF:0|a|b|1|1|n|3",
        "CEF:0|a|b|1|1|n\\=|3|",
        "CEF:0|a|b|1|1|n|3|a=b a=c",
        "CEF:0|a|b|1|1|n|3|a=b=c",
        "CEF:0|a|b|1|1|n|3|a=b\\x",
        "CEF:0|a|b|1|1|n|3|stray a=b",
        "CEF:0|a|b|1|1|n|3|a b\\=c",
    ] {
        let read = read(line);
        assert!(
            read.as_ref().is_err() || read.unwrap().raw.is_empty(),
            "{line}"
        );
    }
}
