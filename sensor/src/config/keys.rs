//! The table of all keys: what each is called, what it means, how it is read and shown. Those of `[detect]`
//! are in [`detect`].

use std::{collections::BTreeSet, path::Path};

use sensor_common::record::Kind;

use crate::{enrich::runtimes::Socket, output::FormatChoice};

use super::{
    ARGV_BYTES_MAX, ByteSize, Config, ENTRIES_MAX, HASH_BYTES_MAX, OutputFormat,
    REORDER_MILLISECONDS_MAX, Shards, Sockets, WAIT_MILLISECONDS_MAX, detect, page_size,
    value::{Flaw, Flaws, Value},
};

/// A key of the configuration, or of a part of it.
pub(super) struct Key<T: 'static = Config> {
    /// The section that it is in.
    pub(super) section: &'static str,
    /// Its name there.
    pub(super) name: &'static str,
    /// What it means, in lines that are short enough for a comment.
    pub(super) meaning: &'static [&'static str],
    /// Takes its value into a configuration.
    pub(super) read: fn(&mut T, Value<'_>) -> Result<(), Flaws>,
    /// Its value in a configuration, as TOML.
    pub(super) show: fn(&T) -> Shown,
}

/// A key's value in a configuration.
pub(super) enum Shown {
    /// It has one: this TOML.
    Set(String),
    /// It has none.
    Unset {
        /// What that means.
        meaning: &'static str,
        /// What a value looks like, as TOML.
        example: &'static str,
    },
}

/// Every key, section by section.
pub(super) fn keys() -> impl Iterator<Item = &'static Key> + Clone {
    [KEYS, detect::KEYS].into_iter().flatten()
}

