//! Rules that are read anew, from files that are made for it.

use std::fs;

use super::*;

/// A configuration and a directory of rules, removed at the end.
struct Host {
    directory: PathBuf,
    rules: Rules,
}

impl Host {
    fn new(name: &str, detect: &str, files: &[(&str, &str)]) -> Self {
        let name = format!("sensor-reload-{}-{name}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(directory.join("rules")).unwrap();
        let config = directory.join("sensor.toml");
        let host = Self {
            rules: Rules::new(
                Some(config.clone()),
                Some(config),
                detectors::Settings::default(),
            ),
            directory,
        };
        host.configure(detect);
        for (file, text) in files {
            host.write(file, text);
        }
        host
    }

    fn configure(&self, detect: &str) {
        let rules = self.directory.join("rules");
        let text = format!("[detect]\nbuiltin_rules = false\nrules = [{rules:?}]\n{detect}");
        fs::write(self.directory.join("sensor.toml"), text).unwrap();
    }

    fn path(&self, file: &str) -> PathBuf {
        self.directory.join("rules").join(file)
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.path(file), text).unwrap();
    }

    /// Reads all anew: the titles of the rules that come into force, if something does, and what is
    /// said, without the directory.
    fn rereads(&self) -> (Option<Vec<String>>, Vec<String>) {
        let Reread { told, setup } = self.rules.reread();
        let plain = |line: String| line.replace(&format!("{}/", self.directory.display()), "");
        (
            setup.map(|setup| setup.titles()),
            told.into_iter().map(plain).collect(),
        )
    }

