//! Which members of kernel structures the programs read.
//!
//! One row per member: the read-only global that carries its offset, whether the programs can do
//! without it, and its path in the kernel's BTF (`/sys/kernel/btf/vmlinux`), which may lead
//! through embedded and anonymous members. Userspace resolves the paths on the running kernel and
//! sets the globals before it loads a program; a hook whose required members are not all there is
//! not loaded.
//!
//! Where a member was given other names over time, its path is a list of them, separated by `|`, of
//! which the first that exists counts.
//!
//! A bit field's global holds the offset of the byte that it lies in and, in the upper eight bits,
//! the mask within that byte.

/// The value of a member that this kernel does not have.
pub const MISSING: u32 = u32::MAX;

/// What a group of members describes. A hook names the groups that it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// A task, its process, credentials, namespaces and cgroup: what every record's header needs.
    Task,
    /// A new image: its file, path, arguments and descriptors.
    Image,
    /// A socket.
    Socket,
    /// A network packet.
    Packet,
    /// A kernel module.
    Module,
    /// A BPF program.
    Bpf,
    /// A cgroup as such, not that of a task.
    Cgroup,
}

/// Whether a member must exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Without it the hooks of its group are not loaded.
    Required,
    /// Without it one field of an event is missing, or another member serves instead.
    Optional,
}

/// What kind of member it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Whole bytes.
    Bytes,
    /// One bit.
    Bit,
}

/// A member, as userspace resolves it.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The global's symbol in the object.
    pub global: &'static str,
    /// The path: structure, then members, by dots; or several, separated by `|`.
    pub path: &'static str,
    /// What it describes.
    pub group: Group,
    /// Whether it must exist.
    pub need: Need,
    /// What kind of member it is.
    pub shape: Shape,
}

