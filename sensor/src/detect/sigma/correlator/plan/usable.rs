//! What becomes of a correlation by what becomes of its rules, and by what it asks.

use super::{Member, Planned, Rules};
use crate::detect::sigma::{
    correlation::{Ask, Bound},
    correlator::{
        bounds::{is_upper, least_count},
        window::{as_count, as_measure, distinct::VALUES_MAX},
    },
    matcher::Use,
};

/// How a correlation can be used. `uses` has what is known of others; those that it is about are
/// among them.
pub(super) fn usable(planned: &Planned, rules: Rules<'_>, uses: &[Option<Use>]) -> Use {
    let asked = asked(&planned.correlation.ask);
    if matches!(asked, Use::Refused(_)) {
        return asked;
    }
    let members = planned.members.iter().zip(&planned.correlation.rules);
    let members: Vec<Use> = members
        .map(|(member, name)| self::member(planned, *member, name, rules, uses))
        .collect();
    let needs_all = match planned.correlation.ask {
        Ask::Temporal | Ask::TemporalOrdered => true,
        Ask::EventCount(_) | Ask::ValueCount { .. } | Ask::Statistic { .. } => false,
    };
    let members = if needs_all {
        worst(members)
    } else {
        best(members)
    };
    worst(vec![members, asked])
}

/// The use of what needs all of its parts.
fn worst(parts: Vec<Use>) -> Use {
    parts.into_iter().max_by_key(rank).unwrap_or(Use::Full)
}

/// The use of what any of its parts is enough for.
fn best(parts: Vec<Use>) -> Use {
    let some_work = parts.iter().any(|part| rank(part) < 2);
    match worst(parts) {
        Use::NeverFires(reason) | Use::Refused(reason) if some_work => Use::Partial(reason),
        other => other,
    }
}

fn rank(usable: &Use) -> u8 {
    match usable {
        Use::Full => 0,
        Use::Partial(_) => 1,
        Use::NeverFires(_) => 2,
        Use::Refused(_) => 3,
    }
}

/// How a correlation can use what it is about.
fn member(
    planned: &Planned,
    member: Member,
    name: &str,
    rules: Rules<'_>,
    uses: &[Option<Use>],
) -> Use {
    let (known, fields) = match member {
        Member::Rule(rule) => (rules.uses.get(rule), has_fields(planned, rule, rules)),
        Member::Correlation(number) => (uses.get(number).and_then(Option::as_ref), Ok(())),
    };
    match (known, fields) {
        (None, _) => Use::Refused(format!("`{name}` cannot be used")),
        (Some(Use::Refused(reason)), _) => {
            Use::Refused(format!("`{name}` cannot be used: {reason}"))
        }
        (Some(Use::NeverFires(reason)), _) => {
            Use::NeverFires(format!("`{name}` never fires: {reason}"))
        }
        (_, Err(field)) => Use::NeverFires(format!(
            "events of `{name}` have no field `{field}`, so that they count for no group"
        )),
        (Some(Use::Partial(reason)), Ok(())) => {
            Use::Partial(format!("`{name}` can be used in part: {reason}"))
        }
        (Some(Use::Full), Ok(())) => Use::Full,
    }
}

/// Whether a rule's events can have every field that is asked for; which they cannot.
fn has_fields<'a>(planned: &'a Planned, rule: usize, rules: Rules<'_>) -> Result<(), &'a str> {
    let classes = rules.classes(rule);
    let names = planned
        .correlation
        .group_by
        .iter()
        .chain(planned.measured_fields());
    for name in names {
        let name = planned.field_name(name, Member::Rule(rule));
        let has = |class| rules.taxonomy.field(class, name).is_some();
        if !classes.iter().copied().any(has) {
            return Err(name);
        }
    }
    Ok(())
}

/// How what is asked can be used.
fn asked(ask: &Ask) -> Use {
    match ask {
        Ask::EventCount(bounds) => count(bounds),
        Ask::ValueCount { bounds, .. } => match count(bounds) {
            Use::Refused(reason) => Use::Refused(reason),
            _ if least_count(bounds) > Some(as_measure(as_count(VALUES_MAX))) => Use::Refused(
                format!("more than {VALUES_MAX} different values are not counted"),
            ),
            other => other,
        },
        Ask::Statistic { bounds, .. } if bounds.is_empty() => {
            Use::Refused("its condition has no bound".into())
        }
        Ask::Statistic { .. } | Ask::Temporal | Ask::TemporalOrdered => Use::Full,
    }
}

fn count(bounds: &[Bound]) -> Use {
    if bounds.is_empty() {
        return Use::Refused("its condition has no bound".into());
    }
    match least_count(bounds) {
        None => Use::NeverFires("no count fulfils its condition".into()),
        Some(1.0) if bounds.iter().any(is_upper) => Use::Partial(
            "its condition holds at the first event already: it is not waited for how many come \
             until the time is over"
                .into(),
        ),
        Some(_) => Use::Full,
    }
}
