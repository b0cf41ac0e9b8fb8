//! What is asked about execs that are not written yet, and what was answered.

use std::{collections::HashMap, sync::Arc};

use serde::{Deserialize, Serialize};

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
    late: u64,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The executable.
    Executable,
    /// The script.
    Script,
}

impl Execs {
    /// An exec was read, and will be written: until then answers about it are remembered.
    pub fn read(&mut self, exec: ExecId) {
        if self.known.len() >= EXECS_MAX {
            self.full += 1;
            return;
        }
        self.known.entry(exec).or_default();
    }

    /// A question about an exec is under way.
    pub fn asked(&mut self, exec: ExecId, part: Part, ticket: Ticket) {
        self.set(exec, part, Answered::Pending);
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

    /// Remembers an answer until the exec is written. One that comes later is of no use.
    pub fn learn(&mut self, exec: ExecId, part: Part, answer: Result<Arc<Fingerprint>, Missing>) {
        self.set(exec, part, Answered::With(answer));
    }

    /// Remembers that there was no answer until the exec was written, as a recording tells.
    pub fn unanswered(&mut self, exec: ExecId, part: Part) {
        self.set(exec, part, Answered::Pending);
    }

    /// Whether something about an exec is still asked.
    #[must_use]
    pub fn is_pending(&self, exec: ExecId) -> bool {
        let about = self.known.get(&exec);
        about.is_some_and(|about| [&about.executable, &about.script].contains(&&Answered::Pending))
    }

    /// An exec is written now: what is known about it.
    pub fn take(&mut self, exec: ExecId) -> About {
        let about = self.known.remove(&exec).unwrap_or_default();
        self.late += about.pending().map(|_| 1).sum::<u64>();
        about
    }

    /// Execs of which nothing could be remembered.
    #[must_use]
    pub const fn full(&self) -> u64 {
        self.full
    }

    /// Questions without an answer when the exec was written.
    #[must_use]
    pub const fn late(&self) -> u64 {
        self.late
    }

    fn set(&mut self, exec: ExecId, part: Part, answered: Answered) {
        if let Some(about) = self.known.get_mut(&exec) {
            *about.part(part) = answered;
        }
    }
}

impl About {
    /// What is asked and not answered.
    pub fn pending(&self) -> impl Iterator<Item = Part> {
        let parts = [
            (Part::Executable, &self.executable),
            (Part::Script, &self.script),
        ];
        parts
            .into_iter()
            .filter(|(_, answered)| **answered == Answered::Pending)
            .map(|(part, _)| part)
    }

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
        execs.read(exec(1));
        execs.read(exec(2));
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
        execs.read(exec(1));
        execs.asked(exec(1), Part::Executable, Ticket(1));
        let about = execs.take(exec(1));
        assert_eq!(about.executable.missing(), Some("pending"));
        assert_eq!(about.script.missing(), None);
        assert!(!execs.is_pending(exec(1)));
        assert_eq!(execs.late(), 1);
    }

    #[test]
    fn what_comes_after_the_exec_is_not_remembered() {
        let mut execs = Execs::default();
        execs.read(exec(1));
        execs.asked(exec(1), Part::Executable, Ticket(1));
        execs.take(exec(1));
        execs.learn(exec(1), Part::Executable, Err(Missing::Gone));
        assert!(execs.known.is_empty());
        assert_eq!(execs.take(exec(1)), About::default());
    }

    #[test]
    fn at_the_limit_no_more_is_remembered() {
        let mut execs = Execs::default();
        for number in 0..=u32::try_from(EXECS_MAX).unwrap() {
            execs.read(exec(number));
        }
        assert_eq!((execs.known.len(), execs.full()), (EXECS_MAX, 1));
    }
}
