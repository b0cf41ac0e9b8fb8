//! The read-only globals that userspace sets before it loads the programs.
//!
//! They are constants to the verifier: a branch that a setting rules out is not even verified.

/// Calls a macro with every setting: `/// meaning` `NAME: type = default`.
#[macro_export]
macro_rules! for_each_setting {
    ($callback:ident) => {
        $callback! {
            /// Whether helper 158, `bpf_get_current_task_btf`, exists (from 5.11).
            CURRENT_TASK_BTF: u32 = 0,
            /// The task flag of io_uring's workers (`PF_IO_WORKER`, 0x10 from 5.12); 0 before, where
            /// they are kernel threads that borrow the process's memory.
            IO_WORKER_FLAG: u32 = 0,
            /// The cgroup whose subtree is watched; 0 for the whole host.
            SCOPE_CGROUP: u64 = 0,
            /// That cgroup's depth below the root of the hierarchy.
            SCOPE_LEVEL: u32 = 0,
            /// The hierarchy whose cgroups tell containers and units apart (`hierarchy_id` of
            /// `struct cgroup_root`): 0 for version 2.
            CGROUP_HIERARCHY: u32 = 0,
            /// A controller of that hierarchy, if it is one of version 1: its index in
            /// `enum cgroup_subsys_id`.
            CGROUP_SUBSYS: u32 = 0,
            /// Bit `1 << Kind` for each kind of record that is wanted.
            KINDS: u32 = u32::MAX,
            /// Whether connections of unix sockets are wanted.
            UNIX_SOCKETS: u32 = 0,
            /// Most bytes of arguments that an exec record carries.
            ARGV_LIMIT: u32 = 4096,
            /// The number of bulk rings, a power of two, minus one.
            BULK_MASK: u32 = 0,
            /// The number of places for tasks, a power of two, minus one.
            TASK_MASK: u32 = 0,
            /// The number of places for TCP sockets, a power of two, minus one.
            SOCKET_MASK: u32 = 0,
            /// Whether helper 137, `bpf_skc_to_tcp_sock`, exists (from 5.9).
            SKC_TO_TCP_SOCK: u32 = 0,
            /// Whether `sched_process_exit` says if the whole group is dead (from 6.16).
            EXIT_SAYS_GROUP_DEAD: u32 = 0,
            /// Whether programs can be preempted, so that each of the important ones has a spare.
            SPARES: u32 = 0,
            /// The index of `inet_csk_accept`'s return value among an fexit program's arguments: the
            /// number of its parameters (4, and 2 from 6.10).
            ACCEPT_RETURN: u32 = 4,
        }
    };
}
