//! Tunnels through DNS: many different names that carry data are asked for below one domain, whose
//! server learns them all.
//!
//! A label counts once, however often it is asked for, so that what is asked again and again
//! does not add up: the key of a block list's customer, the names of a content network.

mod name;

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use super::{
    episode::Episode, party::Who, rule::Rule, spread::Spread, states::States, trail::Trail,
};
use crate::{
    detect::{
        alert::{Alert, RuleDescription},
        detector::Detector,
        severity::Severity,
    },
    event::{Body, Dns, dns::Message},
    observed::Observed,
};
use name::{Carrier, domain, may_carry};

/// Different labels below one domain. Pages with a label of their own for each advertisement come to a
/// few dozen.
const LABELS: usize = 100;

/// The same if most questions are for types that carry much back. Nobody asks for many of those below
/// one domain.
const LABELS_OF_CARRYING_TYPES: usize = 30;

/// Types that carry much back, or that nobody else asks for. Tunnels by A and AAAA need more questions.
const CARRYING_TYPES: [&str; 7] = ["TXT", "NULL", "CNAME", "MX", "KEY", "SRV", "TYPE65399"];

/// Hundredths of the labels that were asked for such a type.
const CARRYING_PERCENT: usize = 50;

/// Bytes in all names that count: less is no tunnel.
const BYTES: u64 = 1_024;

/// Within what time. A question every twenty seconds still makes thirty.
const WINDOW: Duration = Duration::from_secs(600);

/// Domains that are remembered: only those with a label that may carry data. A state is up to 100
/// labels and 16 events, some 3 KiB.
const STATES: usize = 4_096;

/// What an operator may want to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Different labels below one domain.
    pub labels: usize,
    /// The same if most are asked for with a type that carries much back.
    pub labels_of_carrying_types: usize,
    /// Within what time; and how long it must be calm before the same is said again.
    pub window: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            labels: LABELS,
            labels_of_carrying_types: LABELS_OF_CARRYING_TYPES,
            window: WINDOW,
        }
    }
}

const RULE: Rule<'_> = Rule {
    id: "dns-tunnelling",
    name: "Tunnel through DNS",
    severity: Severity::High,
    description: "Many different names with long labels that look encoded were asked for below one \
                  domain, as programs do that send data by DNS.",
    tactics: &["command-and-control", "exfiltration"],
    techniques: &["T1071.004", "T1048.003", "T1572"],
    false_positives: &[
        "Virus scanners that ask for digests of files by DNS.",
        "Sites that give each visit or advertisement a name of its own, on a host with many users.",
    ],
};

/// Finds tunnels through DNS.
#[derive(Debug)]
pub struct DnsTunnelling {
    settings: Settings,
    rules: [Arc<RuleDescription>; 1],
    hasher: RandomState,
    domains: States<String, Domain>,
}

#[derive(Debug, Default)]
struct Domain {
    /// Digests of the labels; marked are those that were asked for with a type that carries much back.
    labels: Spread<u64>,
    /// Bytes in the names since it was last calm.
    asked: u64,
    /// Bytes in the answers since then.
    answered: u64,
    trail: Trail,
    episode: Episode,
}

impl DnsTunnelling {
    /// With nothing seen.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            rules: [RULE.describe()],
            hasher: RandomState::default(),
            domains: States::new(STATES),
        }
    }

    #[cfg(test)]
    pub(super) fn states(&self) -> usize {
        self.domains.len()
    }

    fn asked(&mut self, observed: &Observed<'_>, dns: &Dns, alerts: &mut Vec<Alert>) {
        let Some(question) = Message::parse(&dns.message).ok().and_then(|it| it.question) else {
            return;
        };
        let Some(carrier) = Carrier::of(&question.name) else {
            return;
        };
        let Settings { labels, window, .. } = self.settings;
        let fewer = self.settings.labels_of_carrying_types;
        let origin = observed.event.origin;
        let label = self.hasher.hash_one(&carrier.label);
        let carries = CARRYING_TYPES.contains(&&*question.kind);
        let bytes = u64::try_from(carrier.bytes).unwrap_or(u64::MAX);
        let domain = self.domains.of(carrier.domain.clone());
        if domain.labels.forget(origin.time, window) {
            let episode = domain.episode;
            *domain = Domain {
                episode,
                ..Domain::default()
            };
        }
        domain
            .labels
            .note(label, origin.time, carries, labels.max(fewer));
        domain.asked = domain.asked.saturating_add(bytes);
        domain.trail.add(origin);
        let enough = if domain.labels.marked_share(CARRYING_PERCENT) {
            fewer
        } else {
            labels
        };
        let is_tunnel = domain.labels.len() >= enough && domain.asked >= BYTES;
        if is_tunnel && domain.episode.begins(origin.time, window) {
            let reason = reason(observed, &carrier, &question.kind, domain);
            let [rule] = &self.rules;
            alerts.push(domain.trail.alert(rule, reason, origin));
        }
    }

    /// What came back counts for the domain only if something was asked for there that may carry data.
    fn answered(&mut self, dns: &Dns) {
        if self.domains.is_empty() {
            return;
        }
        let Some(question) = Message::parse(&dns.message).ok().and_then(|it| it.question) else {
            return;
        };
        if let Some(domain) = self.domains.get(&domain(&question.name)) {
            let bytes = u64::try_from(dns.message.bytes.len()).unwrap_or(u64::MAX);
            domain.answered = domain.answered.saturating_add(bytes);
        }
    }
}

impl Detector for DnsTunnelling {
    fn rules(&self) -> &[Arc<RuleDescription>] {
        &self.rules
    }

    fn inspect(&mut self, observed: &Observed<'_>, alerts: &mut Vec<Alert>) {
        match &observed.event.body {
            Body::DnsQuestion(dns) if may_carry(&dns.message.bytes) => {
                self.asked(observed, dns, alerts);
            }
            Body::DnsAnswer(dns) if may_carry(&dns.message.bytes) => self.answered(dns),
            _ => {}
        }
    }

    fn limits(&self, limit: &mut dyn FnMut(&'static str, u64)) {
        limit("dns_tunnelling_domains", self.domains.forgotten());
    }
}

fn reason(observed: &Observed<'_>, carrier: &Carrier, kind: &str, state: &Domain) -> String {
    let who = Who(observed);
    let (all, carrying) = (state.labels.len(), state.labels.marked());
    let seconds = state.labels.lasts(observed.event.origin.time).as_secs();
    format!(
        "{who} was the last to ask for names below {}: within {seconds} s {all} different labels that \
         look encoded, {carrying} of them by types that carry data, this one {kind}; {} bytes in the \
         names, {} in the answers.",
        carrier.domain, state.asked, state.answered
    )
}
