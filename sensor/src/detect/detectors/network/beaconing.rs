//! Beacons: a program connects to the same destination by the clock, and says little.
//!
//! What is looked at are the times between connections. The median of their distances from their median
//! tells how regular they are, and a connection that came late or not at all changes it little.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use sensor_common::network::Role;

use super::{
    address::Reach,
    attempt::socket,
    episode::{Episode, since},
    party::{Program, Programs, Who},
    rule::Rule,
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
    event::{Body, Closed},
    observed::Observed,
    process::entry::Way,
};

/// Times between connections that must be known.
const GAPS: usize = 8;

/// Times between connections that are remembered. More would not tell more, and forget slower what was
/// otherwise before.
const GAPS_MAX: usize = 16;

/// The shortest interval: what comes quicker is work, not a sign of life.
const SHORTEST: Duration = Duration::from_secs(5);

/// The longest: of a longer one, eight take more than a working day.
const LONGEST: Duration = Duration::from_secs(3_600);

/// Hundredths of the interval by which half of the gaps may differ from it. If they vary evenly by a
/// fifth to both sides it is 10; a few gaps more or less make it 15.
const DEVIATION_PERCENT: u64 = 15;

/// The same while less than [`GAPS_SURE`] gaps are known. Eight gaps by chance are within 15 now and
/// then, if many destinations are looked at for long; within 4 they are next to never.
const DEVIATION_PERCENT_SOON: u64 = 4;

/// Gaps from which on chance is out of the question.
const GAPS_SURE: usize = 12;

/// Hundredths of the interval within which four of five gaps must be. Of events by chance it is a
/// quarter.
const NEAR_PERCENT: u64 = 35;

/// Connections within this time are one: programs open several at once.
const ONE_BEAT: Duration = Duration::from_secs(2);

/// Most bytes of the middle one of the connections, both ways: a TLS handshake with its certificates,
/// and a question.
const BYTES_MAX: u64 = 32 * 1_024;

/// Ports that are asked by the clock as a rule: DNS, NTP's key exchange, DNS over TLS.
const PORTS_OF_CLOCKS: [u16; 4] = [53, 123, 853, 4_460];

/// How long a program must not have beaten before the same is said again: agents of all kinds do so all
/// their life, and are said once.
const CALM: Duration = Duration::from_secs(24 * 3_600);

/// Programs and destinations that are remembered: a state is up to 16 gaps, sizes and events, some
/// 800 bytes.
const STATES: usize = 8_192;

/// What an operator may want to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Times between connections that must be known, at most 16.
    pub gaps: usize,
    /// The shortest interval.
    pub shortest: Duration,
    /// The longest interval.
    pub longest: Duration,
    /// Hundredths of the interval by which half of the gaps may differ from it.
    pub deviation_percent: u64,
    /// Most bytes of the middle one of the connections, both ways.
    pub bytes_max: u64,
    /// Whether private addresses count. Inside of a network health checks, scrapes and reports beat
    /// everywhere.
    pub private: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            gaps: GAPS,
            shortest: SHORTEST,
            longest: LONGEST,
            deviation_percent: DEVIATION_PERCENT,
            bytes_max: BYTES_MAX,
            private: false,
        }
    }
}

const RULE: Rule<'_> = Rule {
    id: "beaconing",
    name: "Beaconing",
    severity: Severity::Medium,
    description: "A program connected to the same destination at regular intervals and exchanged little, \
                  as an implant does that asks for orders.",
    tactics: &["command-and-control"],
    techniques: &["T1071", "T1573", "T1029"],
    false_positives: &[
        "Agents of monitoring, management and licences that report to a provider.",
        "Programs that look for news by the clock: mail, feeds, updates.",
        "Jobs of systemd's timers.",
    ],
};

/// Finds beacons.
#[derive(Debug)]
pub struct Beaconing {
    settings: Settings,
    rules: [Arc<RuleDescription>; 1],
    programs: Programs,
    rhythms: States<(Program, SocketAddr), Rhythm>,
}

#[derive(Debug, Default)]
struct Rhythm {
    last: Option<BootTime>,
    beats: VecDeque<Beat>,
    trail: Trail,
    episode: Episode,
}

#[derive(Clone, Copy, Debug)]
struct Beat {
    /// Nanoseconds since the one before.
    gap: u64,
    bytes: u64,
}

/// How regular beats are.
#[derive(Clone, Copy, Debug)]
struct Regularity {
    gaps: usize,
    /// The median of the gaps, in nanoseconds.
    interval: u64,
    /// The median of the gaps' distances from that.
    deviation: u64,
    /// Gaps that are near the interval.
    near: usize,
    /// The median of the bytes.
    bytes: u64,
}

impl Beaconing {
    /// With nothing seen.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            rules: [RULE.describe()],
            programs: Programs::default(),
            rhythms: States::new(STATES),
        }
    }

    #[cfg(test)]
    pub(super) fn states(&self) -> usize {
        self.rhythms.len()
    }

    fn is_of_interest(&self, observed: &Observed<'_>, closed: &Closed, remote: SocketAddr) -> bool {
        // A client that gets no answer asks again by the clock, and is no beacon.
        let spoke = closed.established.is_some() && closed.bytes_sent > 0;
        closed.role == Role::Client
            && spoke
            && self.is_far(remote.ip())
            && !PORTS_OF_CLOCKS.contains(&remote.port())
            && !is_started_by_timer(observed)
    }

    fn is_far(&self, address: IpAddr) -> bool {
        match Reach::of(address) {
            Reach::Host | Reach::Link => false,
            Reach::Private => self.settings.private,
            Reach::Public => true,
        }
    }
}

