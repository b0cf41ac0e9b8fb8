//! What the doctor says to people.

use std::collections::BTreeMap;

use crate::{
    config::ByteSize,
    event::state::{HookReport, ProgramReport, Started},
    host::Host,
    kernel::hooks::HOOKS,
};

/// How the text is laid out.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Style {
    /// Columns of the terminal; none where lines may have any length.
    pub(super) width: Option<usize>,
    /// Whether colours are shown.
    pub(super) colours: bool,
}

/// The narrowest column that text is broken to.
const NARROWEST: usize = 20;

const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const PLAIN: &str = "\x1b[0m";

/// What is said of a host, and how it would be watched; where nothing could be loaded, of the host
/// only.
pub(super) fn text(host: &Host, started: &Started, style: Style) -> String {
    let mut page = Page {
        text: String::new(),
        style,
        columns: Vec::new(),
    };
    let kernel = format!("{} ({})", host.kernel, host.architecture);
    page.columns = vec![column(["kernel", "scope"])];
    page.line(&["kernel"], None, &kernel);
    if started.hooks.is_empty() {
        return page.text;
    }
    let scope = started.scope.as_deref().unwrap_or("the whole host");
    page.line(&["scope"], None, scope);
    page.hooks(&started.hooks);
    page.refusals(&started.hooks);
    page.missing(&started.missing_fields);
    page.limits(&started.limits);
    page.text
}

struct Page {
    text: String,
    style: Style,
    /// Widths of the columns before the last.
    columns: Vec<usize>,
}

impl Page {
    /// A line: cells in columns, the last of them coloured, and a text that goes on below itself.
    fn line(&mut self, cells: &[&str], colour: Option<&str>, last: &str) {
        let indent: usize = self.columns.iter().map(|width| width + 2).sum();
        for (index, width) in self.columns.iter().enumerate() {
            let cell = cells.get(index).copied().unwrap_or_default();
            let fill = (width + 2).saturating_sub(cell.chars().count());
            match colour.filter(|_| self.style.colours && index + 1 == cells.len()) {
                Some(colour) => self.text.extend([colour, cell, PLAIN]),
                None => self.text.push_str(cell),
            }
            self.text.extend(std::iter::repeat_n(' ', fill));
        }
        let room = self
            .style
            .width
            .map(|width| width.saturating_sub(indent).max(NARROWEST));
        let mut used = 0;
        for (index, word) in last.split(' ').enumerate() {
            let length = word.chars().count();
            if index > 0 {
                if room.is_some_and(|room| used + 1 + length > room) {
                    self.text.push('\n');
                    self.text.extend(std::iter::repeat_n(' ', indent));
                    used = 0;
                } else {
                    self.text.push(' ');
                    used += 1;
                }
            }
            self.text.push_str(word);
            used += length;
        }
        let end = self.text.trim_end_matches(' ').len();
        self.text.truncate(end);
        self.text.push('\n');
    }

    fn heading(&mut self, cells: &[&str], last: &str) {
        self.text.push('\n');
        self.line(cells, None, last);
    }

    fn hooks(&mut self, hooks: &[HookReport]) {
        let means = |hook: &HookReport| hook.means.clone().unwrap_or_else(|| "none".to_owned());
        let all: Vec<String> = hooks.iter().map(means).collect();
        self.columns = vec![
            column(
                hooks
                    .iter()
                    .map(|hook| hook.event.as_str())
                    .chain(["event"]),
            ),
            column(
                all.iter()
                    .map(String::as_str)
                    .chain(["means", "misses", "blind"]),
            ),
        ];
        self.heading(&["event", "means"], "programs");
        for (hook, means) in hooks.iter().zip(&all) {
            let colour = match (&hook.means, hook.misses.as_str()) {
                (None, _) => RED,
                (Some(_), "") => GREEN,
                (Some(_), _) => YELLOW,
            };
            let programs: Vec<String> = hook.programs.iter().map(program).collect();
            let programs = if programs.is_empty() {
                "none of its own".to_owned()
            } else {
                programs.join(", ")
            };
            self.line(&[&hook.event, means], Some(colour), &programs);
            if !hook.misses.is_empty() {
                self.line(&["", "misses"], None, &hook.misses);
            }
            if !hook.blind.is_empty() {
                self.line(&["", "blind"], None, &hook.blind.join(", "));
            }
        }
    }

    /// One line for all hooks to which the same happened.
    fn refusals(&mut self, hooks: &[HookReport]) {
        let mut refusals: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
        for hook in hooks {
            for refusal in &hook.refused {
                let reason = without_target(&hook.event, &refusal.reason);
                let events = refusals.entry((&refusal.means, reason)).or_default();
                events.push(&hook.event);
            }
        }
        if refusals.is_empty() {
            return;
        }
        self.columns = vec![column(
            refusals.keys().map(|(means, _)| *means).chain(["refused"]),
        )];
        self.heading(&["refused"], "why, and for what");
        for ((means, reason), events) in &refusals {
            self.line(&[means], None, reason);
            self.line(&[""], None, &format!("for: {}", events.join(", ")));
        }
    }

