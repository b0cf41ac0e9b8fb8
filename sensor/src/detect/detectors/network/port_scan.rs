//! Port scans: the processes of one party try many ports of one address, and little comes of it.
//!
//! A shell that starts a program for each port is found too, because the ports of a
//! party count together: of a login, a service, a job, a container.

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

/// Ports that must have been tried. Clients that wait for a server try one port again and again, and
/// those that look for a service's second or third port stay far below.
const PORTS: usize = 20;

/// The same if the address is the host's own: tests of network programs leave dozens of ports behind
/// them that nobody listens on any more.
const OWN_PORTS: usize = 100;

/// Within what time: a scan that waits half a minute between two ports is still found.
const WINDOW: Duration = Duration::from_secs(600);

/// Hundredths of the ports of which nothing came. Of a client that gets what it wants by ports that
/// the server chooses, as with FTP, it is next to none; of a scan it is most.
const FRUITLESS_PERCENT: usize = 70;

/// UDP ports from here on do not count, because nobody can tell what came of a datagram: media streams
/// choose among them, and `traceroute` counts through them.
const UDP_PORTS_END: u16 = 10_000;

/// Parties and addresses that are remembered. A state is up to 100 ports and 16 events, some 5 KiB at
/// most, and as a rule a tenth of it.
const STATES: usize = 4_096;

/// What an operator may want to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Ports of one address that must have been tried.
    pub ports: usize,
    /// The same if the address is the host's own.
    pub own_ports: usize,
    /// Within what time; and how long it must be calm before the same is said again.
    pub window: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ports: PORTS,
            own_ports: OWN_PORTS,
            window: WINDOW,
        }
    }
}

const RULE: Rule<'_> = Rule {
    id: "port-scan",
    name: "Port scan",
    severity: Severity::Medium,
    description: "The processes of one login, service, job or container tried many ports of one \
                  address within a short time, and nothing came of most of them.",
    tactics: &["discovery"],
    techniques: &["T1046"],
    false_positives: &[
        "Scanners that belong to the organisation.",
        "Tests of network programs that try many ports of another host.",
    ],
};

/// Finds port scans.
#[derive(Debug)]
pub struct PortScan {
    settings: Settings,
    rules: [Arc<RuleDescription>; 1],
    scans: States<(Party, IpAddr), Scan>,
}

#[derive(Debug, Default)]
struct Scan {
    ports: Spread<(Transport, u16)>,
    trail: Trail,
    episode: Episode,
}

impl PortScan {
    /// With nothing seen.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            rules: [RULE.describe()],
            scans: States::new(STATES),
        }
    }

    #[cfg(test)]
    pub(super) fn states(&self) -> usize {
        self.scans.len()
    }
}

impl Detector for PortScan {
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
        let window = self.settings.window;
        let needed = if attempt.stays {
            self.settings.own_ports
        } else {
            self.settings.ports
        };
        let now = observed.event.origin.time;
        let fruitless = attempt.outcome != Outcome::Spoken;
        let key = (party, attempt.remote.ip());
        let Some(scan) = self.scans.of_if(key, fruitless) else {
            return;
        };
        if scan.ports.forget(now, window) {
            scan.trail = Trail::default();
        }
        let port = (attempt.transport, attempt.remote.port());
        scan.ports.note(port, now, fruitless, needed);
        if !fruitless {
            return;
        }
        scan.trail.add(observed.event.origin);
        let is_scan = scan.ports.len() >= needed && scan.ports.marked_share(FRUITLESS_PERCENT);
        if is_scan && scan.episode.begins(now, window) {
            let [rule] = &self.rules;
            let reason = reason(observed, &attempt, &scan.ports);
            alerts.push(scan.trail.alert(rule, reason, observed.event.origin));
        }
    }

    fn limits(&self, limit: &mut dyn FnMut(&'static str, u64)) {
        limit("port_scan_states", self.scans.forgotten());
    }
}

/// Whether an attempt says anything of a scan.
fn counts(attempt: &Attempt) -> bool {
    attempt.transport == Transport::Tcp || attempt.remote.port() < UDP_PORTS_END
}

fn reason(observed: &Observed<'_>, attempt: &Attempt, ports: &Spread<(Transport, u16)>) -> String {
    let who = Who(observed);
    let address = attempt.remote.ip();
    let (all, fruitless) = (ports.len(), ports.marked());
    let seconds = ports.lasts(observed.event.origin.time).as_secs();
    let (first, last) = ports
        .range()
        .map_or((0, 0), |((_, first), (_, last))| (first, last));
    format!(
        "{who} and those started with it tried {all} ports of {address}, from {first} to {last}, \
         within {seconds} s, and nothing came of {fruitless} of them."
    )
}
