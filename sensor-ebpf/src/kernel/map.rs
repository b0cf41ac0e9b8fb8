//! The maps, with access that cannot be wrong in ways that only `unsafe` could tell.

use aya_ebpf::{
    bindings::BPF_NOEXIST,
    btf_maps::{ArrayOfMaps, RingBuf as InnerRingBuf},
    macros::{btf_map, map},
    maps::{Array, HashMap, LruHashMap, PerCpuArray, RingBuf},
};
use sensor_common::{
    counters::{Counters, Degraded},
    record::ProcessKey,
    state::{Control, ListenerKey, Owner, PEER_IDLE_SECONDS, PeerKey, SocketState, TaskState},
};

use super::{
    ring::degraded,
    settings::{Setting, setting},
    time::monotonic_time,
};

/// What is known of each task, by the address of its `struct task_struct`.
pub const TASKS: Store<TaskState> = Store {
    slots: &TASK_SLOTS,
    mask: &setting::TASK_MASK,
    overflow: &TASK_OVERFLOW,
    limit: Degraded::TasksFull,
};
#[map]
static TASK_SLOTS: Array<Slot<TaskState>> = Array::with_max_entries(1, 0);
#[map]
static TASK_OVERFLOW: HashMap<u64, TaskState> = HashMap::with_max_entries(1, 0);

/// What is known of each TCP socket, by the address of its `struct sock`.
pub const SOCKETS: Store<SocketState> = Store {
    slots: &SOCKET_SLOTS,
    mask: &setting::SOCKET_MASK,
    overflow: &SOCKET_OVERFLOW,
    limit: Degraded::SocketsFull,
};
#[map]
static SOCKET_SLOTS: Array<Slot<SocketState>> = Array::with_max_entries(1, 0);
#[map]
static SOCKET_OVERFLOW: HashMap<u64, SocketState> = HashMap::with_max_entries(1, 0);

/// Who listens on a port.
#[map]
pub static LISTENERS: Table<ListenerKey, Owner> = Table::with_max_entries(1_024);

/// When UDP peers were last heard. Where two fall on one place the later stays; the other is
/// reported once more when it comes back.
#[map]
static PEERS: Array<Peer> = Array::with_max_entries(PEERS_LENGTH, 0);
const PEERS_LENGTH: u32 = 32_768;

/// What descriptors are, by their operations. Where two fall on one place the later stays.
#[map]
static FILE_KINDS: Array<KnownFile> = Array::with_max_entries(FILE_KINDS_LENGTH, 0);
const FILE_KINDS_LENGTH: u32 = 64;

/// Processes of several threads that ended a moment ago, so that each is reported once.
#[map]
pub static EXITED: Recent<ProcessKey, u8> = Recent::with_max_entries(256);

/// Per CPU, what was counted.
#[map]
pub(super) static COUNTERS: PerCpuArray<Counters> = PerCpuArray::with_max_entries(1, 0);

/// What userspace says while the programs run.
#[map]
pub(super) static CONTROL: Array<Control> = Array::with_max_entries(1, 0);

/// The ring of exec and privilege records.
#[map]
pub(super) static CRITICAL: RingBuf = RingBuf::with_byte_size(4 << 20, 0);

/// The rings of fork, exit and network records, by shard: hosts with few CPUs use the first.
#[btf_map]
pub(super) static BULK: ArrayOfMaps<InnerRingBuf<u8, 4096>, BULK_SHARDS> = ArrayOfMaps::new();

/// The most shards: the maps `BULK_0` to `BULK_7`, which userspace puts into `BULK`.
const BULK_SHARDS: usize = 8;

/// One shard each.
mod bulk {
    use aya_ebpf::{macros::map, maps::RingBuf};

    macro_rules! shards {
        ($($name:ident)*) => {
            $(
                #[map]
                static $name: RingBuf = RingBuf::with_byte_size(4096, 0);
            )*
        };
    }
    shards! { BULK_0 BULK_1 BULK_2 BULK_3 BULK_4 BULK_5 BULK_6 BULK_7 }
}

/// A map that is looked up by an address.
///
/// An entry's place is a slot of an array, chosen by the address: to find, set and free it costs a
/// tenth of what a hash map's locks and free lists do. When two entries fall on one slot, the
/// earlier one moves to a hash map; so nothing is forgotten until that is full.
pub struct Store<V: 'static> {
    slots: &'static Array<Slot<V>>,
    /// The number of slots, a power of two, minus one.
    mask: &'static Setting<u32>,
    overflow: &'static HashMap<u64, V>,
    /// What to count when that is full, and an entry forgotten.
    limit: Degraded,
}

/// A place for one entry.
#[repr(C)]
struct Slot<V> {
    /// The address that the entry is of; 0 while there is none, and while it is being written.
    key: u64,
    value: V,
}

