//! What the pipeline's thread is given, by the reader and by the threads that answer its questions.

use std::{
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel},
    time::Duration,
};

use crate::{
    detect::detection::setup::Setup,
    enrich::Answer,
    kernel::reader::{Gone, Reading},
};

/// Readings that wait for the pipeline. Behind a slow output they fill up, then the rings do, and
/// what does not fit there is counted as lost.
const READINGS: usize = 16;

/// Something for the pipeline.
pub(super) enum Input {
    /// What was read of the kernel's rings and counters.
    Reading(Reading),
    /// An answer to a question of the pipeline's. There are never more than questions, whose number
    /// is bounded where they are asked.
    Answer(Answer),
    /// Other rules are to be in force.
    Rules(Box<Setup>),
    /// Nothing came within the time that was given.
    Nothing,
}

/// The reader's way to the pipeline.
pub(super) struct Readings {
    permits: SyncSender<()>,
    inputs: Sender<Input>,
}

/// The other threads' way to the pipeline.
#[derive(Clone)]
pub(super) struct Answers(Sender<Input>);

/// What comes out of both, in the order in which it was given.
pub(super) struct Inputs {
    permits: Receiver<()>,
    inputs: Receiver<Input>,
}

/// The ways to the pipeline.
pub(super) fn inputs() -> (Readings, Answers, Inputs) {
    let (permit, permits) = sync_channel(READINGS);
    let (sender, inputs) = channel();
    let readings = Readings {
        permits: permit,
        inputs: sender.clone(),
    };
    (readings, Answers(sender), Inputs { permits, inputs })
}

impl Readings {
    /// Adds a reading, once there is room.
    pub(super) fn add(&self, reading: Reading) -> Result<(), Gone> {
        self.permits.send(()).map_err(|_| Gone)?;
        self.inputs.send(Input::Reading(reading)).map_err(|_| Gone)
    }
}

impl Answers {
    /// Adds an answer, at once. When the pipeline has ended nobody needs it.
    pub(super) fn add(&self, answer: Answer) {
        let _ = self.0.send(Input::Answer(answer));
    }

    /// Adds rules that are to be in force from now on.
    pub(super) fn put_in_force(&self, rules: Setup) {
        let _ = self.0.send(Input::Rules(Box::new(rules)));
    }
}

impl Inputs {
    /// The next one; none if nobody can give any more. If there is none within a time, that is what it
    /// says.
    pub(super) fn next(&self, within: Option<Duration>) -> Option<Input> {
        let input = match within {
            None => self.inputs.recv().ok()?,
            Some(within) => match self.inputs.recv_timeout(within) {
                Ok(input) => input,
                Err(RecvTimeoutError::Timeout) => return Some(Input::Nothing),
                Err(RecvTimeoutError::Disconnected) => return None,
            },
        };
        if let Input::Reading(_) = input {
            // Each came with one.
            let _ = self.permits.recv();
        }
        Some(input)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::kernel::counters::Totals;

    #[test]
    fn whoever_waits_for_a_time_learns_that_it_is_over() {
        let (readings, answers, inputs) = inputs();
        let moment = Some(Duration::from_millis(1));
        assert!(matches!(inputs.next(moment), Some(Input::Nothing)));
        drop((readings, answers));
        assert!(inputs.next(moment).is_none());
    }

    #[test]
    fn readings_wait_for_room_and_end_with_the_pipeline() {
        let (readings, _answers, inputs) = inputs();
        let reader = thread::spawn(move || {
            let mut added = 0;
            while readings.add(Reading::Totals(Totals::default())).is_ok() {
                added += 1;
            }
            added
        });
        for _ in 0..3 * READINGS {
            assert!(matches!(inputs.next(None), Some(Input::Reading(_))));
        }
        drop(inputs);
        let added = reader.join().unwrap();
        assert!(
            (3 * READINGS..=4 * READINGS + 1).contains(&added),
            "{added}"
        );
    }
}
