//! The detectors: what a rule over one event cannot find.
//!
//! - [`reverse_shell`]: shells whose commands come over the network.
//! - [`fileless`]: programs without a file.
//! - [`privilege`]: root by ways that are not made for it; [`overwrite`]: credentials that nobody
//!   committed.
//! - [`server_shell`]: web servers, services and databases that start shells.
//! - [`escape`]: ways out of containers.
//! - [`kernel_code`]: modules and BPF programs; [`tampering`]: attacks on the sensor.
//! - [`injection`]: processes that reach into others.
//! - `network`: scans, beacons, tunnels, guesses at passwords, data that leaves.
//! - [`blind`]: what is not found for want of a hook.
//! - [`finding`]: what rules and alerts are made of; [`programs`]: what programs are;
//!   [`connections`]: connections that processes have.
//! - `scene`: made-up hosts for the detectors' tests.

mod blind;
mod connections;
mod escape;
mod fileless;
mod finding;
mod injection;
mod kernel_code;
mod overwrite;
mod privilege;
mod programs;
mod reverse_shell;
#[cfg(test)]
#[allow(dead_code, reason = "each detector's tests need a part of it")]
pub(crate) mod scene;
mod server_shell;
mod tampering;

pub mod network;

pub use blind::blind;
use sensor_common::namespaces::Namespaces;

use super::detector::Detector;
use crate::event::Tgid;

/// The inode number of the initial user namespace (`PROC_USER_INIT_INO`, include/linux/proc_ns.h).
const INITIAL_USERS: u32 = 0xefff_fffd;
/// The inode number of the initial pid namespace (`PROC_PID_INIT_INO`).
const INITIAL_PIDS: u32 = 0xefff_fffc;

/// What detectors need to know of the host and of the sensor.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The sensor itself, where its events are; none for a recording of which that is not known.
    pub own: Option<Tgid>,
    /// The namespaces of the host's first process, where they are known. Without them they are learned
    /// from the first event that names that process.
    pub host: Option<Namespaces>,
    /// The sensor's files and directories, by absolute paths: its configuration, its state. Its executable
    /// is learned from its process.
    pub files: Vec<String>,
    /// The ids of the sensor's BPF programs, where they are known. Those that it is seen to load are
    /// learned.
    pub programs: Vec<u32>,
}

/// Every detector, with nothing seen.
#[must_use]
pub fn all(settings: &Settings) -> Vec<Box<dyn Detector>> {
    let mut all: Vec<Box<dyn Detector>> = vec![
        Box::new(reverse_shell::ReverseShell::new()),
        Box::new(fileless::Fileless::new()),
        Box::new(privilege::Privilege::new()),
        Box::new(overwrite::Overwrite::new()),
        Box::new(server_shell::ServerShell::new()),
        Box::new(escape::Escape::new(settings)),
        Box::new(kernel_code::KernelCode::new(settings)),
        Box::new(tampering::Tampering::new(settings)),
        Box::new(injection::Injection::new()),
    ];
    all.extend(network::all(&network::Settings::default()));
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::detect::alert::AttackTag;

    #[test]
    fn every_rule_says_what_it_must_under_a_name_of_its_own() {
        let detectors = all(&Settings::default());
        let rules: Vec<_> = detectors
            .iter()
            .flat_map(|detector| detector.rules())
            .collect();
        let ids: BTreeSet<_> = rules.iter().map(|rule| &rule.id).collect();
        assert_eq!(ids.len(), rules.len());
        for rule in rules {
            let is_word = |character: char| character.is_ascii_lowercase() || character == '-';
            assert!(rule.id.chars().all(is_word), "{}", rule.id);
            assert!(rule.description.ends_with('.'), "{}", rule.id);
            assert!(!rule.description.contains("  "), "{}", rule.id);
            assert!(!rule.references.is_empty(), "{}", rule.id);
            let is_technique = |tag: &AttackTag| matches!(tag, AttackTag::Technique(_));
            assert!(rule.attack.iter().any(is_technique), "{}", rule.id);
            assert!(!rule.attack.iter().all(is_technique), "{}", rule.id);
        }
    }

    /// Whoever documents the rules documents all of them, and no others.
    #[test]
    fn every_rule_is_in_the_documentation_with_its_severity() {
        let table = include_str!("../../../../docs/detectors.md");
        for detector in all(&Settings::default()) {
            for rule in detector.rules() {
                let start = format!("| `{}` |", rule.id);
                let row = table.lines().find(|line| line.starts_with(&start));
                let row = row.unwrap_or_else(|| panic!("{} is not documented", rule.id));
                let severity = format!("| {} |", rule.severity.name());
                assert!(row.contains(&severity), "{}", rule.id);
            }
        }
    }
}
