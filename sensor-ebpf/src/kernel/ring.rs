//! Sending records: they are built inside the ring, so that nothing is copied and nothing can be
//! torn by a program that interrupts this one.
//!
//! Whether a record is sent or not, it is counted: `seen` before the ring is asked for room, and
//! `lost` if there is none. The counters are added to atomically, because a program in a soft
//! interrupt may run between two instructions of this one on the same CPU.

use core::{
    arch::asm,
    ffi::c_void,
    ops::{Deref, DerefMut},
};

use aya_ebpf::{
    bindings::{BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP},
    helpers::generated::{
        bpf_get_smp_processor_id, bpf_map_lookup_elem, bpf_ringbuf_discard, bpf_ringbuf_reserve,
        bpf_ringbuf_submit,
    },
};
use sensor_common::{
    counters::{Counters, Degraded, Loss},
    record::{Header, Kind, Ring},
    state::{Control, Owner},
};
use zerocopy::FromBytes;

use super::{
    map::{BULK, CONTROL, COUNTERS, CRITICAL},
    settings::setting,
    time::boot_time,
};

/// A record in its ring, not yet sent. It must be sent or discarded, or the program is refused.
///
/// `T` is its fixed part; the tail follows. The memory holds what an earlier record left there, so
/// whoever reserves a record sets every member of `T`.
#[must_use = "the verifier refuses a program that forgets a record"]
pub struct Record<T: 'static>(&'static mut T);

/// Where a record is counted.
#[derive(Clone, Copy)]
struct Place {
    counters: &'static Counters,
    kind: Kind,
    sequence: u64,
}

impl<T: FromBytes> Record<T> {
    /// Reserves room for a record of a kind without a tail, and fills in its header.
    #[inline(always)]
    pub fn open(kind: Kind, owner: &Owner) -> Option<Self> {
        let place = Place::count(kind)?;
        Self::reserve(place, size_of::<T>() as u64, owner)
    }

    /// Reserves `bytes` for a record with a tail, by the smallest of `sizes` that is enough.
    ///
    /// The verifier wants to see a constant in each call, hence the classes.
    #[inline(always)]
    fn reserve(place: Place, bytes: u64, owner: &Owner) -> Option<Self> {
        let ring = ring_map(place.kind.ring());
        if !ring.is_null() {
            // SAFETY: the map is a ring, and the verifier checks every access against `bytes`.
            let record = unsafe { bpf_ringbuf_reserve(ring, bytes, 0).cast::<T>().as_mut() };
            if let Some(record) = record {
                let mut record = Self(record);
                record.fill_header(&place, owner);
                return Some(record);
            }
        }
        place.lose(Loss::RingFull);
        None
    }

    #[inline(always)]
    fn fill_header(&mut self, place: &Place, owner: &Owner) {
        let header = self.header();
        header.length = size_of::<T>() as u32;
        header.kind = place.kind as u8;
        header.ring = place.kind.ring() as u8;
        header.flags = owner.flags as u16;
        header.sequence = place.sequence;
        header.time = boot_time();
        // SAFETY: the helper takes no arguments and always answers.
        header.cpu = unsafe { bpf_get_smp_processor_id() };
        header.tid = owner.tid;
        header.tgid = owner.tgid;
        header.uid = owner.uid;
        header.start = owner.start;
        header.cgroup = owner.cgroup;
        header.credentials = owner.credentials;
    }

    /// The header, with which every fixed part begins.
    #[inline(always)]
    fn header(&mut self) -> &mut Header {
        // SAFETY: every record type is `repr(C)` and has a `Header` as its first member.
        unsafe { &mut *(&raw mut *self.0).cast::<Header>() }
    }

    /// Where the record begins, for writing its tail.
    #[inline(always)]
    pub fn bytes(&mut self) -> *mut u8 {
        (&raw mut *self.0).cast()
    }

    /// Sends the record.
    #[inline(always)]
    pub fn submit(self) {
        // SAFETY: the pointer is the one that the ring gave.
        unsafe { bpf_ringbuf_submit((&raw mut *self.0).cast(), wake_up()) }
    }

    /// Sends the record with a tail that ends at `length` bytes from its beginning.
    #[inline(always)]
    pub fn submit_with_length(mut self, length: u32) {
        self.header().length = length;
        self.submit();
    }

    /// Gives the room back.
    #[inline(always)]
    fn discard(self) {
        // SAFETY: the pointer is the one that the ring gave.
        unsafe { bpf_ringbuf_discard((&raw mut *self.0).cast(), u64::from(BPF_RB_NO_WAKEUP)) }
    }
}

impl<T> Deref for Record<T> {
    type Target = T;

    #[inline(always)]
    fn deref(&self) -> &T {
        self.0
    }
}

impl<T> DerefMut for Record<T> {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut T {
        self.0
    }
}

