//! Guessing of passwords by `su` and `sudo`: a user runs them again and again, and they end without
//! having run anything.
//!
//! No log is read. A run failed if it ended with an error, and neither it nor a process that
//! it made executed what was asked for. `unix_chkpwd`, which checks the password of whoever runs it, is
//! taken by its exit code alone.

mod invocation;

use std::{sync::Arc, time::Duration};

use super::{
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
    event::{Body, Exec, Exit, ExitStatus, Fork, Origin, ProcessId},
    observed::Observed,
};
use invocation::{Tool, asks};

/// Runs that failed. `sudo` asks three times within a run, so that this is up to eighteen passwords.
const FAILURES: usize = 6;

/// Within what time: one run in a minute and a half is still found.
const WINDOW: Duration = Duration::from_secs(600);

/// A run of `sudo` that fails sooner has not waited for a password: a script without a terminal ran it,
/// or who may not use it. A wrong password takes the two seconds that PAM waits.
const ASKING_SHORTEST: Duration = Duration::from_millis(300);

/// Programs that the tools run on their own account, before it is decided.
const HELPERS: [&str; 3] = ["unix_chkpwd", "unix_update", "pam_tally2"];

/// Runs, and processes of runs, that are remembered: some 100 bytes each.
const STATES: usize = 4_096;

/// What an operator may want to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Runs of one user that failed.
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
    id: "elevation-brute-force",
    name: "Passwords guessed by su or sudo",
    severity: Severity::Medium,
    description: "A user ran su, sudo, doas or unix_chkpwd many times within a short time, and no password \
                  was accepted.",
    tactics: &["credential-access", "privilege-escalation"],
    techniques: &["T1110.001", "T1548.003"],
    false_positives: &["Scripts that run su with a password that was changed."],
};

const GUESSED: Rule<'_> = Rule {
    id: "elevation-brute-force-success",
    name: "Password guessed by su or sudo",
    severity: Severity::High,
    description: "A user whose passwords for su, sudo, doas or unix_chkpwd had been refused many times \
                  shortly before gave one that was accepted.",
    tactics: &["credential-access", "privilege-escalation"],
    techniques: &["T1110.001", "T1548.003"],
    false_positives: &["Somebody who had to look up a password after many tries."],
};

/// Finds guessing of passwords by `su` and `sudo`.
#[derive(Debug)]
pub struct ElevationGuessing {
    settings: Settings,
    /// Guessing, and what succeeded.
    rules: [Arc<RuleDescription>; 2],
    runs: States<ProcessId, Run>,
    /// The runs of processes that they made.
    made: States<ProcessId, ProcessId>,
    /// By the real user id of who ran it.
    users: States<u32, User>,
}

/// A run of a tool.
#[derive(Clone, Copy, Debug)]
struct Run {
    tool: Tool,
    uid: u32,
    begun: BootTime,
    /// Whether it may ask for a password.
    asks: bool,
    /// Whether it ran what was asked for.
    succeeded: bool,
}

#[derive(Debug, Default)]
struct User {
    failures: Spread<ProcessId>,
    trail: Trail,
    guessing: Episode,
    guessed: Episode,
}

