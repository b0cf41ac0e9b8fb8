//! Random rules, as text that both engines read.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use fastrand::Rng;
use sensor::detect::sigma::{
    field::{Class, FieldId, Taxonomy},
    rule::LogSource,
};

/// The fields of random events. Of some, rules mostly ask for text, of others for something else.
const FIELDS: &[&str] = &[
    "Image",
    "ParentImage",
    "Line",
    "process.name",
    "Port",
    "Address",
    "Time",
    "Flag",
];

/// What random rules are about: one class of events, whose fields are [`FIELDS`].
pub struct RandomTaxonomy;

impl Taxonomy for RandomTaxonomy {
    fn classes(&self, _: &LogSource) -> Result<Vec<Class>, String> {
        Ok(vec![Class(0)])
    }

    fn field(&self, _: Class, name: &str) -> Option<FieldId> {
        let place = FIELDS.iter().position(|known| *known == name)?;
        u16::try_from(place).ok().map(FieldId)
    }

    fn is_path(&self, field: FieldId) -> bool {
        field.0 < 2
    }
}

/// The text of a random rule.
pub fn rule(number: usize, random: &mut Rng) -> String {
    let mut text = format!(
        "title: Random {number}\nid: 00000000-0000-4000-8000-{number:012}\nlogsource:\n    \
         category: random\ndetection:\n"
    );
    let mut names = vec!["sel_a"];
    for name in ["sel_b", "sel_c", "flt_a", "other", "_own"] {
        if random.u8(0..3) == 0 {
            names.push(name);
        }
    }
    for name in &names {
        let _ = writeln!(text, "    {name}:");
        match random.u8(0..8) {
            0 => words(&mut text, random),
            1 => {
                for _ in 0..random.usize(1..4) {
                    mapping(&mut text, "        - ", "          ", random);
                }
            }
            _ => mapping(&mut text, "        ", "        ", random),
        }
    }
    let condition = condition(&names, 0, random);
    let _ = writeln!(text, "    condition: {condition}");
    text
}

/// Words without a field.
fn words(text: &mut String, random: &mut Rng) {
    let count = random.usize(1..3);
    let key = match random.u8(0..6) {
        0 => Some("'|all'"),
        1 => Some("'|contains|all'"),
        2 => Some("'|re'"),
        _ => None,
    };
    let indent = if let Some(key) = key {
        let _ = writeln!(text, "        {key}:");
        "            "
    } else {
        "        "
    };
    let least = if key.is_some_and(|key| key.contains("all")) {
        2
    } else {
        count
    };
    for _ in 0..least {
        let word = match key {
            Some("'|re'") => quoted(regex(random)),
            _ => quoted(&wild(random, 1)),
        };
        let _ = writeln!(text, "{indent}- {word}");
    }
}

fn mapping(text: &mut String, first: &str, other: &str, random: &mut Rng) {
    let mut keys = BTreeSet::new();
    let mut indent = first;
    for _ in 0..random.usize(1..4) {
        let (key, values) = item(random);
        if !keys.insert(key.clone()) {
            continue;
        }
        match values.as_slice() {
            [value] => {
                let _ = writeln!(text, "{indent}{key}: {value}");
            }
            values => {
                let _ = writeln!(text, "{indent}{key}: [{}]", values.join(", "));
            }
        }
        indent = other;
    }
}

