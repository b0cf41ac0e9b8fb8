//! What may be typed after `sensor-scenarios`.

use anyhow::{Context as _, Result, bail};

use crate::host::Host;
use crate::rung::Rung;

/// How the command is used.
pub const USAGE: &str = "\
usage: sensor-scenarios [--rung tracing|kprobes|locked-down]... [--list] [FILTER]...

Does deeds on this kernel while `sensor` runs, and compares every field of its events.
A FILTER is part of a scenario's name; without one, all scenarios are played.
SENSOR_BIN is the sensor's path, by default /bin/sensor.
";

/// What is to be done.
#[derive(Debug, Default, PartialEq)]
pub struct CommandLine {
    /// Only these rungs; the kernel's usual ones if there are none.
    pub rungs: Vec<Rung>,
    /// Only print the scenarios' names.
    pub list: bool,
    /// Only print how the command is used.
    pub help: bool,
    /// Only the scenarios with one of these in their names; all if there are none.
    pub filters: Vec<String>,
}

impl CommandLine {
    /// Parses what follows the program's name.
    pub fn parse(words: impl IntoIterator<Item = String>) -> Result<Self> {
        let mut parsed = Self::default();
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--rung" => {
                    let name = words.next().context("--rung needs a name")?;
                    parsed.rungs.push(Rung::parse(&name)?);
                }
                "--list" => parsed.list = true,
                "--help" | "-h" => parsed.help = true,
                option if option.starts_with('-') => bail!("there is no option {option}"),
                _ => parsed.filters.push(word),
            }
        }
        Ok(parsed)
    }

    /// Whether a scenario with this name is asked for.
    pub fn wants(&self, name: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| name.contains(filter))
    }
}

/// The rungs that are tried on a kernel where nobody says which: all of them on the oldest, on one
/// in the middle and on the newest, the first only on those between.
pub fn usual_rungs(host: &Host) -> &'static [Rung] {
    let (major, _) = host.version;
    if major >= 7 || matches!(host.version, (5, 10) | (6, 12)) {
        &Rung::ALL
    } else {
        &[Rung::Tracing]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<CommandLine> {
        CommandLine::parse(words.iter().map(|word| (*word).to_owned()))
    }

    #[test]
    fn rungs_and_filters_can_be_several() {
        let parsed = parse(&["--rung", "kprobes", "exec/", "--rung", "locked-down"]).unwrap();
        assert_eq!(parsed.rungs, [Rung::Kprobes, Rung::LockedDown]);
        assert!(parsed.wants("exec/fork"));
        assert!(!parsed.wants("network/x"));
        assert!(parse(&[]).unwrap().wants("anything"));
    }

    #[test]
    fn mistakes_are_refused() {
        assert!(parse(&["--rung"]).is_err());
        assert!(parse(&["--rung", "x"]).is_err());
        assert!(parse(&["--lsit"]).is_err());
    }
}
