//! What the options of interpreters mean, for those whose options are letters.
//!
//! Letters that are in no set are not understood. Options that only print something (`--version`)
//! are left out on purpose: with them, no script runs.

/// The options of an interpreter.
#[derive(Debug)]
pub(super) struct Grammar {
    /// Letters without an argument.
    pub flags: &'static [u8],
    /// Letters whose argument is the rest of the word, or else the next one.
    pub argument: &'static [u8],
    /// Letters whose argument is always the next word.
    pub next_word: &'static [u8],
    /// Letters whose argument, if there is one, is the rest of the word.
    pub rest: &'static [u8],
    /// Letters behind which digits may be and then more letters, or `:` and a word.
    pub digits: &'static [u8],
    /// Letters with code as argument, after which nothing else is run.
    pub code: &'static [u8],
    /// Letters with code as argument that runs before the script.
    pub code_before: &'static [u8],
    /// Letters with the script's path as argument.
    pub file: &'static [u8],
    /// Letters with a module's name as argument.
    pub module: &'static [u8],
    /// Letters that have the script read from standard input.
    pub standard_input: &'static [u8],
    /// Letters that print something, after which nothing runs unless a script is named.
    pub prints: &'static [u8],
    /// Options that are words.
    pub long: &'static [(&'static str, Long)],
    /// Whether one dash is enough before those.
    pub long_with_one_dash: bool,
    /// Whether options also begin with `+`.
    pub plus: bool,
    /// What `-` alone is.
    pub dash: Dash,
    /// What is behind `--`.
    pub after_options: Operand,
    /// What the first argument that is no option is.
    pub operand: Operand,
    /// Whether standard input is read where no script is named.
    pub reads_input: bool,
}

/// What an option that is a word means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Long {
    Flag,
    /// Its argument is behind `=`, or else the next word.
    Argument,
    Code,
    File,
}

/// What `-` alone is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dash {
    StandardInput,
    EndsOptions,
    Unclear,
}

/// What an argument that is no option is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operand {
    Script,
    Code,
    /// An argument of the script, which comes through standard input.
    OfScript,
}

const NONE: Grammar = Grammar {
    flags: b"",
    argument: b"",
    next_word: b"",
    rest: b"",
    digits: b"",
    code: b"",
    code_before: b"",
    file: b"",
    module: b"",
    standard_input: b"",
    prints: b"",
    long: &[],
    long_with_one_dash: false,
    plus: false,
    dash: Dash::StandardInput,
    after_options: Operand::Script,
    operand: Operand::Script,
    reads_input: true,
};

pub(super) const PYTHON: Grammar = Grammar {
    flags: b"bBdEiIOPqRsStuvx3U",
    argument: b"WXQ",
    code: b"c",
    module: b"m",
    long: &[("check-hash-based-pycs", Long::Argument)],
    ..NONE
};

/// `-S` is left out: it searches for the script.
pub(super) const PERL: Grammar = Grammar {
    flags: b"acdfgnpstTuUwWX",
    argument: b"I",
    rest: b"CDFimMx",
    digits: b"0l",
    code: b"eE",
    ..NONE
};

/// `-S` searches for the script, `-C` and `-X` change the directory: they are left out.
pub(super) const RUBY: Grammar = Grammar {
    flags: b"aclnpswdUy",
    argument: b"IrE",
    rest: b"Fi",
    digits: b"0WT",
    code: b"e",
    prints: b"v",
    long: &[
        ("enable", Long::Argument),
        ("disable", Long::Argument),
        ("encoding", Long::Argument),
        ("external-encoding", Long::Argument),
        ("internal-encoding", Long::Argument),
        ("debug", Long::Flag),
        ("jit", Long::Flag),
        ("yjit", Long::Flag),
        ("debug-frozen-string-literal", Long::Flag),
    ],
    ..NONE
};

