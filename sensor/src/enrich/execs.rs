//! What is asked about execs that are not written yet, and what was answered.

use std::{collections::HashMap, sync::Arc};

use super::{
    fact::Fact,
    hashing::{Missing, Ticket},
};
use crate::process::fingerprint::{ExecId, Fingerprint};

/// Most execs of which something is remembered before they are written: as many as may wait to be
/// put in order.
const EXECS_MAX: usize = 65_536;

/// Execs that are not written yet.
#[derive(Debug, Default)]
pub struct Execs {
    known: HashMap<ExecId, About>,
    /// Whom an answer is for.
    asked: HashMap<Ticket, Vec<(ExecId, Part)>>,
    full: u64,
}

/// What is known about an exec.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// Its executable.
    pub executable: Answered,
    /// Its script.
    pub script: Answered,
}

/// Whether a question was answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Answered {
    /// Nobody asked.
    #[default]
    Unasked,
    /// Not yet.
    Pending,
    /// So.
    With(Result<Arc<Fingerprint>, Missing>),
}

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The executable.
    Executable,
    /// The script.
    Script,
}

impl Execs {
    /// A question about an exec is under way.
    pub fn asked(&mut self, exec: ExecId, part: Part, ticket: Ticket) {
        if let Some(about) = self.about(exec) {
            *about.part(part) = Answered::Pending;
        }
        self.asked.entry(ticket).or_default().push((exec, part));
    }

    /// What an answer says, and of which execs.
    pub fn answered(
        &mut self,
        ticket: Ticket,
        answer: &Result<Arc<Fingerprint>, Missing>,
    ) -> impl Iterator<Item = Fact> {
        let execs = self.asked.remove(&ticket).unwrap_or_default();
        execs.into_iter().map(|(exec, part)| match part {
            Part::Executable => Fact::Executable(exec, answer.clone()),
            Part::Script => Fact::Script(exec, answer.clone()),
        })
    }

    /// Remembers an answer until the exec is written.
    pub fn learn(&mut self, exec: ExecId, part: Part, answer: Result<Arc<Fingerprint>, Missing>) {
        if let Some(about) = self.about(exec) {
            *about.part(part) = Answered::With(answer);
        }
    }

    /// Whether something about an exec is still asked.
    #[must_use]
    pub fn is_pending(&self, exec: ExecId) -> bool {
        let about = self.known.get(&exec);
        about.is_some_and(|about| [&about.executable, &about.script].contains(&&Answered::Pending))
    }

    /// An exec is written now: what is known about it.
    pub fn take(&mut self, exec: ExecId) -> About {
        self.known.remove(&exec).unwrap_or_default()
    }

    /// Execs of which nothing could be remembered.
    #[must_use]
    pub const fn full(&self) -> u64 {
        self.full
    }

    fn about(&mut self, exec: ExecId) -> Option<&mut About> {
        if self.known.len() >= EXECS_MAX && !self.known.contains_key(&exec) {
            self.full += 1;
            return None;
        }
        Some(self.known.entry(exec).or_default())
    }
}

impl About {
    const fn part(&mut self, part: Part) -> &mut Answered {
        match part {
            Part::Executable => &mut self.executable,
            Part::Script => &mut self.script,
        }
    }
}

impl Answered {
    /// The fingerprint, if it was found out.
    #[must_use]
    pub fn fingerprint(&self) -> Option<&Arc<Fingerprint>> {
        match self {
            Self::With(Ok(fingerprint)) => Some(fingerprint),
            _ => None,
        }
    }

    /// Why there is none, in a word; nothing if there is one or nobody asked.
    #[must_use]
    pub const fn missing(&self) -> Option<&'static str> {
        match self {
            Self::Unasked | Self::With(Ok(_)) => None,
            Self::Pending => Some("pending"),
            Self::With(Err(missing)) => Some(missing.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::BootTime,
        event::{ProcessId, Tgid},
    };

    fn exec(tgid: u32) -> ExecId {
        ExecId {
            process: ProcessId {
                tgid: Tgid(tgid),
                start: BootTime(1),
            },
            time: BootTime(2),
        }
    }

    #[test]
    fn one_answer_is_for_all_who_asked() {
        let mut execs = Execs::default();
        execs.asked(exec(1), Part::Executable, Ticket(7));
        execs.asked(exec(2), Part::Script, Ticket(7));
        assert!(execs.is_pending(exec(1)) && execs.is_pending(exec(2)));
        let facts: Vec<Fact> = execs.answered(Ticket(7), &Err(Missing::Gone)).collect();
        assert_eq!(
            facts,
            [
                Fact::Executable(exec(1), Err(Missing::Gone)),
                Fact::Script(exec(2), Err(Missing::Gone)),
            ]
        );
        assert_eq!(execs.answered(Ticket(7), &Err(Missing::Gone)).count(), 0);
    }

    #[test]
    fn what_was_not_answered_in_time_says_so() {
        let mut execs = Execs::default();
        execs.asked(exec(1), Part::Executable, Ticket(1));
        let about = execs.take(exec(1));
        assert_eq!(about.executable.missing(), Some("pending"));
        assert_eq!(about.script.missing(), None);
        assert!(!execs.is_pending(exec(1)));
    }
}
