//! Attacks on the sensor itself.
//!
//! A signal and a detached link are no events: what is seen is the command that is executed for it. A
//! shell's own `kill` executes nothing, and a program that calls `kill(2)` or `bpf(2)` is not seen
//! either; that the sensor is gone is told by what it does not say any longer. [`rules`]: the rules.
//! [`commands`]: arguments.

mod commands;
mod rules;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use sensor_common::privilege::{PTRACE_MODE_ATTACH, PtraceOperation};

use super::{
    INITIAL_PIDS, Settings,
    finding::{alert, arguments, command, quoted, who},
    programs::{base_name, is_installing, program},
};
use crate::{
    detect::{
        alert::{Alert, RuleDescription},
        detector::Detector,
    },
    enrich::cache::Cache,
    event::{Body, BpfAccess, BpfProgram, Exec, Ptrace, Tgid},
    observed::Observed,
};
use commands::Target;

/// Most BPF programs that are remembered as the sensor's.
const PROGRAMS_MAX: usize = 4_096;
/// The program's name where its process was not met.
const NAME: &str = "sensor";

/// Finds attacks on the sensor.
#[derive(Debug)]
pub(super) struct Tampering {
    rules: [Arc<RuleDescription>; 5],
    own: Option<Tgid>,
    /// Its files, the executable last once that is known.
    files: Vec<String>,
    executable: Option<String>,
    programs: Cache<u32, ()>,
}

impl Tampering {
    pub(super) fn new(settings: &Settings) -> Self {
        let mut programs = Cache::new(PROGRAMS_MAX);
        for id in &settings.programs {
            programs.insert(*id, ());
        }
        Self {
            rules: [
                rules::TRACED.rule(),
                rules::STOPPED.rule(),
                rules::FILES.rule(),
                rules::DETACHED.rule(),
                rules::OPENED.rule(),
            ],
            own: settings.own,
            files: settings.files.clone(),
            executable: None,
            programs,
        }
    }

    fn is_own(&self, id: Option<Tgid>) -> bool {
        self.own.is_some() && self.own == id
    }

    /// Learns the sensor's executable and programs from what it does.
    fn learn(&mut self, observed: &Observed<'_>) {
        let own = [observed.process, observed.other].into_iter().flatten();
        if self.executable.is_none()
            && let Some(process) = own.into_iter().find(|one| self.is_own(Some(one.id.tgid)))
            && let Some(image) = process.image.as_deref()
            && image.executable.starts_with('/')
        {
            self.files.push(image.executable.clone());
            self.executable = Some(image.executable.clone());
        }
        if let Body::BpfProgram(program) = &observed.event.body
            && program.access == BpfAccess::Load
            && self.is_own(observed.event.actor.map(|actor| actor.id.tgid))
        {
            self.programs.insert(program.id, ());
        }
    }

    fn traces(&self, ptrace: &Ptrace, observed: &Observed<'_>) -> Option<Alert> {
        let is_sensor = self.is_own(Some(ptrace.target.tgid));
        let writes =
            ptrace.operation == PtraceOperation::Access && ptrace.mode & PTRACE_MODE_ATTACH != 0;
        let is_itself = self.is_own(observed.event.actor.map(|actor| actor.id.tgid));
        let [traced, ..] = &self.rules;
        let reason = format!(
            "{} was given access to write to the sensor, process {}.",
            who(observed.process),
            ptrace.target.tgid
        );
        (is_sensor && writes && !is_itself)
            .then(|| alert(traced, reason, None, observed.event.origin))
    }

    fn executes(&self, exec: &Exec, observed: &Observed<'_>) -> Option<Alert> {
        let process = observed.process?;
        let program = program(process.image.as_deref()?);
        if !commands::may_harm(program) {
            return None;
        }
        let mut arguments = arguments(exec);
        let is_name = |argument: &String| base_name(argument) == program;
        if let Some(position) = arguments.iter().take(2).position(is_name) {
            arguments.drain(..position);
        }
        let target = Target {
            process: self
                .own
                .filter(|_| matches!(exec.namespaces.pid, 0 | INITIAL_PIDS)),
            name: self.executable.as_deref().map_or(NAME, base_name),
            files: &self.files,
        };
        let [_, stopped, files, detached, _] = &self.rules;
        let (rule, what) = if target.is_stopped_by(program, &arguments) {
            (stopped, "stop the sensor".to_owned())
        } else if let Some(file) = target.file_lost_by(program, &arguments) {
            (files, format!("change {}", quoted(file)))
        } else if commands::detaches(program, &arguments) {
            (
                detached,
                "detach or change what BPF programs need".to_owned(),
            )
        } else {
            return None;
        };
        if is_installing(process) {
            return None;
        }
        let reason = format!(
            "{} was started by {} to {what}: {}.",
            who(Some(process)),
            who(observed.parent),
            command(exec)
        );
        Some(alert(rule, reason, None, observed.event.origin))
    }

    fn opens(&self, opened: &BpfProgram, observed: &Observed<'_>) -> Option<Alert> {
        let is_itself = self.is_own(observed.event.actor.map(|actor| actor.id.tgid));
        let is_sensors = self.programs.peek(&opened.id).is_some();
        let [.., rule] = &self.rules;
        let reason = format!(
            "{} opened the sensor's BPF program {} ({}).",
            who(observed.process),
            quoted(String::from_utf8_lossy(&opened.name).trim_end_matches('\0')),
            opened.id
        );
        (opened.access == BpfAccess::Open && is_sensors && !is_itself)
            .then(|| alert(rule, reason, None, observed.event.origin))
    }
}

impl Detector for Tampering {
    fn rules(&self) -> &[Arc<RuleDescription>] {
        &self.rules
    }

    fn inspect(&mut self, observed: &Observed<'_>, alerts: &mut Vec<Alert>) {
        self.learn(observed);
        alerts.extend(match &observed.event.body {
            Body::Ptrace(ptrace) => self.traces(ptrace, observed),
            Body::Exec(exec) => self.executes(exec, observed),
            Body::BpfProgram(program) => self.opens(program, observed),
            _ => None,
        });
    }

    fn limits(&self, limit: &mut dyn FnMut(&'static str, u64)) {
        limit("tampering_programs", self.programs.evicted());
    }
}
