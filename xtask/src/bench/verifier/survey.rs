//! The table of programs and kernels: read, written, compared.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use anyhow::{Context as _, Error, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

use crate::bench::figures::{percent, to_f64, whole};
use crate::bench::table::{Column, Table};

/// What is known of one program on one kernel that loads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    /// Instructions that the verifier looked at.
    Instructions(u64),
    /// The kernel does not say.
    Unsaid,
}

/// A program and what it is attached to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Program {
    pub(super) name: String,
    pub(super) target: String,
}

/// The programs of one kernel.
pub(super) type Programs = BTreeMap<Program, Effort>;

/// All kernels.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Survey {
    kernels: Vec<Of>,
}

/// One kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Of {
    name: String,
    release: String,
    programs: Programs,
}

impl Survey {
    pub(super) fn add(&mut self, kernel: &str, release: &str, programs: Programs) {
        self.kernels.push(Of {
            name: kernel.to_owned(),
            release: release.to_owned(),
            programs,
        });
    }

    /// Takes what is newer, and puts the kernels in order.
    pub(super) fn replace(&mut self, newer: Self, order: &[&str]) {
        for of in newer.kernels {
            self.kernels.retain(|old| old.name != of.name);
            self.kernels.push(of);
        }
        self.kernels.sort_by_key(|of| {
            let place = order.iter().position(|name| *name == of.name);
            place.unwrap_or(order.len())
        });
    }

    pub(super) fn releases(&self) -> impl Iterator<Item = (&str, &str)> {
        self.kernels
            .iter()
            .map(|of| (of.name.as_str(), of.release.as_str()))
    }

    /// What got worse, as seen from this, the committed survey.
    pub(super) fn complaints(&self, measured: &Self) -> Vec<String> {
        let mut complaints = Vec::new();
        for now in &measured.kernels {
            let Some(then) = self.kernels.iter().find(|then| then.name == now.name) else {
                complaints.push(format!("{}: the kernel is not in the table", now.name));
                continue;
            };
            for (program, effort) in &then.programs {
                let complaint = match (effort, now.programs.get(program)) {
                    (_, None) => Some("is not loaded any more".to_owned()),
                    (Effort::Instructions(then), Some(Effort::Instructions(now))) => {
                        growth(*then, *now)
                    }
                    _ => None,
                };
                let name = &program.name;
                complaints
                    .extend(complaint.map(|complaint| format!("{}: {name} {complaint}", now.name)));
            }
            for program in now.programs.keys() {
                if !then.programs.contains_key(program) {
                    complaints.push(format!("{}: {} is new", now.name, program.name));
                }
            }
        }
        complaints
    }

    /// For people: a row for each program.
    pub(super) fn table(&self) -> Table {
        let mut columns = vec![Column::text("program"), Column::text("attached to")];
        columns.extend(self.kernels.iter().map(|of| Column::number(&of.name)));
        let mut table = Table::new(columns);
        for program in self.programs() {
            let mut row = vec![
                format!("`{}`", program.name),
                format!("`{}`", program.target),
            ];
            row.extend(self.row(program).map(|effort| match effort {
                Some(Effort::Instructions(count)) => whole(to_f64(count)),
                other => symbol(other).to_owned(),
            }));
            table.row(row);
        }
        table
    }

    /// Every program of any kernel, once, sorted.
    fn programs(&self) -> impl Iterator<Item = &Program> {
        let all: BTreeMap<&Program, ()> = self
            .kernels
            .iter()
            .flat_map(|of| of.programs.keys())
            .map(|program| (program, ()))
            .collect();
        all.into_keys()
    }

    fn row(&self, program: &Program) -> impl Iterator<Item = Option<Effort>> {
        self.kernels
            .iter()
            .map(move |of| of.programs.get(program).copied())
    }
}

