//! What the programs counted, summed over the CPUs.

use std::{
    collections::BTreeMap,
    fs,
    os::fd::{AsFd, AsRawFd},
};

use aya::{
    Ebpf,
    maps::{MapData, MapError, PerCpuArray},
};
use sensor_common::{
    counters::{Counters, Degraded, Loss},
    record::Kind,
};

use super::load::Outcome;

const WORDS: usize = size_of::<Counters>() / 8;

/// The programs' counters.
pub struct CounterMap(PerCpuArray<MapData, [u64; WORDS]>);

/// The terms of the identity, per kind: *seen = sent + lost*.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Occurrences in scope.
    pub seen: BTreeMap<Kind, u64>,
    /// Occurrences that no record tells of, by reason.
    pub lost: BTreeMap<(Kind, &'static str), u64>,
    /// Limits that were met without losing a record.
    pub degraded: BTreeMap<&'static str, u64>,
    /// Runs that the kernel skipped, by hook: see [`skipped_runs`].
    pub skipped_runs: BTreeMap<&'static str, u64>,
}

impl CounterMap {
    /// Takes the map out of the object.
    ///
    /// # Errors
    ///
    /// If the object has no such map.
    pub fn take(ebpf: &mut Ebpf) -> Result<Self, MapError> {
        let map = ebpf.take_map("COUNTERS").ok_or(MapError::InvalidName {
            name: "COUNTERS".into(),
        })?;
        Ok(Self(PerCpuArray::try_from(map)?))
    }

    /// Reads and sums.
    ///
    /// # Errors
    ///
    /// If the kernel refuses to tell.
    pub fn read(&self) -> Result<Totals, MapError> {
        let mut totals = Totals::default();
        for words in self.0.get(&0, 0)?.iter() {
            totals.add(&zerocopy::transmute!(*words));
        }
        Ok(totals)
    }

    /// Occurrences of some kinds that a spare program saw, because the kernel had skipped the first.
    fn spared(&self, kinds: &[Kind]) -> Result<u64, MapError> {
        let mut spared = 0;
        for words in self.0.get(&0, 0)?.iter() {
            let counters: Counters = zerocopy::transmute!(*words);
            spared += Kind::ALL
                .iter()
                .zip(counters.spared)
                .filter(|(kind, _)| kinds.contains(kind))
                .map(|(_, count)| count)
                .sum::<u64>();
        }
        Ok(spared)
    }
}

impl Totals {
    fn add(&mut self, counters: &Counters) {
        for (kind, (seen, lost)) in Kind::ALL
            .iter()
            .zip(counters.seen.iter().zip(&counters.lost))
        {
            *self.seen.entry(*kind).or_default() += seen;
            for (reason, count) in Loss::ALL.iter().zip(lost) {
                *self.lost.entry((*kind, reason.name())).or_default() += count;
            }
        }
        for (limit, count) in Degraded::ALL.iter().zip(&counters.degraded) {
            *self.degraded.entry(limit.name()).or_default() += count;
        }
    }

    /// All that was seen of a kind.
    #[must_use]
    pub fn seen(&self, kind: Kind) -> u64 {
        self.seen.get(&kind).copied().unwrap_or(0)
    }

    /// All records that were sent.
    #[must_use]
    pub fn sent(&self) -> u64 {
        let seen: u64 = self.seen.values().sum();
        seen.saturating_sub(self.lost.values().sum())
    }

    /// All that was lost of a kind.
    #[must_use]
    pub fn lost(&self, kind: Kind) -> u64 {
        self.lost
            .iter()
            .filter(|((lost, _), _)| *lost == kind)
            .map(|(_, count)| count)
            .sum()
    }
}