/// A record whose size is not known before it is built: it is counted once, and may be reserved
/// again, larger, when what was built did not fit.
pub struct Growing {
    place: Place,
}

impl Growing {
    /// Counts an occurrence.
    #[inline(always)]
    pub fn open(kind: Kind) -> Option<Self> {
        Place::count(kind).map(|place| Self { place })
    }

    /// Reserves `bytes`, a constant.
    #[inline(always)]
    pub fn reserve<T: FromBytes>(&self, bytes: u64, owner: &Owner) -> Option<Record<T>> {
        Record::reserve(self.place, bytes, owner)
    }

    /// Gives back what was reserved, to try again with more.
    #[inline(always)]
    pub fn retry<T: FromBytes>(&self, record: Record<T>) {
        record.discard();
    }
}

impl Place {
    #[inline(always)]
    fn count(kind: Kind) -> Option<Self> {
        let counters = counters()?;
        let sequence = counters.sequence.get(kind.ring() as usize)?;
        // SAFETY: reads a counter that only grows; whole, because it is aligned.
        let number = unsafe { (&raw const *sequence).read_volatile() };
        add(sequence);
        add(counters.seen.get(kind as usize)?);
        Some(Self {
            counters,
            kind,
            sequence: number,
        })
    }

    #[inline(always)]
    fn lose(&self, reason: Loss) {
        if let Some(counter) = self
            .counters
            .lost
            .get(self.kind as usize)
            .and_then(|reasons| reasons.get(reason as usize))
        {
            add(counter);
        }
    }
}

/// Whether a kind of record is wanted at all.
#[inline(always)]
pub fn wanted(kind: Kind) -> bool {
    setting::KINDS.get() & (1 << kind as u32) != 0
}

/// Counts a limit that was met.
#[inline(always)]
pub fn degraded(limit: Degraded) {
    if let Some(counter) = counters().and_then(|counters| counters.degraded.get(limit as usize)) {
        add(counter);
    }
}

/// Counts an occurrence that a spare program saw.
#[inline(always)]
pub fn spared(kind: Kind) {
    if let Some(counter) = counters().and_then(|counters| counters.spared.get(kind as usize)) {
        add(counter);
    }
}

#[inline(always)]
fn counters() -> Option<&'static Counters> {
    // SAFETY: the entry of a per-CPU array is never freed while a program can see it.
    COUNTERS
        .get_ptr(0)
        .and_then(|counters| unsafe { counters.as_ref() })
}

/// Adds one, atomically with respect to programs that interrupt this one.
#[inline(always)]
fn add(counter: &u64) {
    // SAFETY: the counter is aligned, lives in a map, and is only added to atomically or read
    // whole. Written out, because this is the one atomic instruction that kernels before 5.12 have.
    unsafe {
        asm!(
            "lock *(u64 *)({counter} + 0) += {one}",
            counter = in(reg) &raw const *counter,
            one = in(reg) 1_u64,
            options(nostack),
        );
    }
}

/// The map of a ring; for the bulk, that of this CPU's shard.
#[inline(always)]
fn ring_map(ring: Ring) -> *mut c_void {
    match ring {
        Ring::Critical => (&raw const CRITICAL).cast_mut().cast(),
        Ring::Bulk => {
            // SAFETY: the helper takes no arguments and always answers.
            let shard = unsafe { bpf_get_smp_processor_id() } & setting::BULK_MASK.get();
            // SAFETY: the map and the key are valid for the call; what comes back is a ring or null.
            unsafe {
                bpf_map_lookup_elem(
                    (&raw const BULK).cast_mut().cast(),
                    (&raw const shard).cast(),
                )
            }
        }
    }
}

/// Whether the reader must be woken: only if it said that it sleeps, and only once. Otherwise it
/// comes by itself within its interval, and a record costs no interrupt.
#[inline(always)]
fn wake_up() -> u64 {
    let Some(control) = control() else {
        return u64::from(BPF_RB_FORCE_WAKEUP);
    };
    // SAFETY: reads and writes an aligned word that userspace also writes.
    unsafe {
        if (&raw const (*control).armed).read_volatile() == 0 {
            return u64::from(BPF_RB_NO_WAKEUP);
        }
        (&raw mut (*control).armed).write_volatile(0);
    }
    u64::from(BPF_RB_FORCE_WAKEUP)
}

/// Whether an event has a hook of its own ([`sensor_common::state::hooked`]).
#[inline(always)]
pub fn is_hooked(event: u32) -> bool {
    // SAFETY: reads an aligned word that userspace also writes.
    control().is_some_and(|control| unsafe {
        (&raw const (*control).hooked).read_volatile() & event != 0
    })
}

#[inline(always)]
fn control() -> Option<*mut Control> {
    CONTROL.get_ptr_mut(0)
}
