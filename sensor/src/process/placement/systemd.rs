//! The host's systemd units in a path.
//!
//! systemd puts slices in slices and every other unit in a slice, never in another unit. So the
//! first name that is no slice is the unit, and what is below was made by others.

use super::Systemd;

/// Units that have cgroups.
const UNITS: [&str; 5] = [".service", ".scope", ".socket", ".mount", ".swap"];

/// The longest name of a unit, in bytes.
const LONGEST_NAME: usize = 255;

pub(super) fn read<'a>(mut components: impl Iterator<Item = &'a str>) -> Systemd {
    let mut found = Systemd::default();
    let (slice, below) = skip_slices(&mut components, &mut found.owner_uid);
    found.slice = slice.map(Box::from);
    let Some(unit) = below.and_then(unit) else {
        return found;
    };
    found.unit = Some(unit.into());
    found.session = session(unit).map(Box::from);
    if let Some(uid) = manager_of(unit) {
        found.owner_uid = Some(uid);
        let (_, below) = skip_slices(&mut components, &mut found.owner_uid);
        found.user_unit = below.and_then(self::unit).map(Box::from);
    }
    found
}

/// The innermost of the slices that a path begins with, and the name below them.
fn skip_slices<'a>(
    components: &mut impl Iterator<Item = &'a str>,
    owner: &mut Option<u32>,
) -> (Option<&'a str>, Option<&'a str>) {
    let mut innermost = None;
    for component in components {
        let Some(slice) = slice(component) else {
            return (innermost, Some(component));
        };
        *owner = owner_of(slice).or(*owner);
        innermost = Some(slice);
    }
    (innermost, None)
}

/// The unit whose cgroup has this name, if it is one.
pub(super) fn unit(component: &str) -> Option<&str> {
    let name = unescape(component);
    let prefix = UNITS.iter().find_map(|suffix| name.strip_suffix(suffix))?;
    // A template has no cgroup.
    (is_name(name) && !prefix.is_empty() && !prefix.ends_with('@')).then_some(name)
}

/// The slice whose cgroup has this name, if it is one.
pub(super) fn slice(component: &str) -> Option<&str> {
    let name = unescape(component);
    let prefix = name.strip_suffix(".slice")?;
    (is_name(name) && !prefix.is_empty()).then_some(name)
}

/// systemd puts `_` before a name that the kernel could have for a file of its own.
fn unescape(component: &str) -> &str {
    component.strip_prefix('_').unwrap_or(component)
}

fn is_name(name: &str) -> bool {
    name.len() <= LONGEST_NAME
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte))
}

/// `session-ID.scope`
fn session(unit: &str) -> Option<&str> {
    let id = unit.strip_prefix("session-")?.strip_suffix(".scope")?;
    let valid = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    valid.then_some(id)
}

/// `user@UID.service`
fn manager_of(unit: &str) -> Option<u32> {
    uid(unit.strip_prefix("user@")?.strip_suffix(".service")?)
}

/// `user-UID.slice`
fn owner_of(slice: &str) -> Option<u32> {
    uid(slice.strip_prefix("user-")?.strip_suffix(".slice")?)
}

fn uid(digits: &str) -> Option<u32> {
    // No sign: `parse` would take one.
    let digits = digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then_some(digits)?;
    digits.parse().ok().filter(|uid| *uid != u32::MAX)
}
