//! The names of the kernel's numbers, as its own tools and manuals write them.

mod errno;

use std::{borrow::Cow, fmt};

/// The name of a number, or the number where it has none here: a kernel can be newer than these
/// tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// It has one.
    Known(&'static str),
    /// It has none.
    Unknown {
        /// What the names of its kind begin with.
        prefix: &'static str,
        /// The number.
        number: u32,
    },
}

impl Name {
    fn of(names: &[&'static str], number: u32) -> Self {
        let name = usize::try_from(number)
            .ok()
            .and_then(|index| names.get(index));
        match name {
            Some(name) if !name.is_empty() => Self::Known(name),
            _ => Self::Unknown { prefix: "", number },
        }
    }

    /// The capability with a number (`include/uapi/linux/capability.h`): `CAP_CHOWN`, `CAP_41`.
    #[must_use]
    pub fn of_capability(number: u32) -> Self {
        match Self::of(&CAPABILITIES, number) {
            Self::Unknown { number, .. } => Self::Unknown {
                prefix: "CAP_",
                number,
            },
            known => known,
        }
    }

    /// The error with a number (`errno(3)`): `ECONNREFUSED`.
    #[must_use]
    pub fn of_error(number: u32) -> Self {
        Self::of(&errno::ERRORS, number)
    }

    /// The state of a TCP socket (`include/net/tcp_states.h`): `established`.
    #[must_use]
    pub fn of_tcp_state(state: u8) -> Self {
        Self::of(&TCP_STATES, state.into())
    }

    /// The internet protocol with a number, by IANA's keyword: `tcp`.
    #[must_use]
    pub fn of_protocol(number: u16) -> Self {
        let known = PROTOCOLS.iter().find(|(known, _)| *known == number);
        known.map_or_else(
            || Self::of(&[], number.into()),
            |(_, name)| Self::Known(name),
        )
    }

    /// The type of a socket (`include/linux/net.h`): `stream`.
    #[must_use]
    pub fn of_socket_type(number: u32) -> Self {
        Self::of(&SOCKET_TYPES, number)
    }

    /// The type of a BPF program (`enum bpf_prog_type`), as `bpftool` shows it: `kprobe`.
    #[must_use]
    pub fn of_bpf_program_type(number: u32) -> Self {
        Self::of(&BPF_PROGRAM_TYPES, number)
    }
}

impl Name {
    /// As text.
    #[must_use]
    pub fn as_text(self) -> Cow<'static, str> {
        match self {
            Self::Known(name) => Cow::Borrowed(name),
            unknown @ Self::Unknown { .. } => unknown.to_string().into(),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(name) => formatter.write_str(name),
            Self::Unknown { prefix, number } => write!(formatter, "{prefix}{number}"),
        }
    }
}

/// The capabilities in a set, by number.
pub fn capabilities(set: u64) -> impl Iterator<Item = Name> {
    let mut rest = set;
    std::iter::from_fn(move || {
        let number = rest.trailing_zeros();
        // Takes the lowest one out.
        rest &= rest.checked_sub(1)?;
        Some(Name::of_capability(number))
    })
}

const CAPABILITIES: [&str; 41] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
];

const TCP_STATES: [&str; 14] = [
    "",
    "established",
    "syn_sent",
    "syn_recv",
    "fin_wait1",
    "fin_wait2",
    "time_wait",
    "close",
    "close_wait",
    "last_ack",
    "listen",
    "closing",
    "new_syn_recv",
    "bound_inactive",
];

/// Those that a socket on a Linux host can have.
const PROTOCOLS: [(u16, &str); 20] = [
    (6, "tcp"),
    (17, "udp"),
    (1, "icmp"),
    (2, "igmp"),
    (4, "ipv4"),
    (8, "egp"),
    (12, "pup"),
    (22, "xns-idp"),
    (29, "iso-tp4"),
    (33, "dccp"),
    (41, "ipv6"),
    (46, "rsvp"),
    (47, "gre"),
    (50, "esp"),
    (51, "ah"),
    (58, "ipv6-icmp"),
    (103, "pim"),
    (132, "sctp"),
    (136, "udplite"),
    (262, "mptcp"),
];

