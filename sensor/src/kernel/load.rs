//! Loading the programs: one object, once, and of each hook the first rung that this kernel takes.

use std::io;

use aya::{
    Ebpf, EbpfError, EbpfLoader, VerifierLogLevel,
    maps::{ArrayOfMaps, Map, MapData, MapError, RingBuf},
};
use sensor_common::record::Kind;
use thiserror::Error;

use super::{
    cgroups::Tree,
    climb::Climber,
    fields::{Layout, LayoutError},
    hooks::{HOOKS, Hook, Rung},
    preflight::{self, Unfit},
    refusal::{errno, with_causes},
    rings::Rings,
    scope::{Scope, ScopeError},
};

/// The kernel programs of this architecture, built by `cargo xtask ebpf` and committed.
#[cfg(target_arch = "x86_64")]
static OBJECT: Option<&[u8]> = Some(aya::include_bytes_aligned!("../../ebpf/x86_64.bpf.o"));
#[cfg(not(target_arch = "x86_64"))]
static OBJECT: Option<&[u8]> = None;

/// Most shards of the bulk ring.
pub const BULK_SHARDS_MAX: u32 = 8;

/// What to load, and how much room to give it.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether tracing programs may be used.
    pub tracing: bool,
    /// Whether kernel probes may be used.
    pub kprobes: bool,
    /// The kinds of record that are wanted.
    pub kinds: Vec<Kind>,
    /// Whether connections of unix sockets are wanted.
    pub unix_sockets: bool,
    /// The cgroup whose subtree is watched; none for the whole host.
    pub scope: Option<Scope>,
    /// Most bytes of arguments that an exec event carries.
    pub argv_bytes: u32,
    /// Bytes of the ring of exec and privilege records.
    pub critical_bytes: u32,
    /// Bytes of all rings of the other records together.
    pub bulk_bytes: u32,
    /// How many rings those are: a power of two, at most [`BULK_SHARDS_MAX`].
    pub bulk_shards: u32,
    /// Most tasks whose state is kept.
    pub tasks: u32,
    /// Most TCP sockets whose state is kept.
    pub sockets: u32,
}

/// The loaded programs, their maps, and how each hook went.
pub struct Loaded {
    /// Keeps the programs attached.
    pub ebpf: Ebpf,
    /// The rings that they write to.
    pub rings: Rings,
    /// In the order of [`HOOKS`].
    pub ladder: Vec<Outcome>,
    /// Members that this kernel does not have, and that cost a field of an event.
    pub layout: Layout,
    /// What was asked for.
    pub options: Options,
    /// The cgroup hierarchy that tells containers and units apart.
    pub tree: Tree,
}

/// How a hook went.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The hook.
    pub hook: &'static Hook,
    /// The rung that was taken.
    pub taken: Option<&'static Rung>,
    /// The rungs before it, and why each was not taken.
    pub refused: Vec<Refusal>,
    /// The programs of the rung that was taken.
    pub programs: Vec<LoadedProgram>,
}

/// A rung that was not taken.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// The rung.
    pub rung: &'static Rung,
    /// Why.
    pub reason: String,
}

/// A program that runs.
#[derive(Debug, Clone)]
pub struct LoadedProgram {
    /// Its name.
    pub name: &'static str,
    /// What it is attached to.
    pub target: &'static str,
    /// The number by which others can open it, where the kernel tells.
    pub id: Option<u32>,
    /// Instructions that the verifier looked at (from 5.16).
    pub verified_instructions: Option<u32>,
}

