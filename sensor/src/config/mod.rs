//! What the user decides: one TOML file, every key of which has a default.
//!
//! - [`find`] reads it; every error in it is told at once, with its line.
//! - [`show`](Config::show) writes it down, each key with its meaning and default.
//! - [`Config::options`] is what it means to the kernel side.
//!
//! `keys` is the table of all keys, [`detect`] has those of `[detect]`, [`sink`] those of `[[sink]]`; `reading` goes through a file by it, and `losses` says what a
//! configuration leaves unseen.

pub mod detect;
mod error;
mod find;
mod keys;
mod losses;
mod reading;
mod show;
pub mod sink;
mod size;
mod value;

#[cfg(test)]
mod arbitrary;
#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, num::NonZeroU32, path::PathBuf};

use sensor_common::record::Kind;

pub use error::{ConfigError, Problem};
pub use find::{DEFAULT_FILE, Found, find};
pub use reading::{Reading, read};
pub use size::{ByteSize, ByteSizeError};

use crate::{
    kernel::{
        load::{BULK_SHARDS_MAX, Options},
        scope::{Scope, ScopeError},
    },
    output::FormatChoice,
};

/// Everything that the user decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// `[hooks]`
    pub hooks: Hooks,
    /// `[capture]`
    pub capture: Capture,
    /// `[rings]`
    pub rings: Rings,
    /// `[limits]`
    pub limits: Limits,
    /// `[enrich]`
    pub enrich: Enrich,
    /// `[output]`
    pub output: Output,
    /// `[state]`
    pub state: State,
    /// `[detect]`
    pub detect: detect::Detect,
    /// `[[sink]]`: where events go; to standard output if there is none.
    pub sinks: Vec<sink::Sink>,
}

/// By what means the kernel may be watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hooks {
    /// Whether tracing programs may be used.
    pub tracing: bool,
    /// Whether kernel probes may be used.
    pub kprobes: bool,
}

/// What is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capture {
    /// Kinds of event that are not wanted; not all of them.
    pub exclude: BTreeSet<Kind>,
    /// Whether connections of unix sockets are wanted.
    pub unix_sockets: bool,
    /// Most bytes of arguments that an exec event carries, at most [`ARGV_BYTES_MAX`].
    pub argv_bytes: u32,
    /// Whether the sensor's own connections are wanted.
    pub own_connections: bool,
    /// The directory of the cgroup whose subtree is watched; none for the whole host.
    pub scope_cgroup: Option<PathBuf>,
}

/// The ring buffers between kernel and userspace. Sizes are powers of two, at least a page, at most
/// [`RING_BYTES_MAX`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rings {
    /// Bytes of the ring of exec and privilege records.
    pub critical_bytes: u32,
    /// Bytes of the ring of all other records, all its shards together.
    pub bulk_bytes: u32,
    /// How many shards the bulk ring has.
    pub bulk_shards: Shards,
}

/// How many shards a ring has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shards {
    /// As many as the host's CPUs need.
    Auto,
    /// So many: a power of two, at most [`BULK_SHARDS_MAX`].
    Count(u32),
}

/// Limits of memory and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Most tasks whose state the kernel side keeps.
    pub tasks: u32,
    /// Most TCP sockets whose state the kernel side keeps.
    pub sockets: u32,
    /// Most processes that userspace remembers.
    pub processes: u32,
    /// Most cgroups that userspace remembers.
    pub cgroups: u32,
    /// How long an event waits for earlier ones, in milliseconds.
    pub reorder_milliseconds: u32,
}

/// What events say beside what the kernel tells: who it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Enrich {
    /// Whether users and groups are told by their names.
    pub accounts: bool,
    /// Whether executables and scripts are hashed.
    pub hashes: bool,
    /// Most bytes of a file that is hashed.
    pub hash_bytes_max: u32,
    /// Most bytes that are hashed in a second, on average.
    pub hash_bytes_per_second: u32,
    /// Whether the package that an executable belongs to is told.
    pub packages: bool,
    /// How long an event waits at most for a hash or a name, in milliseconds.
    pub wait_milliseconds: u32,
    /// Sockets of container runtimes that are asked, if they are there.
    pub container_sockets: Sockets,
    /// Whether the cloud's metadata service is asked about this instance.
    pub cloud: bool,
}

/// Sockets of container runtimes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sockets {
    /// Those in the usual places.
    Auto,
    /// These.
    At(Vec<PathBuf>),
}

/// How events are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The format.
    pub format: OutputFormat,
}

/// The format of what is written to standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// Columns on a terminal, else JSON.
    Auto,
    /// This.
    This(FormatChoice),
}

impl OutputFormat {
    /// The format; none if it depends on the terminal.
    #[must_use]
    pub const fn choice(self) -> Option<FormatChoice> {
        match self {
            Self::Auto => None,
            Self::This(choice) => Some(choice),
        }
    }
}

