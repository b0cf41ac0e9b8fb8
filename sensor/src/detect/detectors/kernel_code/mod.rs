//! Code that gets into the kernel: modules and BPF programs.
//!
//! Who loads it is judged by how his session came into the host, and by the name of his program.
//! [`rules`]: the rules.

mod rules;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::{
    Settings,
    finding::{alert, quoted, who},
    programs::{Class, class_of, is_in_writable_place, is_installing, program},
};
use crate::{
    detect::{
        alert::{Alert, RuleDescription},
        detector::Detector,
    },
    event::{Body, BpfAccess, BpfProgram, ModuleLoad, Tgid},
    observed::Observed,
    output::names::Name,
    process::{Image, Process, entry::Way},
};

/// Taints of modules that are not the kernel's own, or that nobody vouches for
/// (include/linux/panic.h): `TAINT_PROPRIETARY_MODULE`, `TAINT_FORCED_MODULE`, `TAINT_OOT_MODULE`,
/// `TAINT_UNSIGNED_MODULE`.
const TAINTS: [(u32, &str); 4] = [
    (0, "proprietary"),
    (1, "loaded by force"),
    (12, "not of the kernel's own build"),
    (13, "not signed"),
];

/// Types of BPF programs (`enum bpf_prog_type`) that see or steer the kernel or the network: kprobe,
/// sched_cls, sched_act, tracepoint, xdp, perf_event, raw_tracepoint, raw_tracepoint_writable,
/// tracing, struct_ops, ext, lsm.
const POWERFUL: [u32; 12] = [2, 3, 4, 5, 6, 7, 17, 24, 26, 27, 28, 29];

/// Finds code that gets into the kernel.
#[derive(Debug)]
pub(super) struct KernelCode {
    rules: [Arc<RuleDescription>; 4],
    own: Option<Tgid>,
}

/// Who loads a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loader {
    /// The host itself: the kernel, udev, a service.
    Host,
    /// A person or a timer, by the tools that are there for it.
    Session,
    /// Somebody in a container.
    Contained,
    /// A program that is not there for it.
    Unexpected,
}

impl KernelCode {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            rules: [
                rules::MODULE.rule(),
                rules::MODULE_UNEXPECTED.rule(),
                rules::BPF.rule(),
                rules::BPF_OVERRIDE.rule(),
            ],
            own: settings.own,
        }
    }

    fn module(&self, module: &ModuleLoad, observed: &Observed<'_>) -> Option<Alert> {
        let [by_hand, unexpected, ..] = &self.rules;
        let marks: Vec<&str> = TAINTS
            .iter()
            .filter(|(bit, _)| module.taints & (1 << bit) != 0)
            .map(|(_, mark)| *mark)
            .collect();
        let (loader, installs) = match observed.process {
            Some(process) => (Loader::of(process), is_installing(process)),
            None => (Loader::Host, false),
        };
        let rule = match loader {
            Loader::Contained | Loader::Unexpected => unexpected,
            Loader::Host => return None,
            Loader::Session if installs => return None,
            Loader::Session if marks.is_empty() => by_hand,
            Loader::Session => unexpected,
        };
        let name = String::from_utf8_lossy(&module.name);
        let marks = if marks.is_empty() {
            "the kernel's own".to_owned()
        } else {
            marks.join(", ")
        };
        let reason = format!(
            "{}, {}, loaded the kernel module {} ({marks}).",
            who(observed.process),
            loader.words(),
            quoted(name.trim_end_matches('\0'))
        );
        Some(alert(rule, reason, None, observed.event.origin))
    }

    fn program(&self, program: &BpfProgram, observed: &Observed<'_>) -> Option<Alert> {
        let is_own =
            self.own.is_some() && observed.event.actor.map(|actor| actor.id.tgid) == self.own;
        if program.access != BpfAccess::Load || is_own {
            return None;
        }
        let [.., watches, overrides] = &self.rules;
        let image = observed
            .process
            .and_then(|process| process.image.as_deref());
        let rule = if program.overrides_return {
            overrides
        } else if POWERFUL.contains(&program.program_type) && !image.is_some_and(loads_programs) {
            watches
        } else {
            return None;
        };
        let function = String::from_utf8_lossy(&program.function);
        let function = function.trim_end_matches('\0');
        let at = if function.is_empty() {
            String::new()
        } else {
            format!(" at {}", quoted(function))
        };
        let reason = format!(
            "{} loaded the BPF program {} ({}) of type {}{at}.",
            who(observed.process),
            quoted(String::from_utf8_lossy(&program.name).trim_end_matches('\0')),
            program.id,
            Name::of_bpf_program_type(program.program_type).as_text(),
        );
        Some(alert(rule, reason, None, observed.event.origin))
    }
}

