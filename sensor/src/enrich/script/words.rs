//! Interpreters whose options are whole words.

use super::{Next, Script, Words, file};

/// Options of Node.js without an argument.
const NODE_FLAGS: &[&str] = &[
    "-c",
    "--check",
    "-i",
    "--interactive",
    "--inspect",
    "--inspect-brk",
    "--inspect-wait",
    "--enable-source-maps",
    "--expose-gc",
    "--experimental-strip-types",
    "--experimental-vm-modules",
    "--experimental-wasm-modules",
    "--experimental-modules",
    "--experimental-permission",
    "--permission",
    "--no-deprecation",
    "--no-warnings",
    "--throw-deprecation",
    "--trace-deprecation",
    "--trace-uncaught",
    "--trace-warnings",
    "--trace-exit",
    "--pending-deprecation",
    "--preserve-symlinks",
    "--preserve-symlinks-main",
    "--prof",
    "--cpu-prof",
    "--heap-prof",
    "--abort-on-uncaught-exception",
    "--use-openssl-ca",
    "--use-bundled-ca",
    "--use-system-ca",
    "--insecure-http-parser",
    "--watch",
    "--zero-fill-buffers",
];

/// Options of Node.js whose argument is behind `=`, or else the next word.
const NODE_ARGUMENTS: &[&str] = &[
    "-r",
    "--require",
    "--import",
    "--loader",
    "--experimental-loader",
    "-C",
    "--conditions",
    "--input-type",
    "--env-file",
    "--title",
    "--unhandled-rejections",
    "--icu-data-dir",
    "--dns-result-order",
    "--max-http-header-size",
];

pub(super) fn node<'a>(words: &mut Words<'a, '_>) -> Option<Script<'a>> {
    loop {
        let Next::Word(word) = words.next()? else {
            return Some(Script::StandardInput);
        };
        match word {
            b"-" => return Some(Script::StandardInput),
            b"--" => {
                let next = words.next()?;
                return next.word().map_or(Some(Script::StandardInput), file);
            }
            b"-e" | b"-p" | b"-pe" | b"--eval" | b"--print" => return Some(Script::Inline),
            // The debugger, which runs a script by itself.
            b"inspect" | b"debug" => return None,
            _ if !word.starts_with(b"-") => return file(word),
            _ => {}
        }
        let (name, has_value) = name(word)?;
        // These decide what runs.
        if ["--eval", "--print"].contains(&name) {
            return Some(Script::Inline);
        }
        let runs_other = ["--run", "--test", "--build-snapshot", "--watch-path"];
        if runs_other.contains(&name) {
            return None;
        }
        if !has_value && NODE_ARGUMENTS.contains(&name) {
            words.word()?;
        } else if !has_value && !NODE_FLAGS.contains(&name) {
            return None;
        }
    }
}

/// An option without what is behind `=`, and whether there is something.
fn name(word: &[u8]) -> Option<(&str, bool)> {
    let text = std::str::from_utf8(word).ok()?;
    Some(
        text.split_once('=')
            .map_or((text, false), |(name, _)| (name, true)),
    )
}

/// Options of Java whose argument is the next word, or behind `=` after two dashes.
const JAVA_ARGUMENTS: &[&str] = &[
    "-cp",
    "-classpath",
    "--class-path",
    "-p",
    "--module-path",
    "--upgrade-module-path",
    "--add-modules",
    "--add-exports",
    "--add-opens",
    "--add-reads",
    "--patch-module",
    "--limit-modules",
    "--source",
    "--enable-native-access",
];

/// Options of Java with one dash and without an argument, whole.
const JAVA_FLAGS: &[&str] = &[
    "-server",
    "-client",
    "-d64",
    "-ea",
    "-da",
    "-esa",
    "-dsa",
    "-verbose",
    "--enable-preview",
];

/// How options of Java begin that are one word.
const JAVA_BEGINNINGS: &[&str] = &[
    "-X",
    "-D",
    "-ea:",
    "-da:",
    "-enableassertions",
    "-disableassertions",
    "-enablesystemassertions",
    "-disablesystemassertions",
    "-javaagent:",
    "-agentlib:",
    "-agentpath:",
    "-verbose:",
    "-splash:",
];

pub(super) fn java<'a>(words: &mut Words<'a, '_>) -> Option<Script<'a>> {
    let mut is_archive = false;
    loop {
        // Without a class, it prints how to use it.
        let word = words.word()?;
        if !word.starts_with(b"-") {
            // A file with more arguments can hold anything; a class is no file.
            let is_file = is_archive || word.ends_with(b".java");
            return file(word).filter(|_| is_file && !word.starts_with(b"@"));
        }
        let (name, has_value) = name(word)?;
        match name {
            "-jar" if !has_value => is_archive = true,
            "-m" | "--module" => {
                let module = match word.strip_prefix(b"--module=") {
                    Some(module) => module,
                    None => words.word()?,
                };
                return (!module.is_empty()).then_some(Script::Module(module));
            }
            _ if JAVA_BEGINNINGS
                .iter()
                .any(|beginning| name.starts_with(beginning)) => {}
            _ if has_value && name.starts_with("--") => {}
            _ if has_value => return None,
            _ if JAVA_ARGUMENTS.contains(&name) => {
                words.word()?;
            }
            _ if JAVA_FLAGS.contains(&name) => {}
            _ => return None,
        }
    }
}