/// A tenth more is more than a new compiler or a moved line explains.
fn growth(then: u64, now: u64) -> Option<String> {
    let part = to_f64(now) / to_f64(then.max(1)) - 1.0;
    (now.saturating_mul(10) > then.saturating_mul(11)).then(|| {
        format!(
            "grew by {}: {} instructions, {} before",
            percent(part),
            whole(to_f64(now)),
            whole(to_f64(then))
        )
    })
}

const fn symbol(effort: Option<Effort>) -> &'static str {
    match effort {
        Some(_) => "?",
        None => "-",
    }
}

/// The file: cells parted by tabs; the heads are the kernels, the second line has their releases.
impl fmt::Display for Survey {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "program\ttarget")?;
        for of in &self.kernels {
            write!(to, "\t{}", of.name)?;
        }
        write!(to, "\n\t")?;
        for of in &self.kernels {
            write!(to, "\t{}", of.release)?;
        }
        writeln!(to)?;
        for program in self.programs() {
            write!(to, "{}\t{}", program.name, program.target)?;
            for effort in self.row(program) {
                match effort {
                    Some(Effort::Instructions(count)) => write!(to, "\t{count}")?,
                    other => write!(to, "\t{}", symbol(other))?,
                }
            }
            writeln!(to)?;
        }
        Ok(())
    }
}

impl FromStr for Survey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let mut lines = text.lines();
        let mut cells = || -> Result<Vec<&str>> {
            let line = lines.next().context("the head is missing")?;
            Ok(line.split('\t').skip(2).collect())
        };
        let (names, releases) = (cells()?, cells()?);
        ensure!(
            names.len() == releases.len(),
            "there are not as many releases as kernels"
        );
        let mut survey = Self::default();
        for (name, release) in names.iter().zip(releases) {
            survey.add(name, release, Programs::new());
        }
        for line in lines {
            let mut cells = line.split('\t');
            let (Some(name), Some(target)) = (cells.next(), cells.next()) else {
                return Err(Error::msg(format!("{line:?} has no target")));
            };
            let program = Program {
                name: name.to_owned(),
                target: target.to_owned(),
            };
            for of in &mut survey.kernels {
                let cell = cells
                    .next()
                    .with_context(|| format!("{line:?} has too few cells"))?;
                let effort = match cell {
                    "-" => continue,
                    "?" => Effort::Unsaid,
                    count => Effort::Instructions(
                        count
                            .parse()
                            .with_context(|| format!("{count:?} is no count"))?,
                    ),
                };
                of.programs.insert(program.clone(), effort);
            }
            ensure!(cells.next().is_none(), "{line:?} has too many cells");
        }
        Ok(survey)
    }
}

/// What `sensor-bench verifier` prints: the doctor's words for each rung.
#[derive(Deserialize)]
struct Rung {
    doctor: Doctor,
}

#[derive(Deserialize)]
struct Doctor {
    hooks: Vec<Hook>,
}

#[derive(Deserialize)]
struct Hook {
    programs: Vec<Loaded>,
}

#[derive(Deserialize)]
struct Loaded {
    name: String,
    target: String,
    verified_instructions: Option<u64>,
}