    fn missing(&mut self, members: &[String]) {
        if members.is_empty() {
            return;
        }
        let rows: Vec<(&str, &str)> = members
            .iter()
            .map(|member| member.split_once(": ").unwrap_or((member, "")))
            .collect();
        const HEADING: &str = "not in this kernel";
        self.columns = vec![column(
            rows.iter().map(|(member, _)| *member).chain([HEADING]),
        )];
        self.heading(&[HEADING], "what that costs");
        for (member, cost) in rows {
            self.line(&[member], None, cost);
        }
    }

    fn limits(&mut self, limits: &BTreeMap<String, u64>) {
        self.columns = vec![column(limits.keys().map(String::as_str).chain(["limit"]))];
        self.heading(&["limit"], "value");
        for (name, value) in limits {
            let value = if name.ends_with("_bytes") {
                ByteSize(*value).to_string()
            } else {
                value.to_string()
            };
            self.line(&[name], None, &value);
        }
    }
}

fn column<'a>(cells: impl IntoIterator<Item = &'a str>) -> usize {
    cells
        .into_iter()
        .map(|cell| cell.chars().count())
        .max()
        .unwrap_or(0)
}

fn program(program: &ProgramReport) -> String {
    let ProgramReport {
        name,
        target,
        verified_instructions,
    } = program;
    match verified_instructions {
        Some(count) => format!("{name} at {target} ({count} instructions verified)"),
        None => format!("{name} at {target}"),
    }
}

/// The reason without what the program was to be attached to, which differs from hook to hook.
fn without_target<'a>(event: &str, reason: &'a str) -> &'a str {
    let Some((target, rest)) = reason.split_once(": ") else {
        return reason;
    };
    let is_target = HOOKS
        .iter()
        .filter(|hook| hook.name == event)
        .flat_map(|hook| hook.rungs)
        .flat_map(|rung| rung.programs)
        .any(|attachment| attachment.target.name() == target);
    if is_target { rest } else { reason }
}

#[cfg(test)]
mod tests {
    use crate::event::state::RefusalReport;

    use super::*;

    fn host() -> Host {
        Host {
            kernel: "6.1.0".into(),
            architecture: "x86_64".into(),
            ..Host::default()
        }
    }

    fn refused(event: &str, means: &str, reason: &str) -> HookReport {
        HookReport {
            event: event.into(),
            misses: "everything".into(),
            refused: vec![RefusalReport {
                means: means.into(),
                reason: reason.into(),
            }],
            ..HookReport::default()
        }
    }

    fn started() -> Started {
        let fork = HookReport {
            event: "fork".into(),
            means: Some("tracing".into()),
            programs: vec![ProgramReport {
                name: "fork_tp_btf".into(),
                target: "sched_process_fork".into(),
                verified_instructions: Some(431),
            }],
            ..HookReport::default()
        };
        Started {
            hooks: vec![
                fork,
                refused(
                    "ptrace",
                    "kprobe",
                    "security_ptrace_traceme: Operation not permitted: this kernel refuses kprobes",
                ),
                refused(
                    "bpf program",
                    "kprobe",
                    "security_bpf_prog: Operation not permitted: this kernel refuses kprobes",
                ),
            ],
            scope: None,
            missing_fields: vec!["task_struct.loginuid: `login_uid` is absent".into()],
            limits: [
                ("rings.bulk_bytes".to_owned(), 4 << 20),
                ("limits.tasks".to_owned(), 7),
            ]
            .into(),
        }
    }

    #[test]
    fn a_report_is_aligned() {
        let expected = "\
kernel  6.1.0 (x86_64)
scope   the whole host

event        means    programs
fork         tracing  fork_tp_btf at sched_process_fork (431 instructions verified)
ptrace       none     none of its own
             misses   everything
bpf program  none     none of its own
             misses   everything

refused  why, and for what
kprobe   Operation not permitted: this kernel refuses kprobes
         for: ptrace, bpf program

not in this kernel    what that costs
task_struct.loginuid  `login_uid` is absent

limit             value
limits.tasks      7
rings.bulk_bytes  4MiB
";
        assert_eq!(text(&host(), &started(), Style::default()), expected);
    }

    #[test]
    fn where_nothing_could_be_loaded_the_kernel_is_named() {
        let text = text(&host(), &Started::default(), Style::default());
        assert_eq!(text, "kernel  6.1.0 (x86_64)\n");
    }

    #[test]
    fn a_terminal_gets_colours_and_lines_that_fit() {
        let style = Style {
            width: Some(50),
            colours: true,
        };
        let shown = text(&host(), &started(), style);
        assert!(shown.contains(&format!("{GREEN}tracing{PLAIN}")), "{shown}");
        assert!(shown.contains(&format!("{RED}none{PLAIN}")), "{shown}");
        let plain = text(
            &host(),
            &started(),
            Style {
                colours: false,
                ..style
            },
        );
        assert!(!plain.contains('\x1b'));
        assert!(
            plain.lines().all(|line| line.chars().count() <= 50),
            "{plain}"
        );
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(
            words(&plain),
            words(&text(&host(), &started(), Style::default()))
        );
    }
}