impl ElevationGuessing {
    /// With nothing seen.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            rules: [GUESSING.describe(), GUESSED.describe()],
            runs: States::new(STATES),
            made: States::new(STATES),
            users: States::new(STATES),
        }
    }

    #[cfg(test)]
    pub(super) fn states(&self) -> usize {
        self.runs.len() + self.made.len() + self.users.len()
    }

    /// A process that a run makes is of the run too, as long as that is not decided: what was asked for
    /// may go on to make a million.
    fn forked(&mut self, fork: &Fork) {
        let of = self.made.get(&fork.parent).copied().unwrap_or(fork.parent);
        if self.runs.get(&of).is_some_and(|run| !run.succeeded) {
            self.made.set(fork.child, of);
        }
    }

    /// A process executed a program: the user and tool of the run that thereby succeeded.
    fn executed(
        &mut self,
        id: ProcessId,
        exec: &Exec,
        name: &str,
        now: BootTime,
    ) -> Option<(u32, Tool)> {
        let of = self.made.get(&id).copied().unwrap_or(id);
        let succeeded = match self.runs.get(&of) {
            Some(_) if HELPERS.contains(&name) => return None,
            Some(run) if !run.succeeded => {
                run.succeeded = true;
                Some((run.uid, run.tool))
            }
            _ => None,
        };
        // Root needs no password.
        let uid = exec.credentials.uid;
        if let Some(tool) = Tool::named(name)
            && uid != 0
        {
            self.made.remove(&id);
            let run = Run {
                tool,
                uid,
                begun: now,
                asks: asks(tool, &exec.arguments),
                succeeded: false,
            };
            self.runs.set(id, run);
        }
        succeeded
    }

    fn exited(&mut self, id: ProcessId, exit: Exit, origin: Origin, alerts: &mut Vec<Alert>) {
        self.made.remove(&id);
        let Some(run) = self.runs.remove(&id) else {
            return;
        };
        let is_well = exit.status == ExitStatus::Code(0);
        if run.tool == Tool::Chkpwd && is_well {
            self.succeed(run.uid, run.tool, origin, alerts);
        }
        let waited = since(run.begun, origin.time) >= ASKING_SHORTEST || run.tool != Tool::Sudo;
        if run.asks && waited && !is_well && !run.succeeded {
            self.fail(id, run, origin, alerts);
        }
    }

    fn fail(&mut self, id: ProcessId, run: Run, origin: Origin, alerts: &mut Vec<Alert>) {
        let Settings { failures, window } = self.settings;
        let user = self.users.of(run.uid);
        if user.failures.forget(origin.time, window) {
            user.trail = Trail::default();
        }
        user.failures.note(id, origin.time, true, failures);
        user.trail.add(origin);
        if user.failures.len() >= failures && user.guessing.begins(origin.time, window) {
            let reason = format!(
                "User {} ran {} tools like {} within {} s, and no password was accepted.",
                run.uid,
                user.failures.len(),
                run.tool.name(),
                user.failures.lasts(origin.time).as_secs()
            );
            let [rule, _] = &self.rules;
            alerts.push(user.trail.alert(rule, reason, origin));
        }
    }

    fn succeed(&mut self, uid: u32, tool: Tool, origin: Origin, alerts: &mut Vec<Alert>) {
        let Settings { failures, window } = self.settings;
        let Some(user) = self.users.get(&uid) else {
            return;
        };
        user.failures.forget(origin.time, window);
        let had_failed = user.failures.len() >= failures;
        if had_failed && user.guessed.begins(origin.time, window) {
            let reason = format!(
                "{} accepted a password of user {uid}, of whom {} runs or more had failed within {} s \
                 before.",
                tool.name(),
                user.failures.len(),
                user.failures.lasts(origin.time).as_secs()
            );
            let [_, rule] = &self.rules;
            alerts.push(user.trail.alert(rule, reason, origin));
        }
    }
}

impl Detector for ElevationGuessing {
    fn rules(&self) -> &[Arc<RuleDescription>] {
        &self.rules
    }

    fn inspect(&mut self, observed: &Observed<'_>, alerts: &mut Vec<Alert>) {
        let Some(id) = observed.event.subject() else {
            return;
        };
        let origin = observed.event.origin;
        match &observed.event.body {
            Body::Fork(fork) => self.forked(fork),
            Body::Exec(exec) => {
                let name = program_name(observed);
                if let Some((uid, tool)) = self.executed(id, exec, name, origin.time) {
                    self.succeed(uid, tool, origin, alerts);
                }
            }
            Body::Exit(exit) => self.exited(id, *exit, origin, alerts),
            _ => {}
        }
    }

    fn limits(&self, limit: &mut dyn FnMut(&'static str, u64)) {
        limit("elevation_guessing_runs", self.runs.forgotten());
        limit("elevation_guessing_processes", self.made.forgotten());
        limit("elevation_guessing_users", self.users.forgotten());
    }
}
