//! Guessing of passwords by SSH: one address opens many connections to the SSH server, each with a login
//! that does not succeed.
//!
//! No log is read. A connection whose client spoke SSH, and in whose processes no session began, was
//! a login that failed. A session begins when a process of the connection takes the ids of an ordinary
//! user, or executes a program that leads a session of its own. The process of a connection is the one
//! that the server makes next after it took the connection.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use sensor_common::network::Role;

use super::{
    attempt::socket,
    episode::{Episode, since},
    party::program_name,
    rule::Rule,
    spread::Spread,
    states::States,
    trail::Trail,
};
use crate::{
    clock::BootTime,
    detect::{
        alert::{Alert, RuleDescription},
        detector::Detector,
        severity::Severity,
    },
    event::{Body, Closed, CredentialChange, Exec, Fork, Origin, ProcessId},
    observed::Observed,
};

/// Connections whose login failed. A connection is good for three to six passwords; somebody who
/// has forgotten one gives up earlier.
const FAILURES: usize = 10;

/// Within what time: one guess a minute is still found.
const WINDOW: Duration = Duration::from_secs(600);

/// Fewest bytes from a client that tried to log in: its version, its list of algorithms (some 1,000
/// bytes and more), its key and its name. A check whether the port is open sends none, one of the
/// version some 30.
const LOGIN_BYTES: u64 = 1_000;

/// A connection that lasted longer was a session, whatever else was seen: servers end a login after
/// two minutes (`LoginGraceTime`).
const LOGIN_LONGEST: Duration = Duration::from_secs(150);

/// A server makes a process for a connection at once; what waits longer was refused.
const FORK_LONGEST: Duration = Duration::from_secs(10);

/// Connections of one server that wait for their process: servers refuse more that have not logged in
/// (`MaxStartups`, 100 at most).
const WAITING: usize = 128;

/// User ids of people, as distributions give them out. The server itself becomes one below for the
/// login (`sshd`), and some take `nobody`.
const PEOPLE: std::ops::Range<u32> = 1_000..65_534;

/// Programs that are the server, or its helpers before a session begins.
const SERVERS: [&str; 4] = ["sshd", "sshd-session", "sshd-auth", "dropbear"];

/// Servers, and processes and connections of theirs, that are remembered: some 100 bytes each.
const STATES: usize = 8_192;

/// Addresses that are remembered: a state is up to 10 times and 16 events, some 800 bytes.
const SOURCES: usize = 4_096;

/// What an operator may want to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Connections from one address whose login failed.
    pub failures: usize,
    /// Within what time; and how long it must be calm before the same is said again.
    pub window: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            failures: FAILURES,
            window: WINDOW,
        }
    }
}

const GUESSING: Rule<'_> = Rule {
    id: "ssh-brute-force",
    name: "Passwords guessed by SSH",
    severity: Severity::Medium,
    description: "One address opened many connections to the SSH server in which it tried to log in, and \
                  none became a session.",
    tactics: &["credential-access"],
    techniques: &["T1110.001", "T1110.003", "T1021.004"],
    false_positives: &[
        "Automation whose key or password was changed.",
        "Inventories that read the server's keys (`ssh-keyscan`) more often than once a minute.",
        "Tunnels and transfers that are run by the server itself for an account with a low user id.",
    ],
};

const GUESSED: Rule<'_> = Rule {
    id: "ssh-brute-force-success",
    name: "Password guessed by SSH",
    severity: Severity::High,
    description: "An address whose logins by SSH had failed many times shortly before began a session.",
    tactics: &["credential-access", "initial-access"],
    techniques: &["T1110.001", "T1078", "T1021.004"],
    false_positives: &["Automation whose key or password was changed, and then put right."],
};

/// Finds guessing of passwords by SSH.
#[derive(Debug)]
pub struct SshGuessing {
    settings: Settings,
    /// Guessing, and what succeeded.
    rules: [Arc<RuleDescription>; 2],
    /// By server, the connections that it took and made no process for yet.
    waiting: States<ProcessId, VecDeque<(SocketAddr, BootTime)>>,
    /// The connections of processes that have no session yet, by the peer.
    processes: States<ProcessId, SocketAddr>,
    /// Peers whose session began.
    sessions: States<SocketAddr, ()>,
    sources: States<IpAddr, Source>,
}

#[derive(Debug, Default)]
struct Source {
    /// The peer's ports in connections that failed; one is not used twice within the time.
    failures: Spread<u16>,
    trail: Trail,
    guessing: Episode,
    guessed: Episode,
}

