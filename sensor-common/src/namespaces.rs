//! The namespaces that a task lives in, by the inode numbers that `/proc/PID/ns` shows.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::assert_size;

/// Inode numbers of a task's namespaces; 0 where the kernel has no such namespace.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C, align(8))]
pub struct Namespaces {
    /// Mounts.
    pub mnt: u32,
    /// Process ids, for the task's future children (`pid_for_children`).
    pub pid: u32,
    /// Network.
    pub net: u32,
    /// Host name.
    pub uts: u32,
    /// System V IPC and POSIX message queues.
    pub ipc: u32,
    /// Control groups.
    pub cgroup: u32,
    /// Clocks (from 5.6).
    pub time: u32,
    /// Users, from the credentials.
    pub user: u32,
}
assert_size!(Namespaces, 32);

impl Namespaces {
    /// Whether both are the same; see [`crate::credentials::Credentials::same`].
    #[must_use]
    #[inline(always)]
    pub fn same(&self, other: &Self) -> bool {
        let mine: &[u64; 4] = zerocopy::transmute_ref!(self);
        let theirs: &[u64; 4] = zerocopy::transmute_ref!(other);
        let mut difference = 0;
        for (mine, theirs) in mine.iter().zip(theirs) {
            difference |= mine ^ theirs;
        }
        difference == 0
    }
}
