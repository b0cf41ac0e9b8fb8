//! Network sweeps: the processes of one party try the same port of many addresses, and little comes of
//! it.

use std::{net::IpAddr, sync::Arc, time::Duration};

use super::{
    attempt::{Attempt, Outcome, Transport},
    episode::Episode,
    party::{Party, Who},
    rule::Rule,
    spread::Spread,
    states::States,
    trail::Trail,
};
use crate::{
    detect::{
        alert::{Alert, RuleDescription},
        detector::Detector,
        severity::Severity,
    },
    observed::Observed,
};

/// Addresses that must have been tried. A client that goes through the addresses of a name tries some
/// eight, a member of a cluster all others of it.
const ADDRESSES: usize = 20;

/// Within what time: a sweep that waits half a minute between two addresses is still found.
const WINDOW: Duration = Duration::from_secs(600);

/// Hundredths of the addresses of which nothing came. Browsers that try IPv6 and IPv4 side by side give
/// up half of what they begin; a sweep of addresses that are not known gets next to nothing.
const FRUITLESS_PERCENT: usize = 70;

/// UDP ports from here on do not count, because nobody can tell what came of a datagram: programs that
/// talk to many peers at once choose among them.
const UDP_PORTS_END: u16 = 1_024;

/// Nor do these: resolvers, clocks, HTTP/3 and key exchange speak to many addresses as a rule.
const UDP_PORTS_OF_MANY: [u16; 5] = [53, 123, 443, 500, 853];

/// Parties and ports that are remembered. A state is up to 20 addresses and 16 events, some 1.5 KiB.
const STATES: usize = 4_096;

/// What an operator may want to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Addresses that must have been tried.
    pub addresses: usize,
    /// Within what time; and how long it must be calm before the same is said again.
    pub window: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            addresses: ADDRESSES,
            window: WINDOW,
        }
    }
}

const RULE: Rule<'_> = Rule {
    id: "network-sweep",
    name: "Network sweep",
    severity: Severity::Medium,
    description: "The processes of one login, service, job or container tried the same port of many \
                  addresses within a short time, and nothing came of most of them.",
    tactics: &["discovery"],
    techniques: &["T1046", "T1018"],
    false_positives: &[
        "Peer-to-peer programs with an old list of peers.",
        "Monitors that ask many devices by SNMP, or by TCP while most of them are down.",
        "Scanners that belong to the organisation.",
    ],
};

/// Finds network sweeps.
#[derive(Debug)]
pub struct NetworkSweep {
    settings: Settings,
    rules: [Arc<RuleDescription>; 1],
    sweeps: States<(Party, Transport, u16), Sweep>,
}

#[derive(Debug, Default)]
struct Sweep {
    addresses: Spread<IpAddr>,
    trail: Trail,
    episode: Episode,
}

impl NetworkSweep {
    /// With nothing seen.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            rules: [RULE.describe()],
            sweeps: States::new(STATES),
        }
    }

    #[cfg(test)]
    pub(super) fn states(&self) -> usize {
        self.sweeps.len()
    }
}

impl Detector for NetworkSweep {
    fn rules(&self) -> &[Arc<RuleDescription>] {
        &self.rules
    }

    fn inspect(&mut self, observed: &Observed<'_>, alerts: &mut Vec<Alert>) {
        let Some(attempt) = Attempt::of(observed.event).filter(counts) else {
            return;
        };
        let Some(party) = Party::of(observed) else {
            return;
        };
        let Settings { addresses, window } = self.settings;
        let now = observed.event.origin.time;
        // Health checks connect to many addresses and say nothing.
        let fruitless = attempt.outcome == Outcome::Unanswered;
        let key = (party, attempt.transport, attempt.remote.port());
        let Some(sweep) = self.sweeps.of_if(key, fruitless) else {
            return;
        };
        if sweep.addresses.forget(now, window) {
            sweep.trail = Trail::default();
        }
        let address = attempt.remote.ip();
        sweep.addresses.note(address, now, fruitless, addresses);
        if !fruitless {
            return;
        }
        sweep.trail.add(observed.event.origin);
        let is_sweep =
            sweep.addresses.len() >= addresses && sweep.addresses.marked_share(FRUITLESS_PERCENT);
        if is_sweep && sweep.episode.begins(now, window) {
            let [rule] = &self.rules;
            let reason = reason(observed, &attempt, &sweep.addresses);
            alerts.push(sweep.trail.alert(rule, reason, observed.event.origin));
        }
    }

    fn limits(&self, limit: &mut dyn FnMut(&'static str, u64)) {
        limit("network_sweep_states", self.sweeps.forgotten());
    }
}

/// Whether an attempt says anything of a sweep.
fn counts(attempt: &Attempt) -> bool {
    let port = attempt.remote.port();
    if attempt.stays || attempt.remote.ip().is_multicast() {
        return false;
    }
    match attempt.transport {
        Transport::Tcp => true,
        Transport::Udp => port < UDP_PORTS_END && !UDP_PORTS_OF_MANY.contains(&port),
    }
}

fn reason(observed: &Observed<'_>, attempt: &Attempt, addresses: &Spread<IpAddr>) -> String {
    let who = Who(observed);
    let port = attempt.remote.port();
    let (all, fruitless) = (addresses.len(), addresses.marked());
    let seconds = addresses.lasts(observed.event.origin.time).as_secs();
    let last = attempt.remote.ip();
    format!(
        "{who} and those started with it tried port {port} of {all} addresses, {last} the last of \
         them, within {seconds} s, and nothing came of {fruitless} of them."
    )
}