    /// That these rules come into force, and one line is said before how many they are.
    #[track_caller]
    fn has(&self, titles: &[&str], parts: &[&str]) {
        let (in_force, told) = self.rereads();
        assert_eq!(in_force.unwrap(), titles, "{told:#?}");
        let [one, _] = told.as_slice() else {
            panic!("{told:#?}");
        };
        for part in parts {
            assert!(one.contains(part), "{part}: {one}");
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn rule(title: &str, value: &str) -> String {
    with_condition(title, value, "selection")
}

fn with_condition(title: &str, value: &str, condition: &str) -> String {
    format!(
        "title: {title}\nname: {title}\nlogsource:\n    category: process_creation\ndetection:\n    \
         selection:\n        CommandLine{value}\n    condition: {condition}\n"
    )
}

fn twice(title: &str, of: &str) -> String {
    format!(
        "---\ntitle: {title}\nname: {title}\ncorrelation:\n    type: event_count\n    rules: [{of}]\n    \
         group-by: [User]\n    timespan: 1m\n    condition:\n        gte: 2\n"
    )
}

const STAYS: &str = "what the file held before stays in force";

#[test]
fn a_file_that_goes_bad_leaves_its_former_rules_in_force() {
    let files = [("a.yml", &*rule("A", ": a")), ("b.yml", &*rule("B", ": b"))];
    let host = Host::new("bad", "", &files);
    assert_eq!(host.rereads().1, ["2 rules are in force"]);
    let large = rule("B", r"|re: '(\w{1000}){1000}'");
    for (bad, line, what) in [
        ("title: [\n", "b.yml:1: ", "is not YAML"),
        (&*large, "b.yml:7: ", "1024 KiB"),
        ("title: B\n", "b.yml:1: B: ", "`detection`"),
    ] {
        host.write("b.yml", bad);
        host.has(&["A", "B"], &[line, what, STAYS]);
        // As often as it is asked.
        host.has(&["A", "B"], &[line, what, STAYS]);
    }
    // What others hold by now is in force all the same.
    host.write("a.yml", &rule("Another", ": a"));
    host.has(&["Another", "B"], &["b.yml", STAYS]);
    // One that is mended, or taken away, is what it is.
    host.write("b.yml", &rule("Mended", ": b"));
    assert_eq!(host.rereads().0.unwrap(), ["Another", "Mended"]);
    fs::remove_file(host.path("b.yml")).unwrap();
    assert_eq!(host.rereads().0.unwrap(), ["Another"]);
    // One that was never good has nothing that could stay.
    host.write("c.yml", "title: [\n");
    let (in_force, told) = host.rereads();
    assert_eq!(in_force.unwrap(), ["Another"]);
    assert!(told[0].starts_with("rules/c.yml:1: "), "{told:?}");
    assert!(!told[0].contains(STAYS), "{told:?}");
}

#[test]
fn correlations_in_a_circle_are_told_and_those_before_stay() {
    let good = rule("A", ": a") + &twice("B", "A") + &twice("C", "B");
    let host = Host::new("circle", "", &[("a.yml", &good)]);
    assert_eq!(host.rereads().0.unwrap(), ["A", "B", "C"]);
    host.write(
        "a.yml",
        &(rule("A", ": a") + &twice("B", "C") + &twice("C", "B")),
    );
    let (in_force, told) = host.rereads();
    assert_eq!(in_force.unwrap(), ["A", "B", "C"]);
    assert!(told[0].contains(STAYS), "{told:?}");
    // At the start there is nothing before it, and what is beside it is in force.
    let circle = rule("A", ": a") + &twice("B", "C") + &twice("C", "B");
    let host = Host::new("circle-at-start", "", &[("a.yml", &circle)]);
    let (in_force, told) = host.rereads();
    assert_eq!(in_force.unwrap(), ["A"]);
    assert!(told[0].starts_with("rules/a.yml:"), "{told:?}");
}

#[test]
fn a_directory_that_is_gone_and_a_wrong_configuration_change_nothing() {
    let host = Host::new("gone", "", &[("a.yml", &rule("A", ": a"))]);
    assert_eq!(host.rereads().0.unwrap(), ["A"]);
    let rules = host.directory.join("rules");
    let elsewhere = host.directory.join("elsewhere");
    fs::rename(&rules, &elsewhere).unwrap();
    let (in_force, told) = host.rereads();
    assert_eq!(in_force, None);
    let [gone, stays] = told.as_slice() else {
        panic!("{told:#?}");
    };
    assert!(
        gone.contains("rules:1: cannot read rules from it"),
        "{gone}"
    );
    assert!(stays.starts_with("the rules in force stay"), "{stays}");
    fs::rename(&elsewhere, &rules).unwrap();
    // What was good before is not forgotten by that.
    host.write("a.yml", "title: [\n");
    host.has(&["A"], &[STAYS]);
    host.configure("alerts = 0\n");
    let (in_force, told) = host.rereads();
    assert_eq!(in_force, None);
    assert!(told[0].contains("sensor.toml:4: "), "{told:?}");
}

#[test]
fn what_is_made_to_do_harm_is_refused_in_a_line() {
    let mut bomb = String::from("title: Bomb\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let below = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb += &format!("a{level}: &a{level} [{below}]\n");
    }
    let deep = |open: &str, close: &str| {
        let condition = format!("{}selection{}", open.repeat(100_000), close.repeat(100_000));
        with_condition("Deep", ": a", &condition)
    };
    let files = [("a.yml", &*rule("A", ": a"))];
    let host = Host::new("harm", "", &files);
    for (text, what) in [
        (bomb, "aliases"),
        (deep("(", ")"), "deep"),
        (deep("not ", ""), "deep"),
        (deep("not(", ")"), "deep"),
        (format!("title: {}", "[".repeat(100_000)), "deep"),
        (
            rule(
                "Lists",
                &format!(":{}", "\n        - ".to_owned() + &"- ".repeat(100_000)),
            ),
            "deep",
        ),
        (
            rule(
                "Regex",
                &format!("|re: '{}a{}'", "(".repeat(100_000), ")".repeat(100_000)),
            ),
            "regular expression",
        ),
        (
            rule("Regex", "|re: '((((a{99}){99}){99}){99}'"),
            "regular expression",
        ),
    ] {
        host.write("b.yml", &text);
        host.has(&["A"], &["b.yml:", what]);
    }
    let large = fs::File::create(host.path("b.yml")).unwrap();
    large.set_len(100 << 20).unwrap();
    host.has(&["A"], &["b.yml:1: ", "larger than 4194304 bytes"]);
}

/// The same rule with other titles, as many as fit into a file.
#[test]
fn a_set_of_too_many_rules_is_refused_as_a_whole() {
    let host = Host::new("many", "", &[("a.yml", &rule("A", ": a"))]);
    assert_eq!(host.rereads().0.unwrap(), ["A"]);
    let many = "title: M\ncorrelation: {type: event_count, rules: [A], timespan: 1m, condition: {gte: 1}}\n---\n";
    let many = many.repeat(20_000);
    for file in ["b.yml", "c.yml", "d.yml"] {
        host.write(file, &many);
    }
    let (in_force, told) = host.rereads();
    assert_eq!(in_force, None);
    let [refused, _] = told.as_slice() else {
        panic!("{told:#?}");
    };
    assert!(refused.starts_with("rules/d.yml:1: "), "{refused}");
    assert!(refused.contains("more than 50000 rules"), "{refused}");
}

#[test]
fn what_is_out_of_date_in_the_configuration_is_told_again() {
    let exception = "\
[[detect.exception]]
rule = \"*\"
fields = { Image = \"/bin/x\" }
reason = \"known\"
owner = \"team\"
expires = 2001-01-01
";
    let detect = format!("disabled_rules = [\n\"reverse_shell\"]\n{exception}");
    let host = Host::new("dated", &detect, &[("a.yml", &rule("A", ": a"))]);
    let (in_force, told) = host.rereads();
    assert_eq!(in_force.unwrap(), ["A"]);
    let [expired, unknown, _] = told.as_slice() else {
        panic!("{told:#?}");
    };
    assert!(
        expired.starts_with(
            "sensor.toml:6: warning: the exception from all rules (owner: team) expired"
        ),
        "{expired}"
    );
    assert!(
        unknown.starts_with("sensor.toml:5: warning: `detect.disabled_rules` switches nothing off"),
        "{unknown}"
    );
    assert!(
        unknown.ends_with("did you mean `reverse-shell` (Shell connected to another host)?"),
        "{unknown}"
    );
}
