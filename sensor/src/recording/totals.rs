//! What the programs counted, as JSON: every count by its name.

use std::collections::BTreeMap;

use sensor_common::{
    counters::{Degraded, Loss},
    record::Kind,
};
use serde::{Deserialize, Serialize};

use crate::kernel::{counters::Totals, hooks::HOOKS};

/// The counts of [`Totals`].
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TotalsForm {
    seen: BTreeMap<String, u64>,
    /// Kind, reason, count.
    lost: Vec<(String, String, u64)>,
    degraded: BTreeMap<String, u64>,
    skipped_runs: BTreeMap<String, u64>,
}

impl From<&Totals> for TotalsForm {
    fn from(totals: &Totals) -> Self {
        let owned = |counts: &BTreeMap<&'static str, u64>| {
            counts
                .iter()
                .map(|(name, count)| ((*name).to_owned(), *count))
                .collect()
        };
        Self {
            seen: totals
                .seen
                .iter()
                .map(|(kind, count)| (kind.name().to_owned(), *count))
                .collect(),
            lost: totals
                .lost
                .iter()
                .map(|((kind, reason), count)| {
                    (kind.name().to_owned(), (*reason).to_owned(), *count)
                })
                .collect(),
            degraded: owned(&totals.degraded),
            skipped_runs: owned(&totals.skipped_runs),
        }
    }
}

impl TotalsForm {
    /// The counts.
    ///
    /// # Errors
    ///
    /// The name that this sensor does not know.
    pub(super) fn totals(self) -> Result<Totals, String> {
        let reasons = || Loss::ALL.iter().map(|loss| loss.name());
        let limits = || Degraded::ALL.iter().map(|limit| limit.name());
        let hooks = || HOOKS.iter().map(|hook| hook.name);
        let mut totals = Totals::default();
        for (name, count) in self.seen {
            totals.seen.insert(kind(&name)?, count);
        }
        for (name, reason, count) in self.lost {
            let key = (kind(&name)?, known(&reason, reasons())?);
            totals.lost.insert(key, count);
        }
        for (name, count) in self.degraded {
            totals.degraded.insert(known(&name, limits())?, count);
        }
        for (name, count) in self.skipped_runs {
            totals.skipped_runs.insert(known(&name, hooks())?, count);
        }
        Ok(totals)
    }
}

fn kind(name: &str) -> Result<Kind, String> {
    Kind::ALL
        .into_iter()
        .find(|kind| kind.name() == name)
        .ok_or_else(|| unknown(name))
}

fn known(
    name: &str,
    mut names: impl Iterator<Item = &'static str>,
) -> Result<&'static str, String> {
    names
        .find(|known| *known == name)
        .ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> String {
    format!("nothing that is counted is called {name:?}")
}