const KEYS: &[Key] = &[
    Key {
        section: "hooks",
        name: "tracing",
        meaning: &[
            "Whether tracing programs (tp_btf, fentry, fexit) may be used, which cost least.",
            "Without them kprobes take their place, where the kernel accepts those.",
        ],
        read: |config, value| put(&mut config.hooks.tracing, value.boolean()),
        show: |config| plain(&config.hooks.tracing),
    },
    Key {
        section: "hooks",
        name: "kprobes",
        meaning: &[
            "Whether kprobes may be used where tracing programs may not be or are refused.",
            "`sensor doctor` says what is not seen without either.",
        ],
        read: |config, value| put(&mut config.hooks.kprobes, value.boolean()),
        show: |config| plain(&config.hooks.kprobes),
    },
    Key {
        section: "capture",
        name: "exclude",
        meaning: &[
            "Events that are not wanted, by their `event.code`. Kinds:",
            "fork, exec, exit, connect, accept, bind, listen, established, closed, datagram,",
            "dns_question, dns_answer, credential_change, credential_divergence, namespace,",
            "ptrace, module_load, bpf_program",
        ],
        read: |config, value| {
            config.capture.exclude = kinds(value)?;
            Ok(())
        },
        show: |config| {
            let names: Vec<String> = config
                .capture
                .exclude
                .iter()
                .map(|kind| quoted(kind.name()))
                .collect();
            Shown::Set(format!("[{}]", names.join(", ")))
        },
    },
    Key {
        section: "capture",
        name: "unix_sockets",
        meaning: &["Whether connect and bind of unix sockets are events too: there are many."],
        read: |config, value| put(&mut config.capture.unix_sockets, value.boolean()),
        show: |config| plain(&config.capture.unix_sockets),
    },
    Key {
        section: "capture",
        name: "argv_bytes",
        meaning: &[
            "Most bytes of arguments in an exec event, 0 to 32768. Where there were more, it says so.",
        ],
        read: |config, value| {
            put(
                &mut config.capture.argv_bytes,
                value.integer(0..=ARGV_BYTES_MAX),
            )
        },
        show: |config| plain(&config.capture.argv_bytes),
    },
    Key {
        section: "capture",
        name: "own_connections",
        meaning: &["Whether the sensor's own connections, to sinks as a rule, are events too."],
        read: |config, value| put(&mut config.capture.own_connections, value.boolean()),
        show: |config| plain(&config.capture.own_connections),
    },
    Key {
        section: "capture",
        name: "scope_cgroup",
        meaning: &[
            "Watch only the processes in this cgroup (version 2) and below it: its directory.",
            "`--scope-cgroup` goes before this.",
        ],
        read: |config, value| {
            config.capture.scope_cgroup = Some(value.absolute_path()?);
            Ok(())
        },
        show: |config| match &config.capture.scope_cgroup {
            Some(path) => Shown::Set(path_text(path)),
            None => Shown::Unset {
                meaning: "the whole host is watched",
                example: "\"/sys/fs/cgroup/system.slice\"",
            },
        },
    },
    Key {
        section: "rings",
        name: "critical_bytes",
        meaning: &[
            "Bytes of the ring buffer of exec and privilege events between kernel and sensor.",
            "A power of two, from a page to \"1GiB\". A larger ring holds a larger burst.",
        ],
        read: |config, value| {
            put(
                &mut config.rings.critical_bytes,
                value.ring_bytes(page_size()),
            )
        },
        show: |config| bytes(config.rings.critical_bytes),
    },
    Key {
        section: "rings",
        name: "bulk_bytes",
        meaning: &[
            "Bytes of the ring buffer of all other events, all its shards together.",
            "A power of two, at least a page for each shard, at most \"1GiB\".",
        ],
        read: |config, value| put(&mut config.rings.bulk_bytes, value.ring_bytes(page_size())),
        show: |config| bytes(config.rings.bulk_bytes),
    },
    Key {
        section: "rings",
        name: "bulk_shards",
        meaning: &[
            "Shards of that ring, so that many CPUs do not wait for each other: 1, 2, 4 or 8,",
            "or \"auto\" for one per 16 CPUs.",
        ],
        read: |config, value| put(&mut config.rings.bulk_shards, shards(value)),
        show: |config| match config.rings.bulk_shards {
            Shards::Auto => Shown::Set(quoted("auto")),
            Shards::Count(count) => plain(&count),
        },
    },
    Key {
        section: "limits",
        name: "tasks",
        meaning: &[
            "Most threads whose credentials the kernel side remembers; at the limit a thread's",
            "credentials are not compared with what they were (`degraded.tasks_full`).",
        ],
        read: |config, value| put(&mut config.limits.tasks, value.integer(1..=ENTRIES_MAX)),
        show: |config| plain(&config.limits.tasks),
    },
    Key {
        section: "limits",
        name: "sockets",
        meaning: &[
            "Most TCP sockets that the kernel side remembers; at the limit a connection's end has",
            "no process and no duration (`degraded.sockets_full`).",
        ],
        read: |config, value| put(&mut config.limits.sockets, value.integer(1..=ENTRIES_MAX)),
        show: |config| plain(&config.limits.sockets),
    },
    Key {
        section: "limits",
        name: "processes",
        meaning: &[
            "Most processes that the sensor remembers; at the limit it forgets first those that",
            "ended, and their late events say less (`degraded.processes_full`).",
        ],
        read: |config, value| put(&mut config.limits.processes, value.integer(1..=ENTRIES_MAX)),
        show: |config| plain(&config.limits.processes),
    },
    Key {
        section: "limits",
        name: "cgroups",
        meaning: &[
            "Most cgroups that the sensor remembers; at the limit it forgets first those that were",
            "removed. One of the others is looked up again when needed (`degraded.cgroups_full`).",
        ],
        read: |config, value| put(&mut config.limits.cgroups, value.integer(1..=ENTRIES_MAX)),
        show: |config| plain(&config.limits.cgroups),
    },
    Key {
        section: "limits",
        name: "reorder_milliseconds",
        meaning: &[
            "How long an event waits at most for earlier ones from another CPU, 0 to 10000; one",
            "that comes later still is written out of order, marked `sensor.record.late`.",
        ],
        read: |config, value| {
            put(
                &mut config.limits.reorder_milliseconds,
                value.integer(0..=REORDER_MILLISECONDS_MAX),
            )
        },
        show: |config| plain(&config.limits.reorder_milliseconds),
    },
    Key {
        section: "enrich",
        name: "accounts",
        meaning: &[
            "Whether users and groups are told by name too, by the passwd and group files of the",
            "host and of each container.",
        ],
        read: |config, value| put(&mut config.enrich.accounts, value.boolean()),
        show: |config| plain(&config.enrich.accounts),
    },
    Key {
        section: "enrich",
        name: "hashes",
        meaning: &["Whether the SHA-256 of executables and scripts is told."],
        read: |config, value| put(&mut config.enrich.hashes, value.boolean()),
        show: |config| plain(&config.enrich.hashes),
    },
    Key {
        section: "enrich",
        name: "hash_bytes_max",
        meaning: &["Bytes of the largest file that is hashed, at most \"2GiB\"."],
        read: |config, value| {
            put(
                &mut config.enrich.hash_bytes_max,
                value.bytes(0..=HASH_BYTES_MAX),
            )
        },
        show: |config| bytes(config.enrich.hash_bytes_max),
    },
    Key {
        section: "enrich",
        name: "hash_bytes_per_second",
        meaning: &[
            "Most bytes that are read for hashes in a second, on average, at most \"2GiB\".",
        ],
        read: |config, value| {
            put(
                &mut config.enrich.hash_bytes_per_second,
                value.bytes(1..=HASH_BYTES_MAX),
            )
        },
        show: |config| bytes(config.enrich.hash_bytes_per_second),
    },
    Key {
        section: "enrich",
        name: "packages",
        meaning: &["Whether the package (dpkg) that an executable belongs to is told."],
        read: |config, value| put(&mut config.enrich.packages, value.boolean()),
        show: |config| plain(&config.enrich.packages),
    },
    Key {
        section: "enrich",
        name: "wait_milliseconds",
        meaning: &[
            "How long an event waits at most for a hash or a name that is not known yet, 0 to 1000.",
            "One that waited in vain says so (`sensor.process.hash_missing`).",
        ],
        read: |config, value| {
            put(
                &mut config.enrich.wait_milliseconds,
                value.integer(0..=WAIT_MILLISECONDS_MAX),
            )
        },
        show: |config| plain(&config.enrich.wait_milliseconds),
    },
    Key {
        section: "enrich",
        name: "container_sockets",
        meaning: &[
            "Sockets of container runtimes that are asked for names, images and labels, if they are",
            "there: an array of paths, or \"auto\" for the usual ones of Docker, Podman, containerd and",
            "CRI-O. Without them a container has its id and runtime. [] asks nobody.",
        ],
        read: |config, value| {
            config.enrich.container_sockets = sockets(value)?;
            Ok(())
        },
        show: |config| match &config.enrich.container_sockets {
            Sockets::Auto => Shown::Set(quoted("auto")),
            Sockets::At(paths) => {
                let paths: Vec<String> = paths.iter().map(|path| path_text(path)).collect();
                Shown::Set(format!("[{}]", paths.join(", ")))
            }
        },
    },
    Key {
        section: "enrich",
        name: "cloud",
        meaning: &[
            "Whether the cloud's metadata service (AWS, Google Cloud, Azure) is asked, once, about",
            "this instance.",
        ],
        read: |config, value| put(&mut config.enrich.cloud, value.boolean()),
        show: |config| plain(&config.enrich.cloud),
    },
    Key {
        section: "output",
        name: "format",
        meaning: &[
            "\"json\": one ECS document per line; \"flat\": the same in one flat object; \"ocsf\": OCSF",
            "1.8.0; \"cef\": Common Event Format; \"pretty\": columns for people; \"auto\": pretty on a",
            "terminal, else json.",
            "`--output` goes before this.",
        ],
        read: |config, value| put(&mut config.output.format, value.word(FORMATS)),
        show: |config| {
            let word = FORMATS
                .iter()
                .find(|(_, format)| *format == config.output.format)
                .map_or("auto", |(word, _)| word);
            Shown::Set(quoted(word))
        },
    },
    Key {
        section: "state",
        name: "directory",
        meaning: &[
            "Directory of the lock that keeps a second sensor from watching the same processes.",
            "It is made if it is not there.",
        ],
        read: |config, value| put(&mut config.state.directory, value.absolute_path()),
        show: |config| Shown::Set(path_text(&config.state.directory)),
    },
    Key {
        section: "state",
        name: "spool_directory",
        meaning: &[
            "Directory of events that wait for a sink's receiver, a folder for each sink. They",
            "outlive the sensor. It is made if it is not there.",
        ],
        read: |config, value| put(&mut config.state.spool_directory, value.absolute_path()),
        show: |config| Shown::Set(path_text(&config.state.spool_directory)),
    },
];

