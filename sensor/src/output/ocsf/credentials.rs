//! `unmapped.credentials`: what changed. OCSF knows a process's user and group, and not that it has
//! several of each, nor capabilities.

use sensor_common::{credentials::Credentials, privilege::Cause};

use crate::{
    event::{CredentialChange, CredentialDivergence, Groups, Verdict},
    hexadecimal,
    output::json::Object,
};

/// Of a change that was committed.
pub(super) fn change(change: &CredentialChange, fields: &mut Object<'_>) {
    fields.word(
        "cause",
        match change.cause {
            Cause::Call => "call",
            Cause::Exec => "exec",
            Cause::Clone => "clone",
        },
    );
    let has_other_groups = change.groups_before != change.groups_after;
    let before = Some(&change.groups_before).filter(|_| has_other_groups);
    let after = Some(&change.groups_after).filter(|_| has_other_groups);
    sides(&change.before, &change.after, [before, after], fields);
    let is_cut = |groups: &Groups| groups.count as usize > groups.ids.len();
    fields.flag(
        "groups_truncated",
        is_cut(&change.groups_before) || is_cut(&change.groups_after),
    );
}

/// Of a change that nobody was seen to commit.
pub(super) fn divergence(divergence: &CredentialDivergence, fields: &mut Object<'_>) {
    sides(&divergence.before, &divergence.after, [None, None], fields);
    fields.flag("same_object", divergence.same_object);
    fields.word("found_by", divergence.found_by.name());
    fields.flag("observed", divergence.verdict == Verdict::Observed);
}

/// A set of capabilities as `/proc/PID/status` shows it: sixteen hexadecimal digits.
pub(super) fn set(capabilities: u64) -> [u8; 16] {
    let mut digits = [b'0'; 16];
    let mut rest = capabilities;
    for place in digits.iter_mut().rev() {
        *place = hexadecimal::digit(rest & 0xf).unwrap_or(b'0');
        rest >>= 4;
    }
    digits
}

fn sides(
    before: &Credentials,
    after: &Credentials,
    [groups_before, groups_after]: [Option<&Groups>; 2],
    fields: &mut Object<'_>,
) {
    fields.object("before", |fields| {
        side(before, after, groups_before, fields);
    });
    fields.object("after", |fields| side(after, before, groups_after, fields));
}

/// The ids, and of the sets those that are not as on the other side.
fn side(of: &Credentials, other: &Credentials, groups: Option<&Groups>, fields: &mut Object<'_>) {
    for (name, id) in [
        ("uid", of.uid),
        ("euid", of.euid),
        ("suid", of.suid),
        ("fsuid", of.fsuid),
        ("gid", of.gid),
        ("egid", of.egid),
        ("sgid", of.sgid),
        ("fsgid", of.fsgid),
    ] {
        fields.number(name, id);
    }
    for (name, set, other) in [
        ("cap_inheritable", of.cap_inheritable, other.cap_inheritable),
        ("cap_permitted", of.cap_permitted, other.cap_permitted),
        ("cap_effective", of.cap_effective, other.cap_effective),
        ("cap_bounding", of.cap_bset, other.cap_bset),
        ("cap_ambient", of.cap_ambient, other.cap_ambient),
    ] {
        if set != other {
            fields.word(name, self::set(set));
        }
    }
    if of.securebits != other.securebits {
        fields.number("securebits", of.securebits);
    }
    if of.user_namespace != other.user_namespace {
        fields.number("user_namespace", of.user_namespace);
    }
    if let Some(groups) = groups {
        fields.numbers("groups", groups.ids.iter().copied());
    }
}
