//! The values and keys of the kernel's maps.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{assert_size, credentials::Credentials, namespaces::Namespaces, network::Address};

/// What userspace and the programs tell each other while they run (map `CONTROL`).
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Control {
    /// 1 while the reader sleeps until it is woken; the program that wakes it sets it to 0.
    pub armed: u32,
    /// [`hooked`]: events that have a hook of their own, so that no other stands in for it.
    pub hooked: u32,
}
assert_size!(Control, 8);

/// Bits of [`Control::hooked`].
pub mod hooked {
    /// `inet_csk_accept`.
    pub const ACCEPT: u32 = 1 << 0;
    /// `security_socket_listen`.
    pub const LISTEN: u32 = 1 << 1;
}

/// What is known of a task, by the address of its `struct task_struct` (map `TASKS`).
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct TaskState {
    /// The task's own `start_boottime`: tells a reused address from the same task.
    pub start: u64,
    /// Its group leader's `start_boottime`.
    pub leader_start: u64,
    /// Its process id.
    pub tgid: u32,
    /// [`task_flags`].
    pub flags: u32,
    /// [`Credentials::digest`] of `credentials`.
    pub digest: u64,
    /// Address of the `struct cred` that `credentials` was read from.
    pub cred: u64,
    /// Address of its `struct group_info`.
    pub group_info: u64,
    /// Address of its `struct user_namespace`.
    pub user_ns: u64,
    /// Address of the `struct nsproxy` that `namespaces` was read from.
    pub nsproxy: u64,
    /// The namespaces last entered.
    pub namespaces: Namespaces,
    /// The credentials last committed.
    pub credentials: Credentials,
}
assert_size!(TaskState, 176);

/// Bits of [`TaskState::flags`].
pub mod task_flags {
    /// `unshare(2)` is under way.
    pub const UNSHARING: u32 = 1 << 0;
    /// The exec under way changes a user id.
    pub const EXEC_SETUID: u32 = 1 << 1;
    /// The exec under way changes a group id.
    pub const EXEC_SETGID: u32 = 1 << 2;
    /// The exec under way adds permitted capabilities.
    pub const EXEC_CAPABILITIES: u32 = 1 << 3;
    /// The program of this hook has run for the event under way: its spare need not.
    pub const FORK_SEEN: u32 = 1 << 4;
    /// The same of an exec.
    pub const EXEC_SEEN: u32 = 1 << 5;
    /// The same of an exit.
    pub const EXIT_SEEN: u32 = 1 << 6;
    /// The same of a commit of credentials.
    pub const COMMIT_SEEN: u32 = 1 << 7;
    /// All that is said of an exec under way.
    pub const EXEC: u32 = EXEC_SETUID | EXEC_SETGID | EXEC_CAPABILITIES;
}

/// The process that a socket belongs to: what its records' headers say.
#[derive(Clone, Copy, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Owner {
    /// The process's `start_boottime`; 0 if the owner is not known.
    pub start: u64,
    /// Its cgroup.
    pub cgroup: u64,
    /// Its credentials' digest.
    pub credentials: u64,
    /// Its id.
    pub tgid: u32,
    /// The thread that acted.
    pub tid: u32,
    /// Its real user id.
    pub uid: u32,
    /// [`crate::record::flags`].
    pub flags: u32,
}
assert_size!(Owner, 40);

impl Owner {
    /// Nobody, until more is known.
    pub const NOBODY: Self = Self {
        start: 0,
        cgroup: 0,
        credentials: 0,
        tgid: 0,
        tid: 0,
        uid: 0,
        flags: 0,
    };
}

/// What is known of a TCP socket, by its address (map `SOCKETS`).
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SocketState {
    /// Who connected, accepted or listens.
    pub owner: Owner,
    /// When the attempt began, `CLOCK_BOOTTIME` nanoseconds.
    pub opened: u64,
    /// When the connection was established; 0 before.
    pub established: u64,
    /// [`crate::network::Role`].
    pub role: u32,
    /// Reserved, 0.
    pub reserved: u32,
}
assert_size!(SocketState, 64);

/// A listening port (map `LISTENERS`), whose value is its [`Owner`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ListenerKey {
    /// Inode number of the network namespace.
    pub network_namespace: u32,
    /// The port.
    pub port: u32,
}
assert_size!(ListenerKey, 8);

/// A process's UDP peer. Only its digest is kept (map `PEERS`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerKey {
    /// The peer's address.
    pub remote: Address,
    /// The process.
    pub tgid: u32,
    /// This host's port.
    pub local_port: u16,
    /// The peer's port.
    pub remote_port: u16,
}

impl PeerKey {
    /// A digest of the key, in all bits of which every bit of the key counts.
    #[must_use]
    #[inline(always)]
    pub const fn digest(&self) -> u64 {
        let ports = (self.local_port as u64) | ((self.remote_port as u64) << 16);
        let process = (self.tgid as u64) << 32;
        let mut digest = crate::mix(0, self.remote.words[0]);
        digest = crate::mix(digest, self.remote.words[1]);
        crate::mix(digest, ports | process)
    }
}

/// A peer that was silent for this long is reported again, as a new flow: five minutes.
pub const PEER_IDLE_SECONDS: u64 = 300;
