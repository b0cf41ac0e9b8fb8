//! What a sink says to whoever reads the sensor's diagnostics: one line for each change, not one for
//! each try.

use std::{
    collections::BTreeMap,
    fmt::Display,
    mem,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{backlog::Trouble, tally::Reason};
use crate::detect::severity::Severity;

/// Shows a line to a person.
pub type Tell = Arc<dyn Fn(&str) + Send + Sync>;

/// What lasts is said again after this time.
const REPEAT: Duration = Duration::from_secs(300);
/// What happens often is collected for this time.
const COLLECT: Duration = Duration::from_secs(10);
/// What works for this time works again.
const CALM: Duration = Duration::from_secs(10);

/// A sink's voice.
pub(super) struct Voice {
    sink: String,
    tell: Tell,
    failing: Option<Failing>,
    /// What the spool's trouble is, and whether that was said, and when.
    spool: Option<String>,
    spool_said: Option<(bool, Instant)>,
    given_up: BTreeMap<(Reason, Severity), u64>,
    given_up_said: Option<Instant>,
    refusal: Option<String>,
}

struct Failing {
    /// The reason without its numbers: a time in it does not make it another one.
    reason: String,
    since: Instant,
    said: Instant,
    /// Since when it works again.
    works_since: Option<Instant>,
}

impl Voice {
    pub(super) fn new(sink: &str, tell: Tell) -> Self {
        Self {
            sink: sink.to_owned(),
            tell,
            failing: None,
            spool: None,
            spool_said: None,
            given_up: BTreeMap::new(),
            given_up_said: None,
            refusal: None,
        }
    }

    fn say(&self, text: impl Display) {
        (self.tell)(&format!("sink {}: {text}", self.sink));
    }

    /// The receiver did not take a batch.
    pub(super) fn fails(&mut self, why: &str, waiting: u64, wait: Duration) {
        let now = Instant::now();
        let reason = without_numbers(why);
        let since = match &mut self.failing {
            Some(failing)
                if failing.reason == reason && now.duration_since(failing.said) < REPEAT =>
            {
                failing.works_since = None;
                return;
            }
            Some(failing) => failing.since,
            None => now,
        };
        self.say(format_args!(
            "cannot deliver: {why}; {waiting} events wait, the next try is in {:.1} s",
            wait.as_secs_f64()
        ));
        self.failing = Some(Failing {
            reason,
            since,
            said: now,
            works_since: None,
        });
    }

    /// The receiver took a batch. That is said when it lasts.
    pub(super) fn works(&mut self) {
        if let Some(failing) = &mut self.failing {
            failing.works_since.get_or_insert_with(Instant::now);
        }
    }

    /// Events were given up. Says so at the first, then together with those of the next seconds.
    pub(super) fn gives_up(&mut self, reason: Reason, severity: Severity, count: u64) {
        *self.given_up.entry((reason, severity)).or_default() += count;
    }

    /// The receiver will never take an event.
    pub(super) fn is_refused(&mut self, severity: Severity, why: String) {
        self.gives_up(Reason::Refused, severity, 1);
        self.refusal = Some(why);
    }

    /// Says what is to be said by now, or the last time.
    pub(super) fn account(&mut self, is_last: bool) {
        self.say_that_it_works(is_last);
        self.say_of_the_spool(is_last);
        let is_early = self
            .given_up_said
            .is_some_and(|said| said.elapsed() < COLLECT);
        if self.given_up.is_empty() || (is_early && !is_last) {
            return;
        }
        let parts: Vec<String> = mem::take(&mut self.given_up)
            .iter()
            .map(|((reason, severity), count)| {
                format!("{count} {} ({})", severity.name(), reason.name())
            })
            .collect();
        let refusal = self
            .refusal
            .take()
            .map(|why| format!("; the receiver said: {why}"))
            .unwrap_or_default();
        self.say(format_args!(
            "events that the receiver does not get: {}{refusal}",
            parts.join(", ")
        ));
        self.given_up_said = Some(Instant::now());
    }

    fn say_that_it_works(&mut self, is_last: bool) {
        let Some(failing) = &self.failing else {
            return;
        };
        let Some(works_since) = failing.works_since else {
            return;
        };
        if is_last || works_since.elapsed() >= CALM {
            self.say(format_args!(
                "delivers again after {:.1} s",
                works_since.duration_since(failing.since).as_secs_f64()
            ));
            self.failing = None;
        }
    }

    fn say_of_the_spool(&mut self, is_last: bool) {
        let (was_trouble, is_early) = match self.spool_said {
            Some((was_trouble, said)) => (was_trouble, said.elapsed() < COLLECT),
            None => (false, false),
        };
        if was_trouble == self.spool.is_some() || (is_early && !is_last) {
            return;
        }
        match &self.spool {
            Some(trouble) => self.say(format_args!("{trouble}; events wait in memory meanwhile")),
            None => self.say("the spool works again, and has all that waited"),
        }
        self.spool_said = Some((self.spool.is_some(), Instant::now()));
    }

    /// What the disk does has changed.
    pub(super) fn spool(&mut self, trouble: &Trouble) {
        self.spool = match trouble {
            Trouble::Begins(error) => Some(error.to_string()),
            Trouble::Ends => None,
        };
        self.say_of_the_spool(false);
    }

    /// Says something that is said once.
    pub(super) fn once(&self, text: impl Display) {
        self.say(text);
    }
}

/// A text with each number in it made the same.
fn without_numbers(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut was_digit = false;
    for character in text.chars() {
        let is_digit = character.is_ascii_digit();
        if !is_digit {
            plain.push(character);
        } else if !was_digit {
            plain.push('0');
        }
        was_digit = is_digit;
    }
    plain
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use crate::delivery::backlog::BacklogError;

    use super::*;

    fn voice() -> (Voice, Arc<Mutex<Vec<String>>>) {
        let lines: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = lines.clone();
        let tell: Tell = Arc::new(move |line: &str| kept.lock().unwrap().push(line.to_owned()));
        (Voice::new("siem", tell), lines)
    }

    #[test]
    fn a_failure_is_said_once_and_so_is_its_end() {
        let (mut voice, lines) = voice();
        for time in 0..5 {
            voice.fails(&format!("expired at {time}"), 7, Duration::from_millis(500));
            // It does not last.
            voice.works();
            voice.account(false);
        }
        voice.fails("no answer", 7, Duration::from_secs(1));
        voice.account(true);
        voice.works();
        voice.account(true);
        voice.account(true);
        let lines = lines.lock().unwrap();
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert_eq!(
            lines[0],
            "sink siem: cannot deliver: expired at 0; 7 events wait, the next try is in 0.5 s"
        );
        assert!(lines[1].contains("no answer"), "{lines:?}");
        assert!(lines[2].contains("delivers again"), "{lines:?}");
    }

    #[test]
    fn a_disk_that_comes_and_goes_is_not_said_each_time() {
        let (mut voice, lines) = voice();
        for _ in 0..5 {
            voice.spool(&Trouble::Begins(BacklogError::full()));
            voice.spool(&Trouble::Ends);
        }
        assert_eq!(lines.lock().unwrap().len(), 1);
        voice.account(true);
        let lines = lines.lock().unwrap();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[1].contains("works again"), "{lines:?}");
    }

    #[test]
    fn what_is_given_up_is_collected_and_none_is_forgotten() {
        let (mut voice, lines) = voice();
        voice.gives_up(Reason::BacklogFull, Severity::Low, 2);
        voice.account(false);
        voice.gives_up(Reason::BacklogFull, Severity::Low, 3);
        voice.is_refused(Severity::High, "no such field".into());
        voice.account(false);
        voice.account(true);
        voice.account(true);
        let lines = lines.lock().unwrap();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].contains("2 low (backlog_full)"), "{lines:?}");
        assert!(
            lines[1].contains("3 low (backlog_full), 1 high (refused)")
                || lines[1].contains("1 high (refused)"),
            "{lines:?}"
        );
        assert!(lines[1].contains("no such field"), "{lines:?}");
    }
}
