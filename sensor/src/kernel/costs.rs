//! What a member that this kernel does not have costs: which field of which event.

use sensor_common::fields::Field;

use super::fields::Layout;

/// A member that this kernel does not have, and that the programs can do without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// The member: structure, then members, by dots.
    pub member: &'static str,
    /// What is missing for want of it.
    pub cost: &'static str,
}

/// What the members that this kernel does not have cost; those that cost nothing here are left out.
#[must_use]
pub fn costs(layout: &Layout) -> Vec<Cost> {
    let missing: Vec<&Field> = layout
        .missing_optional()
        .map(|missing| missing.field)
        .collect();
    missing
        .iter()
        .filter_map(|field| {
            let cost = cost(field.global, &missing, layout.has_io_threads)?;
            Some(Cost {
                member: field.path,
                cost,
            })
        })
        .collect()
}

/// What it costs that the member of this global is missing, if it costs something.
fn cost(global: &str, missing: &[&Field], has_io_threads: bool) -> Option<&'static str> {
    let is_missing = |global: &str| missing.iter().any(|field| field.global == global);
    let cost = match global {
        "TASK_IN_EXECVE" => {
            "`sensor.credentials.cause` is `call` for an exec too, and `sensor.exec` has no `setuid`, `setgid` and \
             `file_capabilities`"
        }
        // Only there do kernel threads work for a process, and are found by the memory they borrow.
        "MM_OWNER" if has_io_threads => return None,
        "MM_OWNER" => "what io_uring's workers do has no process",
        // Either tells the ancestors: ids before 6.1, pointers since.
        "CGROUP_ANCESTORS" if !is_missing("CGROUP_ANCESTOR_IDS") => return None,
        "CGROUP_ANCESTOR_IDS" if !is_missing("CGROUP_ANCESTORS") => return None,
        "CGROUP_ANCESTORS" | "CGROUP_ANCESTOR_IDS" => {
            "`scope_cgroup` cannot be used: nothing is in scope"
        }
        "NSPROXY_CGROUP" | "CGROUP_NS_INUM" => "changes of the cgroup namespace are not seen",
        "NSPROXY_TIME" | "TIME_NS_INUM" => "changes of the time namespace are not seen",
        "TASK_LOGINUID" => "`sensor.process.login_uid` is absent",
        "TASK_SESSIONID" => "`sensor.process.audit_session` is absent",
        "SIGNAL_TTY"
        | "TTY_INDEX"
        | "TTY_DRIVER"
        | "TTY_DRIVER_MAJOR"
        | "TTY_DRIVER_MINOR_START" => "`process.tty` and `process.interactive` are absent",
        // Read only where controllers are on version 1, and then they are there.
        "CSS_SET_SUBSYS" | "CSS_CGROUP" => {
            "containers and units are not told on a host with cgroup controllers of version 1"
        }
        "INODE_MODIFIED" | "INODE_MODIFIED_NSEC" | "INODE_CHANGED" | "INODE_CHANGED_NSEC" => {
            "`process.hash` is told only where the process still runs"
        }
        "BPRM_SECUREEXEC" => "`sensor.exec.secure` is absent",
        "SOCK_REMOTE6" | "SOCK_LOCAL6" => "IPv6 addresses are absent",
        "BPF_PROG_KPROBE_OVERRIDE" => "`sensor.bpf.overrides_return` is absent",
        "BPF_PROG_GPL_COMPATIBLE" => "`sensor.bpf.gpl_compatible` is not told",
        "BPF_AUX_ATTACH_FUNC_NAME" => "`sensor.bpf.function` is absent",
        _ => "a field of an event is absent",
    };
    Some(cost)
}

#[cfg(test)]
mod tests {
    use sensor_common::fields::{FIELDS, Need};

    use super::*;

    fn optional() -> Vec<&'static Field> {
        FIELDS
            .iter()
            .filter(|field| field.need == Need::Optional)
            .collect()
    }

    #[test]
    fn every_member_that_may_be_missing_has_its_cost() {
        let all = optional();
        for field in &all {
            let cost = cost(field.global, &all, false).unwrap();
            assert_ne!(cost, "a field of an event is absent", "{}", field.global);
        }
    }

    #[test]
    fn what_stands_in_for_another_costs_nothing() {
        let without = |global: &str| -> Vec<&'static Field> {
            optional()
                .into_iter()
                .filter(|field| field.global == global)
                .collect()
        };
        for global in ["CGROUP_ANCESTORS", "CGROUP_ANCESTOR_IDS"] {
            assert_eq!(cost(global, &without(global), false), None);
        }
        assert_eq!(cost("MM_OWNER", &without("MM_OWNER"), true), None);
        assert!(cost("MM_OWNER", &without("MM_OWNER"), false).is_some());
    }
}
