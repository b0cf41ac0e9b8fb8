//! Detectors over network and authentication events: what only several connections, questions or
//! logins show together.
//!
//! - [`port_scan`], [`inbound_scan`], [`network_sweep`]: who looks for open ports.
//! - [`beaconing`]: who calls home by the clock.
//! - [`ssh_guessing`], [`elevation_guessing`]: who guesses passwords.
//! - [`dns_tunnelling`]: who talks through the names that are asked for.
//! - [`exfiltration`]: who sends away more than ever.
//!
//! What they are made of:
//!
//! - `address`: how far away an address is. `attempt`: an attempt to reach one, and what came of it.
//! - `party`: the processes that belong together. `rule`: what a rule says of itself.
//! - `spread`: different values, seen lately. `states`: what is remembered by key, bounded.
//! - `trail`: the events behind an alert. `episode`: when the same is said again.
//!
//! Time is that of the events. Every state is bounded; what had to be forgotten is counted.

mod address;
mod attempt;
pub mod beaconing;
pub mod dns_tunnelling;
pub mod elevation_guessing;
mod episode;
pub mod exfiltration;
#[cfg(test)]
mod happenings;
pub mod inbound_scan;
pub mod network_sweep;
mod party;
pub mod port_scan;
mod rule;
mod spread;
pub mod ssh_guessing;
mod states;
#[cfg(test)]
mod tests;
mod trail;

use crate::detect::detector::Detector;

/// What an operator may want to change.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Of [`port_scan`].
    pub port_scan: port_scan::Settings,
    /// Of [`inbound_scan`].
    pub inbound_scan: inbound_scan::Settings,
    /// Of [`network_sweep`].
    pub network_sweep: network_sweep::Settings,
    /// Of [`beaconing`].
    pub beaconing: beaconing::Settings,
    /// Of [`ssh_guessing`].
    pub ssh_guessing: ssh_guessing::Settings,
    /// Of [`elevation_guessing`].
    pub elevation_guessing: elevation_guessing::Settings,
    /// Of [`dns_tunnelling`].
    pub dns_tunnelling: dns_tunnelling::Settings,
    /// Of [`exfiltration`].
    pub exfiltration: exfiltration::Settings,
}

/// Every detector over network and authentication events, with nothing seen.
#[must_use]
pub fn all(settings: &Settings) -> Vec<Box<dyn Detector>> {
    vec![
        Box::new(port_scan::PortScan::new(settings.port_scan)),
        Box::new(inbound_scan::InboundScan::new(settings.inbound_scan)),
        Box::new(network_sweep::NetworkSweep::new(settings.network_sweep)),
        Box::new(beaconing::Beaconing::new(settings.beaconing)),
        Box::new(ssh_guessing::SshGuessing::new(settings.ssh_guessing)),
        Box::new(elevation_guessing::ElevationGuessing::new(
            settings.elevation_guessing,
        )),
        Box::new(dns_tunnelling::DnsTunnelling::new(settings.dns_tunnelling)),
        Box::new(exfiltration::Exfiltration::new(settings.exfiltration)),
    ]
}
