//! What a sensor says in the end of everything that it saw.

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::sensor::Ended;

/// `sensor.totals` of a sensor that has stopped.
#[derive(Debug)]
pub struct Account(Value);

/// A loss: `event.code`, reason and count.
pub type Loss = (String, String, u64);

impl Account {
    /// The account of this sensor.
    pub fn of(ended: &Ended) -> Result<Self> {
        let stop = ended.events.one("sensor_stop", |_| true)?;
        let totals = stop.get("sensor.totals").context("there are no totals")?;
        Ok(Self(totals.clone()))
    }

    fn kinds(&self) -> impl Iterator<Item = (&str, &Value)> {
        let kinds = self.0.get("kinds").and_then(Value::as_array);
        kinds.into_iter().flatten().filter_map(|kind| {
            let code = kind.get("code")?.as_str()?;
            Some((code, kind))
        })
    }

    /// How many of this kind happened.
    pub fn seen(&self, code: &str) -> u64 {
        let kind = self.kinds().find(|(kind, _)| *kind == code);
        kind.and_then(|(_, kind)| kind.get("seen")?.as_u64())
            .unwrap_or_default()
    }

    /// Everything that was lost, in the order of the kinds.
    pub fn losses(&self) -> Vec<Loss> {
        let mut losses = Vec::new();
        for (code, kind) in self.kinds() {
            let reasons = kind.get("lost").and_then(Value::as_object);
            for (reason, count) in reasons.into_iter().flatten() {
                let count = count.as_u64().unwrap_or_default();
                losses.push((code.to_owned(), reason.clone(), count));
            }
        }
        losses
    }

    /// How many events went after one with a later time.
    pub fn late(&self) -> Option<u64> {
        self.0.get("late").and_then(Value::as_u64)
    }
}
