//! Records of the exec family: fork, exec, exit.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    assert_size,
    credentials::Credentials,
    namespaces::Namespaces,
    record::{Header, ProcessKey, Text},
};

/// A process was made. The header's process is the one that called; the parent is the one that
/// will be told of the child's end, which differs under `CLONE_PARENT`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Fork {
    /// The process that called.
    pub header: Header,
    /// The new process.
    pub child: ProcessKey,
    /// The new process's `real_parent`.
    pub parent: ProcessKey,
    /// The new process's id in its own pid namespace.
    pub namespace_pid: u32,
    /// Reserved, 0.
    pub reserved: u32,
}
assert_size!(Fork, 104);

/// The last thread of a process ended.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Exit {
    /// The process that ended.
    pub header: Header,
    /// The status as `wait(2)` gives it: signal in bits 0 to 6, core dump in bit 7, exit code in
    /// bits 8 to 15.
    pub status: u32,
    /// Reserved, 0.
    pub reserved: u32,
}
assert_size!(Exit, 72);

/// A process replaced its image. The tail holds, in this order and without gaps: `executable`,
/// `working_directory`, `filename`, `interpreter`, `argv`.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Exec {
    /// The process, with its new credentials.
    pub header: Header,
    /// `real_parent` at this moment.
    pub parent: ProcessKey,
    /// The file that is mapped as the process's image: the interpreter's, for a script.
    pub file: File,
    /// The process's namespaces.
    pub namespaces: Namespaces,
    /// The process's new credentials.
    pub credentials: Credentials,
    /// The process's id in its own pid namespace.
    pub namespace_pid: u32,
    /// Session id in the initial pid namespace.
    pub session_id: u32,
    /// Process group id in the initial pid namespace.
    pub process_group: u32,
    /// Audit's login uid; `u32::MAX` when unset or without audit.
    pub login_uid: u32,
    /// Audit's session id; `u32::MAX` when unset or without audit.
    pub audit_session: u32,
    /// Number of arguments.
    pub argc: u32,
    /// Thread id before the exec: not the process id when another thread than the leader called.
    pub previous_tid: u32,
    /// Device number (`MKDEV`) of the controlling terminal; 0 without one.
    pub tty: u32,
    /// [`flags`].
    pub flags: u32,
    /// What standard input, output and error are: [`descriptor`].
    pub stdio: [u8; 3],
    /// Reserved, 0.
    pub reserved: u8,
    /// Used by the program while it builds the record: how the last path walk ended.
    pub walk_end: u32,
    /// Used by the program while it builds the record: where the next string begins.
    pub walk_offset: u32,
    /// Used by the program while it builds the record: the mount at the root, once it is known.
    pub walk_root: u64,
    /// Absolute path of [`Exec::file`]: components from the file upwards, each ended by NUL.
    pub executable: Text,
    /// Absolute path of the working directory, in the same form.
    pub working_directory: Text,
    /// The path that the process asked for, as the kernel copied it.
    pub filename: Text,
    /// The interpreter that a script's first line names; empty if the file is no script.
    pub interpreter: Text,
    /// Arguments, each ended by NUL.
    pub argv: Text,
}
assert_size!(Exec, 352);

/// A file, by what the kernel knows of its inode.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct File {
    /// Inode number.
    pub inode: u64,
    /// Device number (`MKDEV`, kernel's encoding: major << 20 | minor).
    pub device: u32,
    /// Hard links; 0 for a deleted file or a memfd.
    pub links: u32,
    /// Type and permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Nanoseconds of [`File::modified`].
    pub modified_nanoseconds: u32,
    /// When its content was last changed, as anybody may set it: seconds since 1970.
    pub modified: i64,
    /// When the inode itself was last changed, which only the kernel sets: seconds since 1970.
    pub changed: i64,
    /// Nanoseconds of [`File::changed`].
    pub changed_nanoseconds: u32,
    /// Reserved, 0.
    pub reserved: u32,
    /// Bytes.
    pub size: u64,
}
assert_size!(File, 64);

/// Values of [`Exec::stdio`].
pub mod descriptor {
    /// Not open.
    pub const CLOSED: u8 = 0;
    /// A pipe.
    pub const PIPE: u8 = 1;
    /// A socket.
    pub const SOCKET: u8 = 2;
    /// Something else: a terminal, another device, a file.
    pub const OTHER: u8 = 3;
}

/// Bits of [`Exec::flags`].
pub mod flags {
    /// The kernel marked the exec as privileged (`bprm->secureexec`, `AT_SECURE`).
    pub const SECURE: u32 = 1 << 0;
    /// The exec changed a user id: the file's setuid bit was honoured.
    pub const SETUID: u32 = 1 << 1;
    /// The exec changed a group id: the file's setgid bit was honoured.
    pub const SETGID: u32 = 1 << 2;
    /// The exec added permitted capabilities that the user did not have.
    pub const CAPABILITIES: u32 = 1 << 3;
    /// The executable's path had more components, or more bytes, than were followed.
    pub const EXECUTABLE_TRUNCATED: u32 = 1 << 4;
    /// The same of the working directory.
    pub const WORKING_DIRECTORY_TRUNCATED: u32 = 1 << 5;
    /// The executable's path does not lead to the root of its mount namespace: it lies in a tree
    /// that was detached, or in none (memfd).
    pub const EXECUTABLE_DETACHED: u32 = 1 << 6;
    /// The same of the working directory.
    pub const WORKING_DIRECTORY_DETACHED: u32 = 1 << 7;
    /// The executable was unlinked (its dentry is not hashed).
    pub const EXECUTABLE_UNLINKED: u32 = 1 << 8;
}
