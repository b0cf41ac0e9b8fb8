//! What a configuration leaves unseen.

use sensor_common::record::Kind;

use super::{Config, Problem, reading::Lines};
use crate::kernel::hooks::{HOOKS, Hook, Means};

/// The largest record of an exec: one with the longest paths, or with more than 4 KiB of arguments.
const LARGEST_EXEC_BYTES: u32 = 48 << 10;

/// What is lost, each with the line that says so.
pub(super) fn of(config: &Config, lines: &Lines) -> Vec<Problem> {
    let mut losses = Vec::new();
    let mut lose = |section, name, what| {
        let line = lines.get(&(section, name)).copied();
        losses.push(Problem { line, what });
    };
    for kind in &config.capture.exclude {
        lose(
            "capture",
            "exclude",
            format!("no `{}` events: {}", kind.name(), lost_with(*kind)),
        );
    }
    if !config.hooks.tracing {
        if config.hooks.kprobes {
            lose(
                "hooks",
                "tracing",
                "no tracing programs: events cost more, and where the kernel refuses kprobes less is seen; see \
                 `sensor doctor`"
                    .to_owned(),
            );
        } else {
            for hook in HOOKS {
                if let Some(what) = unseen(config, hook) {
                    lose("hooks", "kprobes", what);
                }
            }
        }
    }
    if config.capture.argv_bytes == 0 && wanted(config, Kind::Exec) {
        lose(
            "capture",
            "argv_bytes",
            "exec events carry no arguments".to_owned(),
        );
    }
    if config.rings.critical_bytes <= LARGEST_EXEC_BYTES && wanted(config, Kind::Exec) {
        lose(
            "rings",
            "critical_bytes",
            "exec events with long paths or many arguments do not fit and are lost (reason `ring_full`): make it at \
             least \"64KiB\""
                .to_owned(),
        );
    }
    if !config.detect.enabled {
        lose(
            "detect",
            "enabled",
            "no alerts are raised, whatever happens".to_owned(),
        );
    }
    losses
}

fn wanted(config: &Config, kind: Kind) -> bool {
    !config.capture.exclude.contains(&kind)
}

/// What goes unseen of a hook without tracing programs and kprobes, if something does.
fn unseen(config: &Config, hook: &Hook) -> Option<String> {
    if !hook.kinds.iter().any(|kind| wanted(config, *kind)) {
        return None;
    }
    let left = hook
        .rungs
        .iter()
        .find(|rung| !matches!(rung.means, Means::Tracing | Means::Kprobe));
    let start = "neither tracing programs nor kprobes: ";
    match left {
        None => Some(format!("{start}`{}` is not seen at all", hook.name)),
        Some(rung) if rung.misses.is_empty() => None,
        Some(rung) if rung.means == Means::StandIn => {
            Some(format!("{start}`{}` is {}", hook.name, rung.misses))
        }
        Some(rung) => Some(format!(
            "{start}`{}` does not see {}",
            hook.name, rung.misses
        )),
    }
}

/// What goes unseen without a kind of event, besides the events themselves.
const fn lost_with(kind: Kind) -> &'static str {
    match kind {
        Kind::Fork => "processes that never exec have no parent and no program",
        Kind::Exec => "the programs that run, and so who did everything else, are not known",
        Kind::Exit => {
            "ended processes are remembered until room is needed, and how they ended is not seen"
        }
        Kind::Connect => "attempts to connect are not seen, only connections that are established",
        Kind::Accept => {
            "connections from outside are seen when established, without who accepted them"
        }
        Kind::Bind => "sockets that take an address are not seen",
        Kind::Listen => "sockets that begin to listen are not seen",
        Kind::Established => "when a connection was established is not seen",
        Kind::Closed => "bytes and durations of connections are not seen",
        Kind::Datagram => "traffic over UDP is not seen, except DNS",
        Kind::DnsQuestion => "names that are asked for are not seen unless they are answered",
        Kind::DnsAnswer => "addresses behind names are not seen",
        Kind::CredentialChange => "processes that take other users' rights by a call are not seen",
        Kind::CredentialDivergence => {
            "credentials overwritten by an exploit, or changed unseen, go unnoticed"
        }
        Kind::Namespace => "processes that enter or leave containers are not seen",
        Kind::Ptrace => "processes that look into others are not seen",
        Kind::ModuleLoad => "code that is loaded into the kernel as a module is not seen",
        Kind::BpfProgram => "code that is loaded into the kernel as BPF is not seen",
        Kind::Cgroup => "containers and units of processes that live a moment are not known",
    }
}
