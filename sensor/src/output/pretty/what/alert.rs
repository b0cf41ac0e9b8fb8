//! What a rule found.

use super::what;
use crate::output::Alerted;

/// How grave it is, which rule found it, and why.
pub(in super::super) fn found(alerted: &Alerted<'_>) -> String {
    let alert = alerted.alert;
    let mut text = format!("{}: {}", alert.rule.severity.name(), alerted.title());
    if !alert.reason.is_empty() {
        text += &format!(": {}", alert.reason);
    }
    if alert.count > 1 {
        text += &format!("  ({} times)", alert.count);
    }
    text
}

/// What the process did, and the processes that it comes from, nearest first.
pub(in super::super) fn deed_and_line(alerted: &Alerted<'_>) -> String {
    let mut text = what(&alerted.observed);
    for ancestor in alerted.ancestors() {
        let name = ancestor.image.as_ref().map_or("?", |image| &image.name);
        text += &format!(" < {name}[{}]", ancestor.id.tgid);
    }
    text
}