/// A key with modifiers, and its values.
fn item(random: &mut Rng) -> (String, Vec<String>) {
    let texts = |random: &mut Rng, least: usize, parts: u8| -> Vec<String> {
        (0..random.usize(least..least + 3))
            .map(|_| quoted(&wild(random, parts)))
            .collect()
    };
    let (field, modifiers, values): (&str, String, Vec<String>) = match random.u8(0..40) {
        0..=11 => {
            let position = pick(&["", "|contains", "|startswith", "|endswith"], random);
            let cased = if random.u8(0..5) == 0 { "|cased" } else { "" };
            let (all, least) = match random.u8(0..4) {
                0 if position == "|contains" => ("|all", 2),
                _ => ("", 1),
            };
            let modifiers = format!("{position}{cased}{all}");
            (text_field(random), modifiers, texts(random, least, 1))
        }
        12..=17 => (text_field(random), String::new(), texts(random, 1, 2)),
        18 | 19 => {
            let position = pick(&["|contains", "", "|endswith"], random);
            let value = pick(&["-x", "a -x", "--no-color", "/c -e", "x-y", "-x*"], random);
            let modifiers = format!("|windash{position}");
            (text_field(random), modifiers, vec![quoted(value)])
        }
        20 | 21 => {
            let encoding = pick(
                &[
                    "|base64offset|contains",
                    "|base64|contains",
                    "|base64",
                    "|wide|base64offset|contains",
                    "|utf16be|base64|contains",
                    "|utf16|base64|startswith",
                    "|wide|contains",
                ],
                random,
            );
            let value = pick(&["sh -c", "curl", "ab", "äb/c", "foo\\*"], random);
            (text_field(random), encoding.to_owned(), vec![quoted(value)])
        }
        22 | 23 => {
            let flags = pick(&["", "|i", "|s", "|i|m"], random);
            let values = (0..random.usize(1..3)).map(|_| quoted(regex(random)));
            let values = values.collect();
            (text_field(random), format!("|re{flags}"), values)
        }
        24 | 25 => {
            let networks = [
                "10.0.0.0/8",
                "10.0.0.1/32",
                "192.168.0.0/16",
                "0.0.0.0/0",
                "fe80::/10",
                "::/0",
                "::ffff:10.0.0.0/104",
            ];
            let values = (0..random.usize(1..3)).map(|_| quoted(pick(&networks, random)));
            ("Address", "|cidr".to_owned(), values.collect())
        }
        26 | 27 => {
            let relation = pick(&["|lt", "|lte", "|gt", "|gte"], random);
            let bound = pick(&["0", "5", "-1", "5.5", "1000", "'7'"], random);
            ("Port", relation.to_owned(), vec![bound.to_owned()])
        }
        28 => {
            let whether = pick(&["true", "false"], random);
            (
                any_field(random),
                "|exists".to_owned(),
                vec![whether.into()],
            )
        }
        29 | 30 => {
            let position = pick(&["", "|startswith", "|endswith", "|contains"], random);
            let cased = pick(&["", "|cased"], random);
            let other = quoted(any_field(random));
            let modifiers = format!("|fieldref{position}{cased}");
            (any_field(random), modifiers, vec![other])
        }
        31 => {
            let mut values = vec!["null".to_owned()];
            if random.bool() {
                values.extend(texts(random, 1, 1));
            }
            (any_field(random), String::new(), values)
        }
        32 | 33 => {
            let position = pick(&["", "", "|contains", "|startswith"], random);
            let values = (0..random.usize(1..3))
                .map(|_| pick(&["0", "5", "22", "-1", "443", "0x10", "1.5"], random).to_owned());
            ("Port", position.to_owned(), values.collect())
        }
        34 => (
            "Flag",
            String::new(),
            vec![pick(&["true", "false"], random).into()],
        ),
        35 | 36 => {
            let position = pick(&["", "|contains", "|cased", "|re"], random);
            let values = if position == "|re" {
                vec![quoted(regex(random))]
            } else {
                texts(random, 1, 1)
            };
            (any_field(random), format!("|neq{position}"), values)
        }
        37 => (text_field(random), String::new(), vec!["''".to_owned()]),
        _ => {
            let parts = [
                ("|hour", 0..24),
                ("|minute", 0..60),
                ("|day", 1..29),
                ("|week", 1..54),
                ("|month", 1..13),
                ("|year", 2001..2031),
            ];
            let (part, range) = random.choice(parts).unwrap_or(("|hour", 0..24));
            let number = random.u32(range);
            ("Time", part.to_owned(), vec![number.to_string()])
        }
    };
    (format!("{field}{modifiers}"), values)
}

fn condition(names: &[&str], depth: usize, random: &mut Rng) -> String {
    let visible = names.iter().filter(|name| !name.starts_with('_')).count();
    let part = |random: &mut Rng| condition(names, depth + 1, random);
    match random.u8(0..16) {
        0..=2 if depth < 3 => format!("{} and {}", part(random), part(random)),
        3 | 4 if depth < 3 => format!("{} or {}", part(random), part(random)),
        5 | 6 if depth < 3 => format!("not {}", part(random)),
        7 | 8 if depth < 3 => format!("({})", part(random)),
        9 => format!("1 of {}", pick(&["sel_*", "them", "sel*a", "*"], random)),
        10 => format!("all of {}", pick(&["sel_*", "them", "*_a"], random)),
        11 => "any of sel_*".to_owned(),
        12 if visible > 1 => "2 of them".to_owned(),
        _ => pick(names, random).to_owned(),
    }
}

/// A text of a few words, with wildcards and escapes.
fn wild(random: &mut Rng, wildcards: u8) -> String {
    let words = [
        "a", "A", "ab", "b", "sh", "SH", "/bin/", "/", "bash", "-x", " ", "x y", "k", "\u{212a}",
        "ä", "Ä", "5", "\\", "\\\\", "\\*", "\\?", "%", "s", "i",
    ];
    let mut text = String::new();
    for _ in 0..random.usize(1..4) {
        if random.u8(0..6) < wildcards {
            text.push(if random.u8(0..3) == 0 { '?' } else { '*' });
        }
        text.push_str(pick(&words, random));
    }
    if random.u8(0..6) < wildcards {
        text.push('*');
    }
    text
}

fn regex(random: &mut Rng) -> &'static str {
    pick(
        &[
            "a.*b",
            "^/bin/(ba)?sh$",
            "(?i)SH",
            "[0-9]{2,3}",
            "x y$",
            r"\bsh\b",
            "^$",
            ".",
            "(a|b)+k",
            r"\\",
        ],
        random,
    )
}

fn text_field(random: &mut Rng) -> &'static str {
    pick(FIELDS.get(..4).unwrap_or_default(), random)
}

fn any_field(random: &mut Rng) -> &'static str {
    pick(FIELDS, random)
}

fn pick<'a>(of: &[&'a str], random: &mut Rng) -> &'a str {
    random.choice(of).copied().unwrap_or_default()
}

/// A text in quotation marks.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
