//! A process's arguments, and the one line that people write them as.

use std::{borrow::Cow, fmt};

use super::scan;

/// A process's arguments, where they are kept.
#[derive(Clone, Copy, Debug)]
pub enum Arguments<'a> {
    /// As the kernel has them, each ended by NUL; the last one may be cut.
    Captured(&'a [u8]),
    /// As the process table has them.
    Remembered(&'a [String]),
}

/// Arguments in one line, for reading and for searching.
///
/// They are joined by one space. One that is empty, or contains white space, is put in double
/// quotes, or in single quotes if it contains a double quote. Nothing inside is changed, so that a
/// search for a part of an argument finds it; which is why the line cannot always be taken apart
/// again: the arguments themselves are for that.
#[derive(Clone, Copy, Debug)]
pub struct CommandLine<'a>(pub Arguments<'a>);

impl<'a> Arguments<'a> {
    /// The arguments, bytes that are not UTF-8 replaced.
    pub fn iter(self) -> impl Iterator<Item = Cow<'a, str>> {
        let (captured, remembered): (&[u8], &[String]) = match self {
            Self::Captured(bytes) => (bytes, &[]),
            Self::Remembered(arguments) => (&[], arguments),
        };
        let ended = captured.strip_suffix(&[0]).unwrap_or(captured);
        (!captured.is_empty())
            .then(|| ended.split(|byte| *byte == 0))
            .into_iter()
            .flatten()
            .map(String::from_utf8_lossy)
            .chain(remembered.iter().map(|argument| Cow::Borrowed(&**argument)))
    }
}

impl CommandLine<'_> {
    /// Hands the line over in pieces.
    #[inline]
    pub fn pieces(self, mut each: impl FnMut(&str)) {
        let mut is_first = true;
        for argument in self.0.iter() {
            if !is_first {
                each(" ");
            }
            is_first = false;
            if must_be_quoted(argument.as_bytes()) {
                let quote = if argument.contains('"') { "'" } else { "\"" };
                each(quote);
                each(&argument);
                each(quote);
            } else {
                each(&argument);
            }
        }
    }
}

fn must_be_quoted(argument: &[u8]) -> bool {
    // Most arguments have no such byte, and that is found out quickly.
    let may_have_space = scan::has(argument, |word| scan::less_than(word, b' ' + 1));
    argument.is_empty() || (may_have_space && argument.iter().any(|byte| is_white_space(*byte)))
}

/// As the C library judges.
const fn is_white_space(byte: u8) -> bool {
    const VERTICAL_TAB: u8 = 0x0b;
    byte.is_ascii_whitespace() || byte == VERTICAL_TAB
}

impl fmt::Display for CommandLine<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut result = Ok(());
        self.pieces(|piece| result = result.and_then(|()| formatter.write_str(piece)));
        result
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(arguments: &[u8]) -> String {
        CommandLine(Arguments::Captured(arguments)).to_string()
    }

    #[test]
    fn quotes_what_white_space_would_take_apart() {
        assert_eq!(line(b"ls\0-la\0/tmp\0"), "ls -la /tmp");
        assert_eq!(line(b"sh\0-c\0id; id\0"), "sh -c \"id; id\"");
        assert_eq!(line(b"sh\0-c\0echo \"a\"\0"), "sh -c 'echo \"a\"'");
        assert_eq!(line(b"grep\0\0a\tb\0"), "grep \"\" \"a\tb\"");
        assert_eq!(line(b"it's\0\"\0"), "it's \"");
        assert_eq!(line(b""), "");
        assert_eq!(line(b"\0"), "\"\"");
        assert_eq!(line(b"cut off"), "\"cut off\"");
        assert_eq!(line(b"\x01\0\x0b\0"), "\x01 \"\x0b\"");
    }

    #[test]
    fn replaces_what_is_not_text() {
        let arguments = Arguments::Captured(b"\xff\0\xc3\0\xa4\0");
        let texts: Vec<_> = arguments.iter().collect();
        assert_eq!(texts, ["\u{fffd}", "\u{fffd}", "\u{fffd}"]);
    }

    proptest! {
        #[test]
        fn both_places_say_the_same(arguments in prop::collection::vec("[^\0]{0,8}", 0..6)) {
            let captured: String = arguments.iter().flat_map(|text| [text, "\0"]).collect();
            let captured = Arguments::Captured(captured.as_bytes());
            let remembered = Arguments::Remembered(&arguments);
            prop_assert!(captured.iter().eq(arguments.iter().map(|text| Cow::Borrowed(&**text))));
            prop_assert_eq!(
                CommandLine(captured).to_string(),
                CommandLine(remembered).to_string()
            );
        }

        #[test]
        fn every_argument_is_found_in_the_line(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let arguments = Arguments::Captured(&bytes);
            let line = CommandLine(arguments).to_string();
            let mut rest = &*line;
            for argument in arguments.iter() {
                let at = rest.find(&*argument);
                prop_assert!(at.is_some());
                rest = &rest[at.unwrap() + argument.len()..];
            }
        }
    }
}
