//! Credentials that nobody committed: the kernel's memory was written to.

use std::sync::Arc;

use sensor_common::record::Kind;

use super::{
    finding::{Written, alert, who},
    privilege::{is_root, is_without_root, users},
};
use crate::{
    detect::{
        alert::{Alert, RuleDescription},
        detector::Detector,
        severity::Severity,
    },
    event::{Body, CredentialDivergence, Verdict},
    observed::Observed,
};

const OVERWRITTEN: Written = Written {
    id: "credential-overwrite",
    name: "Credentials overwritten in the kernel's memory",
    severity: Severity::Critical,
    description: "A task has other credentials than it committed, and no call or exec could have made \
                  the change: an exploit or a rootkit wrote to the kernel's memory.",
    false_positives: &[],
    references: &["https://attack.mitre.org/techniques/T1068/"],
    attack: &["privilege-escalation", "T1068", "T1014"],
};

const UNSEEN: Written = Written {
    id: "unseen-root",
    name: "Root without a witness",
    severity: Severity::Low,
    description: "A process without root's ids has them, by a call that cannot be seen on this kernel.",
    false_positives: &["Programs with the capability CAP_SETUID, which may do so"],
    references: &["https://attack.mitre.org/techniques/T1548/"],
    attack: &["privilege-escalation", "T1548"],
};

/// Finds credentials that nobody committed.
#[derive(Debug)]
pub(super) struct Overwrite {
    rules: [Arc<RuleDescription>; 2],
}

impl Overwrite {
    pub(super) fn new() -> Self {
        Self {
            rules: [OVERWRITTEN.rule(), UNSEEN.rule()],
        }
    }

    fn judge(&self, divergence: &CredentialDivergence, observed: &Observed<'_>) -> Option<Alert> {
        let [overwritten, unseen] = &self.rules;
        let (before, after) = (&divergence.before, &divergence.after);
        let origin = observed.event.origin;
        let change = format!(
            "{} has {} (capabilities {:#x}) instead of {} (capabilities {:#x})",
            who(observed.process),
            users(after),
            after.cap_permitted,
            users(before),
            before.cap_permitted
        );
        match divergence.verdict {
            Verdict::Overwritten => {
                let how = if divergence.same_object {
                    "the object itself was written to"
                } else {
                    "its task points to another object"
                };
                let reason = format!("{change}, which nobody committed: {how}.");
                Some(alert(overwritten, reason, None, origin))
            }
            // Setuid programs do so all the time.
            Verdict::Observed if divergence.found_by == Kind::Exec => None,
            Verdict::Observed => (is_without_root(before) && is_root(after)).then(|| {
                alert(
                    unseen,
                    format!("{change}; no event told of it."),
                    None,
                    origin,
                )
            }),
        }
    }
}

impl Detector for Overwrite {
    fn rules(&self) -> &[Arc<RuleDescription>] {
        &self.rules
    }

    fn inspect(&mut self, observed: &Observed<'_>, alerts: &mut Vec<Alert>) {
        if let Body::CredentialDivergence(divergence) = &observed.event.body {
            alerts.extend(self.judge(divergence, observed));
        }
    }

    /// It remembers nothing.
    fn limits(&self, _limit: &mut dyn FnMut(&'static str, u64)) {}
}

#[cfg(test)]
mod tests {
    use sensor_common::credentials::Credentials;

    use super::{super::scene::*, *};

    fn found(before: Credentials, after: Credentials, verdict: Verdict, by: Kind) -> Vec<String> {
        let mut scene = Scene::new(Overwrite::new());
        scene.add(800, 1, before, "/usr/bin/x", |_| {});
        let divergence = CredentialDivergence {
            before,
            after,
            same_object: true,
            found_by: by,
            verdict,
        };
        let alerts = scene.does(800, Body::CredentialDivergence(Box::new(divergence)));
        alerts.iter().map(|alert| alert.rule.id.clone()).collect()
    }

    #[test]
    fn what_nobody_committed_is_critical_whatever_it_is() {
        let overwritten = Verdict::Overwritten;
        assert_eq!(
            found(user(1000), user(0), overwritten, Kind::Fork),
            ["credential-overwrite"]
        );
        let mut capable = user(1000);
        capable.cap_effective = ALL_CAPABILITIES;
        assert_eq!(
            found(user(1000), capable, overwritten, Kind::Exec),
            ["credential-overwrite"]
        );
        assert_eq!(OVERWRITTEN.rule().severity, Severity::Critical);
    }

    #[test]
    fn root_by_a_call_that_cannot_be_seen_is_low() {
        assert_eq!(
            found(user(1000), user(0), Verdict::Observed, Kind::Connect),
            ["unseen-root"]
        );
    }

    #[test]
    fn what_calls_do_where_they_cannot_be_seen_is_normal() {
        let observed = Verdict::Observed;
        let mut sudo = user(0);
        sudo.uid = 1000;
        assert!(found(user(1000), sudo, observed, Kind::Exec).is_empty());
        assert!(found(sudo, user(0), observed, Kind::Connect).is_empty());
        assert!(found(user(0), user(33), observed, Kind::Fork).is_empty());
        // Root of a user namespace of one's own is nobody on the host.
        let mut inside = user(0);
        inside.user_namespace = 4_026_532_999;
        assert!(found(user(1000), inside, observed, Kind::Fork).is_empty());
    }

    #[test]
    fn copes_with_anything() {
        withstands(Overwrite::new);
    }
}
