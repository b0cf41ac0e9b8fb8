//! What comes to a sink, and waits.

use std::{mem, path::PathBuf, sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{
    backlog::{Backlog, Gone, Trouble},
    inbox::Inbox,
    tally::{Reason, Tally},
    voice::Voice,
};

/// What comes to a sink, and waits.
pub(super) struct Intake {
    pub(super) backlog: Backlog,
    pub(super) tally: Arc<Tally>,
    pub(super) voice: Voice,
    /// Where the backlog is kept on disk.
    directory: Option<PathBuf>,
    is_in_trouble: bool,
    inbox: Arc<Inbox>,
    /// How long the sink may work on after the inbox is closed.
    grace: Duration,
    waiting_since: Option<Instant>,
    deadline: Option<Instant>,
    must_reopen: bool,
}

impl Intake {
    pub(super) fn new(
        backlog: Backlog,
        directory: Option<PathBuf>,
        inbox: Arc<Inbox>,
        tally: Arc<Tally>,
        voice: Voice,
        grace: Duration,
    ) -> Self {
        let now = Instant::now();
        Self {
            waiting_since: (!backlog.is_empty()).then_some(now),
            backlog,
            tally,
            voice,
            directory,
            is_in_trouble: false,
            inbox,
            grace,
            deadline: None,
            must_reopen: false,
        }
    }

    /// Moves what is in the inbox to the backlog.
    pub(super) fn take_in(&mut self) {
        let mail = self.inbox.take();
        self.must_reopen |= mail.reopen;
        for (severity, count) in mail.evicted {
            self.voice.gives_up(Reason::QueueFull, severity, count);
        }
        if mail.closed && self.deadline.is_none() {
            self.deadline = Some(Instant::now() + self.grace);
        }
        // A disk that failed is tried again with every append, also one of nothing.
        if !mail.entries.is_empty() || self.is_in_trouble {
            let appended = self.backlog.append(mail.entries);
            self.give_up(Reason::BacklogFull, &appended.evicted);
            if let Some(trouble) = appended.trouble {
                self.is_in_trouble = matches!(trouble, Trouble::Begins(_));
                self.voice.spool(&trouble);
            }
            if self.waiting_since.is_none() && !self.backlog.is_empty() {
                self.waiting_since = Some(Instant::now());
            }
        }
        let damaged = self.backlog.lost();
        self.give_up(Reason::Damaged, &damaged);
        self.voice.account(false);
        self.tally.waiting(self.backlog.len());
    }

    fn give_up(&mut self, reason: Reason, gone: &[Gone]) {
        for Gone { severity, count } in gone {
            self.tally.undelivered(reason, *severity, *count);
            self.voice.gives_up(reason, *severity, *count);
        }
    }

    /// Waits until something came.
    pub(super) async fn news(&self) {
        self.inbox.news().await;
    }

    /// Since when the first entry waits that is not on its way.
    pub(super) const fn waiting_since(&self) -> Option<Instant> {
        self.waiting_since
    }

    /// The first entries are on their way; what is left came about now.
    pub(super) fn a_batch_leaves(&mut self) {
        self.waiting_since = Some(Instant::now());
    }

    pub(super) const fn nothing_waits(&mut self) {
        self.waiting_since = None;
    }

    /// Everything up to this place is done with.
    pub(super) fn acknowledge(&mut self, place: u64) {
        self.backlog.acknowledge(place);
        self.tally.waiting(self.backlog.len());
        if self.backlog.is_empty() {
            self.waiting_since = None;
        }
    }

    /// The files that are written to were moved away.
    pub(super) fn must_reopen(&mut self) -> bool {
        mem::take(&mut self.must_reopen)
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.deadline.is_some()
    }

    /// When the sink must end, if it must.
    pub(super) const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(super) fn works(&mut self) {
        self.voice.works();
    }

    pub(super) fn fails(&mut self, why: &str, wait: Duration) {
        self.voice.fails(why, self.backlog.len(), wait);
    }

    /// Nothing more is sent: what waits is kept, or counted.
    pub(super) fn end(&mut self) {
        self.take_in();
        // Here nobody waits for it, and nothing else comes meanwhile.
        if let Err(error) = self.backlog.sync()
            && !self.is_in_trouble
        {
            self.voice.once(error);
        }
        let ended = self.backlog.drop_unwritten();
        self.give_up(Reason::Ended, &ended);
        let left = self.backlog.len();
        if left > 0
            && let Some(directory) = &self.directory
        {
            self.voice.once(format_args!(
                "{left} events wait in {} for the next start",
                directory.display()
            ));
        }
        self.tally.waiting(left);
        self.voice.account(true);
    }
}
