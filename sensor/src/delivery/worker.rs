//! A sink's thread: takes in what the pipeline has, sends it, tries again.
//!
//! Entries are sent in the order of their places, a batch at a time. A batch is done with when the
//! receiver has each of its entries or will never take it; until then nothing after it is sent.

use std::{collections::BTreeSet, future::Future, pin::pin, time::Duration};

use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::{
    backoff::Backoff,
    dead_letters::DeadLetters,
    entry::Entry,
    intake::Intake,
    sink::{Again, Failure, Receipt, Sink},
    tally::Reason,
};

/// When a batch is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batching {
    /// Most entries in it.
    pub entries: usize,
    /// Most bytes of documents in it, unless the first alone has more.
    pub bytes: usize,
    /// How long the first one waits for others.
    pub age: Duration,
}

/// How a receiver that does not take anything is treated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long a batch may take.
    pub timeout: Duration,
    /// The longest wait between two tries.
    pub longest_wait: Duration,
}

/// A receiver that takes none of so many single events, one after the other, is itself what is wrong:
/// it gets them again.
const MALFORMED_MAX: u32 = 20;

/// A sink at work.
pub(super) struct Worker {
    pub(super) sink: Box<dyn Sink>,
    pub(super) intake: Intake,
    pub(super) batching: Batching,
    pub(super) patience: Patience,
    pub(super) dead_letters: Option<DeadLetters>,
    backoff: Backoff,
    /// Single entries in a row that the receiver did not understand.
    malformed: u32,
}

/// The sensor's end came first.
struct Ended;

impl Worker {
    pub(super) fn new(
        sink: Box<dyn Sink>,
        intake: Intake,
        batching: Batching,
        patience: Patience,
        dead_letters: Option<DeadLetters>,
    ) -> Self {
        let backoff = Backoff::new(patience.longest_wait);
        Self {
            sink,
            intake,
            batching,
            patience,
            dead_letters,
            backoff,
            malformed: 0,
        }
    }

    /// Works until the inbox is closed and everything is delivered, or the time of grace after that is
    /// over.
    pub(super) async fn run(mut self) {
        while self.work().await.is_ok() {}
        self.intake.end();
    }

    /// Waits for a batch and delivers it.
    async fn work(&mut self) -> Result<(), Ended> {
        self.intake.take_in();
        if self.intake.must_reopen() {
            self.sink.reopen();
        }
        self.batch_is_due().await?;
        match self
            .intake
            .backlog
            .peek(self.batching.entries, self.batching.bytes)
        {
            Ok(batch) if batch.is_empty() => {
                // What waited was given up.
                self.intake.nothing_waits();
                Ok(())
            }
            Ok(batch) => {
                self.intake.a_batch_leaves();
                self.deliver(batch).await
            }
            Err(error) => {
                self.pause(&Again {
                    why: error.to_string(),
                    after: None,
                })
                .await
            }
        }
    }

    async fn batch_is_due(&mut self) -> Result<(), Ended> {
        loop {
            let Some(since) = self.intake.waiting_since() else {
                if self.intake.is_closed() {
                    return Err(Ended);
                }
                self.intake.news().await;
                return Ok(());
            };
            let backlog = &self.intake.backlog;
            let is_full = backlog.len() >= self.batching.entries as u64
                || backlog.bytes() >= self.batching.bytes as u64;
            let due = since + self.batching.age;
            if is_full || self.intake.is_closed() || due <= Instant::now() {
                return Ok(());
            }
            // Whatever comes first is looked at, in vain or not.
            let _or_news = tokio::time::timeout_at(due, self.intake.news()).await;
            self.intake.take_in();
        }
    }