const SOCKET_TYPES: [&str; 11] = [
    "",
    "stream",
    "dgram",
    "raw",
    "rdm",
    "seqpacket",
    "dccp",
    "",
    "",
    "",
    "packet",
];

const BPF_PROGRAM_TYPES: [&str; 33] = [
    "unspec",
    "socket_filter",
    "kprobe",
    "sched_cls",
    "sched_act",
    "tracepoint",
    "xdp",
    "perf_event",
    "cgroup_skb",
    "cgroup_sock",
    "lwt_in",
    "lwt_out",
    "lwt_xmit",
    "sock_ops",
    "sk_skb",
    "cgroup_device",
    "sk_msg",
    "raw_tracepoint",
    "cgroup_sock_addr",
    "lwt_seg6local",
    "lirc_mode2",
    "sk_reuseport",
    "flow_dissector",
    "cgroup_sysctl",
    "raw_tracepoint_writable",
    "cgroup_sockopt",
    "tracing",
    "struct_ops",
    "ext",
    "lsm",
    "sk_lookup",
    "syscall",
    "netfilter",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_where_the_kernel_has_them() {
        let named = |name: Name| name.to_string();
        assert_eq!(named(Name::of_capability(0)), "CAP_CHOWN");
        assert_eq!(named(Name::of_capability(7)), "CAP_SETUID");
        assert_eq!(named(Name::of_capability(21)), "CAP_SYS_ADMIN");
        assert_eq!(named(Name::of_capability(40)), "CAP_CHECKPOINT_RESTORE");
        assert_eq!(named(Name::of_capability(41)), "CAP_41");
        assert_eq!(named(Name::of_tcp_state(1)), "established");
        assert_eq!(named(Name::of_tcp_state(10)), "listen");
        assert_eq!(named(Name::of_tcp_state(12)), "new_syn_recv");
        assert_eq!(named(Name::of_tcp_state(0)), "0");
        assert_eq!(named(Name::of_protocol(6)), "tcp");
        assert_eq!(named(Name::of_protocol(132)), "sctp");
        assert_eq!(named(Name::of_protocol(254)), "254");
        assert_eq!(named(Name::of_socket_type(5)), "seqpacket");
        assert_eq!(named(Name::of_socket_type(10)), "packet");
        assert_eq!(named(Name::of_socket_type(8)), "8");
        assert_eq!(named(Name::of_bpf_program_type(26)), "tracing");
        assert_eq!(named(Name::of_bpf_program_type(32)), "netfilter");
        assert_eq!(named(Name::of_bpf_program_type(33)), "33");
    }

    /// The operating system names its errors too, in another way: a table that is shifted by one
    /// would not agree with it.
    #[test]
    fn errors_are_where_the_kernel_has_them() {
        use rustix::io::Errno;
        for (name, errno) in [
            ("EPERM", Errno::PERM),
            ("EAGAIN", Errno::AGAIN),
            ("EPIPE", Errno::PIPE),
            ("EDEADLK", Errno::DEADLK),
            ("ENOMSG", Errno::NOMSG),
            ("EBFONT", Errno::BFONT),
            ("EPROTO", Errno::PROTO),
            ("EILSEQ", Errno::ILSEQ),
            ("ENOTSOCK", Errno::NOTSOCK),
            ("ENETUNREACH", Errno::NETUNREACH),
            ("ECONNRESET", Errno::CONNRESET),
            ("ETIMEDOUT", Errno::TIMEDOUT),
            ("ECONNREFUSED", Errno::CONNREFUSED),
            ("EHOSTUNREACH", Errno::HOSTUNREACH),
            ("EDQUOT", Errno::DQUOT),
            ("ECANCELED", Errno::CANCELED),
            ("EHWPOISON", Errno::HWPOISON),
        ] {
            let number = u32::try_from(errno.raw_os_error()).unwrap();
            assert_eq!(Name::of_error(number).to_string(), name);
        }
        assert_eq!(Name::of_error(134).to_string(), "134");
    }

    proptest! {
        #[test]
        fn lists_every_capability_once(set in any::<u64>()) {
            let names: Vec<_> = capabilities(set).collect();
            let expected: Vec<_> = (0..64)
                .filter(|number| set >> number & 1 == 1)
                .map(Name::of_capability)
                .collect();
            prop_assert_eq!(names, expected);
        }
    }
}
