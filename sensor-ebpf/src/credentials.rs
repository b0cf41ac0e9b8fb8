//! Reading and comparing `struct cred`.

#![forbid(unsafe_code)]

use sensor_common::credentials::Credentials;
use zerocopy::IntoBytes;

use crate::kernel::{Access, Buffer, Pointer, field};

/// Reads a `struct cred`.
#[inline(always)]
pub fn read<A: Access>(cred: Pointer, credentials: &mut Credentials) {
    if A::TYPED {
        read_typed::<A>(cred, credentials);
    } else {
        read_probed(cred, credentials);
    }
    let user_ns = field::CRED_USER_NS.follow::<A>(cred);
    credentials.user_namespace = field::USER_NS_INUM.get::<A, _>(user_ns);
}

/// Credentials on the stack, before they are read.
pub struct Reading(Buffer<Credentials>);

impl Reading {
    /// Nothing read yet.
    #[inline(always)]
    pub const fn new() -> Self {
        Self(Buffer::new())
    }

    /// Reads a `struct cred`.
    #[inline(always)]
    pub fn of<A: Access>(&mut self, cred: Pointer) -> &mut Credentials {
        let credentials = self.0.written();
        read::<A>(cred, credentials);
        credentials
    }
}

/// Whether a `struct cred` holds these credentials, but for the user namespace.
#[inline(always)]
pub fn are<A: Access>(cred: Pointer, credentials: &Credentials) -> bool {
    if A::TYPED {
        are_typed::<A>(cred, credentials)
    } else {
        are_probed(cred, credentials)
    }
}

/// The same, by a function of its own if it needs room on the stack, which is free again when the
/// caller calls others.
#[inline(always)]
pub fn are_apart<A: Access>(cred: Pointer, credentials: &Credentials) -> bool {
    #[inline(never)]
    fn probed(cred: Pointer, credentials: &Credentials) -> bool {
        are_probed(cred, credentials)
    }
    if A::TYPED {
        are_typed::<A>(cred, credentials)
    } else {
        probed(cred, credentials)
    }
}

#[inline(always)]
fn are_probed(cred: Pointer, credentials: &Credentials) -> bool {
    let mut found = Buffer::new();
    let found: &mut Credentials = found.written();
    read_probed(cred, found);
    found.user_namespace = credentials.user_namespace;
    found.same(credentials)
}

// The ids lie side by side, and so do the capability sets, in every kernel so far; userspace
// verifies it before it loads a program.

/// By a helper: two calls, because a call costs more than the bytes that it reads.
#[inline(always)]
fn read_probed(cred: Pointer, credentials: &mut Credentials) {
    /// Eight ids and the secure bits.
    const IDS: usize = 36;
    /// Where the capability sets begin in [`Credentials`].
    const CAPABILITIES: usize = 40;
    let bytes = credentials.as_mut_bytes();
    if let Some(ids) = bytes.get_mut(..IDS) {
        field::CRED_UID.of(cred).fill(ids);
    }
    if let Some(capabilities) = bytes.get_mut(CAPABILITIES..) {
        field::CRED_CAP_INHERITABLE.of(cred).fill(capabilities);
    }
}

/// By plain loads.
#[inline(always)]
fn read_typed<A: Access>(cred: Pointer, credentials: &mut Credentials) {
    let ids = field::CRED_UID.of(cred);
    credentials.uid = A::load(ids);
    credentials.gid = A::load(ids.offset(4));
    credentials.suid = A::load(ids.offset(8));
    credentials.sgid = A::load(ids.offset(12));
    credentials.euid = A::load(ids.offset(16));
    credentials.egid = A::load(ids.offset(20));
    credentials.fsuid = A::load(ids.offset(24));
    credentials.fsgid = A::load(ids.offset(28));
    credentials.securebits = A::load(ids.offset(32));
    let capabilities = field::CRED_CAP_INHERITABLE.of(cred);
    credentials.cap_inheritable = A::load(capabilities);
    credentials.cap_permitted = A::load(capabilities.offset(8));
    credentials.cap_effective = A::load(capabilities.offset(16));
    credentials.cap_bset = A::load(capabilities.offset(24));
    credentials.cap_ambient = A::load(capabilities.offset(32));
}

/// The same, without keeping what is read.
#[inline(always)]
fn are_typed<A: Access>(cred: Pointer, known: &Credentials) -> bool {
    let ids = field::CRED_UID.of(cred);
    let mut difference = A::load::<u32>(ids) ^ known.uid;
    difference |= A::load::<u32>(ids.offset(4)) ^ known.gid;
    difference |= A::load::<u32>(ids.offset(8)) ^ known.suid;
    difference |= A::load::<u32>(ids.offset(12)) ^ known.sgid;
    difference |= A::load::<u32>(ids.offset(16)) ^ known.euid;
    difference |= A::load::<u32>(ids.offset(20)) ^ known.egid;
    difference |= A::load::<u32>(ids.offset(24)) ^ known.fsuid;
    difference |= A::load::<u32>(ids.offset(28)) ^ known.fsgid;
    difference |= A::load::<u32>(ids.offset(32)) ^ known.securebits;
    let capabilities = field::CRED_CAP_INHERITABLE.of(cred);
    let mut other = A::load::<u64>(capabilities) ^ known.cap_inheritable;
    other |= A::load::<u64>(capabilities.offset(8)) ^ known.cap_permitted;
    other |= A::load::<u64>(capabilities.offset(16)) ^ known.cap_effective;
    other |= A::load::<u64>(capabilities.offset(24)) ^ known.cap_bset;
    other |= A::load::<u64>(capabilities.offset(32)) ^ known.cap_ambient;
    u64::from(difference) | other == 0
}
