//! Shells whose commands come over the network.
//!
//! An exec tells whether its standard streams are sockets, pipes or something else, not what is at
//! their other end. So a shell is brought together with a connection of the process itself, or of one
//! that made it:
//!
//! - streams that are sockets: the shell's own connection before the exec, or an ancestor's;
//! - pipes: a connection of the parent's, or of a relay in the same job, whichever comes first;
//! - a terminal of its own: a connection of a parent that is an interpreter or a relay;
//! - a program whose output goes to sockets, of a shell that is connected itself (`/dev/tcp`);
//! - a relay whose arguments say that it hands the connection over.
//!
//! What descends from a process that was found is not found again. [`rules`]: the rules. [`style`]: what
//! a shell runs and its streams. [`relay`]: arguments of relays.

mod relay;
mod rules;
mod style;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use style::{Streams, Style};

use super::{
    connections::{Connections, Job, Open, Way},
    finding::{alert, arguments, command, makers, who, who_made},
    programs::{Class, class, class_of, gives_children_sockets, is_in_writable_place, program},
};
use crate::{
    clock::BootTime,
    detect::{
        alert::{Alert, RuleDescription},
        detector::Detector,
    },
    enrich::cache::Cache,
    event::{Body, Exec, Origin, ProcessId},
    observed::Observed,
    process::{Image, Process, lineage::Ancestor},
};

/// Most processes that are remembered as found, and most jobs that wait for their other half.
const FOUND_MAX: usize = 4_096;
/// Ancestors whose connections a shell may have.
const GENERATIONS: usize = 4;
/// How long ago at most the other half of a job began.
const JOB_NANOSECONDS: u64 = 60_000_000_000;
/// How long ago at most a parent connected that gives a shell a terminal.
const TERMINAL_NANOSECONDS: u64 = 600_000_000_000;

/// Finds shells whose commands come over the network.
#[derive(Debug)]
pub(super) struct ReverseShell {
    rules: [Arc<RuleDescription>; 3],
    connections: Connections,
    found: Cache<ProcessId, ()>,
    /// Shells that read commands from a pipe, by their jobs.
    shells: Cache<Job, Half>,
    /// Connections of relays, by their jobs.
    relays: Cache<Job, Half>,
}

/// A half of a job: a shell that reads a pipe, or a relay that is connected.
#[derive(Clone, Debug)]
struct Half {
    origin: Origin,
    process: ProcessId,
    who: String,
}

/// An exec that may be one.
struct Suspect<'a> {
    exec: &'a Exec,
    process: &'a Process,
    parent: Option<&'a Process>,
    origin: Origin,
    streams: Streams,
}

impl Suspect<'_> {
    /// Where it takes its commands from. Of most execs nobody asks.
    fn style(&self) -> Style {
        Style::of(self.exec)
    }
}

impl ReverseShell {
    pub(super) fn new() -> Self {
        Self {
            rules: [
                rules::REVERSE.rule(),
                rules::BIND.rule(),
                rules::ON_SOCKET.rule(),
            ],
            connections: Connections::new(),
            found: Cache::new(FOUND_MAX),
            shells: Cache::new(FOUND_MAX),
            relays: Cache::new(FOUND_MAX),
        }
    }

    /// What is wrong with an exec, and the earlier event behind it.
    fn judge(&mut self, suspect: &Suspect<'_>) -> Option<Alert> {
        let Suspect { process, .. } = suspect;
        let image = process.image.as_deref()?;
        let is_known = self.is_found(process);
        let own = self.connections.of(process.id, suspect.origin.time);
        if is_known && own.is_none() {
            return None;
        }
        let class = class_of(image);
        if class == Some(Class::Relay) {
            return self.relay(suspect, image);
        }
        if let Some(alert) = self.output_of_shell(suspect) {
            return Some(alert);
        }
        if !matches!(class, Some(Class::Shell | Class::Interpreter)) || self.is_normal(suspect) {
            return None;
        }
        if suspect.streams.reads_socket {
            return self.on_socket(suspect, own, class);
        }
        if class == Some(Class::Shell)
            && suspect.streams.reads_pipe
            && suspect.style() == Style::Commands
        {
            return self.on_pipes(suspect);
        }
        self.on_terminal(suspect, class)
    }

    /// Whether it was found, or descends from one that was.
    fn is_found(&self, process: &Process) -> bool {
        let ancestors = process.lineage.ancestors().map(|ancestor| ancestor.id);
        std::iter::once(process.id)
            .chain(ancestors)
            .any(|id| self.found.peek(&id).is_some())
    }

