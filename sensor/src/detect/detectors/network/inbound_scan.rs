//! Port scans from outside: one address opens connections to many of this host's ports and says
//! nothing.
//!
//! The kernel tells of connections that were established, so that only ports somebody listens on are
//! seen, and no scan that sends a first packet only.

use std::{net::IpAddr, sync::Arc, time::Duration};

use sensor_common::network::Role;

use super::{
    address::Reach, attempt::socket, episode::Episode, rule::Rule, spread::Spread, states::States,
    trail::Trail,
};
use crate::{
    detect::{
        alert::{Alert, RuleDescription},
        detector::Detector,
        severity::Severity,
    },
    event::Body,
    observed::Observed,
};

/// Ports that must have been tried. Few hosts listen on more than a handful, and hardly a client needs
/// more than three of them.
const PORTS: usize = 5;

/// Within what time.
const WINDOW: Duration = Duration::from_secs(600);

/// Hundredths of the ports at which the peer said nothing. Clients speak first with most protocols.
const SILENT_PERCENT: usize = 70;

/// Pairs of addresses that are remembered: scans of the whole Internet come from tens of thousands of
/// addresses a day, each of them quick.
const STATES: usize = 4_096;

/// What an operator may want to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Ports that must have been tried.
    pub ports: usize,
    /// Within what time; and how long it must be calm before the same is said again.
    pub window: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ports: PORTS,
            window: WINDOW,
        }
    }
}

const RULE: Rule<'_> = Rule {
    id: "inbound-port-scan",
    name: "Port scan from outside",
    severity: Severity::Low,
    description: "One address opened connections to many ports of this host within a short time and \
                  sent nothing by most of them.",
    tactics: &["reconnaissance", "discovery"],
    techniques: &["T1595.001", "T1046"],
    false_positives: &[
        "Load balancers and monitors that check many ports by connecting to them: said once, when they \
         begin.",
        "Scanners that belong to the organisation.",
    ],
};

/// Finds port scans from outside.
#[derive(Debug)]
pub struct InboundScan {
    settings: Settings,
    rules: [Arc<RuleDescription>; 1],
    /// By the peer's address, and the host's that it tried.
    scans: States<(IpAddr, IpAddr), Scan>,
}

#[derive(Debug, Default)]
struct Scan {
    ports: Spread<u16>,
    trail: Trail,
    episode: Episode,
}

impl InboundScan {
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

impl Detector for InboundScan {
    fn rules(&self) -> &[Arc<RuleDescription>] {
        &self.rules
    }

    fn inspect(&mut self, observed: &Observed<'_>, alerts: &mut Vec<Alert>) {
        let Body::Closed(closed) = &observed.event.body else {
            return;
        };
        let (Some(remote), Some(local)) = (
            closed.endpoints.remote.address,
            socket(closed.endpoints.local),
        ) else {
            return;
        };
        // What comes from the host itself is seen where it goes out.
        let is_own = remote == local.ip() || Reach::of(remote) == Reach::Host;
        if closed.role != Role::Server || is_own {
            return;
        }
        let is_silent = closed.bytes_received == 0;
        let now = observed.event.origin.time;
        let Settings { ports, window } = self.settings;
        let Some(scan) = self.scans.of_if((remote, local.ip()), is_silent) else {
            return;
        };
        if scan.ports.forget(now, window) {
            scan.trail = Trail::default();
        }
        scan.ports.note(local.port(), now, is_silent, ports);
        if !is_silent {
            return;
        }
        scan.trail.add(observed.event.origin);
        let is_scan = scan.ports.len() >= ports && scan.ports.marked_share(SILENT_PERCENT);
        if is_scan && scan.episode.begins(now, window) {
            let (all, silent) = (scan.ports.len(), scan.ports.marked());
            let seconds = scan.ports.lasts(now).as_secs();
            let reason = format!(
                "{remote} connected to {all} ports of {} within {seconds} s and sent nothing by \
                 {silent} of them.",
                local.ip()
            );
            let [rule] = &self.rules;
            alerts.push(scan.trail.alert(rule, reason, observed.event.origin));
        }
    }

    fn limits(&self, limit: &mut dyn FnMut(&'static str, u64)) {
        limit("inbound_scan_states", self.scans.forgotten());
    }
}