pub(super) const PHP: Grammar = Grammar {
    flags: b"neHlswqC",
    argument: b"cdz",
    code: b"rBRE",
    file: b"fF",
    long: &[
        ("no-php-ini", Long::Flag),
        ("no-header", Long::Flag),
        ("php-ini", Long::Argument),
        ("define", Long::Argument),
        ("zend-extension", Long::Argument),
        ("run", Long::Code),
        ("process-begin", Long::Code),
        ("process-code", Long::Code),
        ("process-end", Long::Code),
        ("file", Long::File),
        ("process-file", Long::File),
    ],
    dash: Dash::Unclear,
    after_options: Operand::OfScript,
    ..NONE
};

pub(super) const LUA: Grammar = Grammar {
    flags: b"iEW",
    argument: b"lj",
    rest: b"O",
    code_before: b"e",
    prints: b"v",
    ..NONE
};

/// What the shells of POSIX have in common. Letters that take an argument in some are left out.
pub(super) const SHELL: Grammar = Grammar {
    flags: b"abefhiklmnprtuvxBCEGHIPVqX",
    next_word: b"o",
    code: b"c",
    standard_input: b"s",
    plus: true,
    dash: Dash::EndsOptions,
    ..NONE
};

pub(super) const BASH: Grammar = Grammar {
    flags: b"abefhiklmnprtuvxBCEHPT",
    next_word: b"oO",
    long: &[
        ("login", Long::Flag),
        ("norc", Long::Flag),
        ("noprofile", Long::Flag),
        ("posix", Long::Flag),
        ("restricted", Long::Flag),
        ("verbose", Long::Flag),
        ("noediting", Long::Flag),
        ("debugger", Long::Flag),
        ("rcfile", Long::Argument),
        ("init-file", Long::Argument),
    ],
    long_with_one_dash: true,
    ..SHELL
};

pub(super) const ZSH: Grammar = Grammar {
    flags: b"adefghiklmnprtuvwxyzBCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    long: &[("emulate", Long::Argument)],
    ..SHELL
};

pub(super) const FISH: Grammar = Grammar {
    flags: b"ilnNP",
    argument: b"Cdfop",
    code: b"c",
    long: &[
        ("command", Long::Code),
        ("init-command", Long::Argument),
        ("features", Long::Argument),
        ("debug", Long::Argument),
        ("debug-output", Long::Argument),
        ("profile", Long::Argument),
        ("profile-startup", Long::Argument),
        ("interactive", Long::Flag),
        ("login", Long::Flag),
        ("no-execute", Long::Flag),
        ("no-config", Long::Flag),
        ("private", Long::Flag),
    ],
    dash: Dash::Unclear,
    ..NONE
};

pub(super) const AWK: Grammar = Grammar {
    argument: b"Fv",
    file: b"f",
    dash: Dash::Unclear,
    after_options: Operand::Code,
    operand: Operand::Code,
    reads_input: false,
    ..NONE
};

pub(super) const MAWK: Grammar = Grammar {
    argument: b"FvW",
    ..AWK
};

pub(super) const GAWK: Grammar = Grammar {
    flags: b"bcIkMnNOPrsSt",
    argument: b"Fvil",
    rest: b"dDLop",
    code: b"e",
    file: b"fE",
    long: &[
        ("file", Long::File),
        ("exec", Long::File),
        ("source", Long::Code),
        ("field-separator", Long::Argument),
        ("assign", Long::Argument),
        ("include", Long::Argument),
        ("load", Long::Argument),
        ("characters-as-bytes", Long::Flag),
        ("traditional", Long::Flag),
        ("posix", Long::Flag),
        ("re-interval", Long::Flag),
        ("sandbox", Long::Flag),
        ("optimize", Long::Flag),
        ("no-optimize", Long::Flag),
        ("bignum", Long::Flag),
        ("use-lc-numeric", Long::Flag),
        ("non-decimal-data", Long::Flag),
    ],
    ..AWK
};
