//! A correlation that is asked about an event: which groups the event is of, and what fires.

use super::{
    Correlated,
    bounds::hold,
    digest::{Digest, number, text},
    groups::{GroupKey, Groups},
    names::Member,
    plan::Planned,
    window::{
        Seen, Window, as_count, as_measure,
        buckets::{Buckets, Measure},
        chain::Chain,
        distinct::Distinct,
        presence::Presence,
        sample::Sample,
    },
};
use crate::{
    detect::sigma::{
        correlation::{Ask, Correlation, Statistic},
        field::{Class, FieldId, Fields, Taxonomy},
    },
    event::Origin,
};

/// Most groups of one correlation that one event can be of.
const GROUPS_OF_EVENT_MAX: usize = 64;

/// What found the event: a rule, or a correlation by way of another finding.
#[derive(Clone, Copy)]
pub(super) struct Finding {
    pub(super) member: Member,
    pub(super) class: Class,
    /// The correlation's number among those in force, and the finding that completed it.
    pub(super) through: Option<(usize, usize)>,
}

/// A correlation that is asked about an event.
pub(super) struct Asked<'a> {
    /// Those in force.
    pub(super) planned: &'a [Planned],
    /// Its number among them.
    pub(super) index: usize,
    pub(super) next: &'a Planned,
    /// What found the event.
    pub(super) findings: &'a [Finding],
    pub(super) taxonomy: &'a dyn Taxonomy,
    pub(super) event: &'a dyn Fields,
}

/// A group that the event is of.
struct EventGroup {
    values: Digest,
    positions: Vec<usize>,
    /// The finding that made it so.
    finding: usize,
}

impl Asked<'_> {
    /// Takes the event into its groups. Returns what fires, and by which finding.
    pub(super) fn fire(&self, origin: Origin, groups: &mut Groups) -> Vec<(usize, Correlated)> {
        let correlation = &self.next.correlation;
        let timespan = u64::try_from(correlation.timespan.as_nanos()).unwrap_or(u64::MAX);
        let mut fired = Vec::new();
        let (of_event, lost) = self.groups();
        groups.lose(lost);
        for mut group in of_event {
            let measured = self.next.measured_fields();
            let Some(fields) = self.fields(measured, group.finding) else {
                continue;
            };
            let (mut value, mut counted) = (None, None);
            match correlation.ask {
                Ask::ValueCount { .. } => match self.digest(&fields) {
                    None => continue,
                    some => value = some,
                },
                Ask::Statistic { .. } => {
                    let field = fields.first().and_then(|field| self.event.value(*field));
                    match field.and_then(number) {
                        None => continue,
                        some => counted = some,
                    }
                }
                Ask::EventCount(_) | Ask::Temporal | Ask::TemporalOrdered => {}
            }
            group.positions.sort_unstable();
            group.positions.dedup();
            let seen = Seen {
                origin,
                positions: &group.positions,
                value,
                number: counted,
            };
            let key = GroupKey {
                correlation: self.index,
                values: group.values,
            };
            let judge = |window: &dyn Window| self.judge(window, group.finding);
            let empty = || empty(correlation, self.next.members.len());
            if let Some(correlated) = groups.add(key, &seen, timespan, empty, judge) {
                fired.push((group.finding, correlated));
            }
        }
        fired
    }

    /// The groups that the event is of: one, unless aliases make it several; and how many there was
    /// no room for.
    fn groups(&self) -> (Vec<EventGroup>, u64) {
        let mut groups: Vec<EventGroup> = Vec::new();
        let mut lost = 0;
        for (finding, found) in self.findings.iter().enumerate() {
            let members = self.next.members.iter().enumerate();
            let mut positions = members
                .filter(|(_, member)| **member == found.member)
                .peekable();
            if positions.peek().is_none() {
                continue;
            }
            let fields = self.fields(&self.next.correlation.group_by, finding);
            let Some(values) = fields.and_then(|fields| self.digest(&fields)) else {
                continue;
            };
            let positions = positions.map(|(position, _)| position);
            let full = groups.len() >= GROUPS_OF_EVENT_MAX;
            match groups.iter_mut().find(|group| group.values == values) {
                Some(group) => {
                    group.positions.extend(positions);
                    group.finding = finding;
                }
                None if !full => groups.push(EventGroup {
                    values,
                    positions: positions.collect(),
                    finding,
                }),
                None => lost += 1,
            }
        }
        (groups, lost)
    }

    /// The fields with some names, as one who found the event calls them; none if events of its class
    /// lack one.
    fn fields(&self, names: &[String], finding: usize) -> Option<Vec<FieldId>> {
        names.iter().map(|name| self.field(name, finding)).collect()
    }

    /// A name that a correlation below has an alias for is that one's.
    fn field(&self, name: &str, finding: usize) -> Option<FieldId> {
        let mut finding = self.findings.get(finding)?;
        let mut name = self.next.field_name(name, finding.member);
        while let Some((below, through)) = finding.through {
            let below = self.planned.get(below)?;
            if !below.aliases.contains_key(name) {
                break;
            }
            finding = self.findings.get(through)?;
            name = below.field_name(name, finding.member);
        }
        self.taxonomy.field(finding.class, name)
    }

    /// The digest of the values of fields; none if the event lacks one.
    fn digest(&self, fields: &[FieldId]) -> Option<Digest> {
        let has = |field: &FieldId| self.event.value(*field).is_some();
        let values = || fields.iter().filter_map(|field| self.event.value(*field));
        fields.iter().all(has).then(|| Digest::of(values()))
    }

    fn judge(&self, window: &dyn Window, finding: usize) -> Option<Correlated> {
        let measured = window.measure();
        let correlation = &self.next.correlation;
        let holds = match &correlation.ask {
            Ask::EventCount(bounds)
            | Ask::ValueCount { bounds, .. }
            | Ask::Statistic { bounds, .. } => hold(bounds, measured),
            Ask::Temporal | Ask::TemporalOrdered => {
                measured >= as_measure(as_count(self.next.members.len()))
            }
        };
        holds.then(|| {
            let (events, count) = window.evidence();
            let group = correlation.group_by.iter().filter_map(|name| {
                let value = self.event.value(self.field(name, finding)?)?;
                Some((name.clone(), text(value).into_owned()))
            });
            Correlated {
                events,
                count,
                group: group.collect(),
                measured,
                timespan: correlation.timespan,
            }
        })
    }
}

/// A group without events.
pub(super) fn empty(correlation: &Correlation, members: usize) -> Box<dyn Window> {
    let timespan = correlation.timespan;
    match &correlation.ask {
        Ask::EventCount(_) => Box::new(Buckets::new(Measure::Count, timespan)),
        Ask::ValueCount { .. } => Box::new(Distinct::default()),
        Ask::Statistic { statistic, .. } => match *statistic {
            Statistic::Sum => Box::new(Buckets::new(Measure::Sum, timespan)),
            Statistic::Average => Box::new(Buckets::new(Measure::Average, timespan)),
            Statistic::Percentile(percentile) => Box::new(Sample::new(percentile)),
            Statistic::Median => Box::new(Sample::new(50.0)),
        },
        Ask::Temporal => Box::new(Presence::new(members)),
        Ask::TemporalOrdered => Box::new(Chain::new(members, timespan)),
    }
}
