//! The commands on files that are made for them.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::*;
use crate::detect::sigma::reading::Placeholders;

/// A directory of its own, removed at the end.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("sensor-rules-{}-{name}", std::process::id()));
        for (name, text) in files {
            let file = path.join(name);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, text).unwrap();
        }
        Self(path)
    }

    fn files(&self) -> loading::Files {
        loading::find(std::slice::from_ref(&self.0)).unwrap()
    }

    fn check(&self, strict: bool) -> Answer {
        let paths = std::slice::from_ref(&self.0);
        check::check(paths, &Placeholders::default(), strict).unwrap()
    }

    fn test(&self, require_tests: bool) -> Answer {
        trials::test(&self.files(), &Placeholders::default(), require_tests)
    }

    /// What was said, without the directory.
    fn plain(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.0.display()), "")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn rule(title: &str, source: &str, selection: &str) -> String {
    format!(
        "title: {title}\nid: {title}-id\nlevel: high\ntags:\n    - attack.execution\n    \
         - attack.t1059.004\nlogsource:\n    {source}\n    product: linux\ndetection:\n    \
         selection:\n        {selection}\n    condition: selection\n"
    )
}

fn shell() -> String {
    rule("Shell", "category: process_creation", "Image|endswith: /sh")
}

#[test]
fn check_says_what_does_not_work_and_why() {
    let directory = Directory::new(
        "check",
        &[
            ("a.yml", &shell()),
            ("a.tests.yml", "- not rules\n"),
            (
                "b/file.yaml",
                &rule("File", "category: file_event", "TargetFilename: /x"),
            ),
            (
                "b/part.yml",
                &rule(
                    "Part",
                    "category: process_creation",
                    "{Image: /x}\n    other:\n        md5: x",
                )
                .replace("condition: selection", "condition: selection or other"),
            ),
            ("b/bad.yml", "title: Bad\nlogsource:\n    product: linux\n"),
            ("readme.md", "no rule"),
        ],
    );
    let answer = directory.check(false);
    assert!(!answer.is_good);
    let text = directory.plain(&answer.text);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("b/bad.yml:"), "{text}");
    assert_eq!(
        lines[1],
        "b/file.yaml:1: File: never fires: it needs data that the sensor does not capture: which \
         files are made or written"
    );
    assert!(
        lines[2].starts_with("b/part.yml:1: Part: works in part: "),
        "{text}"
    );
    assert!(lines[2].contains("`md5` (line 14: a digest"), "{text}");
    assert_eq!(
        lines[3..],
        [
            "LOG SOURCE              RULES  IN FULL  IN PART  NEVER  REFUSED",
            "linux/file_event        1      0        0        1      0",
            "linux/process_creation  2      1        1        0      0",
            "3 rules: 1 in full, 1 in part, 1 never fire, 0 refused",
            "1 problem"
        ]
    );
}

#[test]
fn rules_that_never_fire_are_no_failure() {
    let rule = rule("File", "category: file_event", "TargetFilename: /x");
    let directory = Directory::new("never", &[("a.yml", &rule), ("b.yml", &shell())]);
    assert!(directory.check(false).is_good);
    assert!(!directory.check(true).is_good);
}

#[test]
fn what_is_not_there_is_wrong_usage() {
    let error = loading::find(&["/nowhere/rules".into()]).unwrap_err();
    assert!(error.starts_with("/nowhere/rules: "), "{error}");
    let error =
        check::check(&["/nowhere/rules".into()], &Placeholders::default(), false).unwrap_err();
    assert!(error.contains("/nowhere/rules"), "{error}");
}

#[test]
fn list_shows_rules_in_columns_and_as_json() {
    let directory = Directory::new("list", &[("a.yml", &shell())]);
    let table = list::list(&directory.files(), &Placeholders::default(), false).text;
    assert_eq!(
        table,
        "ID        LEVEL  USE   LOG SOURCE              ATT&CK     TITLE\n\
         Shell-id  high   full  linux/process_creation  T1059.004  Shell\n"
    );
    let json = list::list(&directory.files(), &Placeholders::default(), true).text;
    let row: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(row["id"], "Shell-id");
    assert_eq!(row["attack"], serde_json::json!(["T1059.004"]));
    assert_eq!(row["line"], 1);
}

const TESTS: &str = "\
- name: a shell
  matches: true
  event: {Image: /bin/sh}
- name: another
  matches: false
  event: {Image: /bin/ls}
";

#[test]
fn tests_pass_and_what_lacks_is_said() {
    let files = [("a.yml", &*shell()), ("a.tests.yml", TESTS)];
    let directory = Directory::new("pass", &files);
    let answer = directory.test(true);
    assert_eq!(
        answer.text,
        "1 rule, 2 tests: 2 passed, 0 failed; 0 rules not tested both ways\n"
    );
    assert!(answer.is_good);
    fs::write(directory.0.join("b.yml"), shell()).unwrap();
    let answer = directory.test(false);
    assert!(answer.is_good);
    assert_eq!(
        directory.plain(&answer.text),
        "b.yml:1: Shell: has no tests\n2 rules, 2 tests: 2 passed, 0 failed; 1 rule not tested \
         both ways\n"
    );
    assert!(!directory.test(true).is_good);
}