    /// Whether who started it gives shells such streams for good reasons.
    fn is_normal(&self, suspect: &Suspect<'_>) -> bool {
        let image = suspect.parent.and_then(|parent| parent.image.as_deref());
        let Some(image) = image.filter(|image| !is_in_writable_place(&image.executable)) else {
            return false;
        };
        match class_of(image) {
            Some(Class::Login | Class::ContainerRuntime) => true,
            // A service that a socket is handed to is started for it; a bare shell is none.
            Some(Class::ServiceManager) => suspect.style() != Style::Commands,
            _ => &*image.name == "gitlab-runner",
        }
    }

    /// The nearest ancestor's connection, up to the login or service that it belongs to.
    fn ancestors(&self, process: &Process, now: BootTime) -> Option<Open> {
        let is_within = |ancestor: &&Ancestor| {
            let class = ancestor.image.as_deref().and_then(class_of);
            !matches!(
                class,
                Some(Class::Login | Class::ContainerRuntime | Class::ServiceManager)
            )
        };
        let mut near = process
            .lineage
            .ancestors()
            .take(GENERATIONS)
            .take_while(is_within);
        near.find_map(|ancestor| self.connections.of(ancestor.id, now))
    }

    fn on_socket(
        &self,
        suspect: &Suspect<'_>,
        own: Option<Open>,
        class: Option<Class>,
    ) -> Option<Alert> {
        let (streams, style) = (suspect.streams, suspect.style());
        let is_shell = class == Some(Class::Shell);
        // FastCGI's standard input is the socket that it listens on.
        if !is_shell && !streams.writes_socket {
            return None;
        }
        if let Some(open) = own
            && (open.way == Way::Outbound || style != Style::File)
        {
            return Some(self.connected(suspect, open, "its standard input is a socket"));
        }
        if !streams.writes_socket || style == Style::File {
            return None;
        }
        let around = self.ancestors(suspect.process, suspect.origin.time);
        let parent = suspect.parent.and_then(|parent| parent.image.as_deref());
        let is_pair = parent.is_some_and(gives_children_sockets);
        match (style, around) {
            (Style::Inline, Some(_)) if is_pair => None,
            (_, Some(open)) => {
                let how = "its standard input and output are sockets";
                Some(self.connected(suspect, open, how))
            }
            (Style::Commands, None) if is_shell && !is_pair => {
                let [_, _, rule] = &self.rules;
                let reason = format!(
                    "{}, started by {}, reads commands from a socket: {}.",
                    who(Some(suspect.process)),
                    who(suspect.parent),
                    command(suspect.exec)
                );
                Some(alert(rule, reason, None, suspect.origin))
            }
            _ => None,
        }
    }

    fn on_pipes(&mut self, suspect: &Suspect<'_>) -> Option<Alert> {
        let now = suspect.origin.time;
        let parent = suspect.parent.map(|parent| (parent.id, who(Some(parent))));
        let makers = makers(suspect.process).map(|maker| (maker.id, who_made(maker)));
        let connected = makers.chain(parent).find_map(|(id, maker)| {
            let open = self.connections.of(id, now)?;
            Some((open, maker))
        });
        if let Some((open, maker)) = connected.filter(|_| suspect.streams.writes_pipe) {
            let how = format!("its standard input and output are pipes of {maker}");
            return Some(self.connected(suspect, open, &how));
        }
        let job = Job::of(suspect.process)?;
        if let Some(relay) = self.relays.get(&job).filter(|relay| relay.is_recent(now)) {
            let how = format!("it reads a pipe beside {}", relay.who);
            let earlier = relay.origin;
            return Some(self.piped(&who(Some(suspect.process)), &how, earlier, suspect.origin));
        }
        let half = Half {
            origin: suspect.origin,
            process: suspect.process.id,
            who: who(Some(suspect.process)),
        };
        self.shells.insert(job, half);
        None
    }

    fn on_terminal(&self, suspect: &Suspect<'_>, class: Option<Class>) -> Option<Alert> {
        let Suspect {
            exec,
            process,
            parent,
            ..
        } = suspect;
        let parent = (*parent)?;
        let image = parent.image.as_deref()?;
        let is_own = exec.tty.is_some()
            && exec.session_id == process.id.tgid
            && exec.tty != parent.tty
            && class == Some(Class::Shell);
        let may_carry = matches!(class_of(image), Some(Class::Interpreter | Class::Relay))
            || is_in_writable_place(&image.executable);
        if !is_own || !may_carry || gives_children_sockets(image) {
            return None;
        }
        let open = self.connections.of(parent.id, suspect.origin.time)?;
        let age = suspect.origin.time.0.saturating_sub(open.origin.time.0);
        let how = format!("its terminal was made for it by {}", who(Some(parent)));
        (open.way == Way::Outbound && age <= TERMINAL_NANOSECONDS)
            .then(|| self.connected(suspect, open, &how))
    }

