//! What the kernel programs and userspace must agree on.
//!
//! - [`record`]: the header that every ring record starts with, and the kinds of record.
//! - [`exec`], [`network`], [`privilege`], [`cgroup`]: the bodies, one file per family.
//! - [`credentials`], [`namespaces`]: the parts that several bodies share.
//! - [`state`]: the values of the kernel maps.
//! - [`counters`]: the terms of the loss identity, *seen = delivered + lost*.
//! - [`fields`]: which kernel structure members the programs read, by BTF path.
//! - [`settings`]: the read-only globals that userspace sets at load.
//!
//! Every structure is `repr(C)`, has no padding and a size asserted at compile time, so that the
//! two sides cannot disagree silently. Nothing here knows how a record is produced or consumed.

#![no_std]
#![forbid(unsafe_code)]

pub mod cgroup;
pub mod counters;
pub mod credentials;
pub mod exec;
pub mod fields;
pub mod namespaces;
pub mod network;
pub mod privilege;
pub mod record;
pub mod settings;
pub mod state;

/// Asserts the size of a type that crosses the kernel boundary.
macro_rules! assert_size {
    ($type:ty, $bytes:expr) => {
        const _: () = assert!(size_of::<$type>() == $bytes);
    };
}
pub(crate) use assert_size;

/// One round of a multiply-and-fold hash: cheap in the kernel, and not meant to be secret. The odd
/// constant is 2^64 divided by the golden ratio.
#[inline(always)]
pub(crate) const fn mix(digest: u64, word: u64) -> u64 {
    let product = (digest ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    product ^ (product >> 29)
}