/// What an option of PowerShell means.
#[derive(Clone, Copy)]
enum Power {
    Flag,
    Argument,
    Directory,
    Command,
    Code,
    File,
}

/// Options of PowerShell: the name, the shortest beginning of it that will do, and another name.
const POWERSHELL: &[(&str, &str, &str, Power)] = &[
    ("login", "l", "l", Power::Flag),
    ("noexit", "noe", "noe", Power::Flag),
    ("noprofile", "nop", "nop", Power::Flag),
    ("nologo", "nol", "nol", Power::Flag),
    ("noninteractive", "noni", "noni", Power::Flag),
    ("interactive", "i", "i", Power::Flag),
    ("sta", "sta", "sta", Power::Flag),
    ("mta", "mta", "mta", Power::Flag),
    ("command", "c", "c", Power::Command),
    ("file", "f", "f", Power::File),
    ("encodedcommand", "e", "ec", Power::Code),
    ("executionpolicy", "ex", "ep", Power::Argument),
    ("inputformat", "inp", "if", Power::Argument),
    ("outputformat", "o", "of", Power::Argument),
    ("windowstyle", "w", "w", Power::Argument),
    ("configurationname", "config", "config", Power::Argument),
    ("custompipename", "cus", "cus", Power::Argument),
    ("settingsfile", "settings", "settings", Power::Argument),
    ("workingdirectory", "wo", "wd", Power::Directory),
];

pub(super) fn powershell<'a>(words: &mut Words<'a, '_>) -> Option<Script<'a>> {
    let mut moved = false;
    loop {
        let Next::Word(word) = words.next()? else {
            return Some(Script::StandardInput);
        };
        // Where a relative path starts after a change of directory is not certain.
        let script = |path: &'a [u8]| match path {
            b"-" => Some(Script::StandardInput),
            _ => file(path).filter(|_| !moved || path.starts_with(b"/")),
        };
        if !word.starts_with(b"-") || word == b"-" {
            return script(word);
        }
        match power(word)? {
            Power::Flag => {}
            Power::Argument => {
                words.word()?;
            }
            Power::Directory => {
                words.word()?;
                moved = true;
            }
            Power::Code => return Some(Script::Inline),
            Power::Command => {
                let is_input = words.word()? == b"-";
                return Some(if is_input {
                    Script::StandardInput
                } else {
                    Script::Inline
                });
            }
            Power::File => return script(words.word()?),
        }
    }
}

/// An option of PowerShell, in any case; an abbreviation that may mean two is not told.
fn power(word: &[u8]) -> Option<Power> {
    let text = std::str::from_utf8(word).ok()?.to_ascii_lowercase();
    let text = text.strip_prefix("--").or_else(|| text.strip_prefix('-'))?;
    let mut matching = POWERSHELL.iter().filter(|(name, shortest, other, _)| {
        text == *other || (name.starts_with(text) && text.starts_with(shortest))
    });
    let (_, _, _, meaning) = matching.next()?;
    matching.next().is_none().then_some(*meaning)
}

pub(super) fn rscript<'a>(words: &mut Words<'a, '_>) -> Option<Script<'a>> {
    loop {
        match words.word()? {
            b"-e" => return Some(Script::Inline),
            b"--version" | b"--help" => return None,
            word if word.starts_with(b"--") => {}
            word if word.starts_with(b"-") => return None,
            word => return file(word),
        }
    }
}

/// R itself, which `Rscript` starts, and which takes its script by an option only.
pub(super) fn r<'a>(words: &mut Words<'a, '_>) -> Option<Script<'a>> {
    loop {
        let word = words.word()?;
        if let Some(path) = word.strip_prefix(b"--file=") {
            return file(path);
        }
        match word {
            b"-e" => return Some(Script::Inline),
            b"-f" => return file(words.word()?),
            b"--args" | b"--version" | b"--help" => return None,
            b"-g" | b"--gui" | b"-d" | b"--debugger" => {
                words.word()?;
            }
            word if word.starts_with(b"--") => {}
            _ => return None,
        }
    }
}

pub(super) fn tcl<'a>(words: &mut Words<'a, '_>) -> Option<Script<'a>> {
    let Next::Word(mut word) = words.next()? else {
        return Some(Script::StandardInput);
    };
    if word == b"-encoding" {
        words.word()?;
        word = words.word()?;
    }
    // With any other option it is interactive.
    file(word).filter(|_| !word.starts_with(b"-"))
}
