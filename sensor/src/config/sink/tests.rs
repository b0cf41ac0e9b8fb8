//! Reading and showing sinks.

use proptest::{prelude::*, sample::select};

use super::{keys::sink_keys, *};
use crate::config::{self, keys::Shown};

const SIEM: &str =
    "[[sink]]\nname = \"siem\"\ntype = \"syslog\"\naddress = \"tls://siem.example:6514\"\n";

fn problems(text: &str) -> Vec<(Option<usize>, String)> {
    config::read(text)
        .problems
        .into_iter()
        .map(|problem| (problem.line, problem.what))
        .collect()
}

fn has(text: &str, line: usize, part: &str) {
    let problems = problems(text);
    assert!(
        problems
            .iter()
            .any(|(at, what)| *at == Some(line) && what.contains(part)),
        "{part:?} is not in line {line} of {problems:#?}"
    );
}

#[test]
fn sinks_are_read_in_their_order() {
    let text = format!(
        "{SIEM}families = [\"privilege\"]\nminimum_severity = \"medium\"\nspool_bytes = \"2GiB\"\n\
         [[sink]]\nname = \"all\"\ntype = \"stdout\"\n"
    );
    let reading = config::read(&text);
    assert_eq!(reading.problems, []);
    let [siem, all] = reading.config.sinks.as_slice() else {
        panic!("{:?}", reading.config.sinks);
    };
    assert_eq!(
        siem.place
            .address
            .as_ref()
            .map(ToString::to_string)
            .as_deref(),
        Some("tls://siem.example:6514")
    );
    assert_eq!(siem.minimum_severity, Severity::Medium);
    assert_eq!(siem.spool_bytes(), Some(2 << 30));
    assert!(
        siem.wanted()
            .all(|topic| topic.family() == Some(Family::Privilege))
    );
    assert_eq!(all.sort, SinkType::Stdout);
    assert_eq!(all.spool_bytes(), None);
    assert_eq!(all.wanted().count(), Kind::events().count() + 1);
}

#[test]
fn alerts_are_chosen_as_a_kind_or_a_family() {
    let wanted = |keys: &str| -> Vec<Topic> {
        let reading = config::read(&format!("{SIEM}{keys}"));
        assert_eq!(reading.problems, []);
        let sinks = reading.config.sinks;
        sinks.iter().flat_map(Sink::wanted).collect()
    };
    assert!(wanted("").contains(&Topic::Alert));
    assert_eq!(wanted("kinds = [\"alert\"]\n"), [Topic::Alert]);
    assert_eq!(wanted("families = [\"alert\"]\n"), [Topic::Alert]);
    assert_eq!(
        wanted("kinds = [\"exec\", \"alert\"]\n"),
        [Topic::Event(Kind::Exec), Topic::Alert]
    );
    assert_eq!(
        wanted("families = [\"exec\"]\nkinds = [\"exec\", \"alert\"]\n"),
        [Topic::Event(Kind::Exec)]
    );
    assert!(!wanted("families = [\"privilege\"]\n").contains(&Topic::Alert));
    has(
        &format!("{SIEM}kinds = [\"exec\"]\nfamilies = [\"alert\"]\n"),
        1,
        "gets no event",
    );
    has(&format!("{SIEM}families = [\"alerts\"]\n"), 5, "and alert");
    has(
        &format!("{SIEM}kinds = [\"alerts\"]\n"),
        5,
        "did you mean \"alert\"?",
    );
}

