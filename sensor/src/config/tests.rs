//! What a configuration promises.

use proptest::prelude::*;

use super::{arbitrary::config, *};

fn problems(text: &str) -> Vec<(usize, String)> {
    read(text)
        .problems
        .into_iter()
        .map(|problem| (problem.line.unwrap_or(0), problem.what))
        .collect()
}

/// That a text has exactly these problems: the line, and a part of what is said.
#[track_caller]
fn assert_problems(text: &str, expected: &[(usize, &str)]) {
    let found = problems(text);
    let fits = found.len() == expected.len()
        && found
            .iter()
            .zip(expected)
            .all(|((line, what), (at, part))| line == at && what.contains(part));
    assert!(fits, "found {found:#?}, expected {expected:#?}");
}

#[test]
fn an_empty_file_is_the_default() {
    assert_eq!(
        read(""),
        Reading {
            config: Config::default(),
            problems: Vec::new(),
            warnings: Vec::new()
        }
    );
}

#[test]
fn every_key_is_read() {
    let text = r#"
[hooks]
tracing = false
kprobes = false
[capture]
exclude = ["fork", "exit"]
unix_sockets = true
own_connections = true
argv_bytes = 0x8000
scope_cgroup = "/sys/fs/cgroup/a b"
[rings]
critical_bytes = "8MiB"
bulk_bytes = 65536
bulk_shards = 8
[limits]
tasks = 1
sockets = 4_194_304
processes = 3
cgroups = 5
reorder_milliseconds = 0
[enrich]
accounts = false
hashes = false
hash_bytes_max = "1GiB"
hash_bytes_per_second = "1MiB"
packages = false
wait_milliseconds = 0
container_sockets = ["/run/docker.sock"]
cloud = true
[output]
format = "pretty"
[state]
directory = "/var/lib/sensor"
spool_directory = "/var/spool/sensor"
"#;
    let reading = read(text);
    assert_eq!(reading.problems, []);
    assert_eq!(
        reading.config,
        Config {
            hooks: Hooks {
                tracing: false,
                kprobes: false
            },
            capture: Capture {
                own_connections: true,
                exclude: [Kind::Fork, Kind::Exit].into(),
                unix_sockets: true,
                argv_bytes: 32 << 10,
                scope_cgroup: Some("/sys/fs/cgroup/a b".into()),
            },
            rings: Rings {
                critical_bytes: 8 << 20,
                bulk_bytes: 64 << 10,
                bulk_shards: Shards::Count(8),
            },
            limits: Limits {
                tasks: 1,
                sockets: 4 << 20,
                processes: 3,
                cgroups: 5,
                reorder_milliseconds: 0,
            },
            enrich: Enrich {
                accounts: false,
                hashes: false,
                hash_bytes_max: 1 << 30,
                hash_bytes_per_second: 1 << 20,
                packages: false,
                wait_milliseconds: 0,
                container_sockets: Sockets::At(vec!["/run/docker.sock".into()]),
                cloud: true,
            },
            output: Output {
                format: OutputFormat::This(FormatChoice::Pretty)
            },
            state: State {
                directory: "/var/lib/sensor".into(),
                spool_directory: "/var/spool/sensor".into()
            },
            detect: detect::Detect::default(),
            sinks: Vec::new(),
        }
    );
}

#[test]
fn every_error_is_told_with_its_line() {
    let text = "\
[hooks]
tracign = true
kprobes = \"yes\"
argv_bytes = 5
[captur]
[capture]
exclude = [
  \"frok\",
  7,
  \"something else entirely\",
]
argv_bytes = 32769
scope_cgroup = \"relative\"
[rings]
critical_bytes = \"5MiB\"
bulk_bytes = \"4MB\"
bulk_shards = 3
[limits]
tasks = 0
sockets = -1
processes = 1.5
reorder_milliseconds = 10001
what_is_this_now_then = 1
[output]
format = \"xml\"
[state.directory]
";
    assert_problems(
        text,
        &[
            (2, "no key `hooks.tracign`: did you mean `tracing`?"),
            (3, "`hooks.kprobes` must be true or false, not a string"),
            (
                4,
                "no key `hooks.argv_bytes`: `argv_bytes` belongs to [capture]",
            ),
            (5, "no section [captur]: did you mean [capture]?"),
            (
                8,
                "`capture.exclude` names no kind of event with \"frok\": did you mean \"fork\"?",
            ),
            (
                9,
                "`capture.exclude` must be an array of strings, and an integer is among them",
            ),
            (
                10,
                "no kind of event with \"something else entirely\"; there are fork, exec",
            ),
            (
                12,
                "`capture.argv_bytes` is 32769, but must be an integer from 0 to 32768",
            ),
            (
                13,
                "`capture.scope_cgroup` is \"relative\", but must be a path that begins with /",
            ),
            (
                15,
                "`rings.critical_bytes` is 5MiB, but must be a power of two: 4MiB or 8MiB",
            ),
            (16, "\"MB\" is no unit of bytes; write KiB, MiB or GiB"),
            (17, "`rings.bulk_shards` must be 1, 2, 4, 8 or \"auto\""),
            (
                19,
                "`limits.tasks` is 0, but must be an integer from 1 to 4194304",
            ),
            (20, "`limits.sockets` is -1, but must be an integer from"),
            (
                21,
                "`limits.processes` must be an integer from 1 to 4194304, not a number with a fraction",
            ),
            (22, "`limits.reorder_milliseconds` is 10001, but must be"),
            (
                23,
                "no key `limits.what_is_this_now_then`: remove it; [limits] has `tasks`",
            ),
            (
                25,
                "`output.format` is \"xml\", but must be \"auto\", \"json\", \"ocsf\", \"flat\", \"cef\" or \"pretty\"",
            ),
            (26, "`state.directory` must be a string, not a table"),
        ],
    );
}

