//! Exfiltration by volume: a program sends far more to an address outside than it usually does, and
//! gets little back.
//!
//! What a program sends to one address within an hour is taken together, so that many small
//! connections count like a large one. What it usually sends is learned from such hours.

mod usual;

use std::{collections::VecDeque, net::IpAddr, sync::Arc, time::Duration};

use sensor_common::network::Role;

use super::{
    address::Reach,
    episode::since,
    party::{Program, Programs, Who, program_name},
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
};
use usual::Usual;

const MEBIBYTE: u64 = 1_024 * 1_024;

/// Bytes sent to one address: less is in the range of what programs send anyway, be it a report of a
/// crash or a picture.
const FLOOR: u64 = 100 * MEBIBYTE;

/// The same for programs that are there to move files: what they send, somebody chose to.
const FLOOR_OF_TOOLS: u64 = 20 * MEBIBYTE;

/// How many times what the program usually sends. What is usual grows with the data that there is.
const TIMES_USUAL: u64 = 4;

/// How many times what was received: whoever talks both ways is no courier.
const TIMES_RECEIVED: u64 = 4;

/// How long what is sent to an address is taken together.
const SPELL: Duration = Duration::from_secs(3_600);

/// Programs that are there to move files, or any bytes.
const TOOLS: [&str; 21] = [
    "aws",
    "azcopy",
    "croc",
    "curl",
    "ftp",
    "gsutil",
    "lftp",
    "mc",
    "nc",
    "nc.openbsd",
    "nc.traditional",
    "ncat",
    "rclone",
    "rsync",
    "s3cmd",
    "scp",
    "sftp",
    "socat",
    "tftp",
    "wget",
    "wget2",
];

/// Programs that are remembered. A state is a distribution of 64 numbers and up to [`SPELLS`] spells,
/// as a rule one or two, some 12 KiB at most.
const STATES: usize = 1_024;

/// Addresses that a program is remembered to be sending to. The spell that began first ends for a new
/// one, which loses nothing but its continuation.
const SPELLS: usize = 16;

/// What an operator may want to change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bytes sent to one address within an hour.
    pub floor: u64,
    /// The same for programs that are there to move files.
    pub floor_of_tools: u64,
    /// How many times what the program usually sends.
    pub times_usual: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            floor: FLOOR,
            floor_of_tools: FLOOR_OF_TOOLS,
            times_usual: TIMES_USUAL,
        }
    }
}

const RULE: Rule<'_> = Rule {
    id: "exfiltration-by-volume",
    name: "Unusually much sent outside",
    severity: Severity::Medium,
    description: "A program sent far more to one address outside than it usually does, and received \
                  little from there.",
    tactics: &["exfiltration"],
    techniques: &["T1048", "T1041", "T1567"],
    false_positives: &[
        "The first backup, publication or upload of a program; later ones of the same size are usual.",
        "Uploads of recordings and images by people.",
    ],
};

/// Finds exfiltration by volume.
#[derive(Debug)]
pub struct Exfiltration {
    settings: Settings,
    rules: [Arc<RuleDescription>; 1],
    programs: Programs,
    senders: States<Program, Sender>,
    /// Spells that ended early because a program sent to more addresses than are remembered.
    cut: u64,
}

/// A program that sends.
#[derive(Debug, Default)]
struct Sender {
    usual: Usual,
    /// The first to begin first.
    spells: VecDeque<Spell>,
}

/// What was sent to an address within a time.
#[derive(Debug)]
struct Spell {
    remote: IpAddr,
    begun: BootTime,
    sent: u64,
    received: u64,
    /// Whether it was said.
    said: bool,
    trail: Trail,
}

impl Exfiltration {
    /// With nothing seen.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            rules: [RULE.describe()],
            programs: Programs::default(),
            senders: States::new(STATES),
            cut: 0,
        }
    }

    #[cfg(test)]
    pub(super) fn states(&self) -> usize {
        self.senders.len()
    }

    fn floor(&self, observed: &Observed<'_>) -> u64 {
        if is_tool(observed) {
            self.settings.floor_of_tools
        } else {
            self.settings.floor
        }
    }
}

impl Detector for Exfiltration {
    fn rules(&self) -> &[Arc<RuleDescription>] {
        &self.rules
    }

