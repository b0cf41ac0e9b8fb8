//! Correlations after those that they are about; and cycles, which have no order.

use std::collections::{BTreeMap, BTreeSet};

use super::{Member, Planned};

/// The correlations, each after those that it is about; those in a cycle with the reason why they
/// cannot be used, before those that are about them.
pub(super) fn order(correlations: Vec<Planned>) -> Vec<(Planned, Option<String>)> {
    let mut waiting: BTreeMap<usize, Planned> = correlations
        .into_iter()
        .map(|planned| (planned.number, planned))
        .collect();
    let mut open = open_members(&waiting);
    let about = turned(&open);
    let mut ordered = Vec::new();
    let mut free: BTreeSet<usize> = open
        .iter()
        .filter(|(_, members)| members.is_empty())
        .map(|(number, _)| *number)
        .collect();
    loop {
        while let Some(number) = free.pop_first() {
            if let Some(planned) = waiting.remove(&number) {
                open.remove(&number);
                ordered.push((planned, None));
                free.extend(released(number, &about, &mut open));
            }
        }
        // What is left is in a cycle, or about something in one.
        let cyclic = cyclic(&open);
        if cyclic.is_empty() {
            return ordered;
        }
        for number in cyclic {
            open.remove(&number);
            if let Some(planned) = waiting.remove(&number) {
                let reason = reason(&planned);
                ordered.push((planned, Some(reason)));
            }
            free.extend(released(number, &about, &mut open));
        }
    }
}

/// For each correlation, those that it is about.
fn open_members(correlations: &BTreeMap<usize, Planned>) -> BTreeMap<usize, BTreeSet<usize>> {
    let members = |planned: &Planned| {
        let members = planned.members.iter().filter_map(|member| match member {
            Member::Correlation(member) => Some(*member),
            Member::Rule(_) => None,
        });
        // One that was refused already is not waited for.
        members
            .filter(|member| correlations.contains_key(member))
            .collect()
    };
    let open = correlations.iter();
    open.map(|(number, planned)| (*number, members(planned)))
        .collect()
}

/// For each correlation, those that are about it.
fn turned(members: &BTreeMap<usize, BTreeSet<usize>>) -> BTreeMap<usize, BTreeSet<usize>> {
    let mut turned: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (number, members) in members {
        for member in members {
            turned.entry(*member).or_default().insert(*number);
        }
    }
    turned
}

/// Those that wait for nothing more, now that a correlation has its place.
fn released(
    number: usize,
    about: &BTreeMap<usize, BTreeSet<usize>>,
    open: &mut BTreeMap<usize, BTreeSet<usize>>,
) -> Vec<usize> {
    let waiting = about.get(&number).into_iter().flatten();
    let is_free = |waiting: &&usize| {
        open.get_mut(waiting).is_some_and(|members| {
            members.remove(&number);
            members.is_empty()
        })
    };
    waiting.filter(is_free).copied().collect()
}

/// Those in a cycle, or between two: what is left without those that nothing left is about.
fn cyclic(open: &BTreeMap<usize, BTreeSet<usize>>) -> BTreeSet<usize> {
    let mut left: BTreeSet<usize> = open.keys().copied().collect();
    let mut abouts: BTreeMap<usize, usize> = BTreeMap::new();
    for member in open.values().flatten() {
        *abouts.entry(*member).or_default() += 1;
    }
    let mut ends: Vec<usize> = left
        .iter()
        .filter(|number| !abouts.contains_key(number))
        .copied()
        .collect();
    while let Some(end) = ends.pop() {
        left.remove(&end);
        for member in open.get(&end).into_iter().flatten() {
            if let Some(count) = abouts.get_mut(member) {
                *count -= 1;
                if *count == 0 {
                    ends.push(*member);
                }
            }
        }
    }
    left
}

fn reason(planned: &Planned) -> String {
    let written = planned.correlation.rules.iter().zip(&planned.members);
    let names: Vec<&str> = written
        .filter(|(_, member)| matches!(member, Member::Correlation(_)))
        .map(|(name, _)| name.as_str())
        .collect();
    format!(
        "it is about `{}`, and by way of that about itself: such a cycle has no beginning",
        names.join("`, `")
    )
}