impl<V> Store<V> {
    /// The entry of an address. Only the address's own task or socket changes it; it may be gone
    /// by the next look.
    #[inline(always)]
    pub fn find(&self, key: u64) -> Option<&'static mut V> {
        if let Some(slot) = self.slot(key)
            && slot.key == key
        {
            return Some(&mut slot.value);
        }
        // SAFETY: the kernel keeps the memory of an entry mapped while a program runs, and the
        // values are plain data of which every bit pattern is valid.
        self.overflow
            .get_ptr_mut(key)
            .and_then(|entry| unsafe { entry.as_mut() })
    }

    /// Adds an entry for an address, by letting `write` fill it in where it lies. What `write`
    /// finds there is another entry's.
    #[inline(always)]
    pub fn add(&self, key: u64, write: impl FnOnce(&mut V)) -> Option<&'static mut V> {
        let slot = self.slot(key)?;
        let occupant = slot.key;
        if occupant != 0
            && occupant != key
            && self.overflow.insert(occupant, &slot.value, 0).is_err()
        {
            degraded(self.limit);
        }
        // Nobody takes a half-written entry for whole.
        volatile_write(&mut slot.key, 0);
        write(&mut slot.value);
        volatile_write(&mut slot.key, key);
        Some(&mut slot.value)
    }

    /// Removes the entry of an address.
    #[inline(always)]
    pub fn remove(&self, key: u64) {
        if let Some(slot) = self.slot(key)
            && slot.key == key
        {
            volatile_write(&mut slot.key, 0);
            return;
        }
        // That it has none is fine: it may never have had one.
        let _ = self.overflow.remove(key);
    }

    #[inline(always)]
    fn slot(&self, key: u64) -> Option<&'static mut Slot<V>> {
        let index = spread(key) & self.mask.get();
        // SAFETY: the entry of an array is never freed while a program can see it, and its bytes
        // are plain data.
        self.slots
            .get_ptr_mut(index)
            .and_then(|slot| unsafe { slot.as_mut() })
    }
}

/// Spreads addresses, which differ in their middle bits, over the lower bits of an index: a
/// multiplication by 2^64 divided by the golden ratio.
#[inline(always)]
const fn spread(address: u64) -> u32 {
    (address.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u32
}

#[inline(always)]
fn volatile_write(place: &mut u64, value: u64) {
    // SAFETY: writes a place that is borrowed. Volatile, so that it stays where it stands among
    // the other writes.
    unsafe { (&raw mut *place).write_volatile(value) }
}

/// A UDP peer, by a digest of its key.
#[repr(C)]
struct Peer {
    digest: u64,
    /// When it was last heard, by [`monotonic_time`].
    heard: u64,
}

/// Whether a peer is new, or was silent for longer than `PEER_IDLE_SECONDS`; it is neither any more.
#[inline(always)]
pub fn is_new_peer(key: &PeerKey) -> bool {
    let digest = key.digest();
    // SAFETY: the entry of an array is never freed while a program can see it, and its bytes are
    // plain data.
    let peer = PEERS
        .get_ptr_mut(digest as u32 & (PEERS_LENGTH - 1))
        .and_then(|peer| unsafe { peer.as_mut() });
    let Some(peer) = peer else {
        return true;
    };
    let now = monotonic_time();
    let silence = now.wrapping_sub(peer.heard);
    let is_known = peer.digest == digest && silence < PEER_IDLE_SECONDS * 1_000_000_000;
    peer.digest = digest;
    peer.heard = now;
    !is_known
}

/// What a descriptor with certain operations is.
#[repr(C)]
struct KnownFile {
    /// The address of its `struct file_operations`.
    operations: u64,
    kind: u64,
}

/// What descriptors with these operations are, as [`learn_file`] was last told.
#[inline(always)]
pub fn known_file(operations: u64) -> Option<u8> {
    known_file_place(operations)
        .filter(|known| known.operations == operations)
        .map(|known| known.kind as u8)
}

/// Keeps what descriptors with these operations are.
#[inline(always)]
pub fn learn_file(operations: u64, kind: u8) {
    if let Some(known) = known_file_place(operations) {
        volatile_write(&mut known.operations, 0);
        volatile_write(&mut known.kind, u64::from(kind));
        volatile_write(&mut known.operations, operations);
    }
}

#[inline(always)]
fn known_file_place(operations: u64) -> Option<&'static mut KnownFile> {
    let index = spread(operations) & (FILE_KINDS_LENGTH - 1);
    // SAFETY: the entry of an array is never freed while a program can see it, and its bytes are
    // plain data.
    FILE_KINDS
        .get_ptr_mut(index)
        .and_then(|known| unsafe { known.as_mut() })
}

/// A hash map whose entries are preallocated: full is full, and no program waits for memory.
#[repr(transparent)]
pub struct Table<K, V>(HashMap<K, V>);

impl<K, V> Table<K, V> {
    const fn with_max_entries(entries: u32) -> Self {
        Self(HashMap::with_max_entries(entries, 0))
    }

    /// The entry of a key. It may change at any time if another CPU works on the same key.
    #[inline(always)]
    pub fn find(&self, key: &K) -> Option<&'static V> {
        // SAFETY: the kernel keeps the memory of an entry mapped while a program runs, and the
        // values are plain data of which every bit pattern is valid.
        self.0
            .get_ptr(key)
            .and_then(|entry| unsafe { entry.as_ref() })
    }

    /// Sets the entry of a key; whether there was room.
    #[inline(always)]
    pub fn set(&self, key: &K, value: &V) -> bool {
        self.0.insert(key, value, 0).is_ok()
    }

    /// Removes the entry of a key.
    #[inline(always)]
    pub fn remove(&self, key: &K) {
        // That it has none is fine: it may never have had one.
        let _ = self.0.remove(key);
    }
}

/// A hash map that forgets its least recently used entries.
#[repr(transparent)]
pub struct Recent<K, V>(LruHashMap<K, V>);

impl<K, V> Recent<K, V> {
    const fn with_max_entries(entries: u32) -> Self {
        Self(LruHashMap::with_max_entries(entries, 0))
    }

    /// Sets the entry of a key that has none; whether it had none.
    #[inline(always)]
    pub fn claim(&self, key: &K, value: &V) -> bool {
        self.0.insert(key, value, u64::from(BPF_NOEXIST)).is_ok()
    }
}
