//! Credentials that nobody committed: the sensor's one finding.

use super::{Context, process};
use crate::output::{Observed, json::Object};

/// What a detection finding says.
pub(super) fn finding(
    id: &[u8],
    observed: &Observed<'_>,
    context: &mut Context<'_>,
    line: &mut Object<'_>,
) {
    context.profiles.security_control = true;
    line.text(
        "message",
        "Credentials of a process were overwritten in kernel memory",
    );
    line.truth("is_alert", true);
    // The sensor watches, and stops nothing.
    line.number("action_id", 3);
    line.word("action", "Observed");
    line.number("disposition_id", 19);
    line.word("disposition", "Alert");
    line.number("status_id", 1);
    line.word("status", "New");
    line.object("finding_info", |info| {
        info.word("uid", id);
        info.word("title", "Credentials overwritten");
        info.number(
            "created_time",
            context.milliseconds(observed.event.origin.time),
        );
        info.object("analytic", |analytic| {
            analytic.word("name", "Credential divergence");
            analytic.word("uid", "credential_divergence");
            analytic.number("type_id", 1);
            analytic.word("type", "Rule");
        });
    });
    line.array("evidences", |evidences| {
        evidences.object(|evidence| {
            evidence.object("process", |fields| {
                process::subject(observed, process::parent(observed), context, fields);
            });
            evidence.object("user", |fields| process::user(observed, fields));
        });
    });
}