/// Why nothing could be loaded at all.
#[derive(Debug, Error)]
pub enum LoadError {
    /// This system cannot be watched at all.
    #[error(transparent)]
    Unfit(#[from] Unfit),
    /// The kernel's structures are unknown.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// The cgroup to watch cannot be used.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// The cgroup hierarchies are unknown.
    #[error("cannot read the cgroup hierarchies from /proc/cgroups and /proc/self/mountinfo")]
    Cgroups(#[source] io::Error),
    /// The object was refused as a whole.
    #[error("the kernel refused the sensor's maps: {reason}{hint}")]
    Object {
        /// Why.
        reason: String,
        /// What to do, in a line of its own, where that is known.
        hint: &'static str,
    },
    /// A map could not be set up.
    #[error("cannot set up the kernel map {map}: {reason}")]
    Map {
        /// The map.
        map: &'static str,
        /// Why.
        reason: String,
    },
    /// This architecture has no programs.
    #[error("the sensor has no kernel programs for this architecture ({0})")]
    Architecture(&'static str),
}

impl From<EbpfError> for LoadError {
    fn from(error: EbpfError) -> Self {
        use rustix::io::Errno;
        let hint = match errno(&error).map(Errno::from_raw_os_error) {
            Some(Errno::PERM | Errno::ACCESS) => {
                "\n  run it as root, or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN; a container must \
                 be privileged, and its seccomp profile allow bpf(2)"
            }
            Some(Errno::NOMEM) => {
                "\n  lower `rings` and `limits` in the configuration, or raise the service's memory \
                 limit"
            }
            Some(Errno::NOSYS) => "\n  boot a kernel with CONFIG_BPF_SYSCALL=y",
            _ => "",
        };
        Self::Object {
            reason: with_causes(&error),
            hint,
        }
    }
}

impl LoadError {
    fn map(map: &'static str, error: &MapError) -> Self {
        Self::Map {
            map,
            reason: with_causes(error),
        }
    }
}

/// Loads the programs.
///
/// # Errors
///
/// If nothing can be loaded at all. A hook that cannot be had is no error: see [`Outcome`].
pub fn load(options: &Options) -> Result<Loaded, LoadError> {
    preflight::check()?;
    let layout = Layout::of_running_kernel()?;
    let tree = Tree::of_this_host(|name| layout.controller(name)).map_err(LoadError::Cgroups)?;
    let settings = Settings::new(options, &layout, &tree);
    let mut ebpf = open(options, &settings)?;
    let mut rings = set_up_rings(&mut ebpf, options)?;
    let mut ladder = Vec::with_capacity(HOOKS.len());
    let mut climber = Climber::new(options, &layout);
    for hook in HOOKS {
        ladder.push(climber.climb(&mut ebpf, &mut rings, hook));
    }
    Ok(Loaded {
        ebpf,
        rings,
        ladder,
        layout,
        options: options.clone(),
        tree,
    })
}

/// The globals of `sensor_common::settings`.
struct Settings {
    current_task_btf: u32,
    skc_to_tcp_sock: u32,
    task_mask: u32,
    socket_mask: u32,
    io_worker_flag: u32,
    scope_cgroup: u64,
    scope_level: u32,
    cgroup_hierarchy: u32,
    cgroup_subsys: u32,
    kinds: u32,
    unix_sockets: u32,
    argv_limit: u32,
    bulk_mask: u32,
    spares: u32,
    exit_says_group_dead: u32,
    accept_return: u32,
    offsets: Vec<(&'static str, u32)>,
}

/// `PF_IO_WORKER` (`include/linux/sched.h`), from 5.12.
const PF_IO_WORKER: u32 = 0x10;

impl Settings {
    fn new(options: &Options, layout: &Layout, tree: &Tree) -> Self {
        let scope = options.scope.as_ref();
        Self {
            current_task_btf: u32::from(layout.has_current_task_btf),
            skc_to_tcp_sock: u32::from(layout.has_skc_to_tcp_sock),
            task_mask: options.tasks.next_power_of_two() - 1,
            socket_mask: options.sockets.next_power_of_two() - 1,
            io_worker_flag: if layout.has_io_threads {
                PF_IO_WORKER
            } else {
                0
            },
            scope_cgroup: scope.map_or(0, |scope| scope.id),
            scope_level: scope.map_or(0, |scope| scope.level),
            cgroup_hierarchy: tree.hierarchy,
            cgroup_subsys: tree
                .controller
                .as_ref()
                .map_or(0, |controller| controller.index),
            kinds: options
                .kinds
                .iter()
                .fold(0, |mask, kind| mask | 1 << *kind as u32),
            unix_sockets: u32::from(options.unix_sockets),
            argv_limit: options.argv_bytes,
            bulk_mask: options.bulk_shards - 1,
            spares: u32::from(layout.is_preemptible),
            exit_says_group_dead: u32::from(layout.exit_says_group_dead),
            accept_return: layout.accept_parameters,
            offsets: layout.globals().collect(),
        }
    }
}

fn open(options: &Options, settings: &Settings) -> Result<Ebpf, LoadError> {
    let object = OBJECT.ok_or(LoadError::Architecture(std::env::consts::ARCH))?;
    let mut loader = EbpfLoader::new();
    // With statistics only, a refusal carries the true error and the verifier's last word; with
    // no log at all, aya's second attempt hides the error.
    loader.verifier_log_level(VerifierLogLevel::STATS);
    for (global, offset) in &settings.offsets {
        loader.override_global(global, offset, true);
    }
    loader
        .override_global("CURRENT_TASK_BTF", &settings.current_task_btf, true)
        .override_global("SKC_TO_TCP_SOCK", &settings.skc_to_tcp_sock, true)
        .override_global("TASK_MASK", &settings.task_mask, true)
        .override_global("SOCKET_MASK", &settings.socket_mask, true)
        .override_global("IO_WORKER_FLAG", &settings.io_worker_flag, true)
        .override_global("SCOPE_CGROUP", &settings.scope_cgroup, true)
        .override_global("SCOPE_LEVEL", &settings.scope_level, true)
        .override_global("CGROUP_HIERARCHY", &settings.cgroup_hierarchy, true)
        .override_global("CGROUP_SUBSYS", &settings.cgroup_subsys, true)
        .override_global("KINDS", &settings.kinds, true)
        .override_global("UNIX_SOCKETS", &settings.unix_sockets, true)
        .override_global("ARGV_LIMIT", &settings.argv_limit, true)
        .override_global("BULK_MASK", &settings.bulk_mask, true)
        .override_global("SPARES", &settings.spares, true)
        .override_global("EXIT_SAYS_GROUP_DEAD", &settings.exit_says_group_dead, true)
        .override_global("ACCEPT_RETURN", &settings.accept_return, true)
        .map_max_entries("CRITICAL", options.critical_bytes)
        .map_max_entries("TASK_SLOTS", settings.task_mask + 1)
        .map_max_entries("TASK_OVERFLOW", overflow(options.tasks))
        .map_max_entries("SOCKET_SLOTS", settings.socket_mask + 1)
        .map_max_entries("SOCKET_OVERFLOW", overflow(options.sockets));
    for shard in BULK_NAMES.iter().take(options.bulk_shards as usize) {
        loader.map_max_entries(shard, options.bulk_bytes / options.bulk_shards);
    }
    Ok(loader.load(object)?)
}

/// Room for entries whose places are taken. If as many entries as there are places fall on them at
/// random, a third has to move.
fn overflow(entries: u32) -> u32 {
    (entries / 4).max(16)
}

/// The bulk ring's shards.
pub(super) const BULK_NAMES: [&str; BULK_SHARDS_MAX as usize] = [
    "BULK_0", "BULK_1", "BULK_2", "BULK_3", "BULK_4", "BULK_5", "BULK_6", "BULK_7",
];

/// Puts the shards that are used where the programs look for them.
///
/// The table itself stays in the object, which refers to it by its descriptor while programs are
/// loaded.
fn set_up_rings(ebpf: &mut Ebpf, options: &Options) -> Result<Rings, LoadError> {
    let failed = |error: MapError| LoadError::map("BULK", &error);
    let mut bulk: Vec<RingBuf<MapData>> = Vec::with_capacity(BULK_NAMES.len());
    for name in BULK_NAMES.iter().take(options.bulk_shards as usize) {
        bulk.push(take(ebpf, name)?);
    }
    let table = ebpf.map_mut("BULK").ok_or_else(|| missing("BULK"))?;
    let mut table: ArrayOfMaps<&mut MapData, RingBuf<MapData>> =
        ArrayOfMaps::try_from(table).map_err(failed)?;
    for (index, ring) in (0..).zip(&bulk) {
        table.set(index, ring, 0).map_err(failed)?;
    }
    Ok(Rings::new(
        take(ebpf, "CRITICAL")?,
        bulk,
        take(ebpf, "CONTROL")?,
    ))
}

fn missing(map: &'static str) -> LoadError {
    LoadError::map(map, &MapError::InvalidName { name: map.into() })
}

/// Takes a map of the object by its name.
fn take<T: TryFrom<Map, Error = MapError>>(
    ebpf: &mut Ebpf,
    name: &'static str,
) -> Result<T, LoadError> {
    let map = ebpf.take_map(name).ok_or_else(|| missing(name))?;
    T::try_from(map).map_err(|error| LoadError::map(name, &error))
}