/// What the sensor keeps on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The directory of what lives as long as the sensor runs.
    pub directory: PathBuf,
    /// The directory of what outlives the sensor: events on their way to a sink.
    pub spool_directory: PathBuf,
}

/// Most bytes of arguments that an exec record has room for.
pub const ARGV_BYTES_MAX: u32 = 32 << 10;

/// The largest ring.
pub const RING_BYTES_MAX: u32 = 1 << 30;

/// More tasks than a kernel can have at once (`PID_MAX_LIMIT`, include/linux/threads.h).
pub const ENTRIES_MAX: u32 = 4 << 20;

/// The longest wait for earlier events.
pub const REORDER_MILLISECONDS_MAX: u32 = 10_000;

/// The most bytes that hashing may be limited to.
pub const HASH_BYTES_MAX: u32 = 2 << 30;

/// The longest wait for a hash or a name.
pub const WAIT_MILLISECONDS_MAX: u32 = 1_000;

/// CPUs that can share a shard of the bulk ring.
const CPUS_PER_SHARD: u32 = 16;

impl Default for Hooks {
    fn default() -> Self {
        Self {
            tracing: true,
            kprobes: true,
        }
    }
}

impl Default for Capture {
    fn default() -> Self {
        Self {
            exclude: BTreeSet::new(),
            unix_sockets: false,
            argv_bytes: 4 << 10,
            own_connections: false,
            scope_cgroup: None,
        }
    }
}

impl Default for Rings {
    fn default() -> Self {
        Self {
            critical_bytes: 4 << 20,
            // At most 20 ms of events are in it, unless the sensor does not get to run.
            bulk_bytes: 2 << 20,
            bulk_shards: Shards::Auto,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            tasks: 16 << 10,
            sockets: 16 << 10,
            processes: 16 << 10,
            cgroups: 16 << 10,
            reorder_milliseconds: 50,
        }
    }
}

impl Default for Enrich {
    fn default() -> Self {
        Self {
            accounts: true,
            hashes: true,
            hash_bytes_max: 64 << 20,
            hash_bytes_per_second: 64 << 20,
            packages: true,
            wait_milliseconds: 50,
            container_sockets: Sockets::Auto,
            cloud: false,
        }
    }
}

impl Default for Output {
    fn default() -> Self {
        Self {
            format: OutputFormat::Auto,
        }
    }
}

impl Default for State {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("/run/sensor"),
            spool_directory: PathBuf::from("/var/lib/sensor/spool"),
        }
    }
}

impl Config {
    /// What this means to the kernel side of this host.
    ///
    /// # Errors
    ///
    /// If the cgroup to watch cannot be used.
    pub fn options(&self) -> Result<Options, ScopeError> {
        let scope = self.capture.scope_cgroup.as_deref();
        Ok(Options {
            tracing: self.hooks.tracing,
            kprobes: self.hooks.kprobes,
            kinds: self.kinds().collect(),
            unix_sockets: self.capture.unix_sockets,
            scope: scope.map(Scope::new).transpose()?,
            argv_bytes: self.capture.argv_bytes,
            critical_bytes: self.rings.critical_bytes,
            bulk_bytes: self.rings.bulk_bytes,
            bulk_shards: self.rings.shards(cpus(), page_size()),
            tasks: self.limits.tasks,
            sockets: self.limits.sockets,
        })
    }

    /// The kinds of event that are wanted.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        Kind::ALL
            .into_iter()
            .filter(|kind| !self.capture.exclude.contains(kind))
    }
}

impl Rings {
    /// The shards of the bulk ring on a host with so many CPUs.
    fn shards(&self, cpus: u32, page_size: u32) -> u32 {
        match self.bulk_shards {
            Shards::Count(count) => count,
            Shards::Auto => {
                let pages = (self.bulk_bytes / page_size).max(1);
                let wanted = (cpus / CPUS_PER_SHARD).max(1).next_power_of_two();
                wanted.min(BULK_SHARDS_MAX).min(pages)
            }
        }
    }
}

/// The CPUs of this host that are switched on. What this process may use of them does not matter:
/// records come from all.
fn cpus() -> u32 {
    let online = aya::util::online_cpus().map(|cpus| cpus.len()).ok();
    let usable = || std::thread::available_parallelism().map_or(1, usize::from);
    u32::try_from(online.unwrap_or_else(usable)).unwrap_or(u32::MAX)
}

/// Bytes of a page of this host's memory, of which every ring is made.
fn page_size() -> u32 {
    u32::try_from(rustix::param::page_size())
        .ok()
        .and_then(NonZeroU32::new)
        .map_or(4096, NonZeroU32::get)
}
