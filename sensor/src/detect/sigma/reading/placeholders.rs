//! Placeholders as `%servers%`, and what stands for them.

use std::collections::BTreeMap;

/// Most texts that the placeholders of one value make of it.
const TEXTS_MAX: usize = 10_000;
/// Most bytes of them.
const BYTES_MAX: usize = 16 << 20;

/// What stands for `%NAME%` in values with the modifier `expand`: for each name, its values. They may
/// have wildcards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Placeholders(pub BTreeMap<String, Vec<String>>);

/// A piece of a text.
enum Piece {
    Text(String),
    Placeholder(String),
}

impl Placeholders {
    /// A text with every combination of its placeholders' values; `\%` is a percent sign. `unresolved`
    /// is told of each placeholder without values, which is left as it is.
    ///
    /// # Errors
    ///
    /// Too many combinations; for people.
    pub(super) fn expand(
        &self,
        text: &str,
        unresolved: &mut dyn FnMut(String),
    ) -> Result<Vec<String>, String> {
        let mut texts = vec![String::new()];
        for piece in pieces(text) {
            let choices = match piece {
                Piece::Text(piece) => vec![piece],
                Piece::Placeholder(name) => self.values(&name).unwrap_or_else(|| {
                    let left = vec![format!("%{name}%")];
                    unresolved(name);
                    left
                }),
            };
            let count = texts.len().saturating_mul(choices.len());
            let bytes = bytes(&texts)
                .saturating_mul(choices.len())
                .saturating_add(bytes(&choices).saturating_mul(texts.len()));
            if count > TEXTS_MAX || bytes > BYTES_MAX {
                return Err(format!(
                    "placeholders make more than {TEXTS_MAX} values of this one, or more than {} MiB: \
                     give them fewer values",
                    BYTES_MAX >> 20
                ));
            }
            texts = texts
                .iter()
                .flat_map(|text| choices.iter().map(move |choice| format!("{text}{choice}")))
                .collect();
        }
        Ok(texts)
    }

    /// What stands for a placeholder; none if nothing does.
    fn values(&self, name: &str) -> Option<Vec<String>> {
        let values = self.0.get(name).filter(|values| !values.is_empty())?;
        Some(values.iter().map(|value| whole(value)).collect())
    }
}

fn bytes(texts: &[String]) -> usize {
    texts.iter().map(String::len).sum()
}

/// A value that what follows it cannot change: `\` at its end is doubled if it is not yet.
fn whole(value: &str) -> String {
    let backslashes = value.len() - value.trim_end_matches('\\').len();
    let missing = if backslashes % 2 == 1 { "\\" } else { "" };
    format!("{value}{missing}")
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("\\%") {
            plain.push('%');
            rest = after;
        } else if let Some(after) = rest.strip_prefix("\\\\") {
            plain.push_str("\\\\");
            rest = after;
        } else if let Some((name, after)) = placeholder(rest) {
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
            pieces.push(Piece::Placeholder(name.to_owned()));
            rest = after;
        } else {
            plain.push(letter);
            rest = rest.get(letter.len_utf8()..).unwrap_or_default();
        }
    }
    pieces.push(Piece::Text(plain));
    pieces
}

/// The name of the placeholder that a text begins with, and what follows it.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('%')?.split_once('%')?;
    let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.');
    (!name.is_empty() && name.chars().all(is_name)).then_some((name, after))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn placeholders(values: &[(&str, &[&str])]) -> Placeholders {
        let owned = |(name, values): &(&str, &[&str])| {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            ((*name).to_owned(), values)
        };
        Placeholders(values.iter().map(owned).collect())
    }

    /// A text expanded, every placeholder of which has values.
    fn expanded(known: &Placeholders, text: &str) -> Result<Vec<String>, String> {
        known.expand(text, &mut |name| panic!("{name} has no values"))
    }

    #[test]
    fn placeholders_stand_for_their_values() {
        let known = placeholders(&[("name", &["a", "b*"]), ("dir", &[r"C:\"]), ("none", &[])]);
        for (text, wanted) in [
            ("x%name%y", &["xay", "xb*y"][..]),
            ("%name%%name%", &["aa", "ab*", "b*a", "b*b*"]),
            (r"\%plain%name%", &["%plaina", "%plainb*"]),
            ("100%", &["100%"]),
            ("% name %", &["% name %"]),
            ("%%", &["%%"]),
            (r"%dir%*", &[r"C:\\*"]),
            (r"\\%name%", &[r"\\a", r"\\b*"]),
        ] {
            assert_eq!(expanded(&known, text).unwrap(), wanted, "{text}");
        }
        let mut unresolved = Vec::new();
        let texts = known.expand("%unknown%, %name%: %none%", &mut |name| {
            unresolved.push(name);
        });
        assert_eq!(
            texts.unwrap(),
            ["%unknown%, a: %none%", "%unknown%, b*: %none%"]
        );
        assert_eq!(unresolved, ["unknown", "none"]);
    }

    #[test]
    fn combinations_are_bounded() {
        let many: Vec<String> = (0..100).map(|number| number.to_string()).collect();
        let known = Placeholders([("n".to_owned(), many)].into());
        assert_eq!(expanded(&known, "%n%%n%").unwrap().len(), 10_000);
        assert!(
            expanded(&known, "%n%%n%%n%")
                .unwrap_err()
                .contains("more than")
        );
    }

    proptest! {
        #[test]
        fn any_text_expands_or_says_why(text in r"[a%\\ ]{0,12}") {
            let known = placeholders(&[("a", &["1", "2"])]);
            if let Ok(texts) = known.expand(&text, &mut |_| {}) {
                prop_assert!(!texts.is_empty());
            }
        }
    }
}