#[test]
fn tests_that_fail_say_what_was_expected() {
    let tests = TESTS
        .replace("/bin/ls", "/bin/sh")
        .replacen("{Image", "{Imge", 1)
        + "- {name: whose, rule: Other, matches: true, event: {}}\n";
    let files = [("a.yml", &*shell()), ("a.tests.yml", &*tests)];
    let directory = Directory::new("fail", &files);
    let answer = directory.test(false);
    assert!(!answer.is_good);
    assert_eq!(
        directory.plain(&answer.text),
        "a.tests.yml:7: whose: the file has no rule `Other`\n\
         a.tests.yml:1: a shell: such events have no field `Imge`\n\
         a.tests.yml:4: another: the rule should not match, and does\n\
         1 rule, 2 tests: 0 passed, 2 failed; 0 rules not tested both ways\n\
         1 problem\n"
    );
}

#[test]
fn fields_of_a_log_source_are_listed() {
    let answer = fields::fields("dns_query").unwrap();
    assert!(
        answer
            .text
            .contains("QueryName, query, dns.question.name  "),
        "{}",
        answer.text
    );
    assert!(fields::fields("auditd").unwrap().text.contains("SYSCALL"));
    assert!(
        fields::fields("file_event")
            .unwrap_err()
            .contains("does not capture")
    );
}

#[test]
fn a_directory_in_itself_is_left_alone() {
    let directory = Directory::new("loop", &[("a.yml", &shell())]);
    std::os::unix::fs::symlink(Path::new("."), directory.0.join("again")).unwrap();
    let files = directory.files();
    assert!(!files.problems.is_empty());
    assert!(files.files.len() < 100);
}

/// A rule about whom a configuration calls administrators.
fn of_administrators() -> String {
    rule(
        "Admin",
        "category: process_creation",
        "User|expand: '%administrators%'",
    )
}

#[test]
fn placeholders_without_values_are_named_and_are_no_failure() {
    let directory = Directory::new("unresolved", &[("a.yml", &*of_administrators())]);
    let answer = directory.check(false);
    assert_eq!(
        directory.plain(&answer.text),
        "a.yml:1: Admin: is not used until `%administrators%` (line 12) has values: give it some in \
         [detect.placeholders]\n\
         0 rules: 0 in full, 0 in part, 0 never fire, 0 refused\n\
         1 rule with placeholders that have no values: name the configuration that has them with \
         `--config`\n"
    );
    assert!(answer.is_good);
    assert!(!directory.check(true).is_good);
    fs::write(directory.0.join("a.tests.yml"), TESTS).unwrap();
    let answer = directory.test(true);
    assert!(answer.is_good, "{}", answer.text);
    assert!(answer.text.contains("0 rules, 0 tests"), "{}", answer.text);
    assert!(
        answer.text.contains("1 rule with placeholders"),
        "{}",
        answer.text
    );
    let listed = list::list(&directory.files(), &Placeholders::default(), false);
    assert!(listed.is_good);
    assert!(listed.text.contains("unresolved"), "{}", listed.text);
}

#[test]
fn placeholders_are_what_the_configuration_says() {
    let tests = "\
- name: an administrator
  matches: true
  event: {User: backup}
- name: another
  matches: false
  event: {User: alice}
";
    let files = [
        ("rules/a.yml", &*of_administrators()),
        ("rules/a.tests.yml", tests),
        (
            "sensor.toml",
            "[detect.placeholders]\nadministrators = [\"root\", \"backup\"]\n",
        ),
        ("wrong.toml", "[detect.placeholder]\n"),
    ];
    let directory = Directory::new("placeholders", &files);
    let file = directory.0.join("sensor.toml");
    let placeholders = loading::placeholders(Some(&file)).unwrap();
    let paths = [directory.0.join("rules")];
    let checked = check::check(&paths, &placeholders, true).unwrap();
    assert_eq!(
        checked.text,
        "1 rule: 1 in full, 0 in part, 0 never fire, 0 refused\n"
    );
    assert!(checked.is_good);
    let files = loading::find(&paths).unwrap();
    let tested = trials::test(&files, &placeholders, true);
    assert!(
        tested.text.contains("2 passed, 0 failed"),
        "{}",
        tested.text
    );
    assert!(tested.is_good);
    let wrong = directory.0.join("wrong.toml");
    let error = loading::placeholders(Some(&wrong)).unwrap_err();
    assert!(error.contains("wrong.toml:1: "), "{error}");
}
