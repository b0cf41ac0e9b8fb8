//! The ladder: for each event, the hooks that can tell of it, best first.
//!
//! | rung | program types | what it costs |
//! | --- | --- | --- |
//! | 1 | `tp_btf`, `fentry`, `fexit` | least: members are read by plain loads |
//! | 2 | raw tracepoint, kprobe | the same events; members are read by a helper |
//! | 3 | raw tracepoint, cgroup | a host that allows neither tracing programs nor kprobes |
//!
//! None is attached to the system-call boundary, on any rung: that would slow down every thread of
//! the host.

use sensor_common::{fields::Group, record::Kind, state::hooked};

/// An event's hooks.
#[derive(Debug)]
pub struct Hook {
    /// Its name in reports.
    pub name: &'static str,
    /// The kinds of record that it sends.
    pub kinds: &'static [Kind],
    /// What its programs read.
    pub groups: &'static [Group],
    /// The rungs, best first.
    pub rungs: &'static [Rung],
    /// The bit of [`hooked`] that tells other programs not to stand in, or 0.
    pub announces: u32,
    /// Whether what a run that the kernel skipped would have told is told at the process's next
    /// event all the same.
    pub catches_up: bool,
}

/// One way to hook an event.
#[derive(Debug)]
pub struct Rung {
    /// By what means.
    pub means: Means,
    /// The programs; all of them, or the rung is not taken.
    pub programs: &'static [Attachment],
    /// Programs of the same targets for kernels on which one can be preempted: they work where the
    /// kernel skipped the first.
    pub spares: &'static [Attachment],
    /// What this rung does not see; empty if it sees everything.
    pub misses: &'static str,
}

/// The means of a rung, as they can be switched off and as a kernel can refuse them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// `tp_btf`, `fentry` and `fexit` programs.
    Tracing,
    /// Raw tracepoints.
    RawTracepoint,
    /// Kernel probes.
    Kprobe,
    /// Programs on a cgroup's socket calls.
    Cgroup,
    /// No program of its own: another hook notices.
    StandIn,
}

impl Means {
    /// The means' name in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tracing => "tracing",
            Self::RawTracepoint => "raw tracepoint",
            Self::Kprobe => "kprobe",
            Self::Cgroup => "cgroup",
            Self::StandIn => "stand-in",
        }
    }
}

/// A program and what it is attached to.
#[derive(Debug)]
pub struct Attachment {
    /// The program's name in the object.
    pub program: &'static str,
    /// What it is attached to.
    pub target: Target,
}

/// What a program is attached to.
#[derive(Debug)]
pub enum Target {
    /// A tracepoint.
    Tracepoint(&'static str),
    /// A kernel function.
    Function(&'static str),
    /// The scope's cgroup, or the root of the hierarchy.
    Cgroup,
}

impl Target {
    /// The target's name in reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Tracepoint(name) | Self::Function(name) => name,
            Self::Cgroup => "cgroup",
        }
    }
}

const fn tracepoint(program: &'static str, name: &'static str) -> Attachment {
    Attachment {
        program,
        target: Target::Tracepoint(name),
    }
}

const fn function(program: &'static str, name: &'static str) -> Attachment {
    Attachment {
        program,
        target: Target::Function(name),
    }
}

const fn cgroup(program: &'static str) -> Attachment {
    Attachment {
        program,
        target: Target::Cgroup,
    }
}

const fn rung(means: Means, programs: &'static [Attachment]) -> Rung {
    Rung {
        means,
        programs,
        spares: &[],
        misses: "",
    }
}

const fn spared(
    means: Means,
    programs: &'static [Attachment],
    spares: &'static [Attachment],
) -> Rung {
    Rung {
        means,
        programs,
        spares,
        misses: "",
    }
}

const fn lesser(means: Means, programs: &'static [Attachment], misses: &'static str) -> Rung {
    Rung {
        means,
        programs,
        spares: &[],
        misses,
    }
}