const FORMATS: &[(&str, OutputFormat)] = &[
    ("auto", OutputFormat::Auto),
    ("json", OutputFormat::This(FormatChoice::Json)),
    ("ocsf", OutputFormat::This(FormatChoice::Ocsf)),
    ("flat", OutputFormat::This(FormatChoice::Flat)),
    ("cef", OutputFormat::This(FormatChoice::Cef)),
    ("pretty", OutputFormat::This(FormatChoice::Pretty)),
];

/// The sections, in the order of their keys.
pub(super) fn sections() -> impl Iterator<Item = &'static str> {
    let mut last = "";
    keys()
        .map(|key| key.section)
        .filter(move |section| std::mem::replace(&mut last, section) != *section)
}

pub(super) fn put<T>(place: &mut T, value: Result<T, Flaw>) -> Result<(), Flaws> {
    *place = value?;
    Ok(())
}

fn kinds(value: Value<'_>) -> Result<BTreeSet<Kind>, Flaws> {
    let mut excluded = BTreeSet::new();
    let mut flaws = Flaws::default();
    for name in value.array()? {
        match name.string() {
            Ok(text) => match Kind::events().find(|kind| kind.name() == text) {
                Some(kind) => {
                    excluded.insert(kind);
                }
                None => flaws
                    .0
                    .push(name.flaw(no_kind(text, Kind::events().map(Kind::name)))),
            },
            Err(_) => flaws.0.push(name.flaw(format!(
                "must be an array of strings, and {} is among them",
                name.sort()
            ))),
        }
    }
    if excluded.len() == Kind::events().count() {
        flaws
            .0
            .push(value.flaw("leaves no event to watch for: take some kinds out of it"));
    }
    if flaws.0.is_empty() {
        Ok(excluded)
    } else {
        Err(flaws)
    }
}

