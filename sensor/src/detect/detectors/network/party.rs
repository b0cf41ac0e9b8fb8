//! The processes that belong together, and what people call them.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
};

use crate::{
    event::{ProcessId, Tgid},
    observed::Observed,
};

/// The processes that belong together: a login's, a service's, a job's, a container's. A shell that
/// starts a program for each address is as much of one as a program that tries them all itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Party {
    /// All that came in by this process.
    Entry(ProcessId),
    /// A session, where nothing is known of how it came in.
    Session(Tgid),
    /// A process of which nothing is known.
    Process(ProcessId),
}

impl Party {
    /// Those that the event's process belongs to; none if nobody knows the process.
    pub(super) fn of(observed: &Observed<'_>) -> Option<Self> {
        let id = observed.event.subject()?;
        let Some(process) = observed.process else {
            return Some(Self::Process(id));
        };
        if let Some(entry) = &process.lineage.entry {
            let leader = entry.leader.as_ref().map_or(id, |leader| leader.id);
            return Some(Self::Entry(leader));
        }
        Some(process.session_id.map_or(Self::Process(id), Self::Session))
    }
}

/// A program, whoever runs it: a digest of its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Program(u64);

/// Makes digests that nobody outside can foresee.
#[derive(Clone, Debug, Default)]
pub(super) struct Programs(RandomState);

impl Programs {
    /// The program of the event's process. One whose path is not known is a program of its own.
    pub(super) fn of(&self, observed: &Observed<'_>) -> Option<Program> {
        let id = observed.event.subject()?;
        let path = observed
            .process
            .and_then(|process| process.image.as_deref())
            .map(|image| &*image.executable)
            .filter(|path| !path.is_empty());
        Some(Program(match path {
            Some(path) => self.0.hash_one(path),
            None => self.0.hash_one(id),
        }))
    }
}

/// The name of the program that the event's process runs; empty if it is not known.
pub(super) fn program_name<'a>(observed: &Observed<'a>) -> &'a str {
    let image = observed
        .process
        .and_then(|process| process.image.as_deref());
    image.map_or("", |image| &*image.name)
}

/// The event's process, as a sentence begins with it.
pub(super) struct Who<'a>(pub(super) &'a Observed<'a>);

impl fmt::Display for Who<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let image = self.0.process.and_then(|process| process.image.as_deref());
        let path = image
            .map(|image| {
                if image.executable.is_empty() {
                    &*image.name
                } else {
                    &*image.executable
                }
            })
            .filter(|path| !path.is_empty());
        match (path, self.0.event.subject()) {
            (Some(path), Some(id)) => write!(formatter, "{path} (process {})", id.tgid),
            (None, Some(id)) => write!(formatter, "Process {}", id.tgid),
            (_, None) => formatter.write_str("A process that is not known"),
        }
    }
}