/// Calls a macro with every row: `Group { GLOBAL: Need Shape "path", ... }`.
#[macro_export]
macro_rules! for_each_field {
    ($callback:ident) => {
        $callback! {
            Task {
                TASK_PID: Required Bytes "task_struct.pid",
                TASK_TGID: Required Bytes "task_struct.tgid",
                TASK_FLAGS: Required Bytes "task_struct.flags",
                TASK_START_BOOTTIME: Required Bytes "task_struct.start_boottime",
                TASK_GROUP_LEADER: Required Bytes "task_struct.group_leader",
                TASK_REAL_PARENT: Required Bytes "task_struct.real_parent",
                TASK_REAL_CRED: Required Bytes "task_struct.real_cred",
                TASK_NSPROXY: Required Bytes "task_struct.nsproxy",
                TASK_SIGNAL: Required Bytes "task_struct.signal",
                TASK_THREAD_PID: Required Bytes "task_struct.thread_pid",
                TASK_EXIT_CODE: Required Bytes "task_struct.exit_code",
                TASK_MM: Required Bytes "task_struct.mm",
                TASK_CGROUPS: Required Bytes "task_struct.cgroups",
                TASK_IN_EXECVE: Optional Bit "task_struct.in_execve",
                MM_OWNER: Optional Bytes "mm_struct.owner",
                SIGNAL_NR_THREADS: Required Bytes "signal_struct.nr_threads",
                SIGNAL_SUM_SCHED_RUNTIME: Required Bytes "signal_struct.sum_sched_runtime",
                SIGNAL_LIVE: Required Bytes "signal_struct.live",
                SIGNAL_GROUP_EXIT_CODE: Required Bytes "signal_struct.group_exit_code",
                SIGNAL_FLAGS: Required Bytes "signal_struct.flags",
                SIGNAL_PIDS: Required Bytes "signal_struct.pids",
                CRED_UID: Required Bytes "cred.uid",
                CRED_SECUREBITS: Required Bytes "cred.securebits",
                CRED_CAP_INHERITABLE: Required Bytes "cred.cap_inheritable",
                CRED_CAP_AMBIENT: Required Bytes "cred.cap_ambient",
                CRED_USER_NS: Required Bytes "cred.user_ns",
                CRED_GROUP_INFO: Required Bytes "cred.group_info",
                GROUP_INFO_NGROUPS: Required Bytes "group_info.ngroups",
                GROUP_INFO_GID: Required Bytes "group_info.gid",
                USER_NS_INUM: Required Bytes "user_namespace.ns.inum",
                NSPROXY_MNT: Required Bytes "nsproxy.mnt_ns",
                NSPROXY_PID: Required Bytes "nsproxy.pid_ns_for_children",
                NSPROXY_NET: Required Bytes "nsproxy.net_ns",
                NSPROXY_UTS: Required Bytes "nsproxy.uts_ns",
                NSPROXY_IPC: Required Bytes "nsproxy.ipc_ns",
                NSPROXY_CGROUP: Optional Bytes "nsproxy.cgroup_ns",
                NSPROXY_TIME: Optional Bytes "nsproxy.time_ns",
                MNT_NS_INUM: Required Bytes "mnt_namespace.ns.inum",
                PID_NS_INUM: Required Bytes "pid_namespace.ns.inum",
                NET_INUM: Required Bytes "net.ns.inum",
                UTS_NS_INUM: Required Bytes "uts_namespace.ns.inum",
                IPC_NS_INUM: Required Bytes "ipc_namespace.ns.inum",
                CGROUP_NS_INUM: Optional Bytes "cgroup_namespace.ns.inum",
                TIME_NS_INUM: Optional Bytes "time_namespace.ns.inum",
                PID_LEVEL: Required Bytes "pid.level",
                PID_NUMBERS: Required Bytes "pid.numbers",
                CSS_SET_DFL_CGRP: Required Bytes "css_set.dfl_cgrp",
                CSS_SET_SUBSYS: Optional Bytes "css_set.subsys",
                CSS_CGROUP: Optional Bytes "cgroup_subsys_state.cgroup",
                CGROUP_KN: Required Bytes "cgroup.kn",
                CGROUP_LEVEL: Required Bytes "cgroup.level",
                CGROUP_ANCESTOR_IDS: Optional Bytes "cgroup.ancestor_ids",
                CGROUP_ANCESTORS: Optional Bytes "cgroup.ancestors",
                KERNFS_NODE_ID: Required Bytes "kernfs_node.id",
            }
            Image {
                TASK_FILES: Required Bytes "task_struct.files",
                TASK_FS: Required Bytes "task_struct.fs",
                TASK_LOGINUID: Optional Bytes "task_struct.loginuid",
                TASK_SESSIONID: Optional Bytes "task_struct.sessionid",
                SIGNAL_TTY: Optional Bytes "signal_struct.tty",
                TTY_INDEX: Optional Bytes "tty_struct.index",
                TTY_DRIVER: Optional Bytes "tty_struct.driver",
                TTY_DRIVER_MAJOR: Optional Bytes "tty_driver.major",
                TTY_DRIVER_MINOR_START: Optional Bytes "tty_driver.minor_start",
                MM_EXE_FILE: Required Bytes "mm_struct.exe_file",
                MM_ARG_START: Required Bytes "mm_struct.arg_start",
                MM_ARG_END: Required Bytes "mm_struct.arg_end",
                FILE_PATH_MNT: Required Bytes "file.f_path.mnt",
                FILE_PATH_DENTRY: Required Bytes "file.f_path.dentry",
                FILE_OPERATIONS: Required Bytes "file.f_op",
                FILE_INODE: Required Bytes "file.f_inode",
                INODE_MODE: Required Bytes "inode.i_mode",
                INODE_UID: Required Bytes "inode.i_uid",
                INODE_GID: Required Bytes "inode.i_gid",
                INODE_INO: Required Bytes "inode.i_ino",
                INODE_NLINK: Required Bytes "inode.i_nlink",
                INODE_SB: Required Bytes "inode.i_sb",
                INODE_SIZE: Required Bytes "inode.i_size",
                INODE_MODIFIED: Optional Bytes "inode.i_mtime_sec|inode.__i_mtime.tv_sec|inode.i_mtime.tv_sec",
                INODE_MODIFIED_NSEC: Optional Bytes "inode.i_mtime_nsec|inode.__i_mtime.tv_nsec|inode.i_mtime.tv_nsec",
                INODE_CHANGED: Optional Bytes "inode.i_ctime_sec|inode.__i_ctime.tv_sec|inode.i_ctime.tv_sec",
                INODE_CHANGED_NSEC: Optional Bytes "inode.i_ctime_nsec|inode.__i_ctime.tv_nsec|inode.i_ctime.tv_nsec",
                SUPER_BLOCK_DEV: Required Bytes "super_block.s_dev",
                DENTRY_PARENT: Required Bytes "dentry.d_parent",
                DENTRY_NAME: Required Bytes "dentry.d_name.name",
                DENTRY_HASH_PPREV: Required Bytes "dentry.d_hash.pprev",
                VFSMOUNT_ROOT: Required Bytes "vfsmount.mnt_root",
                MOUNT_MNT: Required Bytes "mount.mnt",
                MOUNT_PARENT: Required Bytes "mount.mnt_parent",
                MOUNT_MOUNTPOINT: Required Bytes "mount.mnt_mountpoint",
                MOUNT_MNT_NS: Required Bytes "mount.mnt_ns",
                FS_PWD_MNT: Required Bytes "fs_struct.pwd.mnt",
                FS_PWD_DENTRY: Required Bytes "fs_struct.pwd.dentry",
                FILES_FDT: Required Bytes "files_struct.fdt",
                FDTABLE_FD: Required Bytes "fdtable.fd",
                BPRM_FILENAME: Required Bytes "linux_binprm.filename",
                BPRM_INTERP: Required Bytes "linux_binprm.interp",
                BPRM_ARGC: Required Bytes "linux_binprm.argc",
                BPRM_SECUREEXEC: Optional Bit "linux_binprm.secureexec",
            }
            Socket {
                SOCK_FAMILY: Required Bytes "sock.__sk_common.skc_family",
                SOCK_REMOTE: Required Bytes "sock.__sk_common.skc_daddr",
                SOCK_LOCAL: Required Bytes "sock.__sk_common.skc_rcv_saddr",
                SOCK_REMOTE_PORT: Required Bytes "sock.__sk_common.skc_dport",
                SOCK_LOCAL_PORT: Required Bytes "sock.__sk_common.skc_num",
                SOCK_REMOTE6: Optional Bytes "sock.__sk_common.skc_v6_daddr",
                SOCK_LOCAL6: Optional Bytes "sock.__sk_common.skc_v6_rcv_saddr",
                SOCK_NET: Required Bytes "sock.__sk_common.skc_net",
                SOCK_FLAGS: Required Bytes "sock.__sk_common.skc_flags",
                SOCK_STATE: Required Bytes "sock.__sk_common.skc_state",
                SOCK_PROTOCOL: Required Bytes "sock.sk_protocol",
                SOCK_TYPE: Required Bytes "sock.sk_type",
                SOCK_ERR: Required Bytes "sock.sk_err",
                SOCKET_SK: Required Bytes "socket.sk",
                TCP_SOURCE_PORT: Required Bytes "tcp_sock.inet_conn.icsk_inet.inet_sport",
                TCP_BYTES_RECEIVED: Required Bytes "tcp_sock.bytes_received",
                TCP_BYTES_SENT: Required Bytes "tcp_sock.bytes_sent",
                TCP_BYTES_RETRANS: Required Bytes "tcp_sock.bytes_retrans",
            }
            Packet {
                SKB_SK: Required Bytes "sk_buff.sk",
                SKB_USERS: Required Bytes "sk_buff.users",
                SKB_HEAD: Required Bytes "sk_buff.head",
                SKB_TAIL: Required Bytes "sk_buff.tail",
                SKB_END: Required Bytes "sk_buff.end",
                SKB_NETWORK_HEADER: Required Bytes "sk_buff.network_header",
                SKB_TRANSPORT_HEADER: Required Bytes "sk_buff.transport_header",
            }
            Module {
                MODULE_NAME: Required Bytes "module.name",
                MODULE_TAINTS: Required Bytes "module.taints",
            }
            Bpf {
                BPF_PROG_TYPE: Required Bytes "bpf_prog.type",
                BPF_PROG_ATTACH_TYPE: Required Bytes "bpf_prog.expected_attach_type",
                BPF_PROG_LEN: Required Bytes "bpf_prog.len",
                BPF_PROG_TAG: Required Bytes "bpf_prog.tag",
                BPF_PROG_AUX: Required Bytes "bpf_prog.aux",
                BPF_PROG_KPROBE_OVERRIDE: Optional Bit "bpf_prog.kprobe_override",
                BPF_PROG_GPL_COMPATIBLE: Optional Bit "bpf_prog.gpl_compatible",
                BPF_AUX_ID: Required Bytes "bpf_prog_aux.id",
                BPF_AUX_NAME: Required Bytes "bpf_prog_aux.name",
                BPF_AUX_ATTACH_FUNC_NAME: Optional Bytes "bpf_prog_aux.attach_func_name",
            }
            Cgroup {
                CGROUP_ROOT: Required Bytes "cgroup.root",
                CGROUP_ROOT_HIERARCHY: Required Bytes "cgroup_root.hierarchy_id",
            }
        }
    };
}

macro_rules! table {
    ($($group:ident { $($global:ident: $need:ident $shape:ident $path:literal,)* })*) => {
        /// Every member that the programs read.
        pub const FIELDS: &[Field] = &[$($(
            Field {
                global: stringify!($global),
                path: $path,
                group: Group::$group,
                need: Need::$need,
                shape: Shape::$shape,
            },
        )*)*];
    };
}
for_each_field!(table);
