//! Reading and showing the section.

use jiff::civil::Date;
use proptest::{prelude::*, test_runner::TestCaseError};

use super::{
    arbitrary::{self, without_lines},
    exception::{Exception, RuleChoice, day, expired},
    *,
};
use crate::{
    clock::WallTime,
    config::{Config, read},
};

const BACKUP: &str = "[[detect.exception]]
rule = \"*\"
fields = { \"process.executable\" = \"/opt/backup/*\" }
reason = \"the nightly backup\"
owner = \"storage team\"
expires = 2999-12-31
";

fn problems(text: &str) -> Vec<(Option<usize>, String)> {
    let problems = read(text).problems.into_iter();
    problems
        .map(|problem| (problem.line, problem.what))
        .collect()
}

/// That a text has a problem in a line, and no other.
#[track_caller]
fn has(text: &str, line: usize, part: &str) {
    let problems = problems(text);
    let fits = matches!(
        problems.as_slice(),
        [(Some(at), what)] if *at == line && what.contains(part)
    );
    assert!(fits, "{part:?} is not in line {line}: {problems:#?}");
}

#[track_caller]
fn detect(text: &str) -> Detect {
    let reading = read(text);
    assert_eq!(reading.problems, []);
    reading.config.detect
}

#[test]
fn every_key_is_read() {
    let text = format!(
        "[detect]\nenabled = false\nrules = [\"/a\", \"/b.yml\"]\nbuiltin_rules = false\n\
         minimum_severity = \"low\"\nrepeat_seconds = 0\nalerts = 5\ndisabled_rules = [\"x\",\n \"y\"]\n\
         [detect.placeholders]\nadmins = [\"root\", \"a*\"]\nnone = []\n{BACKUP}"
    );
    assert_eq!(
        detect(&text),
        Detect {
            enabled: false,
            rules: RuleFiles::At(vec!["/a".into(), "/b.yml".into()]),
            builtin_rules: false,
            minimum_severity: Severity::Low,
            repeat_seconds: 0,
            alerts: 5,
            disabled_rules: [("x".to_owned(), Some(8)), ("y".to_owned(), Some(9))].into(),
            placeholders: [
                (
                    "admins".to_owned(),
                    vec!["root".to_owned(), "a*".to_owned()]
                ),
                ("none".to_owned(), Vec::new()),
            ]
            .into(),
            exceptions: vec![Exception {
                line: Some(13),
                rule: RuleChoice::Every,
                fields: [(
                    "process.executable".to_owned(),
                    vec!["/opt/backup/*".to_owned()]
                )]
                .into(),
                reason: "the nightly backup".to_owned(),
                owner: "storage team".to_owned(),
                expires: Date::constant(2999, 12, 31),
            }],
        }
    );
}

#[test]
fn fields_may_be_written_in_every_way_of_toml() {
    let start = "[[detect.exception]]\nrule = \"a\"\nreason = \"b\"\nowner = \"c\"\nexpires = \"2999-01-01\"\n";
    for fields in [
        "fields = { process.executable = \"/a\", User = [\"b\", \"c\"], process.pid = 0x10, x = true }",
        "fields.process.executable = \"/a\"\nfields.User = [\"b\", \"c\"]\nfields.\"process.pid\" = 16\nfields.x = \"true\"",
        "[detect.exception.fields]\nprocess.executable = \"/a\"\nUser = [\"b\", \"c\"]\nprocess.pid = 16\nx = true",
        "[detect.exception.fields]\n\"process.executable\" = \"/a\"\nUser = [\"b\", \"c\"]\nx = true\n[detect.exception.fields.process]\npid = 16",
    ] {
        let detect = detect(&format!("{start}{fields}\n"));
        let fields: Vec<(&str, String)> = detect.exceptions[0]
            .fields
            .iter()
            .map(|(name, values)| (name.as_str(), values.join("+")))
            .collect();
        assert_eq!(
            fields,
            [
                ("User", "b+c".to_owned()),
                ("process.executable", "/a".to_owned()),
                ("process.pid", "16".to_owned()),
                ("x", "true".to_owned()),
            ]
        );
    }
}

#[test]
fn what_is_wrong_with_the_section_is_told_with_its_line() {
    has("[detect]\nrules = [\"rules\"]\n", 2, "begins with /");
    has("[detect]\nrules = [\n\"/a\",\n7]\n", 4, "must be a string");
    has("[detect]\nrule = []\n", 2, "did you mean `rules`?");
    has(
        "[detect]\nminimum_severity = \"hihg\"\n",
        2,
        "\"high\" or \"critical\"",
    );
    has("[detect]\nalerts = 0\n", 2, "from 1 to 1000000");
    has("[detect]\nrepeat_seconds = 604801\n", 2, "from 0 to 604800");
    has("[detect]\ndisabled_rules = [\"\"]\n", 2, "an empty string");
    has("[detect]\nplaceholders = []\n", 2, "must be a table");
    has(
        "[detect.placeholders]\na = [\"b\"]\n\"c%\" = []\n",
        3,
        "has no %",
    );
    has(
        "[detect.placeholders]\na = [\"b\"]\nc = \"d\"\n",
        3,
        "has `c`, which must be an array of strings",
    );
}

#[test]
fn what_is_wrong_with_an_exception_is_told_with_its_line() {
    let with = |line: &str| BACKUP.replacen("rule = \"*\"", line, 1);
    let fields = |value: &str| BACKUP.replace("\"/opt/backup/*\"", value);
    has("[detect]\nexception = 5\n", 2, "write [[detect.exception]]");
    has(
        "[detect.exception]\nrule = \"*\"\n",
        1,
        "write [[detect.exception]]",
    );
    has(
        "[detect]\nexception = [5]\n",
        2,
        "write [[detect.exception]]",
    );
    has(
        &BACKUP.replace("exception", "exceptions"),
        1,
        "[[detect.exception]]",
    );
    has(
        &BACKUP.replace("detect.exception", "exception"),
        1,
        "[[detect.exception]]",
    );
    has(
        &with("rule = 5"),
        2,
        "`detect.exception.rule` must be a string",
    );
    has(&with("rule = \" \""), 2, "not empty");
    has(
        &with("rule = \"*\"\nuntil = 1"),
        3,
        "an exception has no `until`",
    );
    has(&with("rule = \"*\"\nonwer = 1"), 3, "did you mean `owner`?");
    has(&fields("\"*\""), 3, "everything matches");
    has(&fields("[\"a\", \"?**\"]"), 3, "everything matches");
    has(&fields("[]"), 3, "no value for `process.executable`");
    has(&fields("1.5"), 3, "a number with a fraction");
    has(&fields("99999999999999999999"), 3, "too large");
    has(
        &BACKUP.replace("executable\"", "executable|endswith\""),
        3,
        "remove `|endswith`",
    );
    has(
        &BACKUP.replace("{ \"process.executable\" = \"/opt/backup/*\" }", "{}"),
        3,
        "`detect.disabled_rules`",
    );
    has(
        &BACKUP.replace(
            "{ \"process.executable\" = \"/opt/backup/*\" }",
            "{ a.b = 1, \"a.b\" = 2 }",
        ),
        3,
        "twice",
    );
    has(
        &BACKUP.replace("{ \"process.executable\" = \"/opt/backup/*\" }", "\"a\""),
        3,
        "must be a table",
    );
    has(
        &BACKUP.replace("the nightly backup", ""),
        4,
        "`detect.exception.reason` must be a text",
    );
    has(
        &BACKUP.replace("storage team", "a\\u0007"),
        5,
        "`detect.exception.owner` must be a text",
    );
    for date in [
        "5",
        "\"\"",
        "\"tomorrow\"",
        "\"2999-13-01\"",
        "2999-12-31T00:00:00",
        "00:00:00",
        "\"2999-12-31T00:00:00Z\"",
    ] {
        has(
            &BACKUP.replace("2999-12-31", date),
            6,
            "a date as 2027-01-31",
        );
    }
    let without = |key: &str| -> String {
        let lines = BACKUP.lines().filter(|line| !line.starts_with(key));
        lines.collect::<Vec<_>>().join("\n")
    };
    for key in ["rule", "fields", "reason", "owner", "expires"] {
        has(&without(key), 1, &format!("an exception needs `{key}`"));
    }
    let deep = vec!["a"; 20].join(".");
    has(
        &fields("1").replace("\"process.executable\"", &deep),
        3,
        "too deep",
    );
}

#[test]
fn an_exception_is_applied_until_its_day_ends() {
    const DAY: i64 = 24 * 60 * 60 * 1_000_000_000;
    let mut exception = detect(BACKUP).exceptions.remove(0);
    exception.expires = Date::constant(1970, 1, 3);
    assert_eq!(exception.end(), WallTime(3 * DAY));
    let warnings =
        |now| expired(std::slice::from_ref(&exception), WallTime(now)).collect::<Vec<_>>();
    assert!(warnings(3 * DAY - 1).is_empty());
    let warned = warnings(3 * DAY);
    assert_eq!(warned[0].line, Some(1));
    assert!(
        warned[0].what.starts_with(
            "the exception from all rules (owner: storage team) expired on 1970-01-03"
        ),
        "{warned:?}"
    );
    assert_eq!(day(WallTime(3 * DAY - 1)), exception.expires);
    for last in [Date::MAX, Date::constant(2262, 4, 12)] {
        exception.expires = last;
        assert_eq!(exception.end(), WallTime(i64::MAX));
    }
}

#[test]
fn an_exception_that_expired_is_a_warning_with_its_line() {
    let reading = read(&format!("\n{}", BACKUP.replace("2999", "2001")));
    assert_eq!(reading.problems, []);
    assert_eq!(reading.config.detect.exceptions.len(), 1);
    assert_eq!(reading.warnings.len(), 1);
    assert_eq!(reading.warnings[0].line, Some(2));
    assert!(read(BACKUP).warnings.is_empty());
}

#[test]
fn detection_that_is_switched_off_is_a_warning() {
    let reading = read("[detect]\nenabled = false\n");
    assert_eq!(reading.warnings.len(), 1);
    assert_eq!(reading.warnings[0].line, Some(2));
}

#[test]
fn rules_are_read_from_where_they_are_said_to_be() {
    assert_eq!(
        detect("[detect]\nrules = [\"/no/such\"]\n").rules.paths(),
        [PathBuf::from("/no/such")]
    );
    assert!(detect("[detect]\nrules = []\n").rules.paths().is_empty());
    assert_eq!(detect("[detect]\nrules = \"auto\"\n"), Detect::default());
    let expected = Path::new(DEFAULT_RULES).exists();
    assert_eq!(!RuleFiles::Auto.paths().is_empty(), expected);
}

fn same(exception: Exception) -> Result<(), TestCaseError> {
    let mut config = Config::default();
    config.detect.exceptions = vec![exception];
    let reading = read(&config.show());
    prop_assert_eq!(reading.problems, []);
    let line = reading.config.detect.exceptions[0].line;
    let shown = config.show();
    let lines: Vec<&str> = shown.lines().collect();
    prop_assert_eq!(lines[line.unwrap() - 1], "[[detect.exception]]");
    prop_assert!(reading.config.detect.exceptions[0].is_same(&config.detect.exceptions[0]));
    Ok(())
}

proptest! {
    #[test]
    fn an_exception_that_is_shown_is_read_as_the_same(
        exception in arbitrary::exception(),
    ) {
        same(exception)?;
    }

    #[test]
    fn what_is_shown_is_read_as_the_same(detect in arbitrary::detect()) {
        let config = Config { detect, ..Config::default() };
        let reading = read(&config.show());
        prop_assert_eq!(reading.problems, []);
        prop_assert_eq!(without_lines(reading.config.detect), config.detect);
    }

    #[test]
    fn any_exception_is_read_or_refused(
        value in "\\PC{0,20}|[\\[\\]{}a-z\"=., 0-9\n-]{0,40}",
        key in proptest::sample::select(vec!["rule", "fields", "reason", "owner", "expires", "other"]),
    ) {
        let text = format!("[[detect.exception]]\n{key} = {value}\n");
        let reading = read(&text);
        // One key is not enough.
        prop_assert!(!reading.problems.is_empty());
        let lines = text.split('\n').count();
        for problem in reading.problems {
            prop_assert!((1..=lines).contains(&problem.line.unwrap_or(0)));
        }
    }
}
