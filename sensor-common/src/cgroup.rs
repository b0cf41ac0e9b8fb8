//! Records of cgroups.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    assert_size,
    record::{Header, Text},
};

/// A cgroup was made or removed. The tail holds its path. The header names no process, because it
/// does not matter who did it.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Cgroup {
    /// No process.
    pub header: Header,
    /// The inode number of its directory.
    pub id: u64,
    /// [`Operation`].
    pub operation: u32,
    /// Reserved, 0.
    pub reserved: u32,
    /// Its path from the hierarchy's root, which the kernel cuts at [`PATH_BYTES_MAX`].
    pub path: Text,
}
assert_size!(Cgroup, 88);

/// What became of a cgroup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Operation {
    /// It was made.
    Made = 0,
    /// It was removed.
    Removed = 1,
}

impl Operation {
    /// The operation with this number on the wire.
    #[must_use]
    pub const fn from_wire(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Made),
            1 => Some(Self::Removed),
            _ => None,
        }
    }
}

/// Bytes of a path, NUL included, that the kernel's tracepoints tell (`TRACE_CGROUP_PATH_LEN`,
/// `kernel/cgroup/cgroup-internal.h`).
pub const PATH_BYTES_MAX: usize = 1024;
