//! The correlator agrees with a simple one that keeps every event.

use proptest::prelude::*;

use super::*;

/// What the simple one keeps.
#[derive(Clone, Debug)]
struct Kept {
    time: u64,
    rules: Vec<usize>,
    value: String,
}

/// Asks of all events since it fired last, within the time that ends with the latest.
struct Simple {
    ask: Ask,
    kept: BTreeMap<String, Vec<Kept>>,
}

const TIMESPAN: u64 = 10 * SECOND;

impl Simple {
    fn event(&mut self, group: &str, event: Kept) -> bool {
        let kept = self.kept.entry(group.to_owned()).or_default();
        kept.push(event);
        let latest = kept.iter().map(|event| event.time).max().unwrap();
        let within = kept.iter().filter(|event| event.time + TIMESPAN >= latest);
        let within: Vec<&Kept> = within.collect();
        let fires = match &self.ask {
            Ask::EventCount(bounds) => hold(bounds, within.len()),
            Ask::ValueCount { bounds, .. } => {
                let values: BTreeSet<&String> = within.iter().map(|event| &event.value).collect();
                hold(bounds, values.len())
            }
            Ask::Temporal => {
                (0..3).all(|rule| within.iter().any(|kept| kept.rules.contains(&rule)))
            }
            // Of these it is the first and the last that must be within the time of each other, also
            // where something later came before them.
            Ask::TemporalOrdered => in_order(kept),
            Ask::Statistic { .. } => unreachable!(),
        };
        if fires {
            kept.clear();
        }
        fires
    }
}

/// Every triple of events of three rules.
fn in_order(kept: &[Kept]) -> bool {
    let of = |rule| kept.iter().filter(move |kept| kept.rules.contains(&rule));
    of(0).any(|first| {
        of(1).any(|second| {
            first.time < second.time
                && of(2)
                    .any(|third| second.time < third.time && third.time - first.time <= TIMESPAN)
        })
    })
}

fn hold(bounds: &[Bound], count: usize) -> bool {
    let [Bound::Is(Relation::GreaterOrEqual, limit)] = bounds else {
        unreachable!()
    };
    u32::try_from(count).is_ok_and(|count| f64::from(count) >= *limit)
}

fn any_ask() -> impl Strategy<Value = Ask> {
    prop_oneof![
        (1..6_u32).prop_map(|limit| Ask::EventCount(at_least(limit.into()))),
        (1..5_u32).prop_map(|limit| values_at_least("f1", limit.into())),
        Just(Ask::Temporal),
        Just(Ask::TemporalOrdered),
    ]
}

/// Steps in time, how late the event is, its group, its rules and its value.
fn any_event() -> impl Strategy<Value = (u64, u64, u8, Vec<usize>, u8)> {
    let step = prop_oneof![Just(0), 1..SECOND, SECOND..6 * SECOND, Just(TIMESPAN)];
    let late = prop_oneof![4 => Just(0), 1 => 0..SECOND];
    let rules = prop::sample::subsequence(vec![0, 1, 2, 3], 1..3);
    (step, late, 0..2_u8, rules, 0..4_u8)
}

proptest! {
    #[test]
    fn it_fires_at_the_same_events_as_a_simple_one(
        ask in any_ask(),
        events in prop::collection::vec(any_event(), 0..80),
    ) {
        let all = correlation("c", ["r0", "r1", "r2"], ask.clone());
        let mut trial = Trial::new(vec![all]);
        let mut simple = Simple { ask, kept: BTreeMap::new() };
        let mut now = 100 * SECOND;
        for (step, late, group, rules, value) in events {
            now += step;
            let (group, value) = (group.to_string(), value.to_string());
            let time = now - late;
            let fired = trial.event(time, &rules, &Values::of([(0, &group), (1, &value)]));
            let kept = Kept { time, rules: rules.clone(), value };
            // The last rule is not correlated.
            let expected = rules != [3] && simple.event(&group, kept);
            prop_assert_eq!(!fired.is_empty(), expected);
        }
    }
}
