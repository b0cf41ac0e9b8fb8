//! The attack object: tactics and techniques of ATT&CK.

use crate::{
    detect::alert::AttackTag,
    output::{
        attack::{Attack, Technique, VERSION},
        json::Object,
    },
};

/// `attacks`: each tactic and each technique by itself, because which technique serves which tactic
/// is not said by rules.
pub(super) fn attacks(tags: &[AttackTag], info: &mut Object<'_>) {
    let attack = Attack::of(tags);
    if attack.is_empty() {
        return;
    }
    info.array("attacks", |attacks| {
        for tactic in &attack.tactics {
            attacks.object(|fields| {
                fields.object("tactic", |fields| {
                    fields.text("uid", tactic.id.unwrap_or_default());
                    fields.text("name", tactic.name);
                    fields.text("src_url", &tactic.page().unwrap_or_default());
                });
                fields.word("version", VERSION);
            });
        }
        for technique in &attack.techniques {
            attacks.object(|fields| {
                fields.object("technique", |fields| {
                    self::technique(technique.whole(), fields);
                });
                if technique.is_sub() {
                    fields.object("sub_technique", |fields| {
                        self::technique(*technique, fields);
                    });
                }
                fields.word("version", VERSION);
            });
        }
    });
}

fn technique(technique: Technique<'_>, fields: &mut Object<'_>) {
    fields.text("uid", technique.id);
    fields.text("src_url", &technique.page().unwrap_or_default());
}
