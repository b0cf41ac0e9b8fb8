//! Arbitrary configurations.

use proptest::{
    collection::{btree_set, vec},
    option,
    prelude::*,
    sample::select,
};

use super::*;

/// A text that begins as a path does.
fn path() -> impl Strategy<Value = PathBuf> {
    "/(\\PC|[ \t\n\r\"'\\\\\u{7f}\u{85}])*".prop_map(PathBuf::from)
}

/// A path that tells the runtime.
fn socket() -> impl Strategy<Value = PathBuf> {
    (
        path(),
        select(vec!["docker", "podman", "containerd", "crio"]),
    )
        .prop_map(|(path, runtime)| path.join(format!("{runtime}.sock")))
}

fn ring_bytes() -> impl Strategy<Value = u32> {
    (16_u32..=30).prop_map(|exponent| 1 << exponent)
}

prop_compose! {
    fn capture()(
        exclude in btree_set(select(Kind::events().collect::<Vec<_>>()), 0..Kind::events().count()),
        unix_sockets: bool,
        own_connections: bool,
        argv_bytes in 0..=ARGV_BYTES_MAX,
        scope_cgroup in option::of(path()),
    ) -> Capture {
        Capture { exclude, unix_sockets, argv_bytes, own_connections, scope_cgroup }
    }
}

prop_compose! {
    fn rings()(
        critical_bytes in ring_bytes(),
        // A page may have 64 KiB.
        bulk_bytes in (19_u32..=30).prop_map(|exponent| 1 << exponent),
        bulk_shards in option::of(select(vec![1, 2, 4, 8])),
    ) -> Rings {
        Rings {
            critical_bytes,
            bulk_bytes,
            bulk_shards: bulk_shards.map_or(Shards::Auto, Shards::Count),
        }
    }
}

prop_compose! {
    fn enrich()(
        what in any::<[bool; 4]>(),
        hash_bytes_max in 0..=HASH_BYTES_MAX,
        hash_bytes_per_second in 1..=HASH_BYTES_MAX,
        wait_milliseconds in 0..=WAIT_MILLISECONDS_MAX,
        container_sockets in option::of(vec(socket(), 0..3)),
    ) -> Enrich {
        let [accounts, hashes, packages, cloud] = what;
        Enrich {
            accounts,
            hashes,
            packages,
            cloud,
            hash_bytes_max,
            hash_bytes_per_second,
            wait_milliseconds,
            container_sockets: container_sockets.map_or(Sockets::Auto, Sockets::At),
        }
    }
}

prop_compose! {
    /// Any configuration that may be written down.
    pub(super) fn config()(
        hooks in any::<(bool, bool)>(),
        capture in capture(),
        rings in rings(),
        entries in (1..=ENTRIES_MAX, 1..=ENTRIES_MAX, 1..=ENTRIES_MAX, 1..=ENTRIES_MAX),
        reorder_milliseconds in 0..=REORDER_MILLISECONDS_MAX,
        enrich in enrich(),
        format in select(vec![
            OutputFormat::Auto,
            OutputFormat::This(FormatChoice::Json),
            OutputFormat::This(FormatChoice::Pretty),
        ]),
        directories in (path(), path()),
        detect in detect::arbitrary::detect(),
    ) -> Config {
        Config {
            hooks: Hooks { tracing: hooks.0, kprobes: hooks.1 },
            capture,
            rings,
            limits: Limits {
                tasks: entries.0,
                sockets: entries.1,
                processes: entries.2,
                cgroups: entries.3,
                reorder_milliseconds,
            },
            enrich,
            output: Output { format },
            state: State { directory: directories.0, spool_directory: directories.1 },
            detect,
            sinks: Vec::new(),
        }
    }
}
