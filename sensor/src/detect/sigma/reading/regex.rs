//! Regular expressions: checked here, compiled again by whoever uses them.

use regex::RegexBuilder;

use super::modifiers::Flags;

/// Most bytes that a compiled regular expression may take.
pub const REGEX_SIZE_MAX: usize = 1 << 20;

/// An expression with its flags written into it, if it can be used.
///
/// # Errors
///
/// Why it cannot, for people.
pub(super) fn checked(expression: &str, flags: Flags) -> Result<String, String> {
    let flag = |set: bool, letter: &'static str| if set { letter } else { "" };
    let letters = [
        flag(flags.insensitive, "i"),
        flag(flags.multiline, "m"),
        flag(flags.dot_all, "s"),
    ]
    .concat();
    let whole = if letters.is_empty() {
        expression.to_owned()
    } else {
        format!("(?{letters}){expression}")
    };
    match RegexBuilder::new(&whole).size_limit(REGEX_SIZE_MAX).build() {
        Ok(_) => Ok(whole),
        Err(regex::Error::CompiledTooBig(_)) => Err(format!(
            "the regular expression takes more than {} KiB when it is compiled: bound its \
             repetitions less generously",
            REGEX_SIZE_MAX >> 10
        )),
        Err(error) => {
            let told = error.to_string();
            let why = told.lines().last().unwrap_or_default();
            Err(format!(
                "the regular expression cannot be used: {}",
                why.trim_start_matches("error: ")
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_written_into_the_expression() {
        let flags = Flags {
            insensitive: true,
            multiline: true,
            dot_all: false,
        };
        assert_eq!(checked("^a$", flags).unwrap(), "(?im)^a$");
        assert_eq!(checked("^a$", Flags::default()).unwrap(), "^a$");
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        let why = |expression| checked(expression, Flags::default()).unwrap_err();
        assert!(why("(a").contains("unclosed group"), "{}", why("(a"));
        assert!(why("(?=a)").contains("look-around"), "{}", why("(?=a)"));
        assert!(
            why(r"(a)\1").contains("backreferences"),
            r"{}",
            why(r"(a)\1")
        );
        let large = why(r"(\w{1000}){1000}");
        assert!(large.contains("more than 1024 KiB"), "{large}");
    }
}
