//! What exceptions keep back, and what they do not.

use std::collections::BTreeMap;

use jiff::civil::Date;
use proptest::{collection::vec, prelude::*, sample::select};
use sensor_common::record::Ring;

use super::*;
use crate::{
    clock::BootTime,
    config::Problem,
    detect::{
        alert::{RuleDescription, RuleKind},
        severity::Severity,
        sigma::{
            field::{FieldId, Value},
            rule::LogSource,
        },
    },
    event::Origin,
};

const EXEC: Class = Class(0);
const CONNECT: Class = Class(3);
const CLASSES: [Class; 2] = [EXEC, CONNECT];
const NOW: WallTime = WallTime(1_000_000_000 * 86_400 * 365);

struct Words;

impl Taxonomy for Words {
    fn classes(&self, _: &LogSource) -> Result<Vec<Class>, String> {
        Err("no rule is asked for".to_owned())
    }

    fn field(&self, class: Class, name: &str) -> Option<FieldId> {
        match (class, name) {
            (_, "process.executable" | "Image") => Some(FieldId(0)),
            (EXEC, "User") => Some(FieldId(1)),
            (CONNECT, "DestinationPort") => Some(FieldId(2)),
            _ => None,
        }
    }

    fn is_path(&self, field: FieldId) -> bool {
        field == FieldId(0)
    }
}

#[derive(Clone, Copy, Default)]
struct Row<'a>([Option<Value<'a>>; 3]);

impl Fields for Row<'_> {
    fn value(&self, field: FieldId) -> Option<Value<'_>> {
        self.0.get(usize::from(field.0)).copied().flatten()
    }

    fn any_text(&self, _: &mut dyn FnMut(&str) -> bool) -> bool {
        false
    }

    fn moment(&self, _: FieldId) -> Option<i64> {
        None
    }
}

fn exec<'a>(executable: &'a str, user: &'a str) -> Row<'a> {
    Row([Some(Value::Text(executable)), Some(Value::Text(user)), None])
}

fn exception(rule: &str, fields: &[(&str, &[&str])]) -> Exception {
    Exception {
        line: Some(7),
        rule: match rule {
            "*" => RuleChoice::Every,
            id => RuleChoice::Id(id.to_owned()),
        },
        fields: fields
            .iter()
            .map(|(name, values)| {
                let values = values.iter().map(|value| (*value).to_owned()).collect();
                ((*name).to_owned(), values)
            })
            .collect::<BTreeMap<_, _>>(),
        reason: "known".to_owned(),
        owner: "team".to_owned(),
        expires: Date::constant(2999, 12, 31),
    }
}

fn compile(exceptions: &[Exception]) -> (Exceptions, Vec<Problem>) {
    let file = Arc::from(Path::new("sensor.toml"));
    let rules = KnownRules::new(&["a", "b"].map(|id| alert(id).rule));
    Exceptions::compile(exceptions, &file, &CLASSES, &Words, &rules)
}

fn compiled(exceptions: &[Exception]) -> Exceptions {
    let (compiled, problems) = compile(exceptions);
    assert_eq!(problems, []);
    compiled
}

fn alert(rule: &str) -> Alert {
    let rule = RuleDescription {
        id: rule.to_owned(),
        name: String::new(),
        kind: RuleKind::Sigma,
        severity: Severity::High,
        description: String::new(),
        author: String::new(),
        license: String::new(),
        references: Vec::new(),
        false_positives: Vec::new(),
        attack: Vec::new(),
    };
    let origin = Origin {
        cpu: 0,
        ring: Ring::Critical,
        sequence: 0,
        time: BootTime(1),
    };
    Alert::single(Arc::new(rule), String::new(), origin)
}

/// The rules of `a` and `b` whose alerts at an event are left.
fn left(exceptions: &mut Exceptions, class: Class, row: Row<'_>, now: WallTime) -> String {
    let mut alerts = vec![alert("a"), alert("b")];
    exceptions.retain(&mut alerts, &[class], &row, now);
    alerts.iter().map(|alert| alert.rule.id.as_str()).collect()
}

fn counts(exceptions: &Exceptions) -> Vec<u64> {
    let sum: u64 = exceptions.suppressed().map(|(_, count)| count).sum();
    assert!(sum <= exceptions.suppressed_in_all());
    exceptions.suppressed().map(|(_, count)| count).collect()
}

#[test]
fn an_exception_keeps_back_its_rule_where_all_fields_hold() {
    let mut exceptions = compiled(&[exception(
        "a",
        &[
            ("process.executable", &["/opt/*/run", "/bin/x"]),
            ("User", &["root"]),
        ],
    )]);
    for (executable, user, expected) in [
        ("/opt/a/b/run", "root", "b"),
        ("/bin/x", "root", "b"),
        ("/bin/x", "roo", "ab"),
        ("/opt/run", "root", "ab"),
        ("/opt/a/run.sh", "root", "ab"),
        // Another file.
        ("/bin/X", "root", "ab"),
    ] {
        let found = left(&mut exceptions, EXEC, exec(executable, user), NOW);
        assert_eq!(found, expected, "{executable} {user}");
    }
    // Connections have no user here.
    assert_eq!(
        left(&mut exceptions, CONNECT, exec("/bin/x", "root"), NOW),
        "ab"
    );
    assert_eq!(counts(&exceptions), [2]);
}

