//! Text without case: what is compared where case does not matter.
//!
//! A letter becomes one letter, whatever is around it, so where a text has another in it, so have they
//! both without case. All that is looked for can therefore be looked for in folded text.

/// A letter's simple lower case.
pub(super) fn lower(letter: char) -> char {
    if letter.is_ascii() {
        return letter.to_ascii_lowercase();
    }
    // Only `İ` has a lower case of two characters, and the first is its simple one.
    letter.to_lowercase().next().unwrap_or(letter)
}

/// Appends a text without case.
pub(super) fn append(text: &str, folded: &mut String) {
    if text.is_ascii() {
        let start = folded.len();
        folded.push_str(text);
        if let Some(appended) = folded.get_mut(start..) {
            appended.make_ascii_lowercase();
        }
    } else {
        folded.extend(text.chars().map(lower));
    }
}

/// A text without case.
pub(super) fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    append(text, &mut folded);
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_all_scripts_lose_their_case_one_by_one() {
        assert_eq!(folded("/BIN/Bash"), "/bin/bash");
        // The Kelvin sign and the dotted capital are letters outside ASCII that become ones of it.
        assert_eq!(folded("\u{212a}ILL \u{130}D"), "kill id");
        assert_eq!(folded("ÄΣЖ"), "äσж");
        assert_eq!(folded("ςß"), "ςß");
        for letter in ['\0'..='\u{d7ff}', '\u{e000}'..=char::MAX]
            .into_iter()
            .flatten()
        {
            assert_eq!(lower(lower(letter)), lower(letter), "{letter:?}");
        }
    }
}
