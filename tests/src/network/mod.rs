//! Scenarios of the network family.

pub mod account;
mod compat;
mod datagram;
mod dns;
mod failing;
mod flood;
pub mod flow;
mod namespace;
mod older;
mod order;
mod pair;
pub mod puppet;
mod race;
mod reset;
mod ring;
mod sharing;
mod tcp;
pub mod turns;
mod udp;
mod unix;

use crate::scenario::Scenario;
use crate::stage::Act;

/// The family's deeds.
pub const ACTS: &[&[Act]] = &[puppet::ACTS, race::ACTS, turns::ACTS, flood::ACTS];

/// The family's scenarios.
pub const SCENARIOS: &[&[Scenario]] = &[
    tcp::SCENARIOS,
    failing::SCENARIOS,
    reset::SCENARIOS,
    race::SCENARIOS,
    older::SCENARIOS,
    order::SCENARIOS,
    flood::SCENARIOS,
    ring::SCENARIOS,
    sharing::SCENARIOS,
    namespace::SCENARIOS,
    udp::SCENARIOS,
    datagram::SCENARIOS,
    dns::SCENARIOS,
    dns::broken::SCENARIOS,
    unix::SCENARIOS,
    compat::SCENARIOS,
];
