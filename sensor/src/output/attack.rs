//! What ATT&CK calls what a rule finds: its tactics and techniques, with their ids and pages.

use std::fmt::Display;

use crate::detect::alert::AttackTag;

/// What it is called as a framework.
pub(super) const FRAMEWORK: &str = "MITRE ATT&CK";

/// The version that the names and ids of tactics are of.
pub(super) const VERSION: &str = "19";

/// Short name, id and name of each tactic, in the order of the matrix. Version 19 parted "Defense
/// Evasion" in two, of which "Stealth" kept its id; rules that were written before still say so.
const TACTICS: [(&str, &str, &str); 16] = [
    ("reconnaissance", "TA0043", "Reconnaissance"),
    ("resource-development", "TA0042", "Resource Development"),
    ("initial-access", "TA0001", "Initial Access"),
    ("execution", "TA0002", "Execution"),
    ("persistence", "TA0003", "Persistence"),
    ("privilege-escalation", "TA0004", "Privilege Escalation"),
    ("stealth", "TA0005", "Stealth"),
    ("defense-evasion", "TA0005", "Defense Evasion"),
    ("defense-impairment", "TA0112", "Defense Impairment"),
    ("credential-access", "TA0006", "Credential Access"),
    ("discovery", "TA0007", "Discovery"),
    ("lateral-movement", "TA0008", "Lateral Movement"),
    ("collection", "TA0009", "Collection"),
    ("command-and-control", "TA0011", "Command and Control"),
    ("exfiltration", "TA0010", "Exfiltration"),
    ("impact", "TA0040", "Impact"),
];

/// What a rule's tags name, each once, in their order.
#[derive(Debug, Default)]
pub(super) struct Attack<'a> {
    /// Those with an id first, so that ids, names and pages stand at the same places of their lists.
    pub(super) tactics: Vec<Tactic<'a>>,
    /// Techniques and sub-techniques.
    pub(super) techniques: Vec<Technique<'a>>,
}

/// A tactic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tactic<'a> {
    /// Its id; none if it is none of ATT&CK's.
    pub(super) id: Option<&'static str>,
    /// Its name; of one without an id, what the rule calls it.
    pub(super) name: &'a str,
}

/// A technique or a sub-technique.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Technique<'a> {
    /// Its id, as the rule has it.
    pub(super) id: &'a str,
}

impl<'a> Attack<'a> {
    /// What these tags name.
    pub(super) fn of(tags: &'a [AttackTag]) -> Self {
        let mut attack = Self::default();
        for tag in tags {
            match tag {
                AttackTag::Tactic(name) if !name.is_empty() => {
                    once(Tactic::of(name), &mut attack.tactics);
                }
                AttackTag::Technique(id) if !id.is_empty() => {
                    once(Technique { id }, &mut attack.techniques);
                }
                AttackTag::Tactic(_) | AttackTag::Technique(_) => {}
            }
        }
        attack.tactics.sort_by_key(|tactic| tactic.id.is_none());
        attack
    }

    /// Whether there is nothing in it.
    pub(super) const fn is_empty(&self) -> bool {
        self.tactics.is_empty() && self.techniques.is_empty()
    }

    /// The techniques themselves, also those of which only sub-techniques are named.
    pub(super) fn whole_techniques(&self) -> Vec<Technique<'a>> {
        let mut whole = Vec::new();
        for technique in &self.techniques {
            once(technique.whole(), &mut whole);
        }
        whole
    }

    /// The sub-techniques.
    pub(super) fn sub_techniques(&self) -> impl Iterator<Item = Technique<'a>> {
        let is_sub = |technique: &Technique<'_>| technique.is_sub();
        self.techniques.iter().copied().filter(is_sub)
    }
}

fn once<T: PartialEq>(new: T, known: &mut Vec<T>) {
    if !known.contains(&new) {
        known.push(new);
    }
}

impl<'a> Tactic<'a> {
    fn of(short: &'a str) -> Self {
        match TACTICS.into_iter().find(|(known, ..)| *known == short) {
            Some((_, id, name)) => Self { id: Some(id), name },
            None => Self {
                id: None,
                name: short,
            },
        }
    }

