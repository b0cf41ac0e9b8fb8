//! Records of the privilege family.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    assert_size,
    credentials::Credentials,
    namespaces::Namespaces,
    record::{Header, ProcessKey, Text},
};

/// Most supplementary groups captured of each of the two lists.
pub const GROUPS_MAX: usize = 32;

/// A task committed new credentials (`commit_creds`), or was made with others than its parent's.
/// The tail holds the supplementary groups before and after, as `u32`s; `Text` counts groups.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CredentialChange {
    /// The process whose credentials change.
    pub header: Header,
    /// The credentials in force until now.
    pub before: Credentials,
    /// The credentials in force from now on.
    pub after: Credentials,
    /// [`Cause`].
    pub cause: u32,
    /// Reserved, 0.
    pub reserved: u32,
    /// Supplementary groups before.
    pub groups_before: Text,
    /// Supplementary groups after.
    pub groups_after: Text,
}
assert_size!(CredentialChange, 248);

/// What led to new credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Cause {
    /// A call of the task itself: `setuid`, `capset`, `setns`, ...
    Call = 0,
    /// The exec of a setuid, setgid or capability-bearing file, or an exec that drops them.
    Exec = 1,
    /// The task was made in a new user namespace.
    Clone = 2,
}

impl Cause {
    /// The cause with this number on the wire.
    #[must_use]
    pub const fn from_wire(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Call),
            1 => Some(Self::Exec),
            2 => Some(Self::Clone),
            _ => None,
        }
    }
}

/// A task's credentials differ from those it last committed. Where commits are hooked this is a
/// write to kernel memory; where they cannot be, userspace judges whether the change could have
/// been made by a call.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CredentialDivergence {
    /// The process whose credentials differ.
    pub header: Header,
    /// The credentials last committed or seen.
    pub before: Credentials,
    /// The credentials found.
    pub after: Credentials,
    /// Whether the task still points to the same `struct cred`: then that was overwritten in
    /// place, which the kernel never does.
    pub same_object: u32,
    /// The [`crate::record::Kind`] of the hook that found it.
    pub found_by: u32,
}
assert_size!(CredentialDivergence, 232);

/// A process entered other namespaces.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Namespace {
    /// The process that entered them.
    pub header: Header,
    /// Its namespaces until now.
    pub before: Namespaces,
    /// Its namespaces from now on.
    pub after: Namespaces,
    /// [`NamespaceOperation`].
    pub operation: u32,
    /// Reserved, 0.
    pub reserved: u32,
}
assert_size!(Namespace, 136);

/// How a process came into other namespaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum NamespaceOperation {
    /// It was made in them.
    Clone = 0,
    /// It made them for itself.
    Unshare = 1,
    /// It joined them.
    Setns = 2,
    /// It was seen in them; the hooks that would tell how are not available.
    Observed = 3,
}

impl NamespaceOperation {
    /// The operation with this number on the wire.
    #[must_use]
    pub const fn from_wire(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Clone),
            1 => Some(Self::Unshare),
            2 => Some(Self::Setns),
            3 => Some(Self::Observed),
            _ => None,
        }
    }
}

/// A process was given access to another one's memory and registers.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Ptrace {
    /// The tracer, or the one that reads and writes; for trace-me, the process that offers itself.
    pub header: Header,
    /// The process that is traced, read or written; for trace-me, the tracer.
    pub target: ProcessKey,
    /// Real user id of the target.
    pub target_uid: u32,
    /// `PTRACE_MODE_*` bits; 0 for trace-me.
    pub mode: u32,
    /// [`PtraceOperation`].
    pub operation: u32,
    /// Reserved, 0.
    pub reserved: u32,
}
assert_size!(Ptrace, 96);

/// The ways to ptrace that the kernel asks its security modules about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum PtraceOperation {
    /// Attach, `process_vm_readv` and `_writev`, `/proc/PID/mem`, `pidfd_getfd`.
    Access = 0,
    /// `PTRACE_TRACEME`.
    TraceMe = 1,
}

impl PtraceOperation {
    /// The operation with this number on the wire.
    #[must_use]
    pub const fn from_wire(number: u32) -> Option<Self> {
        match number {
            0 => Some(Self::Access),
            1 => Some(Self::TraceMe),
            _ => None,
        }
    }
}

/// `PTRACE_MODE_ATTACH` (`include/linux/ptrace.h`): access to write, not only to look.
pub const PTRACE_MODE_ATTACH: u32 = 0x02;
/// `PTRACE_MODE_FSCREDS`: judged by file-system ids, as for `/proc/PID/mem`.
pub const PTRACE_MODE_FSCREDS: u32 = 0x08;
/// `PTRACE_MODE_REALCREDS`: judged by real ids, as for attach and `process_vm_*`.
pub const PTRACE_MODE_REALCREDS: u32 = 0x10;

/// A kernel module was loaded.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ModuleLoad {
    /// The process that loaded it.
    pub header: Header,
    /// `mod->taints`, bits by `TAINT_*`.
    pub taints: u64,
    /// The module's name, ended by NUL.
    pub name: [u8; MODULE_NAME_LEN],
}
assert_size!(ModuleLoad, 128);

/// `MODULE_NAME_LEN` (`include/linux/moduleparam.h`), on 64 bits.
pub const MODULE_NAME_LEN: usize = 56;

/// A file descriptor of a BPF program was made: once at its load, and whenever somebody opens it
/// by id or pin. Userspace tells the two apart by whether the id is new.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BpfProgram {
    /// The process that loads or opens it.
    pub header: Header,
    /// The program's id.
    pub id: u32,
    /// `enum bpf_prog_type`.
    pub program_type: u32,
    /// `enum bpf_attach_type`.
    pub attach_type: u32,
    /// Instructions after verification.
    pub instructions: u32,
    /// SHA-1 of the instructions, cut to 8 bytes.
    pub tag: [u8; 8],
    /// [`bpf_flags`].
    pub flags: u32,
    /// Reserved, 0.
    pub reserved: u32,
    /// The program's name, ended by NUL unless full.
    pub name: [u8; 16],
    /// The kernel function that it attaches to, ended by NUL; empty for types that have none.
    pub function: [u8; 64],
}
assert_size!(BpfProgram, 176);

/// Bits of [`BpfProgram::flags`].
pub mod bpf_flags {
    /// The program can change what a kernel function returns (`bpf_override_return`).
    pub const OVERRIDES_RETURN: u32 = 1 << 0;
    /// The program's licence is compatible with the GPL.
    pub const GPL_COMPATIBLE: u32 = 1 << 1;
}