    fn inspect(&mut self, observed: &Observed<'_>, alerts: &mut Vec<Alert>) {
        let Body::Closed(closed) = &observed.event.body else {
            return;
        };
        let Some(remote) = destination(closed) else {
            return;
        };
        let Some(program) = self.programs.of(observed) else {
            return;
        };
        let floor = self.floor(observed);
        let origin = observed.event.origin;
        let sender = self.senders.of(program);
        sender.end_spells(origin.time);
        let (mut spell, cut) = sender.take(remote, origin.time);
        self.cut += u64::from(cut);
        let usual = sender.usual.most();
        spell.sent = spell.sent.saturating_add(closed.bytes_sent);
        spell.received = spell.received.saturating_add(closed.bytes_received);
        spell.trail.add(origin);
        let far = usual.unwrap_or(0).saturating_mul(self.settings.times_usual);
        let much = spell.received.saturating_mul(TIMES_RECEIVED);
        if !spell.said && spell.sent >= floor.max(far).max(much) {
            spell.said = true;
            let reason = reason(observed, &spell, usual);
            let [rule] = &self.rules;
            alerts.push(spell.trail.alert(rule, reason, origin));
        }
        sender.put(spell);
    }

    fn limits(&self, limit: &mut dyn FnMut(&'static str, u64)) {
        limit("exfiltration_programs", self.senders.forgotten());
        limit("exfiltration_destinations", self.cut);
    }
}

impl Sender {
    /// Spells that are over tell what is usual.
    fn end_spells(&mut self, now: BootTime) {
        while let Some(spell) = self.spells.front()
            && since(spell.begun, now) > SPELL
        {
            self.usual.learn(spell.sent);
            self.spells.pop_front();
        }
    }

    /// What is sent to an address, and whether the spell that began first had to end for it.
    fn take(&mut self, remote: IpAddr, now: BootTime) -> (Spell, bool) {
        let known = self.spells.iter().position(|spell| spell.remote == remote);
        if let Some(spell) = known.and_then(|at| self.spells.remove(at)) {
            return (spell, false);
        }
        let cut = if self.spells.len() >= SPELLS {
            self.spells.pop_front()
        } else {
            None
        };
        if let Some(spell) = &cut {
            self.usual.learn(spell.sent);
        }
        (Spell::new(remote, now), cut.is_some())
    }

    /// Puts it back, among those that began earlier and later.
    fn put(&mut self, spell: Spell) {
        let at = self
            .spells
            .partition_point(|other| other.begun <= spell.begun);
        self.spells.insert(at, spell);
    }
}

impl Spell {
    fn new(remote: IpAddr, begun: BootTime) -> Self {
        Self {
            remote,
            begun,
            sent: 0,
            received: 0,
            said: false,
            trail: Trail::default(),
        }
    }
}

/// Where a connection sent something that counts: one that the host opened, to somewhere outside.
fn destination(closed: &Closed) -> Option<IpAddr> {
    let remote = closed.endpoints.remote.address?;
    let counts = closed.role == Role::Client && closed.bytes_sent > 0;
    (counts && Reach::of(remote) == Reach::Public).then_some(remote)
}

/// Whether the process is there to move files: by its own name, or by that of the program that `ssh`
/// carries for.
fn is_tool(observed: &Observed<'_>) -> bool {
    let name = program_name(observed);
    let parent = observed.parent.and_then(|parent| parent.image.as_deref());
    TOOLS.contains(&name)
        || (name == "ssh" && parent.is_some_and(|image| TOOLS.contains(&&*image.name)))
}

fn reason(observed: &Observed<'_>, spell: &Spell, usual: Option<u64>) -> String {
    let who = Who(observed);
    let (sent, received) = (spell.sent / MEBIBYTE, spell.received / MEBIBYTE);
    let (remote, count) = (spell.remote, spell.trail.count());
    let before = match usual {
        Some(usual) => format!("it usually sends up to {} MiB", usual / MEBIBYTE),
        None => "it was not known to send much".to_owned(),
    };
    format!(
        "{who} sent {sent} MiB to {remote} within an hour, in {count} connections, and received \
         {received} MiB; {before}."
    )
}
