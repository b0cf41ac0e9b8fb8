//! Arguments read by a table of options.

use super::{
    Next, Script, Words, file,
    grammar::{Dash, Grammar, Long, Operand},
};

/// What was read before the script was named.
#[derive(Debug, Default)]
struct Before {
    code: bool,
    input: bool,
    prints: bool,
}

/// Whether the script is found.
enum Step<'a> {
    GoOn,
    Found(Script<'a>),
}

pub(super) fn read<'a>(grammar: &Grammar, words: &mut Words<'a, '_>) -> Option<Script<'a>> {
    let mut before = Before::default();
    loop {
        let Next::Word(word) = words.next()? else {
            return at_end(grammar, &before);
        };
        let step = match word {
            b"-" => match grammar.dash {
                Dash::StandardInput => return Some(Script::StandardInput),
                Dash::EndsOptions => {
                    return operand(grammar, Operand::Script, &before, words.next()?);
                }
                Dash::Unclear => return None,
            },
            b"--" => return operand(grammar, grammar.after_options, &before, words.next()?),
            [b'-', b'-', option @ ..] => long(grammar, option, words)?,
            [b'-', option @ ..] if grammar.long_with_one_dash && is_long(grammar, option) => {
                long(grammar, option, words)?
            }
            [b'-', letters @ ..] => cluster(grammar, letters, &mut before, words)?,
            [b'+', letters @ ..] if grammar.plus => {
                switched_off(grammar, letters, words)?;
                Step::GoOn
            }
            _ => return operand(grammar, grammar.operand, &before, Next::Word(word)),
        };
        if let Step::Found(script) = step {
            return Some(script);
        }
    }
}

/// What runs where no argument names it.
fn at_end<'a>(grammar: &Grammar, before: &Before) -> Option<Script<'a>> {
    if before.code {
        Some(Script::Inline)
    } else if before.input || (grammar.reads_input && !before.prints) {
        Some(Script::StandardInput)
    } else {
        None
    }
}

fn operand<'a>(
    grammar: &Grammar,
    meaning: Operand,
    before: &Before,
    next: Next<'a>,
) -> Option<Script<'a>> {
    let Next::Word(word) = next else {
        return at_end(grammar, before);
    };
    if before.input {
        return Some(Script::StandardInput);
    }
    match meaning {
        Operand::Script => file(word),
        Operand::Code => Some(Script::Inline),
        Operand::OfScript => Some(Script::StandardInput),
    }
}

fn is_long(grammar: &Grammar, option: &[u8]) -> bool {
    grammar
        .long
        .iter()
        .any(|(name, _)| name.as_bytes() == option)
}

fn long<'a>(grammar: &Grammar, option: &'a [u8], words: &mut Words<'a, '_>) -> Option<Step<'a>> {
    let mut fields = option.splitn(2, |byte| *byte == b'=');
    let name = fields.next()?;
    let value = fields.next();
    let (_, meaning) = grammar
        .long
        .iter()
        .find(|(known, _)| known.as_bytes() == name)?;
    match meaning {
        Long::Code => return Some(Step::Found(Script::Inline)),
        Long::Flag if value.is_none() => {}
        Long::Flag => return None,
        Long::Argument => {
            value.or_else(|| words.word())?;
        }
        Long::File => return named(value.or_else(|| words.word())?).map(Step::Found),
    }
    Some(Step::GoOn)
}

/// A file that an option names: `-` is standard input there, too.
fn named(path: &[u8]) -> Option<Script<'_>> {
    if path == b"-" {
        return Some(Script::StandardInput);
    }
    file(path)
}

fn cluster<'a>(
    grammar: &Grammar,
    mut letters: &'a [u8],
    before: &mut Before,
    words: &mut Words<'a, '_>,
) -> Option<Step<'a>> {
    while let Some((letter, rest)) = letters.split_first() {
        let is = |set: &[u8]| set.contains(letter);
        let argument = |words: &mut Words<'a, '_>| {
            if rest.is_empty() {
                words.word()
            } else {
                Some(rest)
            }
        };
        letters = rest;
        if is(grammar.code) {
            return Some(Step::Found(Script::Inline));
        } else if is(grammar.file) {
            // Whether `=` belongs to the path differs.
            let path = argument(words).filter(|path| !path.starts_with(b"="))?;
            return named(path).map(Step::Found);
        } else if is(grammar.module) {
            let name = argument(words).filter(|name| !name.is_empty())?;
            return Some(Step::Found(Script::Module(name)));
        } else if is(grammar.argument) {
            argument(words)?;
            break;
        } else if is(grammar.code_before) {
            argument(words)?;
            before.code = true;
            break;
        } else if is(grammar.next_word) {
            // Some shells take the rest of the word, some go on with it.
            if !rest.is_empty() {
                return None;
            }
            words.word()?;
        } else if is(grammar.rest) {
            break;
        } else if is(grammar.digits) {
            letters = without_number(*letter, rest);
            if letters.starts_with(b":") {
                break;
            }
        } else if is(grammar.standard_input) {
            before.input = true;
        } else if is(grammar.prints) {
            before.prints = true;
        } else if is(grammar.flags) {
            // A debugger of Perl, or what replaces it, is the rest of the word.
            if *letter == b'd' && matches!(rest, [b':' | b'=', ..] | [b't', b':' | b'=', ..]) {
                break;
            }
        } else {
            return None;
        }
    }
    Some(Step::GoOn)
}

/// Options of a shell that are switched off.
fn switched_off(grammar: &Grammar, letters: &[u8], words: &mut Words) -> Option<()> {
    let (last, before) = letters.split_last()?;
    let is_flag = |letter: &u8| grammar.flags.contains(letter);
    if !before.iter().all(is_flag) {
        return None;
    }
    if grammar.next_word.contains(last) {
        words.word().map(|_| ())
    } else {
        is_flag(last).then_some(())
    }
}

/// What is behind an octal number, or behind `0` a hexadecimal one.
fn without_number(letter: u8, text: &[u8]) -> &[u8] {
    let (digits, is_digit): (&[u8], fn(&u8) -> bool) = match text {
        [b'x' | b'X', digits @ ..] if letter == b'0' => (digits, u8::is_ascii_hexdigit),
        _ => (text, |byte| matches!(byte, b'0'..=b'7')),
    };
    let end = digits.iter().position(|byte| !is_digit(byte));
    end.and_then(|end| digits.get(end..)).unwrap_or_default()
}