#[test]
fn every_error_is_told_with_its_line() {
    has("[sink]\nname = \"a\"\n", 1, "[[sink]]");
    has("[[sinks]]\nname = \"a\"\n", 1, "did you mean [[sink]]?");
    has("[[sink]]\ntype = \"stdout\"\n", 1, "needs a `name`");
    has("[[sink]]\nname = \"a\"\n", 1, "needs a `type`");
    has(
        "[[sink]]\nname = \"a/b\"\ntype = \"stdout\"\n",
        2,
        "letters, digits",
    );
    has(
        "[[sink]]\nname = \"a\"\ntype = \"sysloq\"\n",
        3,
        "`sink.type`",
    );
    has(
        "[[sink]]\nname = \"a\"\ntype = \"syslog\"\n",
        1,
        "needs `address`",
    );
    has(
        "[[sink]]\nname = \"a\"\ntype = \"syslog\"\naddress = \"siem:514\"\n",
        4,
        "must begin with unix://",
    );
    has(&format!("{SIEM}adress = 1\n"), 5, "did you mean `address`?");
    has(&format!("{SIEM}topic = \"a\"\n"), 5, "belongs to kafka");
    has(
        &format!("{SIEM}kinds = [\"exce\"]\n"),
        5,
        "did you mean \"exec\"?",
    );
    has(
        &format!("{SIEM}families = [\"network\"]\nkinds = [\"exec\"]\n"),
        1,
        "gets no event",
    );
    has(
        &format!("{SIEM}key_file = \"/a\"\n"),
        1,
        "both `certificate_file` and `key_file`",
    );
    has(&format!("{SIEM}{SIEM}"), 6, "called \"siem\" already");
    has(
        "[[sink]]\nname = \"s\"\ntype = \"splunk\"\nurl = \"https://s\"\n",
        1,
        "`token_file` or `token_environment`",
    );
}

#[test]
fn each_type_shows_all_its_keys_and_none_of_others() {
    for sort in SinkType::ALL {
        let shown = show(&Sink::new("a", sort));
        for key in sink_keys() {
            let is_shown = shown.iter().any(|line| {
                line.trim_start_matches("# ")
                    .starts_with(&format!("{} = ", key.key.name))
            });
            let has_it = sink_keys()
                .any(|other| other.key.name == key.key.name && other.types.contains(&sort));
            assert_eq!(is_shown, has_it, "{} of {}", key.key.name, sort.name());
        }
    }
}

#[test]
fn no_secret_is_shown() {
    // The configuration has places of secrets only; this holds the table to it.
    for key in sink_keys() {
        let name = key.key.name;
        assert!(
            !["password", "token", "secret"].contains(&name),
            "{name} would be a secret in the configuration"
        );
    }
}

/// A sink of this type in which each key has the example's value.
fn with_examples(sort: SinkType) -> Sink {
    let mut sink = Sink::new("a", sort);
    for key in sink_keys().filter(|key| key.types.contains(&sort)) {
        // These two examples exclude each other.
        if key.key.name == "kinds" {
            continue;
        }
        if let Shown::Unset { example, .. } = (key.key.show)(&sink)
            && !key.key.name.ends_with("_environment")
        {
            let value = if example.starts_with(['"', '[']) {
                example.to_owned()
            } else {
                toml::Value::String(example.to_owned()).to_string()
            };
            let text = format!("a = {value}");
            let (table, errors) = toml::de::DeTable::parse_recoverable(&text);
            assert!(errors.is_empty(), "{text}");
            for (_, value) in table.get_ref() {
                (key.key.read)(&mut sink, config::value::Value(value)).unwrap();
            }
        }
    }
    sink
}

proptest! {
    #[test]
    fn what_is_shown_is_read_as_the_same(
        sort in select(SinkType::ALL.to_vec()),
        numbers in any::<[u16; 4]>(),
        flags in any::<[bool; 3]>(),
        severity in select(Severity::ALL.to_vec()),
    ) {
        let mut sink = with_examples(sort);
        sink.minimum_severity = severity;
        sink.batch.batch_events = u32::from(numbers[0]) + 1;
        sink.batch.batch_milliseconds = u32::from(numbers[1]) % 60_001;
        sink.waiting.spool_bytes = flags[2].then_some(u64::from(numbers[2]));
        if sort == SinkType::File {
            sink.rotation.rotate_bytes = u64::from(numbers[3]) << 20;
        }
        if [SinkType::Kafka, SinkType::Nats].contains(&sort) {
            sink.tls.enabled = flags[0];
        }
        if sort == SinkType::Splunk {
            sink.place.acknowledge = flags[1];
        }
        let config = config::Config { sinks: vec![sink], ..config::Config::default() };
        let reading = config::read(&config.show());
        prop_assert_eq!(reading.problems, []);
        prop_assert_eq!(reading.config, config);
    }
}
