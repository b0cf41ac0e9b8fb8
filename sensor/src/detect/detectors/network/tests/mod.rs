mod beaconing;
mod dns_tunnelling;
mod elevation_guessing;
mod exfiltration;
mod inbound_scan;
mod many;
mod network_sweep;
mod port_scan;
mod rules;
mod ssh_guessing;

use std::time::Duration;

/// So many seconds.
const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Numbers that look like chance and are the same each time.
fn chance(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut generator = fastrand::Rng::with_seed(seed);
    move |end| generator.u64(..end)
}
