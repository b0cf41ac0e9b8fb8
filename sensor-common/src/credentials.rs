//! A task's credentials: `struct cred` without its keys and security labels.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::assert_size;

/// What a task may do (`include/linux/cred.h`). Ids are those of the initial user namespace.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Credentials {
    /// Real user id.
    pub uid: u32,
    /// Real group id.
    pub gid: u32,
    /// Saved user id.
    pub suid: u32,
    /// Saved group id.
    pub sgid: u32,
    /// Effective user id.
    pub euid: u32,
    /// Effective group id.
    pub egid: u32,
    /// User id for file access.
    pub fsuid: u32,
    /// Group id for file access.
    pub fsgid: u32,
    /// `SECBIT_*` flags.
    pub securebits: u32,
    /// Inode number of the user namespace that the capabilities are valid in.
    pub user_namespace: u32,
    /// Capabilities kept across exec of a file that lists them.
    pub cap_inheritable: u64,
    /// Capabilities that the task may make effective.
    pub cap_permitted: u64,
    /// Capabilities in force.
    pub cap_effective: u64,
    /// Capabilities that an exec can still give.
    pub cap_bset: u64,
    /// Capabilities kept across exec of an ordinary file.
    pub cap_ambient: u64,
}
assert_size!(Credentials, 80);

impl Credentials {
    /// A digest that differs when any member differs, but for chance (64 bits). Both sides compute
    /// it, so it needs to be cheap in the kernel, not secret.
    #[must_use]
    #[inline(always)]
    pub fn digest(&self) -> u64 {
        let mut digest = 0xcbf2_9ce4_8422_2325;
        for word in self.words() {
            digest = crate::mix(digest, *word);
        }
        digest
    }

    /// Whether both are the same. A derived comparison of this size becomes a call to `memcmp`,
    /// which kernel programs do not have.
    #[must_use]
    #[inline(always)]
    pub fn same(&self, other: &Self) -> bool {
        let mut difference = 0;
        for (mine, theirs) in self.words().iter().zip(other.words()) {
            difference |= mine ^ theirs;
        }
        difference == 0
    }

    /// The members as machine words.
    #[inline(always)]
    fn words(&self) -> &[u64; 10] {
        zerocopy::transmute_ref!(self)
    }
}