#[test]
fn keys_outside_of_their_section_are_told_where_they_belong() {
    assert_problems(
        "tracing = true\nbluk_bytes = 3\nhooks = 5\nzzzzzzzzzzzzzzzz = 1\n[zzzzzzzzzzzz]\n",
        &[
            (1, "write [hooks] in the line above it"),
            (2, "did you mean `bulk_bytes` in [rings]?"),
            (3, "`hooks` is a section"),
            (4, "there are [hooks], [capture]"),
            (5, "no section [zzzzzzzzzzzz]: remove it"),
        ],
    );
}

#[test]
fn errors_in_toml_do_not_hide_others() {
    assert_problems(
        "[hooks\n[hooks]\ntracing = maybe\n[capture]\nargv_bytes = -5\nargv_bytes = 6\n",
        &[
            (1, "this is not TOML: unclosed table"),
            (3, "this is not TOML: string values must be quoted"),
            (5, "`capture.argv_bytes` is -5"),
            (6, "this is not TOML: duplicate key"),
        ],
    );
}

#[test]
fn dotted_keys_and_inline_tables_are_the_same() {
    let reading = read("hooks.tracing = false\nlimits = { tasks = 5 }\r\n");
    assert_eq!(reading.problems, []);
    assert!(!reading.config.hooks.tracing);
    assert_eq!(reading.config.limits.tasks, 5);
}

#[test]
fn each_shard_is_at_least_a_page() {
    let page = page_size();
    assert_problems(
        &format!("[rings]\nbulk_shards = 8\nbulk_bytes = {}\n", 4 * page),
        &[(3, "each of its 8 shards needs a page")],
    );
    assert_problems(
        &format!("[rings]\nbulk_bytes = {}\n", page / 2),
        &[(2, "but must be from")],
    );
    assert_problems("[rings]\nbulk_bytes = \"2GiB\"\n", &[(2, "to 1GiB")]);
    let few = read(&format!("[rings]\nbulk_bytes = {}\n", 4 * page));
    assert_eq!(few.problems, []);
    assert_eq!(few.config.rings.shards(1024, page), 4);
}

#[test]
fn shards_follow_the_number_of_cpus() {
    let rings = Rings::default();
    for (cpus, shards) in [
        (1, 1),
        (16, 1),
        (31, 1),
        (32, 2),
        (48, 4),
        (96, 8),
        (1024, 8),
    ] {
        assert_eq!(rings.shards(cpus, 4096), shards, "{cpus} CPUs");
    }
    let two = Rings {
        bulk_shards: Shards::Count(2),
        ..rings
    };
    assert_eq!(two.shards(1024, 4096), 2);
}

#[test]
fn nothing_left_to_watch_is_an_error() {
    let all: Vec<String> = Kind::events()
        .map(|kind| format!("{:?}", kind.name()))
        .collect();
    assert_problems(
        &format!("[capture]\nexclude = [{}]", all.join(",")),
        &[(2, "leaves no event to watch for")],
    );
}

#[test]
fn what_is_lost_is_told_with_the_line_that_loses_it() {
    let warnings = |text: &str| {
        let reading = read(text);
        assert_eq!(reading.problems, []);
        reading.warnings
    };
    let excluded = warnings("[capture]\nexclude = [\"exec\"]\n");
    assert_eq!(excluded.len(), 1);
    assert_eq!(excluded[0].line, Some(2));
    assert!(excluded[0].what.starts_with("no `exec` events: "));

    let locked = warnings("[hooks]\ntracing = false\nkprobes = false\n");
    assert!(locked.iter().all(|warning| warning.line == Some(3)));
    let says = |part: &str| locked.iter().any(|warning| warning.what.contains(part));
    assert!(says("`ptrace` is not seen at all"), "{locked:#?}");
    assert!(says("`connect` does not see unix sockets"), "{locked:#?}");
    assert!(says("`credentials` is noticed at"), "{locked:#?}");
    assert!(!says("`fork`"), "{locked:#?}");

    let one = warnings("[hooks]\ntracing = false\n");
    assert_eq!(one.len(), 1);
    assert!(warnings("[hooks]\nkprobes = false\n").is_empty());
    let small = warnings("[capture]\nargv_bytes = 0\n[rings]\ncritical_bytes = \"32KiB\"\n");
    assert_eq!(small.len(), 2);
}

