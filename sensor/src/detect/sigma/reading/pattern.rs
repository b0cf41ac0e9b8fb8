//! Text with wildcards, as it is written: `*` and `?`, and `\` before one of them or before another
//! `\` takes their meaning away.

use super::super::rule::{Part, Pattern};

/// The pattern that a text stands for. Every text stands for one.
pub(in crate::detect) fn parse(text: &str) -> Pattern {
    let mut pattern = Pattern::default();
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '*' => pattern.push(Part::Any),
            '?' => pattern.push(Part::One),
            '\\' => {
                let escaped = letters.next_if(|next| matches!(next, '*' | '?' | '\\'));
                pattern.push_letter(escaped.unwrap_or('\\'));
            }
            _ => pattern.push_letter(letter),
        }
    }
    pattern
}

impl Pattern {
    /// The pattern that only this text matches.
    #[must_use]
    pub fn literal(text: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        Self(vec![Part::Literal(text.to_owned())])
    }

    /// The only text that matches; none if there are more.
    pub(super) fn only_text(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Literal(text)] => Some(text),
            _ => None,
        }
    }

    /// About how many bytes of memory it takes.
    pub(super) fn weight(&self) -> usize {
        self.0
            .iter()
            .map(|part| match part {
                Part::Literal(text) => text.len().saturating_add(32),
                Part::One | Part::Any => 32,
            })
            .sum()
    }

    pub(super) fn push(&mut self, part: Part) {
        match (self.0.last_mut(), part) {
            (Some(Part::Any), Part::Any) => {}
            (Some(Part::Literal(last)), Part::Literal(text)) => last.push_str(&text),
            (_, part) => self.0.push(part),
        }
    }

    pub(super) fn push_letter(&mut self, letter: char) {
        match self.0.last_mut() {
            Some(Part::Literal(last)) => last.push(letter),
            _ => self.0.push(Part::Literal(letter.to_string())),
        }
    }

    /// Lets any text stand before it.
    pub(super) fn with_any_before(mut self) -> Self {
        if self.0.first() != Some(&Part::Any) {
            self.0.insert(0, Part::Any);
        }
        self
    }

    /// Lets any text stand after it.
    pub(super) fn with_any_after(mut self) -> Self {
        self.push(Part::Any);
        self
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A pattern as it would be written, every letter that could be escaped escaped.
    fn written(pattern: &Pattern) -> String {
        let mut text = String::new();
        for part in &pattern.0 {
            match part {
                Part::Any => text.push('*'),
                Part::One => text.push('?'),
                Part::Literal(literal) => {
                    for letter in literal.chars() {
                        if matches!(letter, '*' | '?' | '\\') {
                            text.push('\\');
                        }
                        text.push(letter);
                    }
                }
            }
        }
        text
    }

    fn literal(text: &str) -> Part {
        Part::Literal(text.to_owned())
    }

    #[test]
    fn wildcards_and_escapes_are_read_as_the_specification_says() {
        for (text, wanted) in [
            ("", vec![]),
            (
                "prog?.exe",
                vec![literal("prog"), Part::One, literal(".exe")],
            ),
            ("a*", vec![literal("a"), Part::Any]),
            ("a***b", vec![literal("a"), Part::Any, literal("b")]),
            ("*?*", vec![Part::Any, Part::One, Part::Any]),
            (r"C:\Windows", vec![literal(r"C:\Windows")]),
            (r"C:\\Windows", vec![literal(r"C:\Windows")]),
            (r"a\*b\?", vec![literal("a*b?")]),
            (r"a\\*", vec![literal(r"a\"), Part::Any]),
            (r"a\\\*", vec![literal(r"a\*")]),
            (r"\\\x", vec![literal(r"\\x")]),
            (r"\\\\x", vec![literal(r"\\x")]),
            (r"end\", vec![literal(r"end\")]),
        ] {
            assert_eq!(parse(text), Pattern(wanted), "{text}");
        }
    }

    #[test]
    fn positions_do_not_double_wildcards() {
        let pattern = parse("*a*");
        assert_eq!(pattern.clone().with_any_before().with_any_after(), pattern);
        assert_eq!(
            Pattern::default().with_any_before().with_any_after().0,
            [Part::Any]
        );
    }

    proptest! {
        #[test]
        fn a_written_pattern_is_read_back(text in r"[a*?\\ é]{0,12}") {
            let pattern = parse(&text);
            prop_assert_eq!(parse(&written(&pattern)), pattern.clone());
            for pair in pattern.0.windows(2) {
                let doubled = matches!(
                    pair,
                    [Part::Any, Part::Any] | [Part::Literal(_), Part::Literal(_)]
                );
                prop_assert!(!doubled);
            }
        }

        #[test]
        fn an_escaped_text_is_only_itself(text in ".{0,12}") {
            let pattern = parse(&written(&Pattern::literal(&text)));
            prop_assert_eq!(pattern.only_text(), Some(text.as_str()));
        }
    }
}
