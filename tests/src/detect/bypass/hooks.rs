//! Hooks that a kernel refuses: what is not found for want of them is said.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::rung::Rung;
use crate::scenario::{Context, Outcome, Scenario};

/// The scenarios.
pub const SCENARIOS: &[Scenario] = &[Scenario {
    name: "detect/t18-hooks-refused",
    play: refused,
}];

/// What is not found where there are raw tracepoints and programs of cgroups only.
const BLIND: [&str; 11] = [
    "bpf-load-unexpected",
    "bpf-override",
    "container-runtime-socket",
    "container-traces-outside",
    "dns-tunnelling",
    "forged-credentials",
    "privilege-escalation",
    "process-injection",
    "process-injection-into-service",
    "sensor-programs-opened",
    "sensor-traced",
];

/// The sensor's first event names each rule that finds nothing on this rung, and no other.
fn refused(context: &Context<'_>) -> Result<Outcome> {
    let watch = context.watch()?;
    let hooks = watch.start.get("sensor.hooks").and_then(Value::as_array);
    let said: BTreeSet<&str> = hooks
        .context("there are no hooks")?
        .iter()
        .filter_map(|hook| hook.get("blind")?.as_array())
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let expected: BTreeSet<&str> = match context.rung {
        Rung::Tracing | Rung::Kprobes => BTreeSet::new(),
        Rung::LockedDown => BLIND.into(),
    };
    context.claim_eq("rules that find nothing", &said, &expected);
    Ok(Outcome::Passed)
}
