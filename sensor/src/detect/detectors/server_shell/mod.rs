//! Servers that start shells.
//!
//! A server is known by its name; or, for the languages that services are written in, by a connection
//! that it took while it runs as a service. What a process was before it executed a shell itself is
//! remembered, for exploits do not fork. [`rules`]: the rules. [`ordinary`]: what servers run every day.

mod ordinary;
mod rules;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use sensor_common::network::{AF_INET, AF_INET6};

use super::{
    finding::{alert, arguments, command, makers, who, who_made},
    programs::{Class, class_of, is_in_writable_place},
};
use crate::{
    detect::{
        alert::{Alert, RuleDescription},
        detector::Detector,
    },
    enrich::cache::Cache,
    event::{Body, Event, Exec, Origin, ProcessId},
    observed::Observed,
    process::{Image, Process, entry::Way},
};

/// Most servers that are remembered.
const SERVERS_MAX: usize = 4_096;

/// Finds servers that start shells.
#[derive(Debug)]
pub(super) struct ServerShell {
    rules: [Arc<RuleDescription>; 3],
    servers: Cache<ProcessId, Server>,
}

/// A process that serves.
#[derive(Clone, Debug)]
struct Server {
    kind: Kind,
    who: String,
    /// The event by which it is known, if that is its first connection.
    accepted: Option<Origin>,
}

/// What a server serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Web,
    Application,
    Database,
}

impl ServerShell {
    pub(super) fn new() -> Self {
        Self {
            rules: [
                rules::WEB.rule(),
                rules::APPLICATION.rule(),
                rules::DATABASE.rule(),
            ],
            servers: Cache::new(SERVERS_MAX),
        }
    }

    /// Remembers who serves.
    fn serves(&mut self, event: &Event, process: &Process) {
        let Some(image) = process.image.as_deref() else {
            return;
        };
        let is_accepted = matches!(&event.body, Body::Accept(connection)
            if matches!(connection.endpoints.family, AF_INET | AF_INET6));
        let kind = match kind(image) {
            Some(kind) => kind,
            None if is_accepted && is_service(process, image) => Kind::Application,
            None => return,
        };
        if self.servers.get(&process.id).is_none() {
            let server = Server {
                kind,
                who: who(Some(process)),
                accepted: (kind == Kind::Application).then_some(event.origin),
            };
            self.servers.insert(process.id, server);
        }
    }

    fn judge(&self, exec: &Exec, observed: &Observed<'_>) -> Option<Alert> {
        let process = observed.process?;
        let image = process.image.as_deref()?;
        let server = self.server(process, observed.parent)?;
        let is_dangerous = match class_of(image) {
            Some(Class::Shell) => is_shell_out_of_order(server.kind, exec),
            Some(Class::Interpreter) => server.kind == Kind::Database,
            Some(Class::Relay | Class::Downloader | Class::Reconnaissance) => true,
            _ => is_in_writable_place(&image.executable) && server.kind == Kind::Database,
        };
        if !is_dangerous {
            return None;
        }
        let [web, application, database] = &self.rules;
        let (rule, what) = match server.kind {
            Kind::Web => (web, "a web server"),
            Kind::Application => (application, "a service that takes connections"),
            Kind::Database => (database, "a database"),
        };
        let how = if self.servers.peek(&process.id).is_some() {
            "became"
        } else {
            "started"
        };
        let reason = format!(
            "{}, {what}, {how} {}: {}.",
            server.who,
            who(Some(process)),
            command(exec)
        );
        Some(alert(rule, reason, server.accepted, observed.event.origin))
    }

    /// The server that executes: the process itself until now, or what made it. Its parent counts only
    /// where that is not known, for it may be another one.
    fn server(&self, process: &Process, parent: Option<&Process>) -> Option<Server> {
        if let Some(server) = self.servers.peek(&process.id) {
            return Some(server.clone());
        }
        let mut makers = makers(process).peekable();
        if makers.peek().is_none() {
            let parent = parent?;
            return self.as_server(parent.id, parent.image.as_deref(), who(Some(parent)));
        }
        makers.find_map(|maker| self.as_server(maker.id, maker.image.as_deref(), who_made(maker)))
    }

    /// A process as a server, if it is one.
    fn as_server(&self, id: ProcessId, image: Option<&Image>, who: String) -> Option<Server> {
        if let Some(server) = self.servers.peek(&id) {
            // It may have become something else since.
            return (server.who == who).then(|| server.clone());
        }
        Some(Server {
            kind: kind(image?)?,
            who,
            accepted: None,
        })
    }
}

/// What a program serves, by its name.
fn kind(image: &Image) -> Option<Kind> {
    match class_of(image)? {
        Class::WebServer => Some(Kind::Web),
        Class::Database => Some(Kind::Database),
        _ => None,
    }
}

/// Whether a process that took a connection is a service in a language that services are written in,
/// and nobody's session.
fn is_service(process: &Process, image: &Image) -> bool {
    let way = process.lineage.entry.as_ref().map(|entry| entry.way);
    let is_sessions = matches!(way, Some(Way::Sshd | Way::Console | Way::Cron));
    !is_sessions && class_of(image) == Some(Class::Interpreter)
}

/// Whether a shell that a server starts is none of those that it has every day.
fn is_shell_out_of_order(kind: Kind, exec: &Exec) -> bool {
    // A script with a first line: CGI, or a program that is called by its path.
    let script = exec.filename.to_str();
    if !exec.interpreter.bytes.is_empty() {
        return is_in_writable_place(&script);
    }
    let arguments = arguments(exec);
    match (kind, ordinary::inline(&arguments)) {
        (Kind::Web | Kind::Application, Some(command)) => !ordinary::of_web_server(command),
        (Kind::Database, Some(command)) => !ordinary::of_database(command),
        // Applications run scripts of their own by a shell's name.
        (Kind::Application, None) => arguments
            .iter()
            .skip(1)
            .all(|argument| argument.starts_with('-')),
        (Kind::Web | Kind::Database, None) => true,
    }
}

impl Detector for ServerShell {
    fn rules(&self) -> &[Arc<RuleDescription>] {
        &self.rules
    }

    fn inspect(&mut self, observed: &Observed<'_>, alerts: &mut Vec<Alert>) {
        let Some(process) = observed.process else {
            return;
        };
        match &observed.event.body {
            Body::Exec(exec) => {
                let found = self.judge(exec, observed);
                let image = process.image.as_deref();
                match image.and_then(kind) {
                    Some(kind) => {
                        let server = Server {
                            kind,
                            who: who(Some(process)),
                            accepted: None,
                        };
                        self.servers.insert(process.id, server);
                    }
                    // It serves no longer, and is not found again.
                    None => self.servers.remove(&process.id),
                }
                alerts.extend(found);
            }
            Body::Accept(_) | Body::Listen(_) | Body::Connect(_) => {
                self.serves(observed.event, process);
            }
            _ => {}
        }
    }

    fn limits(&self, limit: &mut dyn FnMut(&'static str, u64)) {
        limit("server_shell_servers", self.servers.evicted());
    }
}