    /// Sends a batch until nothing of it is left.
    async fn deliver(&mut self, batch: Vec<Entry>) -> Result<(), Ended> {
        let Some(last) = batch.last().map(|entry| entry.place) else {
            return Ok(());
        };
        // The next part is at the end.
        let mut parts = vec![batch];
        while let Some(part) = parts.pop() {
            match self.send(&part).await? {
                Ok(receipt) => {
                    let (rest, again) = self.settle(part, receipt);
                    if rest.is_empty() {
                        self.intake.works();
                        self.backoff.reset();
                    } else {
                        parts.push(rest);
                        self.acknowledge(&parts, last);
                        self.pause(&again).await?;
                    }
                }
                Err(Failure::Again(again)) => {
                    parts.push(part);
                    self.pause(&again).await?;
                }
                Err(Failure::TooLarge(why)) => self.halve(part, &why, &mut parts),
                Err(Failure::Malformed(why)) => {
                    if part.len() == 1 {
                        self.malformed = self.malformed.saturating_add(1);
                        if self.malformed > MALFORMED_MAX {
                            parts.push(part);
                            let why = format!(
                                "the receiver understands none of the last {MALFORMED_MAX} events, so they are \
                                 kept: {why}"
                            );
                            self.pause(&Again { why, after: None }).await?;
                            continue;
                        }
                    }
                    self.halve(part, &why, &mut parts);
                }
            }
            self.acknowledge(&parts, last);
        }
        Ok(())
    }

    /// Sends entries once, and takes in what comes meanwhile.
    async fn send(&mut self, entries: &[Entry]) -> Result<Result<Receipt, Failure>, Ended> {
        let sending = timeout(self.patience.timeout, self.sink.send(entries));
        match meanwhile(&mut self.intake, sending).await? {
            Ok(result) => Ok(result),
            Err(_) => Ok(Err(Failure::again(format!(
                "the receiver did not answer within {:.1} s",
                self.patience.timeout.as_secs_f64()
            )))),
        }
    }

    /// Does what a receipt says; returns what is to be sent again.
    fn settle(&mut self, part: Vec<Entry>, receipt: Receipt) -> (Vec<Entry>, Again) {
        for refused in &receipt.refused {
            if let Some(entry) = part.get(refused.index) {
                self.refuse(entry, &refused.why);
            }
        }
        let again: BTreeSet<usize> = receipt.again.into_iter().collect();
        let gone = part.len() - again.len().min(part.len());
        let delivered = gone.saturating_sub(receipt.refused.len());
        if delivered > 0 {
            self.malformed = 0;
            self.intake.tally.delivered(delivered as u64);
        }
        let rest = part
            .into_iter()
            .enumerate()
            .filter(|(index, _)| again.contains(index))
            .map(|(_, entry)| entry)
            .collect();
        (rest, receipt.delay.unwrap_or_default())
    }

    /// Lets both halves of a part be tried alone; an entry that was alone is refused.
    fn halve(&mut self, mut part: Vec<Entry>, why: &str, parts: &mut Vec<Vec<Entry>>) {
        if let [entry] = part.as_slice() {
            self.refuse(entry, why);
            return;
        }
        let second = part.split_off(part.len() / 2);
        parts.push(second);
        parts.push(part);
    }

    fn refuse(&mut self, entry: &Entry, why: &str) {
        let kept = match &self.dead_letters {
            None => String::new(),
            Some(letters) => match letters.keep(entry, why) {
                Ok(()) => format!("; it is in {}", letters.path().display()),
                Err(error) => format!("; it is nowhere: {error}"),
            },
        };
        let severity = entry.facts.severity;
        self.intake.tally.undelivered(Reason::Refused, severity, 1);
        self.intake
            .voice
            .is_refused(severity, format!("{why}{kept}"));
        self.intake.voice.account(false);
    }

    /// Everything before what is still to be sent is done with.
    fn acknowledge(&mut self, parts: &[Vec<Entry>], last: u64) {
        let next = parts
            .iter()
            .filter_map(|part| part.first())
            .map(|entry| entry.place)
            .min();
        self.intake
            .acknowledge(next.map_or(last, |next| next.saturating_sub(1)));
    }

    async fn pause(&mut self, again: &Again) -> Result<(), Ended> {
        let wait = self.backoff.wait(again.after);
        self.intake.fails(&again.why, wait);
        meanwhile(&mut self.intake, sleep(wait)).await
    }
}

/// Waits for something, and takes in what comes meanwhile.
async fn meanwhile<F: Future>(intake: &mut Intake, future: F) -> Result<F::Output, Ended> {
    let mut future = pin!(future);
    loop {
        let deadline = intake.deadline();
        let never = Instant::now() + Duration::from_secs(86_400);
        tokio::select! {
            biased;
            output = &mut future => return Ok(output),
            () = sleep_until(deadline.unwrap_or(never)), if deadline.is_some() => return Err(Ended),
            () = intake.news() => intake.take_in(),
        }
    }
}