impl SshGuessing {
    /// With nothing seen.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            rules: [GUESSING.describe(), GUESSED.describe()],
            waiting: States::new(STATES),
            processes: States::new(STATES),
            sessions: States::new(STATES),
            sources: States::new(SOURCES),
        }
    }

    #[cfg(test)]
    pub(super) fn states(&self) -> usize {
        let parts = [
            self.waiting.len(),
            self.processes.len(),
            self.sessions.len(),
        ];
        parts.iter().sum::<usize>() + self.sources.len()
    }

    fn accepted(&mut self, server: ProcessId, peer: SocketAddr, now: BootTime) {
        let waiting = self.waiting.of(server);
        if waiting.len() >= WAITING {
            waiting.pop_front();
        }
        waiting.push_back((peer, now));
    }

    /// A process that a server makes is the next connection's; one that such a process makes is of the
    /// same connection.
    fn forked(&mut self, fork: &Fork, now: BootTime) {
        if let Some(waiting) = self.waiting.get(&fork.parent) {
            waiting.retain(|&(_, taken)| since(taken, now) <= FORK_LONGEST);
            if let Some((peer, _)) = waiting.pop_front() {
                self.processes.set(fork.child, peer);
                return;
            }
        }
        if let Some(&mut peer) = self.processes.get(&fork.parent) {
            self.processes.set(fork.child, peer);
        }
    }

    /// A process became another user's: a session began if that is an ordinary one.
    fn changed(&mut self, id: ProcessId, change: &CredentialChange) -> Option<SocketAddr> {
        let is_persons = PEOPLE.contains(&change.after.uid) && !PEOPLE.contains(&change.before.uid);
        is_persons.then(|| self.begin(id)).flatten()
    }

    /// A process executed a program: a session began if it is none of the server's, and leads a
    /// session as the server makes one, or the server is one without helpers.
    fn executed(
        &mut self,
        id: ProcessId,
        exec: &Exec,
        observed: &Observed<'_>,
    ) -> Option<SocketAddr> {
        let is_servers = SERVERS.contains(&program_name(observed));
        let parent = observed.parent.and_then(|parent| parent.image.as_deref());
        let is_session =
            exec.session_id == id.tgid || parent.is_some_and(|image| image.name == "dropbear");
        (!is_servers && is_session)
            .then(|| self.begin(id))
            .flatten()
    }

    /// A session begins in a process's connection: the peer, unless it had begun before.
    fn begin(&mut self, id: ProcessId) -> Option<SocketAddr> {
        let peer = self.processes.remove(&id)?;
        let is_new = self.sessions.get(&peer).is_none();
        self.sessions.set(peer, ());
        is_new.then_some(peer)
    }

    /// A connection ended: whether its login failed.
    fn failed(&mut self, closed: &Closed, peer: SocketAddr, now: BootTime) -> bool {
        let had_session = self.sessions.remove(&peer).is_some();
        let lasted = closed
            .established
            .map(|established| since(established, now));
        !had_session
            && closed.bytes_received >= LOGIN_BYTES
            && lasted.is_some_and(|lasted| lasted <= LOGIN_LONGEST)
    }

    fn fail(&mut self, peer: SocketAddr, origin: Origin, alerts: &mut Vec<Alert>) {
        let Settings { failures, window } = self.settings;
        let source = self.sources.of(peer.ip());
        if source.failures.forget(origin.time, window) {
            source.trail = Trail::default();
        }
        source
            .failures
            .note(peer.port(), origin.time, true, failures);
        source.trail.add(origin);
        let is_guessing = source.failures.len() >= failures;
        if is_guessing && source.guessing.begins(origin.time, window) {
            let reason = format!(
                "{} connections from {} to the SSH server within {} s tried to log in, and none \
                 became a session.",
                source.failures.len(),
                peer.ip(),
                source.failures.lasts(origin.time).as_secs()
            );
            let [rule, _] = &self.rules;
            alerts.push(source.trail.alert(rule, reason, origin));
        }
    }

    fn succeed(&mut self, peer: SocketAddr, origin: Origin, alerts: &mut Vec<Alert>) {
        let Settings { failures, window } = self.settings;
        let Some(source) = self.sources.get(&peer.ip()) else {
            return;
        };
        source.failures.forget(origin.time, window);
        let had_failed = source.failures.len() >= failures;
        if had_failed && source.guessed.begins(origin.time, window) {
            let reason = format!(
                "A session began in a connection from {}, of which {} logins or more had failed \
                 within {} s before.",
                peer.ip(),
                source.failures.len(),
                source.failures.lasts(origin.time).as_secs()
            );
            let [_, rule] = &self.rules;
            alerts.push(source.trail.alert(rule, reason, origin));
        }
    }
}

impl Detector for SshGuessing {
    fn rules(&self) -> &[Arc<RuleDescription>] {
        &self.rules
    }

    fn inspect(&mut self, observed: &Observed<'_>, alerts: &mut Vec<Alert>) {
        let Some(id) = observed.event.subject() else {
            return;
        };
        let origin = observed.event.origin;
        let is_server = || SERVERS.contains(&program_name(observed));
        let begun = match &observed.event.body {
            Body::Accept(connection) if is_server() => {
                if let Some(peer) = socket(connection.endpoints.remote) {
                    self.accepted(id, peer, origin.time);
                }
                None
            }
            Body::Closed(closed) if closed.role == Role::Server && is_server() => {
                if let Some(peer) = socket(closed.endpoints.remote)
                    && self.failed(closed, peer, origin.time)
                {
                    self.fail(peer, origin, alerts);
                }
                None
            }
            Body::Fork(fork) => {
                self.forked(fork, origin.time);
                None
            }
            Body::CredentialChange(change) => self.changed(id, change),
            Body::Exec(exec) => self.executed(id, exec, observed),
            Body::Exit(_) => {
                self.processes.remove(&id);
                self.waiting.remove(&id);
                None
            }
            _ => None,
        };
        if let Some(peer) = begun {
            self.succeed(peer, origin, alerts);
        }
    }

    fn limits(&self, limit: &mut dyn FnMut(&'static str, u64)) {
        limit("ssh_guessing_servers", self.waiting.forgotten());
        limit("ssh_guessing_processes", self.processes.forgotten());
        limit("ssh_guessing_sessions", self.sessions.forgotten());
        limit("ssh_guessing_sources", self.sources.forgotten());
    }
}
