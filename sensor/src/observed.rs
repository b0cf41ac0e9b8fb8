//! An event with what is known of the processes in it: from the event if that tells, else from the
//! table of processes.

use sensor_common::credentials::Credentials;

use crate::{
    enrich::{Surroundings, execs::About},
    event::{Body, Event, ExitStatus, ProcessId, Tgid},
    process::{Process, fingerprint::Fingerprint},
};

/// An event, and what is known of the processes in it.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The event.
    pub event: &'a Event,
    /// Whether an event with a later time was written before it.
    pub late: bool,
    /// The process that it is about ([`Event::subject`]).
    pub process: Option<&'a Process>,
    /// That one's parent.
    pub parent: Option<&'a Process>,
    /// The other process in it: for a fork the caller, for a ptrace the target.
    pub other: Option<&'a Process>,
    /// What was found out about an exec.
    pub about: Option<&'a About>,
    /// What is known of where the process runs.
    pub surroundings: Surroundings<'a>,
}

impl<'a> Observed<'a> {
    /// The parent of the process; none for the host's first process, whose parent is the idle task.
    pub fn parent_id(&self) -> Option<ProcessId> {
        let id = match &self.event.body {
            Body::Exec(exec) => Some(exec.parent),
            Body::Fork(fork) => Some(fork.parent),
            _ => self.process.and_then(|process| process.parent),
        };
        id.filter(|id| id.tgid != Tgid(0))
    }

    /// The credentials of the process, after the event.
    pub fn credentials(&self) -> Option<&'a Credentials> {
        match &self.event.body {
            Body::Exec(exec) => Some(&exec.credentials),
            Body::CredentialChange(change) => Some(&change.after),
            Body::CredentialDivergence(divergence) => Some(&divergence.after),
            _ => self.process?.credentials.as_ref(),
        }
    }

    /// What is known of the executable.
    pub fn fingerprint(&self) -> Option<&'a Fingerprint> {
        let image = self.process?.image.as_deref()?;
        image.fingerprint.get().map(|fingerprint| &**fingerprint)
    }

    /// Audit's login uid and session.
    pub fn audit(&self) -> (Option<u32>, Option<u32>) {
        match (&self.event.body, self.process) {
            (Body::Exec(exec), _) => (exec.login_uid, exec.audit_session),
            (_, Some(process)) => (process.login_uid, process.audit_session),
            (_, None) => (None, None),
        }
    }
}

/// How a process ended, as a shell shows it.
pub fn exit_code(status: ExitStatus) -> u32 {
    match status {
        ExitStatus::Code(code) => code.into(),
        ExitStatus::Signal { number, .. } => 128 + u32::from(number),
    }
}