/// Runs that the kernel skipped because the same program was already running on that CPU
/// (`recursion_misses`, from 5.12) and that nothing made up for, by hook: at most so many.
///
/// What the program would have counted is not known; these runs are neither seen nor lost, but
/// they are said.
///
/// # Errors
///
/// If the kernel refuses to tell what spare programs saw.
pub fn skipped_runs(
    ebpf: &Ebpf,
    ladder: &[Outcome],
    counters: &CounterMap,
) -> Result<BTreeMap<&'static str, u64>, MapError> {
    let mut skipped = BTreeMap::new();
    for outcome in ladder {
        let Some(rung) = outcome.taken else {
            continue;
        };
        if outcome.hook.catches_up {
            continue;
        }
        let first = rung
            .programs
            .iter()
            .filter_map(|attachment| program_misses(ebpf, attachment.program))
            .sum();
        if first > 0 {
            let last = rung
                .spares
                .last()
                .and_then(|attachment| program_misses(ebpf, attachment.program));
            let spared = counters.spared(outcome.hook.kinds)?;
            skipped.insert(outcome.hook.name, not_made_up_for(first, spared, last));
        }
    }
    Ok(skipped)
}

/// How many skipped runs of a hook's first program no spare can have made up for.
///
/// A spare says what it saw, but not that there was nothing to see: a skipped run for a thread
/// that is not its process's last, or for a process out of scope, is never `spared`. But where
/// something was missed the last spare was skipped as well: either then, or earlier for the same
/// task, so that it left the task marked as seen. So the last one's count is a bound too; `None`
/// where there are no spares.
fn not_made_up_for(first: u64, spared: u64, last: Option<u64>) -> u64 {
    first.saturating_sub(spared).min(last.unwrap_or(u64::MAX))
}

/// The runs of a program that the kernel skipped; nothing of one that is not loaded, or where the
/// kernel does not count them.
fn program_misses(ebpf: &Ebpf, program: &str) -> Option<u64> {
    let program = ebpf.program(program)?.fd().ok()?;
    let path = format!("/proc/self/fdinfo/{}", program.as_fd().as_raw_fd());
    recursion_misses(&fs::read_to_string(path).ok()?)
}

fn recursion_misses(fdinfo: &str) -> Option<u64> {
    fdinfo
        .lines()
        .find_map(|line| line.strip_prefix("recursion_misses:"))
        .and_then(|value| value.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_over_cpus() {
        let mut counters = Counters {
            sequence: [0; 2],
            seen: [0; Kind::COUNT],
            lost: [[0; Loss::COUNT]; Kind::COUNT],
            spared: [0; Kind::COUNT],
            degraded: [0; Degraded::COUNT],
        };
        counters.seen[Kind::Exec as usize] = 7;
        counters.lost[Kind::Exec as usize][Loss::RingFull as usize] = 2;
        counters.degraded[Degraded::SocketsFull as usize] = 1;
        let mut totals = Totals::default();
        totals.add(&counters);
        totals.add(&counters);
        assert_eq!(totals.seen(Kind::Exec), 14);
        assert_eq!(totals.lost(Kind::Exec), 4);
        assert_eq!(totals.lost(Kind::Exit), 0);
        assert_eq!(totals.degraded.get("sockets_full"), Some(&2));
    }

    #[test]
    fn a_skipped_run_is_made_up_for_unless_the_last_spare_was_skipped_too() {
        // Without spares each skipped run counts.
        assert_eq!(not_made_up_for(3, 0, None), 3);
        // A spare stood in for all, for some, or there was nothing to see for it.
        assert_eq!(not_made_up_for(3, 3, Some(0)), 0);
        assert_eq!(not_made_up_for(3, 1, Some(1)), 1);
        assert_eq!(not_made_up_for(3, 1, Some(7)), 2);
        assert_eq!(not_made_up_for(3, 0, Some(0)), 0);
        // A spare that stood in between two readings of the first's count.
        assert_eq!(not_made_up_for(3, 4, Some(5)), 0);
    }

    #[test]
    fn reads_recursion_misses() {
        let info =
            "pos:\t0\nprog_id:\t23\nrun_cnt:\t0\nrecursion_misses:\t5\nverified_insns:\t93\n";
        assert_eq!(recursion_misses(info), Some(5));
        assert_eq!(recursion_misses("pos:\t0\n"), None);
    }
}
