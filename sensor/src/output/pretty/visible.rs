//! Text of the host, with nothing in it that a terminal would obey, or that would not be seen.

use std::{borrow::Cow, fmt::Write};

use unicode_width::UnicodeWidthChar;

/// Marks without a width of their own that may follow one character. More of them are not seen as
/// what they are, and can cover the lines around.
const MARKS_MAX: usize = 2;

/// The text, in which control characters, characters that change the direction of others, and those
/// without any width show their numbers.
pub(super) fn visible(text: &str) -> Cow<'_, str> {
    let is_plain = text
        .bytes()
        .all(|byte| byte.is_ascii() && !byte.is_ascii_control());
    if is_plain {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut marks = MARKS_MAX;
    for character in text.chars() {
        let is_mark = character.width() == Some(0);
        marks = if is_mark { marks + 1 } else { 0 };
        if must_be_shown(character) || marks > MARKS_MAX {
            append_shown(character, &mut shown);
        } else {
            shown.push(character);
        }
    }
    Cow::Owned(shown)
}

fn must_be_shown(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            // The soft hyphen.
            '\u{ad}'
            // Joiners, and marks of direction.
            | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
            // Ends of lines and paragraphs; embeddings, overrides and isolates of direction.
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            // Choices of how the character before is drawn, and how wide.
            | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}'
            // The byte order mark; annotations; tags.
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

fn append_shown(character: char, shown: &mut String) {
    let _infallible = match character {
        '\n' => shown.write_str("\\n"),
        '\r' => shown.write_str("\\r"),
        '\t' => shown.write_str("\\t"),
        '\0'..='\u{ff}' => write!(shown, "\\x{:02x}", u32::from(character)),
        _ => write!(shown, "\\u{{{:x}}}", u32::from(character)),
    };
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shows_what_a_terminal_would_obey() {
        assert_eq!(visible("plain text"), "plain text");
        assert_eq!(
            visible("\x1b]0;title\x07\r\n\t\0"),
            "\\x1b]0;title\\x07\\r\\n\\t\\x00"
        );
        assert_eq!(visible("\u{9b}31m \u{7f}"), "\\x9b31m \\x7f");
        assert_eq!(visible("txt.\u{202e}exe"), "txt.\\u{202e}exe");
        assert_eq!(visible("für 日本 e\u{301}"), "für 日本 e\u{301}");
    }

    #[test]
    fn shows_marks_that_have_nothing_to_be_on() {
        assert_eq!(visible("\u{301}a"), "\\u{301}a");
        assert_eq!(
            visible("a\u{301}\u{302}\u{303}\u{304}b\u{305}"),
            "a\u{301}\u{302}\\u{303}\\u{304}b\u{305}"
        );
    }

    proptest! {
        #[test]
        fn lets_no_control_character_through(text: String) {
            let shown = visible(&text);
            prop_assert!(!shown.chars().any(must_be_shown));
            prop_assert_eq!(visible(&shown), shown.clone());
        }
    }
}
