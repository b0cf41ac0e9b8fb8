//! Ways out of containers.
//!
//! Who is in a container is told by his cgroup, which a process cannot leave by itself. That a namespace
//! is the host's is told by its number: the pid namespace's is the kernel's own, the mount namespace's
//! is that of the host's first process. [`rules`]: the rules. [`commands`]: arguments that lead out.

mod commands;
mod rules;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use sensor_common::{
    namespaces::Namespaces,
    network::AF_UNIX,
    privilege::{PTRACE_MODE_ATTACH, PtraceOperation},
};

use super::{
    INITIAL_PIDS, Settings,
    finding::{alert, arguments, command, quoted, who},
    programs::{base_name, program},
};
use crate::{
    detect::{
        alert::{Alert, RuleDescription},
        detector::Detector,
    },
    event::{Body, Connection, Exec, NamespaceChange, Ptrace},
    observed::Observed,
    process::{Process, placement::Container},
};

/// Finds ways out of containers.
#[derive(Debug)]
pub(super) struct Escape {
    rules: [Arc<RuleDescription>; 4],
    /// The namespaces of the host's first process.
    host: Option<Namespaces>,
}

/// The outermost container that a process is in: it has no say in which that is.
fn container(process: &Process) -> Option<&Container> {
    let placement = process.placement.as_deref()?;
    placement.outer.as_ref().or(placement.container.as_ref())
}

/// A container in words.
fn named(container: &Container) -> String {
    let id = container.id.get(..12).unwrap_or(&container.id);
    format!("container {id}")
}

impl Escape {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            rules: [
                rules::ENTERS_HOST.rule(),
                rules::COMMAND.rule(),
                rules::SOCKET.rule(),
                rules::TRACES.rule(),
            ],
            host: settings.host,
        }
    }

    /// Learns the host's namespaces from its first process.
    fn learn(&mut self, observed: &Observed<'_>) {
        if self.host.is_none() {
            let known = [observed.process, observed.parent, observed.other];
            let mut first = known.into_iter().flatten().filter(|one| one.id.tgid.0 == 1);
            self.host = first.find_map(|first| first.namespaces);
        }
    }

    fn judge(&self, observed: &Observed<'_>) -> Option<Alert> {
        let process = observed.process?;
        let container = container(process)?;
        match &observed.event.body {
            Body::Namespace(change) => self.enters(change, container, observed),
            Body::Exec(exec) => self.executes(exec, container, observed),
            Body::Connect(connection) => self.connects(connection, container, observed),
            Body::Ptrace(ptrace) => self.traces(ptrace, container, observed),
            _ => None,
        }
    }

    fn enters(
        &self,
        change: &NamespaceChange,
        container: &Container,
        observed: &Observed<'_>,
    ) -> Option<Alert> {
        let (before, after) = (&change.before, &change.after);
        let enters_pids = after.pid == INITIAL_PIDS && before.pid != INITIAL_PIDS;
        let host_mounts = self.host.map(|host| host.mnt).filter(|mounts| *mounts != 0);
        let enters_mounts = host_mounts.is_some_and(|host| after.mnt == host && before.mnt != host);
        let what = match (enters_mounts, enters_pids) {
            (true, true) => format!(
                "mount namespace {} and pid namespace {}",
                after.mnt, after.pid
            ),
            (true, false) => format!("mount namespace {}", after.mnt),
            (false, true) => format!("pid namespace {}", after.pid),
            (false, false) => return None,
        };
        let [enters_host, ..] = &self.rules;
        let reason = format!(
            "{} of {} entered the host's {what}.",
            who(observed.process),
            named(container)
        );
        Some(alert(enters_host, reason, None, observed.event.origin))
    }

    fn executes(
        &self,
        exec: &Exec,
        container: &Container,
        observed: &Observed<'_>,
    ) -> Option<Alert> {
        let image = observed.process?.image.as_deref()?;
        let program = program(image);
        let mut arguments = arguments(exec);
        // The tool's own arguments begin behind its name, where that is an argument: busybox mount.
        let is_name = |argument: &String| base_name(argument) == program;
        if let Some(position) = arguments.iter().take(2).position(is_name) {
            arguments.drain(..position);
        }
        let way = commands::way_out(program, &arguments)?;
        let [_, by_command, ..] = &self.rules;
        let reason = format!(
            "{} of {} names {}: {}.",
            who(observed.process),
            named(container),
            quoted(&way),
            command(exec)
        );
        Some(alert(by_command, reason, None, observed.event.origin))
    }

    fn connects(
        &self,
        connection: &Connection,
        container: &Container,
        observed: &Observed<'_>,
    ) -> Option<Alert> {
        if connection.endpoints.family != AF_UNIX {
            return None;
        }
        let path = connection.unix_path.as_ref()?.to_str();
        let path = path.trim_end_matches('\0');
        let [_, _, socket, _] = &self.rules;
        let reason = format!(
            "{} of {} connected to the container runtime's socket {}.",
            who(observed.process),
            named(container),
            quoted(path)
        );
        commands::is_runtime_socket(path)
            .then(|| alert(socket, reason, None, observed.event.origin))
    }

    fn traces(
        &self,
        ptrace: &Ptrace,
        container: &Container,
        observed: &Observed<'_>,
    ) -> Option<Alert> {
        if ptrace.operation != PtraceOperation::Access || ptrace.mode & PTRACE_MODE_ATTACH == 0 {
            return None;
        }
        let target = observed.other?;
        let there = target.placement.as_deref()?;
        let here = observed.process?.placement.as_deref()?;
        let is_in_pod = here.pod.is_some() && here.pod == there.pod;
        let outside = self::container(target);
        if is_in_pod || outside.is_some_and(|outside| outside.id == container.id) {
            return None;
        }
        let place = outside.map_or_else(|| "the host".to_owned(), named);
        let [.., traces] = &self.rules;
        let reason = format!(
            "{} of {} was given access to write to {} of {place}.",
            who(observed.process),
            named(container),
            who(Some(target))
        );
        Some(alert(traces, reason, None, observed.event.origin))
    }
}

impl Detector for Escape {
    fn rules(&self) -> &[Arc<RuleDescription>] {
        &self.rules
    }

    fn inspect(&mut self, observed: &Observed<'_>, alerts: &mut Vec<Alert>) {
        self.learn(observed);
        alerts.extend(self.judge(observed));
    }

    /// It remembers the host's namespaces, and nothing else.
    fn limits(&self, _limit: &mut dyn FnMut(&'static str, u64)) {}
}
