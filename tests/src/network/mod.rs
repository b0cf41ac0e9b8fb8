//! Scenarios of the network family.

mod compat;
mod datagram;
mod dns;
mod flow;
mod namespace;
mod pair;
mod puppet;
mod tcp;
mod udp;
mod unix;

use crate::scenario::Scenario;
use crate::stage::Act;

/// The family's deeds.
pub const ACTS: &[&[Act]] = &[puppet::ACTS];

/// The family's scenarios.
pub const SCENARIOS: &[&[Scenario]] = &[
    tcp::SCENARIOS,
    namespace::SCENARIOS,
    udp::SCENARIOS,
    datagram::SCENARIOS,
    dns::SCENARIOS,
    dns::broken::SCENARIOS,
    unix::SCENARIOS,
    compat::SCENARIOS,
];