#[test]
fn one_from_all_rules_is_for_events_of_every_class() {
    let mut exceptions = compiled(&[
        exception("*", &[("DestinationPort", &["443"])]),
        exception("B", &[("Image", &["/bin/?"])]),
        exception("*", &[("Image", &["/bin/?"])]),
    ]);
    let mut row = exec("/bin/x", "root");
    row.0[2] = Some(Value::Number(443));
    assert_eq!(left(&mut exceptions, CONNECT, row, NOW), "");
    assert_eq!(counts(&exceptions), [2, 0, 0]);
    // The first that is for a rule counts; ids have no case.
    assert_eq!(left(&mut exceptions, EXEC, row, NOW), "");
    assert_eq!(counts(&exceptions), [2, 1, 1]);
    row.0 = [None; 3];
    assert_eq!(left(&mut exceptions, EXEC, row, NOW), "ab");
}

#[test]
fn one_that_expires_keeps_nothing_back_from_then_on() {
    let exception = Exception {
        expires: Date::constant(1971, 1, 1),
        ..exception("*", &[("Image", &["/bin/x"])])
    };
    let end = exception.end();
    let mut exceptions = compiled(&[exception]);
    let row = exec("/bin/x", "root");
    let before = WallTime(end.0 - 1);
    assert_eq!(left(&mut exceptions, EXEC, row, before), "");
    assert_eq!(left(&mut exceptions, EXEC, row, end), "ab");
    assert_eq!(counts(&exceptions), [2]);
}

#[test]
fn what_cannot_keep_anything_back_is_told() {
    let (mut exceptions, problems) = compile(&[
        exception("c", &[("Image", &["/bin/x"])]),
        exception("a", &[("Imag", &["/bin/x"])]),
        exception("*", &[("User", &["x"]), ("DestinationPort", &["443"])]),
        exception("b", &[("Image", &["/bin/x"])]),
    ]);
    let [unknown_rule, unknown_field, never] = problems.as_slice() else {
        panic!("{problems:#?}");
    };
    let start = "the exception from the rule `c` (owner: team) keeps nothing back: no rule";
    assert!(unknown_rule.what.starts_with(start), "{unknown_rule:?}");
    assert_eq!(unknown_rule.line, Some(7));
    assert!(unknown_field.what.contains("no event has a field `Imag`"));
    assert!(
        never.what.contains("all rules (owner: team) keeps nothing"),
        "{never:?}"
    );
    // The others are in force.
    assert_eq!(left(&mut exceptions, EXEC, exec("/bin/x", "x"), NOW), "a");
}

#[test]
fn counts_go_on_when_the_configuration_is_read_again() {
    let one = exception("a", &[("Image", &["/bin/x"])]);
    let other = exception("b", &[("Image", &["/bin/x"])]);
    let mut before = compiled(std::slice::from_ref(&one));
    assert_eq!(left(&mut before, EXEC, exec("/bin/x", ""), NOW), "b");
    let moved = Exception {
        line: Some(99),
        ..one
    };
    let mut after = compiled(&[other, moved]);
    after.continue_from(&before);
    assert_eq!(counts(&after), [0, 1]);
    assert_eq!(after.suppressed_in_all(), 1);
    let mut none = compiled(&[]);
    none.continue_from(&after);
    assert_eq!(none.suppressed_in_all(), 1);
}

#[test]
fn no_exceptions_keep_nothing_back() {
    let mut exceptions = compiled(&[]);
    assert_eq!(left(&mut exceptions, EXEC, exec("", ""), NOW), "ab");
}

proptest! {
    #[test]
    fn a_text_with_its_wildcards_escaped_is_that_text(text in "(\\PC|[*?\\\\])*") {
        let escaped = text.replace('\\', r"\\").replace('*', r"\*").replace('?', r"\?");
        let mut exceptions = compiled(&[exception("*", &[("User", &[&escaped])])]);
        prop_assert_eq!(left(&mut exceptions, EXEC, exec("", &text), NOW), "");
        let longer = format!("{text}a");
        prop_assert_eq!(left(&mut exceptions, EXEC, exec("", &longer), NOW), "ab");
    }

    #[test]
    fn exceptions_do_not_disturb_each_other(
        all in vec((select(vec!["a", "b", "*"]), "[ab]{1,2}", "[cd]{1,2}"), 0..8),
        executable in "[ab]{1,2}",
        user in "[cd]{1,2}",
    ) {
        let all: Vec<Exception> = all
            .iter()
            .map(|(rule, executable, user)| exception(rule, &[("Image", &[executable]), ("User", &[user])]))
            .collect();
        let fits = |one: &&Exception| one.fields["Image"][0] == executable && one.fields["User"][0] == user;
        let expected: String = ["a", "b"]
            .into_iter()
            .filter(|id| !all.iter().filter(fits).any(|one| one.rule.is_for(id)))
            .collect();
        let mut exceptions = compiled(&all);
        let found = left(&mut exceptions, EXEC, exec(&executable, &user), NOW);
        prop_assert_eq!(&found, &expected);
        let suppressed: u64 = counts(&exceptions).iter().sum();
        prop_assert_eq!(suppressed, 2 - u64::try_from(found.len()).unwrap());
    }
}
