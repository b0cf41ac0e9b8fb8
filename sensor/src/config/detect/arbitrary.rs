//! Arbitrary sections.

use jiff::civil::Date;
use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
    sample::select,
};

use super::{
    exception::{Exception, RuleChoice},
    *,
};

/// A path from the root.
fn path() -> impl Strategy<Value = PathBuf> {
    "/(\\PC|[ \t\n\r\"'\\\\\u{7f}\u{85}])*".prop_map(PathBuf::from)
}

/// A text with something in it.
fn text() -> impl Strategy<Value = String> {
    "\\PC*[a-z\"'\\\\#]\\PC*"
}

/// A value that is not made of wildcards only.
fn pattern() -> impl Strategy<Value = String> {
    "(\\PC|[\n\t\"\\\\*?])*[a-z/](\\PC|[\n\"\\\\*?])*|"
}

/// A name of a field, with dots or without.
fn field() -> impl Strategy<Value = String> {
    "[A-Za-z\"'\\\\ é]{1,8}(\\.[a-z_]{1,8}){0,9}"
        .prop_filter("a name", |name| !name.trim().is_empty())
}

prop_compose! {
    /// Any exception that may be written down.
    pub(in crate::config) fn exception()(
        id in option::of("[a-z0-9-]{1,40}|\\PC*[a-z]"),
        fields in btree_map(field(), vec(pattern(), 1..3), 1..4),
        reason in text(),
        owner in text(),
        expires in (1_i16..=9999, 1_i8..=12, 1_i8..=28),
    ) -> Exception {
        Exception {
            line: None,
            rule: id.map_or(RuleChoice::Every, RuleChoice::Id),
            fields,
            reason,
            owner,
            expires: Date::constant(expires.0, expires.1, expires.2),
        }
    }
}

prop_compose! {
    /// Any section that may be written down.
    pub(in crate::config) fn detect()(
        switches in any::<[bool; 2]>(),
        rules in option::of(vec(path(), 0..3)),
        minimum_severity in select(Severity::ALL.to_vec()),
        repeat_seconds in 0..=REPEAT_SECONDS_MAX,
        alerts in 1..=ALERTS_MAX,
        disabled_rules in btree_map(text(), Just(None), 0..3),
        placeholders in btree_map("[^%]{1,8}", vec(text(), 0..3), 0..3),
        exceptions in vec(exception(), 0..3),
    ) -> Detect {
        Detect {
            enabled: switches[0],
            rules: rules.map_or(RuleFiles::Auto, RuleFiles::At),
            builtin_rules: switches[1],
            minimum_severity,
            repeat_seconds,
            alerts,
            disabled_rules,
            placeholders,
            exceptions,
        }
    }
}

/// The same as no file says it.
pub(in crate::config) fn without_lines(mut detect: Detect) -> Detect {
    for exception in &mut detect.exceptions {
        exception.line = None;
    }
    for line in detect.disabled_rules.values_mut() {
        *line = None;
    }
    detect
}
