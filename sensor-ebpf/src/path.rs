//! Absolute paths, walked from a file's entry in the directory tree up to the root of its mount
//! namespace: what the kernel resolved, whatever string a process passed, from within whatever
//! chroot.
//!
//! `bpf_d_path` does this in the kernel, but only in a handful of hooks.

#![forbid(unsafe_code)]

use crate::kernel::{Access, Forgotten, Pointer, Probed, field};

/// Most components within one mount.
const STEPS: usize = 40;

/// Longest file name (`NAME_MAX`) and its NUL.
const NAME: u32 = 256;

/// Offsets are below this; it is what the verifier needs to see.
const OFFSET_MASK: usize = 0xffff;

/// How a walk ended.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum End {
    /// At the root of the mount namespace.
    Root = 0,
    /// At the root of a tree that is mounted nowhere.
    Detached = 1,
    /// After [`STEPS`] components of a mount, six mounts, or at a name that could not be read.
    Truncated = 2,
    /// Where the record has no room for another name.
    NoRoom = 3,
}

/// Where a walk writes.
pub struct Target<'a> {
    /// The record.
    pub record: *mut u8,
    /// Where the last name may begin.
    pub limit: usize,
    /// Where the next name begins.
    pub offset: Forgotten<'a, u32>,
    /// How the walk ended: [`End`].
    pub end: Forgotten<'a, u32>,
    /// The mount that an earlier walk found at the root; 0 before.
    pub root: Forgotten<'a, u64>,
}

/// A file's place in the directory tree (`struct path`).
#[derive(Clone, Copy)]
pub struct Place {
    /// Its `struct vfsmount`.
    pub mount: Pointer,
    /// Its `struct dentry`.
    pub dentry: Pointer,
}

/// Writes the names from a place up to the root, each ended by NUL, as long as they begin before
/// the limit.
#[inline(always)]
pub fn walk<A: Access>(target: &mut Target<'_>, place: Place) {
    let top = field::VFSMOUNT_ROOT.follow::<A>(place.mount);
    if !walk_mount::<A>(target, place.dentry, top) {
        return;
    }
    let vfsmount = place.mount.key();
    if target.root.get() == vfsmount {
        target.end.set(End::Root as u32);
        return;
    }
    let mount = Mount::of(Pointer::from_address(vfsmount));
    // On most hosts the root is mounted on the root of the initial file system. What is found there
    // holds for the next walk too.
    if mount.is_on_top() {
        let end = mount.end();
        if end == End::Root {
            target.root.set(vfsmount);
        }
        target.end.set(end as u32);
        return;
    }
    // Written out for each mount, because the verifier takes a loop within a loop for every way
    // through both.
    macro_rules! step_over {
        ($mount:expr,) => {};
        ($mount:expr, $nth:literal $($rest:literal)*) => {
            let mount: Mount = $mount;
            let below = mount.below();
            if !walk_mount::<Probed>(target, mount.mountpoint, below.top) {
                return;
            }
            if below.is_on_top() {
                target.end.set(below.end() as u32);
                return;
            }
            step_over!(below, $($rest)*);
        };
    }
    step_over!(mount, 1 2 3 4 5);
    target.end.set(End::Truncated as u32);
}

/// What is read of a `struct mount`.
#[derive(Clone, Copy)]
struct Mount {
    /// Where it lies.
    address: u64,
    /// The mount that it is mounted on; itself, if it is mounted nowhere.
    parent: u64,
    /// The directory of the parent that it is mounted on.
    mountpoint: Pointer,
    /// Its own topmost directory.
    top: Pointer,
}

impl Mount {
    /// The mount that a `struct vfsmount` is part of.
    #[inline(always)]
    fn of(vfsmount: Pointer) -> Self {
        Self::at(vfsmount.before(field::MOUNT_MNT.offset()))
    }

    /// The three addresses lie in a row, in every kernel so far; userspace verifies it before it
    /// loads a program.
    #[inline(always)]
    fn at(address: Pointer) -> Self {
        let [parent, mountpoint, top] = field::MOUNT_PARENT.of(address).read::<[u64; 3]>();
        Self {
            address: address.address(),
            parent,
            mountpoint: Pointer::from_address(mountpoint),
            top: Pointer::from_address(top),
        }
    }

    /// The mount that this one is mounted on.
    #[inline(always)]
    fn below(&self) -> Self {
        Self::at(Pointer::from_address(self.parent))
    }

    /// How a walk ends that has come to this topmost mount: at a root, or in a tree that was taken
    /// off. Only mounts of a tree that somebody can see belong to a mount namespace; `umount_tree`
    /// (fs/namespace.c) takes it from them, and for the kernel's own mounts an error stands there.
    #[inline(always)]
    fn end(&self) -> End {
        const ERRORS: u64 = -4095_i64 as u64;
        let namespace: u64 = field::MOUNT_MNT_NS
            .of(Pointer::from_address(self.address))
            .read();
        if namespace == 0 || namespace >= ERRORS {
            End::Detached
        } else {
            End::Root
        }
    }

    /// Whether nothing is above it: it is mounted nowhere, or on the topmost directory of a mount
    /// that is mounted nowhere.
    #[inline(always)]
    fn is_on_top(&self) -> bool {
        if self.parent == self.address || self.parent == 0 {
            return true;
        }
        let below = self.below();
        below.parent == self.parent && below.top.address() == self.mountpoint.address()
    }
}

/// Writes the names from `dentry` up to the root of its mount; whether it came to that.
#[inline(always)]
fn walk_mount<A: Access>(target: &mut Target<'_>, mut dentry: Pointer, top: Pointer) -> bool {
    for _ in 0..STEPS {
        if dentry.address() == top.address() {
            return true;
        }
        let offset = target.offset.get() as usize & OFFSET_MASK;
        if offset > target.limit {
            target.end.set(End::NoRoom as u32);
            return false;
        }
        let (parent, name) = parent_and_name::<A>(dentry);
        let written = name.read_text(target.record, offset, NAME);
        if written <= 0 {
            break;
        }
        target.offset.set(offset as u32 + written as u32);
        // A memfd's entry is its own parent, and has the memfd's name.
        if parent.address() == dentry.address() {
            target.end.set(End::Detached as u32);
            return false;
        }
        dentry = parent;
    }
    target.end.set(End::Truncated as u32);
    false
}

#[inline(always)]
fn parent_and_name<A: Access>(dentry: Pointer) -> (Pointer, Pointer) {
    if A::TYPED {
        let name: u64 = field::DENTRY_NAME.get::<A, _>(dentry);
        (
            field::DENTRY_PARENT.follow::<A>(dentry),
            Pointer::from_address(name),
        )
    } else {
        // The parent's address, the name's hash and length, and the name's address lie in a row.
        let [parent, _, name] = field::DENTRY_PARENT.of(dentry).read::<[u64; 3]>();
        (Pointer::from_address(parent), Pointer::from_address(name))
    }
}