impl Loader {
    fn of(process: &Process) -> Self {
        let placement = process.placement.as_deref();
        if placement.is_some_and(|placement| placement.container.is_some()) {
            return Self::Contained;
        }
        let image = process.image.as_deref();
        let is_kernels = image.is_none_or(|image| image.executable.is_empty());
        if !is_kernels && !image.is_some_and(loads_modules) {
            return Self::Unexpected;
        }
        match process.lineage.entry.as_ref().map(|entry| entry.way) {
            Some(Way::Sshd | Way::Console | Way::Cron) => Self::Session,
            Some(Way::Container) => Self::Contained,
            Some(Way::Init | Way::Kernel) | None => Self::Host,
        }
    }

    const fn words(self) -> &'static str {
        match self {
            Self::Host => "of the host",
            Self::Session => "of a session",
            Self::Contained => "in a container",
            Self::Unexpected => "which is not there to load modules",
        }
    }
}

/// Whether a program is there to load modules, or does so on its way.
fn loads_modules(image: &Image) -> bool {
    if is_in_writable_place(&image.executable) {
        return false;
    }
    let name = program(image);
    let is_tool = matches!(
        name,
        "modprobe"
            | "insmod"
            | "kmod"
            | "systemd"
            | "systemd-modules-load"
            | "systemd-udevd"
            | "udevd"
            | "udevadm"
            | "(udev-worker)"
            | "init"
            | "linuxrc"
            | "mount"
            | "ip"
            | "iptables"
            | "xtables-nft-multi"
            | "xtables-legacy-multi"
            | "nft"
            | "wg"
            | "wg-quick"
            | "tc"
            | "losetup"
            | "cryptsetup"
            | "mdadm"
            | "zpool"
            | "zfs"
            | "lvm"
            | "dmsetup"
            | "ovs-vswitchd"
            | "libvirtd"
            | "NetworkManager"
            | "snap-confine"
            | "modload"
    );
    is_tool || class_of(image) == Some(Class::ContainerRuntime)
}

/// Whether a program is known to load programs that watch the kernel or steer the network.
fn loads_programs(image: &Image) -> bool {
    if is_in_writable_place(&image.executable) {
        return false;
    }
    let name = program(image);
    let is_known = matches!(
        name,
        "systemd"
            | "systemd-networkd"
            | "systemd-resolved"
            | "bpftrace"
            | "perf"
            | "cilium-agent"
            | "cilium"
            | "calico-node"
            | "kube-proxy"
            | "tetragon"
            | "falco"
            | "tracee"
            | "datadog-agent"
            | "system-probe"
            | "security-agent"
            | "auditbeat"
            | "elastic-endpoint"
            | "elastic-agent"
            | "osqueryd"
            | "scx_loader"
            | "beyla"
            | "parca-agent"
            | "pixie"
            | "tc"
            | "ip"
            | "bpfd"
            | "bpfman"
            | "inspektor-gadget"
            | "ig"
            | "NetworkManager"
            | "lxcfs"
            | "snap-confine"
            | "udevd"
            | "systemd-udevd"
    );
    is_known || class_of(image) == Some(Class::ContainerRuntime)
}

impl Detector for KernelCode {
    fn rules(&self) -> &[Arc<RuleDescription>] {
        &self.rules
    }

    fn inspect(&mut self, observed: &Observed<'_>, alerts: &mut Vec<Alert>) {
        alerts.extend(match &observed.event.body {
            Body::ModuleLoad(module) => self.module(module, observed),
            Body::BpfProgram(program) => self.program(program, observed),
            _ => None,
        });
    }

    /// It remembers nothing.
    fn limits(&self, _limit: &mut dyn FnMut(&'static str, u64)) {}
}