    /// A program that a connected shell runs, whose output goes to sockets.
    fn output_of_shell(&self, suspect: &Suspect<'_>) -> Option<Alert> {
        let parent = suspect
            .parent
            .filter(|_| suspect.streams.tells_all_to_sockets)?;
        let is_shell = parent.image.as_deref().and_then(class_of) == Some(Class::Shell);
        let open = self.connections.of(parent.id, suspect.origin.time)?;
        let how = format!("its output goes to sockets of {}", who(Some(parent)));
        (is_shell && open.way == Way::Outbound).then(|| self.connected(suspect, open, &how))
    }

    fn relay(&self, suspect: &Suspect<'_>, image: &Image) -> Option<Alert> {
        let arguments = arguments(suspect.exec);
        let applet = program(image);
        let from = arguments
            .iter()
            .position(|argument| super::programs::base_name(argument) == applet);
        let arguments = arguments.get(from.unwrap_or(0)..)?;
        let program = relay::handed_to(applet, arguments)?;
        let first = program.split([' ', ',']).next().unwrap_or_default();
        let name = super::programs::base_name(first);
        // A relay may serve a program of its own on purpose; what serves a shell is one.
        let serves_shell = matches!(class(name), Some(Class::Shell | Class::Interpreter));
        let [reverse, ..] = &self.rules;
        let reason = format!(
            "{} hands its connection to {}: {}.",
            who(Some(suspect.process)),
            super::finding::quoted(program),
            command(suspect.exec)
        );
        serves_shell.then(|| alert(reverse, reason, None, suspect.origin))
    }

    fn connected(&self, suspect: &Suspect<'_>, open: Open, how: &str) -> Alert {
        let [reverse, bind, _] = &self.rules;
        let rule = match open.way {
            Way::Outbound => reverse,
            Way::Inbound => bind,
        };
        let reason = format!(
            "{} runs {} with a connection {open}: {how}.",
            who(Some(suspect.process)),
            command(suspect.exec)
        );
        alert(rule, reason, [open.origin], suspect.origin)
    }

    fn piped(&self, shell: &str, how: &str, earlier: Origin, now: Origin) -> Alert {
        let [reverse, ..] = &self.rules;
        alert(
            reverse,
            format!("{shell} is a shell that takes commands: {how}."),
            [earlier],
            now,
        )
    }

    /// A relay connects: is there a shell in its job that waits for commands?
    fn connects(&mut self, process: &Process, open: Open) -> Option<Alert> {
        let image = process.image.as_deref()?;
        if class_of(image) != Some(Class::Relay) || self.is_found(process) {
            return None;
        }
        let job = Job::of(process)?;
        let now = open.origin;
        let half = Half {
            origin: now,
            process: process.id,
            who: format!("{}, which has a connection {open}", who(Some(process))),
        };
        let shell = self
            .shells
            .get(&job)
            .filter(|shell| shell.is_recent(now.time))
            .cloned();
        let Some(shell) = shell.filter(|shell| shell.process != process.id) else {
            self.relays.insert(job, half);
            return None;
        };
        self.found.insert(shell.process, ());
        let how = format!("it reads a pipe beside {}", half.who);
        Some(self.piped(&shell.who, &how, shell.origin, now))
    }
}

impl Half {
    fn is_recent(&self, now: BootTime) -> bool {
        now.0.saturating_sub(self.origin.time.0) <= JOB_NANOSECONDS
    }
}

impl Detector for ReverseShell {
    fn rules(&self) -> &[Arc<RuleDescription>] {
        &self.rules
    }

    fn inspect(&mut self, observed: &Observed<'_>, alerts: &mut Vec<Alert>) {
        let found = match (&observed.event.body, observed.process) {
            (Body::Exec(exec), Some(process)) => self.judge(&Suspect {
                exec,
                process,
                parent: observed.parent,
                origin: observed.event.origin,
                streams: Streams::of(exec),
            }),
            (_, process) => {
                let open = self.connections.observe(observed.event);
                let outbound = open.filter(|open| open.way == Way::Outbound);
                outbound.and_then(|open| self.connects(process?, open))
            }
        };
        if let Some(alert) = found {
            if let Some(id) = observed.event.subject() {
                self.found.insert(id, ());
            }
            alerts.push(alert);
        }
    }

    fn limits(&self, limit: &mut dyn FnMut(&'static str, u64)) {
        limit("reverse_shell_connections", self.connections.forgotten());
        limit("reverse_shell_found", self.found.evicted());
        limit(
            "reverse_shell_jobs",
            self.shells.evicted() + self.relays.evicted(),
        );
    }
}