/// Reads what a guest printed: of all rungs together, for a program is the same on each.
pub(super) fn parse_doctor(result: &Value) -> Result<Programs> {
    let rungs = result.get("figures").context("there are no figures")?;
    let rungs: Vec<Rung> = Vec::deserialize(rungs)?;
    let mut programs = Programs::new();
    let all = rungs
        .into_iter()
        .flat_map(|rung| rung.doctor.hooks)
        .flat_map(|hook| hook.programs);
    for loaded in all {
        let program = Program {
            name: loaded.name,
            target: loaded.target,
        };
        let effort = loaded
            .verified_instructions
            .map_or(Effort::Unsaid, Effort::Instructions);
        programs.insert(program, effort);
    }
    ensure!(!programs.is_empty(), "no program was loaded");
    Ok(programs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn program(name: &str) -> Program {
        Program {
            name: name.into(),
            target: format!("target_of_{name}"),
        }
    }

    fn programs(counts: &[(&str, u64)]) -> Programs {
        counts
            .iter()
            .map(|(name, count)| (program(name), Effort::Instructions(*count)))
            .collect()
    }

    fn survey() -> Survey {
        let mut survey = Survey::default();
        let mut old = programs(&[]);
        old.insert(program("exec"), Effort::Unsaid);
        survey.add("5.10", "5.10.0-1", old);
        survey.add(
            "6.12",
            "6.12.9-1",
            programs(&[("exec", 61_234), ("fork", 100)]),
        );
        survey
    }

    #[test]
    fn a_survey_can_be_read_back() {
        let text = survey().to_string();
        assert_eq!(
            text,
            "program\ttarget\t5.10\t6.12\n\t\t5.10.0-1\t6.12.9-1\n\
             exec\ttarget_of_exec\t?\t61234\nfork\ttarget_of_fork\t-\t100\n"
        );
        assert_eq!(text.parse::<Survey>().unwrap(), survey());
        for damaged in [
            "",
            "program\ttarget\tx\n\t\n",
            "p\tt\tx\n\t\t1\ne\tt\n",
            "p\tt\tx\n\t\t1\ne\tt\tz\n",
        ] {
            assert!(damaged.parse::<Survey>().is_err(), "{damaged:?}");
        }
    }

    #[test]
    fn a_program_may_grow_by_a_tenth() {
        let mut measured = Survey::default();
        measured.add(
            "6.12",
            "6.12.9-1",
            programs(&[("exec", 67_357), ("fork", 110)]),
        );
        assert_eq!(survey().complaints(&measured), Vec::<String>::new());
        let mut grown = Survey::default();
        grown.add(
            "6.12",
            "6.12.9-1",
            programs(&[("exec", 70_000), ("exit", 5)]),
        );
        assert_eq!(
            survey().complaints(&grown),
            [
                "6.12: exec grew by 14.3 %: 70,000 instructions, 61,234 before",
                "6.12: fork is not loaded any more",
                "6.12: exit is new",
            ]
        );
        let mut other = Survey::default();
        other.add("6.18", "6.18.1", programs(&[]));
        assert_eq!(
            survey().complaints(&other),
            ["6.18: the kernel is not in the table"]
        );
    }

    #[test]
    fn kernels_that_were_not_measured_stay() {
        let mut newer = Survey::default();
        newer.add("6.1", "6.1.0-2", programs(&[("exec", 1)]));
        newer.add("5.10", "5.10.0-2", programs(&[("exec", 2)]));
        let mut all = survey();
        all.replace(newer, &["5.10", "6.1", "6.12"]);
        let releases: Vec<_> = all.releases().collect();
        assert_eq!(
            releases,
            [
                ("5.10", "5.10.0-2"),
                ("6.1", "6.1.0-2"),
                ("6.12", "6.12.9-1")
            ]
        );
    }

    #[test]
    fn the_doctors_words_are_gathered_from_all_rungs() {
        let hook = |name: &str, count: Option<u64>| {
            json!({"event": "e", "means": "m", "misses": "", "refused": [], "programs": [
                {"name": name, "target": "t", "verified_instructions": count}]})
        };
        let result = json!({"figures": [
            {"rung": "tracing", "doctor": {"kernel": "6", "hooks": [hook("a", Some(3))]}},
            {"rung": "kprobes", "doctor": {"kernel": "6", "hooks": [hook("a", Some(3)), hook("b", None)]}},
        ]});
        let programs = parse_doctor(&result).unwrap();
        let efforts: Vec<_> = programs.values().copied().collect();
        assert_eq!(efforts, [Effort::Instructions(3), Effort::Unsaid]);
        assert!(parse_doctor(&json!({"figures": []})).is_err());
    }
}
