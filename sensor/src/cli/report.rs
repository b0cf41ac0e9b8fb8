//! How the sensor watches: for `sensor doctor`, and for the first event of `sensor run`.

use std::collections::BTreeMap;

use crate::{
    config::Config,
    detect::detectors::blind,
    event::state::{HookReport, ProgramReport, RefusalReport, Started},
    kernel::{
        costs::costs,
        load::{Loaded, Options, Outcome},
    },
};

/// What is not seen where no rung of a hook was taken.
pub(super) const EVERYTHING: &str = "everything";

/// What is not seen where nobody wants a hook's events.
const EXCLUDED: &str = "everything: excluded by `capture.exclude`";

/// How programs that are loaded watch.
pub(super) fn started(loaded: &Loaded, config: &Config) -> Started {
    Started {
        hooks: loaded
            .ladder
            .iter()
            .map(|outcome| hook(outcome, config.detect.enabled))
            .collect(),
        scope: loaded
            .options
            .scope
            .as_ref()
            .map(|scope| scope.path.to_string_lossy().into_owned()),
        missing_fields: costs(&loaded.layout)
            .into_iter()
            .map(|cost| format!("{}: {}", cost.member, cost.cost))
            .collect(),
        limits: limits(&loaded.options, config),
    }
}

fn hook(outcome: &Outcome, detects: bool) -> HookReport {
    let means = outcome.taken.map(|rung| rung.means.name());
    let blind = if detects {
        blind(outcome.hook.name, means)
    } else {
        &[]
    };
    let misses = match outcome.taken {
        Some(rung) => rung.misses,
        None if outcome.refused.is_empty() => EXCLUDED,
        None => EVERYTHING,
    };
    HookReport {
        event: outcome.hook.name.to_owned(),
        means: means.map(str::to_owned),
        programs: outcome
            .programs
            .iter()
            .map(|program| ProgramReport {
                name: program.name.to_owned(),
                target: program.target.to_owned(),
                verified_instructions: program.verified_instructions,
            })
            .collect(),
        misses: misses.to_owned(),
        blind: blind.iter().map(|&rule| rule.to_owned()).collect(),
        refused: outcome
            .refused
            .iter()
            .map(|refusal| RefusalReport {
                means: refusal.rung.means.name().to_owned(),
                reason: refusal.reason.clone(),
            })
            .collect(),
    }
}

/// The limits in force, by their keys in the configuration.
pub(super) fn limits(options: &Options, config: &Config) -> BTreeMap<String, u64> {
    [
        ("capture.argv_bytes", options.argv_bytes),
        ("rings.critical_bytes", options.critical_bytes),
        ("rings.bulk_bytes", options.bulk_bytes),
        ("rings.bulk_shards", options.bulk_shards),
        ("limits.tasks", options.tasks),
        ("limits.sockets", options.sockets),
        ("limits.processes", config.limits.processes),
        (
            "limits.reorder_milliseconds",
            config.limits.reorder_milliseconds,
        ),
    ]
    .into_iter()
    .map(|(key, limit)| (key.to_owned(), limit.into()))
    .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::kernel::{hooks::HOOKS, load::Refusal};

    use super::*;

    #[test]
    fn a_hook_says_what_it_misses_and_why() {
        let ladder = HOOKS.iter().find(|hook| hook.name == "connect").unwrap();
        let refusal = |index: usize| Refusal {
            rung: &ladder.rungs[index],
            reason: format!("reason {index}"),
        };
        let mut outcome = Outcome {
            hook: ladder,
            taken: Some(&ladder.rungs[2]),
            refused: vec![refusal(0), refusal(1)],
            programs: Vec::new(),
        };
        let report = hook(&outcome, true);
        assert_eq!(report.means.as_deref(), Some("cgroup"));
        assert!(report.misses.contains("unix sockets"));
        assert_eq!(report.blind, ["container-runtime-socket"]);
        assert!(hook(&outcome, false).blind.is_empty());
        assert_eq!(report.refused[1].means, "kprobe");
        assert_eq!(report.refused[1].reason, "reason 1");

        outcome.taken = None;
        assert_eq!(hook(&outcome, true).misses, EVERYTHING);
        outcome.refused.clear();
        assert_eq!(hook(&outcome, true).misses, EXCLUDED);
    }

    #[test]
    fn limits_are_keys_of_the_configuration() {
        let config = Config::default();
        let shown = config.show();
        let mut section = String::new();
        let mut keys = BTreeSet::new();
        for line in shown.lines() {
            if let Some(name) = line.strip_prefix('[') {
                section = name.trim_end_matches(']').to_owned();
            } else if let Some((key, _)) = line.split_once(" = ") {
                keys.insert(format!("{section}.{key}"));
            }
        }
        for limit in limits(&config.options().unwrap(), &config).keys() {
            assert!(keys.contains(limit), "{limit} is not in {keys:?}");
        }
    }
}