/// Every hook, in the order in which they are attached: what others stand in for comes first, so
/// that nothing is reported twice.
pub const HOOKS: &[Hook] = &[
    Hook {
        name: "cgroups",
        kinds: &[Kind::Cgroup],
        groups: &[Group::Task, Group::Cgroup],
        rungs: &[rung(
            Means::RawTracepoint,
            &[
                tracepoint("cgroup_made", "cgroup_mkdir"),
                tracepoint("cgroup_removed", "cgroup_rmdir"),
            ],
        )],
        announces: 0,
        catches_up: false,
    },
    Hook {
        name: "namespaces",
        kinds: &[Kind::Namespace],
        groups: &[Group::Task],
        rungs: &[
            rung(
                Means::Tracing,
                &[
                    function("unshare_fentry", "ksys_unshare"),
                    function("unshare_fexit", "ksys_unshare"),
                    function("nsproxy_fentry", "switch_task_namespaces"),
                ],
            ),
            rung(
                Means::Kprobe,
                &[
                    function("unshare_kprobe", "ksys_unshare"),
                    function("unshare_kret", "ksys_unshare"),
                    function("nsproxy_kprobe", "switch_task_namespaces"),
                ],
            ),
            lesser(
                Means::StandIn,
                &[],
                "noticed at the process's next event, without saying how it came about",
            ),
        ],
        announces: 0,
        catches_up: true,
    },
    Hook {
        name: "credentials",
        kinds: &[Kind::CredentialChange, Kind::CredentialDivergence],
        groups: &[Group::Task],
        rungs: &[
            spared(
                Means::Tracing,
                &[function("commit_fentry", "commit_creds")],
                &[
                    function("commit_spare", "commit_creds"),
                    function("commit_third", "commit_creds"),
                    function("commit_last", "commit_creds"),
                ],
            ),
            rung(Means::Kprobe, &[function("commit_kprobe", "commit_creds")]),
            lesser(
                Means::StandIn,
                &[],
                "noticed at the process's next event; a change that is undone before is not seen",
            ),
        ],
        announces: 0,
        catches_up: false,
    },
    Hook {
        name: "fork",
        kinds: &[Kind::Fork],
        groups: &[Group::Task],
        rungs: &[
            spared(
                Means::Tracing,
                &[tracepoint("fork_tp_btf", "sched_process_fork")],
                &[
                    tracepoint("fork_spare_btf", "sched_process_fork"),
                    tracepoint("fork_third_raw", "sched_process_fork"),
                    tracepoint("fork_last_raw", "sched_process_fork"),
                ],
            ),
            spared(
                Means::RawTracepoint,
                &[tracepoint("fork_raw_tp", "sched_process_fork")],
                &[
                    tracepoint("fork_spare_raw", "sched_process_fork"),
                    tracepoint("fork_third_raw", "sched_process_fork"),
                    tracepoint("fork_last_raw", "sched_process_fork"),
                ],
            ),
        ],
        announces: 0,
        catches_up: false,
    },
    Hook {
        name: "exec",
        kinds: &[Kind::Exec],
        groups: &[Group::Task, Group::Image],
        rungs: &[
            spared(
                Means::Tracing,
                &[tracepoint("exec_tp_btf", "sched_process_exec")],
                &[
                    tracepoint("exec_spare_btf", "sched_process_exec"),
                    tracepoint("exec_third_raw", "sched_process_exec"),
                    tracepoint("exec_last_raw", "sched_process_exec"),
                ],
            ),
            spared(
                Means::RawTracepoint,
                &[tracepoint("exec_raw_tp", "sched_process_exec")],
                &[
                    tracepoint("exec_spare_raw", "sched_process_exec"),
                    tracepoint("exec_third_raw", "sched_process_exec"),
                    tracepoint("exec_last_raw", "sched_process_exec"),
                ],
            ),
        ],
        announces: 0,
        catches_up: false,
    },
    Hook {
        name: "exit",
        kinds: &[Kind::Exit],
        groups: &[Group::Task],
        rungs: &[
            spared(
                Means::Tracing,
                &[tracepoint("exit_tp_btf", "sched_process_exit")],
                &[
                    tracepoint("exit_spare_btf", "sched_process_exit"),
                    tracepoint("exit_third_raw", "sched_process_exit"),
                    tracepoint("exit_last_raw", "sched_process_exit"),
                ],
            ),
            spared(
                Means::RawTracepoint,
                &[tracepoint("exit_raw_tp", "sched_process_exit")],
                &[
                    tracepoint("exit_spare_raw", "sched_process_exit"),
                    tracepoint("exit_third_raw", "sched_process_exit"),
                    tracepoint("exit_last_raw", "sched_process_exit"),
                ],
            ),
        ],
        announces: 0,
        catches_up: false,
    },
    Hook {
        name: "accept",
        kinds: &[Kind::Accept],
        groups: &[Group::Task, Group::Socket],
        rungs: &[
            rung(
                Means::Tracing,
                &[function("accept_fexit", "inet_csk_accept")],
            ),
            rung(Means::Kprobe, &[function("accept_kret", "inet_csk_accept")]),
            lesser(
                Means::StandIn,
                &[],
                "named when established, as the process that listens, not the one that accepts",
            ),
        ],
        announces: hooked::ACCEPT,
        catches_up: false,
    },
    Hook {
        name: "listen",
        kinds: &[Kind::Listen],
        groups: &[Group::Task, Group::Socket],
        rungs: &[
            rung(
                Means::Tracing,
                &[function("listen_fentry", "security_socket_listen")],
            ),
            rung(
                Means::Kprobe,
                &[function("listen_kprobe", "security_socket_listen")],
            ),
            lesser(Means::StandIn, &[], "TCP only, and without the backlog"),
        ],
        announces: hooked::LISTEN,
        catches_up: false,
    },
    Hook {
        name: "bind",
        kinds: &[Kind::Bind],
        groups: &[Group::Task, Group::Socket],
        rungs: &[
            rung(
                Means::Tracing,
                &[function("bind_fentry", "security_socket_bind")],
            ),
            rung(
                Means::Kprobe,
                &[function("bind_kprobe", "security_socket_bind")],
            ),
            lesser(
                Means::Cgroup,
                &[cgroup("bind4_cgroup"), cgroup("bind6_cgroup")],
                "unix sockets",
            ),
        ],
        announces: 0,
        catches_up: false,
    },
    Hook {
        name: "connect",
        kinds: &[Kind::Connect],
        groups: &[Group::Task, Group::Socket],
        rungs: &[
            rung(
                Means::Tracing,
                &[function("connect_fentry", "security_socket_connect")],
            ),
            rung(
                Means::Kprobe,
                &[function("connect_kprobe", "security_socket_connect")],
            ),
            lesser(
                Means::Cgroup,
                &[cgroup("connect4_cgroup"), cgroup("connect6_cgroup")],
                "unix sockets, and what is neither TCP nor UDP",
            ),
        ],
        announces: 0,
        catches_up: false,
    },
    Hook {
        name: "tcp state",
        kinds: &[Kind::Established, Kind::Closed],
        groups: &[Group::Task, Group::Socket],
        rungs: &[
            rung(
                Means::Tracing,
                &[tracepoint("state_tp_btf", "inet_sock_set_state")],
            ),
            rung(
                Means::RawTracepoint,
                &[tracepoint("state_raw_tp", "inet_sock_set_state")],
            ),
        ],
        announces: 0,
        catches_up: false,
    },
    Hook {
        name: "udp send",
        kinds: &[Kind::Datagram, Kind::DnsQuestion],
        groups: &[Group::Task, Group::Socket, Group::Packet],
        rungs: &[
            rung(
                Means::Tracing,
                &[
                    function("send4_fentry", "ip_send_skb"),
                    function("send6_fentry", "ip6_send_skb"),
                ],
            ),
            rung(
                Means::Kprobe,
                &[
                    function("send4_kprobe", "ip_send_skb"),
                    function("send6_kprobe", "ip6_send_skb"),
                ],
            ),
            lesser(
                Means::Cgroup,
                &[cgroup("send4_cgroup"), cgroup("send6_cgroup")],
                "datagrams of connected sockets (their connect is seen), payload and so DNS questions",
            ),
        ],
        announces: 0,
        catches_up: false,
    },
    Hook {
        name: "udp receive",
        kinds: &[Kind::Datagram, Kind::DnsAnswer],
        groups: &[Group::Task, Group::Socket, Group::Packet],
        rungs: &[
            rung(
                Means::Tracing,
                &[function("receive_fentry", "skb_consume_udp")],
            ),
            rung(
                Means::Kprobe,
                &[function("receive_kprobe", "skb_consume_udp")],
            ),
            lesser(
                Means::Cgroup,
                &[cgroup("receive4_cgroup"), cgroup("receive6_cgroup")],
                "datagrams whose sender nobody asked for, payload and so DNS answers",
            ),
        ],
        announces: 0,
        catches_up: false,
    },
    Hook {
        name: "ptrace",
        kinds: &[Kind::Ptrace],
        groups: &[Group::Task],
        rungs: &[
            rung(
                Means::Tracing,
                &[
                    function("ptrace_fentry", "security_ptrace_access_check"),
                    function("traceme_fentry", "security_ptrace_traceme"),
                ],
            ),
            rung(
                Means::Kprobe,
                &[
                    function("ptrace_kprobe", "security_ptrace_access_check"),
                    function("traceme_kprobe", "security_ptrace_traceme"),
                ],
            ),
        ],
        announces: 0,
        catches_up: false,
    },
    Hook {
        name: "module load",
        kinds: &[Kind::ModuleLoad],
        groups: &[Group::Task, Group::Module],
        rungs: &[
            rung(
                Means::Tracing,
                &[tracepoint("module_tp_btf", "module_load")],
            ),
            rung(
                Means::RawTracepoint,
                &[tracepoint("module_raw_tp", "module_load")],
            ),
        ],
        announces: 0,
        catches_up: false,
    },
    Hook {
        name: "bpf program",
        kinds: &[Kind::BpfProgram],
        groups: &[Group::Task, Group::Bpf],
        rungs: &[
            rung(
                Means::Tracing,
                &[function("bpf_fentry", "security_bpf_prog")],
            ),
            rung(
                Means::Kprobe,
                &[function("bpf_kprobe", "security_bpf_prog")],
            ),
        ],
        announces: 0,
        catches_up: false,
    },
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_a_hook() {
        let hooked: HashSet<Kind> = HOOKS.iter().flat_map(|hook| hook.kinds).copied().collect();
        assert_eq!(hooked.len(), Kind::COUNT);
    }

    #[test]
    fn no_hook_is_at_the_system_call_boundary() {
        for hook in HOOKS {
            for attachment in hook.rungs.iter().flat_map(|rung| rung.programs) {
                let name = attachment.target.name();
                assert!(!name.starts_with("sys_"), "{name}");
                assert!(
                    !name.contains("__x64_sys") && !name.contains("__arm64_sys"),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn program_names_fit_the_kernel() {
        for hook in HOOKS {
            for attachment in hook.rungs.iter().flat_map(|rung| rung.programs) {
                assert!(attachment.program.len() <= 15, "{}", attachment.program);
            }
        }
    }
}