#[test]
fn the_default_shows_every_key_with_its_meaning() {
    let shown = Config::default().show();
    for line in [
        "[hooks]",
        "# Default: true",
        "tracing = true",
        "exclude = []",
        "# Default: none, the whole host is watched",
        "# scope_cgroup = \"/sys/fs/cgroup/system.slice\"",
        "critical_bytes = \"4MiB\"",
        "bulk_shards = \"auto\"",
        "format = \"auto\"",
        "directory = \"/run/sensor\"",
    ] {
        assert!(
            shown.lines().any(|shown| shown == line),
            "{line} is not in\n{shown}"
        );
    }
    assert!(
        shown.lines().all(|line| line.chars().count() <= 100),
        "{shown}"
    );
}

#[test]
fn the_kinds_in_the_comment_are_all_kinds() {
    let shown = Config::default().show();
    for kind in Kind::events() {
        assert!(shown.contains(kind.name()), "{}", kind.name());
    }
}

#[test]
fn options_are_what_was_decided() {
    let mut config = Config::default();
    config.capture.exclude = [Kind::Fork].into();
    config.limits.tasks = 7;
    let options = config.options().unwrap();
    assert_eq!(options.kinds.len(), Kind::COUNT - 1);
    assert!(!options.kinds.contains(&Kind::Fork));
    assert_eq!(options.tasks, 7);
    assert!(options.scope.is_none());
    assert!(options.bulk_shards.is_power_of_two());
    config.capture.scope_cgroup = Some("/proc".into());
    assert!(config.options().is_err());
}

mod files {
    use std::{fs, path::PathBuf};

    use super::*;

    /// A file of its own for each test.
    struct File(PathBuf);

    impl File {
        fn new(name: &str, bytes: &[u8]) -> Self {
            let name = format!("sensor-config-{}-{name}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::write(&path, bytes).unwrap();
            Self(path)
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            let _ = fs::remove_file(&self.0);
        }
    }

    #[test]
    fn problems_and_warnings_name_file_and_line() {
        let file = File::new("named", b"\n[hooks]\nx = 1\ny = 2\n");
        let error = find(Some(&file.0)).unwrap_err().to_string();
        let lines: Vec<&str> = error.lines().collect();
        assert_eq!(lines.len(), 2, "{error}");
        let start = format!("{}:3: there is no key", file.0.display());
        assert!(lines[0].starts_with(&start), "{error}");

        fs::write(&file.0, "[capture]\nexclude = ['exit']").unwrap();
        let found = find(Some(&file.0)).unwrap();
        assert_eq!(found.file.as_deref(), Some(file.0.as_path()));
        let start = format!("{}:2: warning: no `exit` events", file.0.display());
        assert!(
            found.warnings[0].starts_with(&start),
            "{:?}",
            found.warnings
        );
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        for path in ["/proc/self/no-such-file", "/proc"] {
            let error = find(Some(path.as_ref())).unwrap_err().to_string();
            let start = format!("{path}: the configuration cannot be read: ");
            assert!(error.starts_with(&start), "{error}");
        }
    }

    #[test]
    fn a_file_of_something_else_is_refused() {
        let binary = File::new("binary", b"# a\n# b\n\xff\xfe");
        let error = find(Some(&binary.0)).unwrap_err().to_string();
        assert!(error.contains(":3: the text is not UTF-8"), "{error}");
        let error = find(Some("/dev/zero".as_ref())).unwrap_err().to_string();
        assert!(error.contains("larger than 65536 bytes"), "{error}");
    }

    #[test]
    fn the_deepest_nesting_that_fits_is_read() {
        let dots = vec!["a"; 32 << 10].join(".");
        assert!(!problems(&format!("{dots} = 1")).is_empty());
        let brackets = "[".repeat(60 << 10);
        assert!(!problems(&format!("a = {brackets}")).is_empty());
    }
}

proptest! {
    #[test]
    fn what_is_shown_is_read_as_the_same(config in config()) {
        let reading = read(&config.show());
        prop_assert_eq!(reading.problems, []);
        let detect = detect::arbitrary::without_lines(reading.config.detect);
        let read = Config { detect, ..reading.config };
        prop_assert_eq!(read, config);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC*|[\\[\\]a-z_=\"'#.,{}0-9\n -]*") {
        let reading = read(&text);
        let lines = text.split('\n').count();
        for problem in reading.problems {
            prop_assert!((1..=lines).contains(&problem.line.unwrap_or(0)));
        }
    }

    #[test]
    fn a_configuration_with_a_byte_changed_is_read_or_refused(
        config in config(),
        at: prop::sample::Index,
        by: char,
    ) {
        let mut text: Vec<char> = config.show().chars().collect();
        let at = at.index(text.len());
        text[at] = by;
        let _ = read(&text.into_iter().collect::<String>());
    }
}
