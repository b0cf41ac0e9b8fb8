//! Rules that one engine takes and the other does not, and why.

use std::collections::BTreeMap;

use crate::rules::Refusal;

/// Why an engine does not take a rule that the other takes: part of what it says, and who is right.
const KNOWN: &[(Side, &str, &str)] = &[
    (
        Side::Theirs,
        "|all modifier requires more than one value",
        "rsigma, to the letter: `all` of one value is not allowed, as it means nothing; ours takes it",
    ),
    (
        Side::Ours,
        "wildcards cannot be encoded",
        "ours, as pySigma does; rsigma encodes them as letters",
    ),
    (
        Side::Ours,
        "has no modifiers but `all` and `neq`",
        "ours: `null` cannot be contained in anything; rsigma ignores the modifier",
    ),
    (
        Side::Ours,
        "it matches every event",
        "ours refuses by design what says nothing",
    ),
    (
        Side::Ours,
        "is too short for `base64offset`",
        "ours: no letter of it is certain; rsigma looks for nothing, which is everywhere",
    ),
    (
        Side::Ours,
        "the encoded value is no text",
        "ours: UTF-16 of other letters than ASCII is no text; rsigma ignores the modifier",
    ),
    (
        Side::Ours,
        "an empty word is in every event",
        "ours refuses by design what says nothing",
    ),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Ours,
    Theirs,
}

/// How many rules are refused for which reason; those by one engine alone whose reason is not known
/// are apart.
pub fn sorted(refusals: &[Refusal]) -> (BTreeMap<&'static str, usize>, Vec<&Refusal>) {
    let mut known: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut unknown = Vec::new();
    for refusal in refusals {
        let (side, said) = match (&refusal.ours, &refusal.theirs) {
            (Some(said), None) => (Side::Ours, said),
            (None, Some(said)) => (Side::Theirs, said),
            _ => {
                *known.entry("neither takes it").or_default() += 1;
                continue;
            }
        };
        let reason = KNOWN
            .iter()
            .find(|(who, part, _)| *who == side && said.contains(part));
        match reason {
            Some((_, part, _)) => *known.entry(part).or_default() += 1,
            None => unknown.push(refusal),
        }
    }
    (known, unknown)
}

/// Who is right where one engine refuses a rule with these words.
pub fn who(part: &str) -> &'static str {
    let known = KNOWN.iter().find(|(_, known, _)| *known == part);
    known.map_or("neither engine takes it", |(_, _, who)| who)
}