fn sockets(value: Value<'_>) -> Result<Sockets, Flaws> {
    if value.string() == Ok("auto") {
        return Ok(Sockets::Auto);
    }
    let mut paths = Vec::new();
    let mut flaws = Flaws::default();
    for path in value.array()? {
        match path.absolute_path() {
            Ok(named) if Socket::at(&named).is_none() => flaws.0.push(path.flaw(format!(
                "has {}, whose path does not tell the runtime: one of docker, podman, containerd and crio \
                 must be in it",
                named.display()
            ))),
            Ok(named) => paths.push(named),
            Err(flaw) => flaws.0.push(flaw),
        }
    }
    if flaws.0.is_empty() {
        Ok(Sockets::At(paths))
    } else {
        Err(flaws)
    }
}

/// What is wrong with a word that is none of these.
pub(super) fn no_kind(text: &str, words: impl Iterator<Item = &'static str>) -> String {
    let words: Vec<&str> = words.collect();
    let near = nearest(text, words.iter().copied());
    match near {
        Some(near) => format!("names no kind of event with {text:?}: did you mean {near:?}?"),
        None => {
            format!(
                "names no kind of event with {text:?}; there are {}",
                words.join(", ")
            )
        }
    }
}

/// The choice that a word with a slip in it most likely means; none if it is like no choice.
pub(super) fn nearest<'a>(word: &str, choices: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    choices
        .map(|choice| (strsim::damerau_levenshtein(word, choice), choice))
        .filter(|(distance, choice)| *distance <= choice.len().max(word.len()) / 2)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, choice)| choice)
}

fn shards(value: Value<'_>) -> Result<Shards, Flaw> {
    const WANTED: &str = "must be 1, 2, 4, 8 or \"auto\"";
    if value.string() == Ok("auto") {
        return Ok(Shards::Auto);
    }
    value
        .integer(1..=super::BULK_SHARDS_MAX)
        .ok()
        .filter(|count| count.is_power_of_two())
        .map(Shards::Count)
        .ok_or_else(|| value.flaw(WANTED))
}

pub(super) fn plain(value: &impl ToString) -> Shown {
    Shown::Set(value.to_string())
}

/// With a unit, if it is a whole number of one.
pub(super) fn bytes(value: impl Into<u64>) -> Shown {
    Shown::Set(quoted(&ByteSize(value.into()).to_string()))
}

pub(super) fn path_text(path: &Path) -> String {
    quoted(&path.to_string_lossy())
}

/// As a TOML string.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
