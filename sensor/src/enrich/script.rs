//! Which script an interpreter runs, from its arguments.
//!
//! The kernel tells the program that it started: for `python3 -u job.py` that is Python. The
//! script is named by the arguments, and where in them depends on the interpreter's options. What
//! is answered is what the interpreter does, or nothing: an option that is not known may take the
//! next argument, so nothing after it is certain.
//!
//! `env`, `nohup` and their like are no interpreters: they exec the one that is.

mod grammar;
mod letters;
#[cfg(test)]
mod tests;
mod words;

use std::iter::Peekable;

use grammar::Grammar;

/// What an interpreter runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Script<'a> {
    /// A file. The path is as it was given: a relative one starts at the working directory.
    File(&'a [u8]),
    /// Code among the arguments.
    Inline,
    /// A module by its name, which the interpreter searches for.
    Module(&'a [u8]),
    /// What comes through standard input: a pipe, a file or a person at a terminal.
    StandardInput,
}

/// How much of the arguments is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Captured {
    /// All of them.
    Whole,
    /// There were more, and the last one may be cut: no conclusion rests on it.
    Cut,
}

/// Which script a program runs; `None` if it is no known interpreter, runs none, or it cannot be
/// told.
///
/// `program` is the path of the executable. `arguments` begin with the program's name, as the
/// program gets them. `script_file` is the file with the `#!` line, where the program was started
/// because of one: then it is the script, whatever the arguments say.
pub fn script<'a>(
    program: &[u8],
    arguments: impl IntoIterator<Item = &'a [u8]>,
    captured: Captured,
    script_file: Option<&'a [u8]>,
) -> Option<Script<'a>> {
    if let Some(file) = script_file {
        return self::file(file);
    }
    let mut arguments = arguments.into_iter();
    let mut words = Words {
        arguments: (&mut arguments as &mut dyn Iterator<Item = &'a [u8]>).peekable(),
        captured,
    };
    let first = words.next()?;
    let mut name = base_name(program);
    if matches!(name, b"busybox" | b"toybox") {
        // One program of many names: it looks at the one that it was called by.
        name = base_name(first.word()?);
        name = name.strip_prefix(b"-").unwrap_or(name);
        if matches!(name, b"busybox" | b"toybox") {
            name = base_name(words.next()?.word()?);
        }
    }
    match Interpreter::of(name)? {
        Interpreter::Letters(grammar) => letters::read(grammar, &mut words),
        Interpreter::Node => words::node(&mut words),
        Interpreter::Java => words::java(&mut words),
        Interpreter::PowerShell => words::powershell(&mut words),
        Interpreter::Rscript => words::rscript(&mut words),
        Interpreter::R => words::r(&mut words),
        Interpreter::Tcl => words::tcl(&mut words),
    }
}

/// A way to read arguments.
enum Interpreter {
    /// Options are letters, as a table says.
    Letters(&'static Grammar),
    Node,
    Java,
    PowerShell,
    Rscript,
    R,
    Tcl,
}

impl Interpreter {
    /// The interpreter of a name, with or without a version.
    fn of(name: &[u8]) -> Option<Self> {
        Some(match stem(name) {
            b"python" | b"pypy" => Self::Letters(&grammar::PYTHON),
            b"perl" => Self::Letters(&grammar::PERL),
            b"ruby" => Self::Letters(&grammar::RUBY),
            b"php" => Self::Letters(&grammar::PHP),
            b"lua" | b"luajit" => Self::Letters(&grammar::LUA),
            b"bash" | b"rbash" => Self::Letters(&grammar::BASH),
            b"sh" | b"dash" | b"ash" | b"hush" | b"ksh" | b"mksh" => Self::Letters(&grammar::SHELL),
            b"zsh" | b"rzsh" => Self::Letters(&grammar::ZSH),
            b"fish" => Self::Letters(&grammar::FISH),
            b"awk" | b"nawk" | b"original-awk" => Self::Letters(&grammar::AWK),
            b"mawk" => Self::Letters(&grammar::MAWK),
            b"gawk" => Self::Letters(&grammar::GAWK),
            b"node" | b"nodejs" => Self::Node,
            b"java" => Self::Java,
            b"pwsh" => Self::PowerShell,
            b"Rscript" => Self::Rscript,
            b"R" => Self::R,
            b"tclsh" => Self::Tcl,
            _ => return None,
        })
    }
}

fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

/// A program's name without its version: `python3.13t`, `zsh-5.9`, `bash-static`.
fn stem(name: &[u8]) -> &[u8] {
    let name = name.strip_suffix(b"-static").unwrap_or(name);
    let dash = name
        .windows(2)
        .position(|pair| matches!(pair, [b'-', b'0'..=b'9']));
    let name = dash.and_then(|at| name.get(..at)).unwrap_or(name);
    if let Some(version) = name.strip_prefix(b"python") {
        // Builds for debugging or without the lock have a letter behind the version.
        let letters = version.len() - trim_version(version, b"dmtu").len();
        let is_version = trim_version(version, b"0123456789.dmtu").is_empty();
        let plain = version.first().is_none_or(u8::is_ascii_digit);
        return if is_version && plain && letters <= 2 {
            b"python"
        } else {
            name
        };
    }
    trim_version(name, b"0123456789.")
}

fn trim_version<'a>(mut name: &'a [u8], characters: &[u8]) -> &'a [u8] {
    while let Some((last, before)) = name.split_last()
        && characters.contains(last)
    {
        name = before;
    }
    name
}

/// A file to run, unless it is standard input by another name.
fn file(path: &[u8]) -> Option<Script<'_>> {
    match path {
        b"" => None,
        b"/dev/stdin" | b"/dev/fd/0" | b"/proc/self/fd/0" => Some(Script::StandardInput),
        _ => Some(Script::File(path)),
    }
}

/// The arguments that are not read yet.
struct Words<'a, 'b> {
    arguments: Peekable<&'b mut dyn Iterator<Item = &'a [u8]>>,
    captured: Captured,
}

/// What comes next among the arguments.
#[derive(Clone, Copy)]
enum Next<'a> {
    Word(&'a [u8]),
    End,
}

impl<'a> Next<'a> {
    const fn word(self) -> Option<&'a [u8]> {
        match self {
            Self::Word(word) => Some(word),
            Self::End => None,
        }
    }
}

impl<'a> Words<'a, '_> {
    /// What comes next, if that can be told.
    fn next(&mut self) -> Option<Next<'a>> {
        let word = self.arguments.next();
        let is_last = word.is_none() || self.arguments.peek().is_none();
        if is_last && self.captured == Captured::Cut {
            return None;
        }
        Some(word.map_or(Next::End, Next::Word))
    }

    /// The next argument, if there is one and it can be told.
    fn word(&mut self) -> Option<&'a [u8]> {
        self.next()?.word()
    }
}