    /// Its page, if it has an id.
    pub(super) fn page(&self) -> Option<String> {
        let id = self.id?;
        Some(format!("https://attack.mitre.org/tactics/{id}/"))
    }
}

impl<'a> Technique<'a> {
    /// The numbers of the technique and of the sub-technique; none if it is no id.
    fn numbers(self) -> Option<(&'a str, Option<&'a str>)> {
        let is_number = |text: &str, digits: usize| {
            text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        let numbers = self.id.strip_prefix('T')?;
        let (technique, sub) = match numbers.split_once('.') {
            Some((technique, sub)) => (technique, Some(sub)),
            None => (numbers, None),
        };
        let is_id = is_number(technique, 4) && sub.is_none_or(|sub| is_number(sub, 3));
        is_id.then_some((technique, sub))
    }

    /// Whether it is a sub-technique.
    pub(super) fn is_sub(self) -> bool {
        matches!(self.numbers(), Some((_, Some(_))))
    }

    /// The technique that a sub-technique belongs to; any other is itself.
    pub(super) fn whole(self) -> Self {
        match self.id.split_once('.') {
            Some((id, _)) if self.is_sub() => Self { id },
            _ => self,
        }
    }

    /// Its page; none if it is no id of ATT&CK's.
    pub(super) fn page(self) -> Option<String> {
        let (technique, sub) = self.numbers()?;
        let page = |path: &dyn Display| format!("https://attack.mitre.org/techniques/T{path}/");
        Some(match sub {
            Some(sub) => page(&format_args!("{technique}/{sub}")),
            None => page(&technique),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tactic(name: &str) -> AttackTag {
        AttackTag::Tactic(name.into())
    }

    fn technique(id: &str) -> AttackTag {
        AttackTag::Technique(id.into())
    }

    #[test]
    fn each_is_named_once() {
        let tags = [
            tactic("made-up"),
            tactic("defense-impairment"),
            tactic("stealth"),
            tactic("stealth"),
            technique("T1059.004"),
            technique("T1059.006"),
            technique("T1685"),
            technique("S0508"),
            technique(""),
        ];
        let attack = Attack::of(&tags);
        let tactics: Vec<_> = attack.tactics.iter().map(|known| known.name).collect();
        assert_eq!(tactics, ["Defense Impairment", "Stealth", "made-up"]);
        assert_eq!(
            attack.tactics[0].page().as_deref(),
            Some("https://attack.mitre.org/tactics/TA0112/")
        );
        assert_eq!(attack.tactics[2].page(), None);
        let ids = |techniques: Vec<Technique<'_>>| -> Vec<String> {
            techniques.iter().map(|known| known.id.to_owned()).collect()
        };
        assert_eq!(ids(attack.whole_techniques()), ["T1059", "T1685", "S0508"]);
        assert_eq!(
            ids(attack.sub_techniques().collect()),
            ["T1059.004", "T1059.006"]
        );
        let pages: Vec<_> = attack.techniques.iter().map(|known| known.page()).collect();
        assert_eq!(
            pages[0].as_deref(),
            Some("https://attack.mitre.org/techniques/T1059/004/")
        );
        assert_eq!(
            pages[2].as_deref(),
            Some("https://attack.mitre.org/techniques/T1685/")
        );
        assert_eq!(pages[3], None);
    }

    #[test]
    fn tactics_are_told_apart() {
        for (index, (short, id, name)) in TACTICS.into_iter().enumerate() {
            assert!(id.len() == 6 && id.starts_with("TA"), "{id}");
            assert_eq!(Tactic::of(short).name, name);
            let others = TACTICS.iter().skip(index + 1);
            assert!(
                others
                    .clone()
                    .all(|other| other.0 != short && other.2 != name)
            );
        }
    }

    proptest! {
        #[test]
        fn pages_have_nothing_in_them_that_a_rule_chose(id in "T?[0-9.]{0,9}|\\PC{0,9}") {
            if let Some(page) = (Technique { id: &id }).page() {
                prop_assert!(page.bytes().all(|byte| byte.is_ascii_alphanumeric() || b":/.".contains(&byte)));
                prop_assert!(id == "T".to_owned() + &id[1..]);
            }
        }
    }
}