impl Detector for Beaconing {
    fn rules(&self) -> &[Arc<RuleDescription>] {
        &self.rules
    }

    fn inspect(&mut self, observed: &Observed<'_>, alerts: &mut Vec<Alert>) {
        let Body::Closed(closed) = &observed.event.body else {
            return;
        };
        let (Some(opened), Some(remote)) = (closed.opened, socket(closed.endpoints.remote)) else {
            return;
        };
        if !self.is_of_interest(observed, closed, remote) {
            return;
        }
        let Some(program) = self.programs.of(observed) else {
            return;
        };
        let rhythm = self.rhythms.of((program, remote));
        let bytes = closed.bytes_sent.saturating_add(closed.bytes_received);
        if !rhythm.beat(opened, bytes, self.settings.longest) {
            return;
        }
        rhythm.trail.add(observed.event.origin);
        let found = rhythm
            .regularity(&self.settings)
            .filter(|found| found.is_beacon(&self.settings));
        let now = observed.event.origin.time;
        if let Some(found) = found
            && rhythm.episode.begins(now, CALM)
        {
            let [rule] = &self.rules;
            let reason = reason(observed, remote, found);
            alerts.push(rhythm.trail.alert(rule, reason, observed.event.origin));
        }
    }

    fn limits(&self, limit: &mut dyn FnMut(&'static str, u64)) {
        limit("beaconing_states", self.rhythms.forgotten());
    }
}

impl Rhythm {
    /// A connection was opened: whether it counts as a beat of its own.
    fn beat(&mut self, opened: BootTime, bytes: u64, longest: Duration) -> bool {
        let last = self.last.filter(|&last| {
            // After a pause that no jitter explains all begins anew.
            since(last, opened) <= longest.saturating_mul(3) / 2
        });
        let Some(last) = last else {
            self.last = Some(opened);
            self.beats.clear();
            self.trail = Trail::default();
            return true;
        };
        let gap = since(last, opened);
        if gap < ONE_BEAT {
            return false;
        }
        self.last = Some(opened);
        if self.beats.len() >= GAPS_MAX {
            self.beats.pop_front();
        }
        let gap = opened.0.saturating_sub(last.0);
        self.beats.push_back(Beat { gap, bytes });
        true
    }

    /// How regular the beats are, once there are enough of them.
    fn regularity(&self, settings: &Settings) -> Option<Regularity> {
        let enough = self.beats.len() >= settings.gaps.min(GAPS_MAX);
        enough.then(|| Regularity::of(&self.beats)).flatten()
    }
}

impl Regularity {
    fn of(beats: &VecDeque<Beat>) -> Option<Self> {
        let interval = median(beats.iter().map(|beat| beat.gap))?;
        let distances = beats.iter().map(|beat| beat.gap.abs_diff(interval));
        let is_near =
            |distance: &u64| distance.saturating_mul(100) <= interval.saturating_mul(NEAR_PERCENT);
        Some(Self {
            gaps: beats.len(),
            interval,
            deviation: median(distances.clone())?,
            near: distances.filter(is_near).count(),
            bytes: median(beats.iter().map(|beat| beat.bytes))?,
        })
    }

    fn is_beacon(&self, settings: &Settings) -> bool {
        let allowed = if self.gaps < GAPS_SURE {
            settings.deviation_percent.min(DEVIATION_PERCENT_SOON)
        } else {
            settings.deviation_percent
        };
        let interval = Duration::from_nanos(self.interval);
        (settings.shortest..=settings.longest).contains(&interval)
            && self.deviation.saturating_mul(100) <= self.interval.saturating_mul(allowed)
            && self.near * 5 >= self.gaps * 4
            && self.bytes <= settings.bytes_max
    }
}

/// Whether the process is one that a timer's daemon started: what it does, it does by the clock.
fn is_started_by_timer(observed: &Observed<'_>) -> bool {
    let entry = observed
        .process
        .and_then(|process| process.lineage.entry.as_ref());
    entry.is_some_and(|entry| entry.way == Way::Cron)
}

/// The middle one of numbers, the greater of two.
fn median(numbers: impl Iterator<Item = u64>) -> Option<u64> {
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_unstable();
    numbers.get(numbers.len() / 2).copied()
}

fn reason(observed: &Observed<'_>, remote: SocketAddr, found: Regularity) -> String {
    let who = Who(observed);
    let Regularity { gaps, bytes, .. } = found;
    let interval = found.interval.saturating_add(500_000_000) / 1_000_000_000;
    let deviation = found.deviation.saturating_mul(100) / found.interval.max(1);
    format!(
        "{who} connects to {remote} every {interval} s: of {gaps} gaps half are within {deviation} % of \
         that, and a connection carries {bytes} bytes."
    )
}
