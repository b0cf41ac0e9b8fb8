//! Going down the ladder of a hook until the kernel takes a rung.

use std::fs::File;

use aya::{
    Btf, Ebpf,
    programs::{CgroupAttachMode, Program, ProgramError, ProgramInfo},
};

use super::{
    fields::Layout,
    hooks::{Attachment, Hook, Means, Rung},
    load::{LoadedProgram, Options, Outcome, Refusal},
    refusal::explain,
    rings::Rings,
    scope::hierarchy,
};

/// Goes down the ladder of each hook.
pub(super) struct Climber<'a> {
    options: &'a Options,
    layout: &'a Layout,
    /// Parsed when the first tracing program needs it.
    btf: Option<Btf>,
    /// Opened when the first cgroup program needs it.
    cgroup: Option<File>,
}

impl<'a> Climber<'a> {
    pub(super) const fn new(options: &'a Options, layout: &'a Layout) -> Self {
        Self {
            options,
            layout,
            btf: None,
            cgroup: None,
        }
    }

    /// Takes the first rung of a hook that this kernel accepts; none of a hook that nobody wants.
    pub(super) fn climb(
        &mut self,
        ebpf: &mut Ebpf,
        rings: &mut Rings,
        hook: &'static Hook,
    ) -> Outcome {
        let mut outcome = Outcome {
            hook,
            taken: None,
            refused: Vec::new(),
            programs: Vec::new(),
        };
        if !hook
            .kinds
            .iter()
            .any(|kind| self.options.kinds.contains(kind))
        {
            return outcome;
        }
        for rung in hook.rungs {
            match self.take(ebpf, rings, hook, rung) {
                Ok(programs) => {
                    outcome.taken = Some(rung);
                    outcome.programs = programs;
                    break;
                }
                Err(reason) => outcome.refused.push(Refusal { rung, reason }),
            }
        }
        outcome
    }

    fn take(
        &mut self,
        ebpf: &mut Ebpf,
        rings: &mut Rings,
        hook: &'static Hook,
        rung: &'static Rung,
    ) -> Result<Vec<LoadedProgram>, String> {
        match rung.means {
            Means::Tracing if !self.options.tracing => {
                return Err("switched off by `hooks.tracing = false`".into());
            }
            Means::Kprobe if !self.options.kprobes => {
                return Err("switched off by `hooks.kprobes = false`".into());
            }
            _ => {}
        }
        let missing: Vec<&str> = hook
            .groups
            .iter()
            .flat_map(|group| self.layout.missing(*group))
            .map(|missing| missing.reason.as_str())
            .collect();
        if !missing.is_empty() {
            return Err(missing.join("; "));
        }
        // Announced before it is attached: for a moment an event may go unreported, but none is
        // reported twice.
        if !rung.programs.is_empty() {
            rings
                .announce(hook.announces)
                .map_err(|error| error.to_string())?;
        }
        let taken = self.attach_all(ebpf, rung);
        if taken.is_err() {
            rings
                .retract(hook.announces)
                .map_err(|error| error.to_string())?;
        }
        taken
    }

    fn attach_all(
        &mut self,
        ebpf: &mut Ebpf,
        rung: &'static Rung,
    ) -> Result<Vec<LoadedProgram>, String> {
        let mut loaded = Vec::with_capacity(rung.programs.len());
        let spares: &[Attachment] = if self.layout.is_preemptible {
            rung.spares
        } else {
            &[]
        };
        for attachment in rung.programs.iter().chain(spares) {
            match self.attach(ebpf, rung.means, attachment) {
                Ok(program) => loaded.push(program),
                Err(reason) => {
                    // The last one may be loaded, and refused where it is attached.
                    unload(ebpf, attachment.program);
                    for program in &loaded {
                        unload(ebpf, program.name);
                    }
                    return Err(format!("{}: {reason}", attachment.target.name()));
                }
            }
        }
        Ok(loaded)
    }

    fn attach(
        &mut self,
        ebpf: &mut Ebpf,
        means: Means,
        attachment: &'static Attachment,
    ) -> Result<LoadedProgram, String> {
        let program = ebpf
            .program_mut(attachment.program)
            .ok_or_else(|| format!("the object has no program {}", attachment.program))?;
        let target = attachment.target.name();
        let reason = |error: ProgramError| explain(means, &attachment.target, &error);
        match program {
            Program::BtfTracePoint(program) => {
                program.load(target, self.btf()?).map_err(reason)?;
                program.attach().map_err(reason)?;
            }
            Program::FEntry(program) => {
                program.load(target, self.btf()?).map_err(reason)?;
                program.attach().map_err(reason)?;
            }
            Program::FExit(program) => {
                program.load(target, self.btf()?).map_err(reason)?;
                program.attach().map_err(reason)?;
            }
            Program::RawTracePoint(program) => {
                program.load().map_err(reason)?;
                program.attach(target).map_err(reason)?;
            }
            Program::KProbe(program) => {
                program.load().map_err(reason)?;
                program.attach(target, 0).map_err(reason)?;
            }
            Program::CgroupSockAddr(program) => {
                program.load().map_err(reason)?;
                // By a link, which never replaces what others have there (systemd, Cilium) and so
                // takes no flag to say it: `cgroup_bpf_link_attach`, kernel/bpf/cgroup.c.
                program
                    .attach(self.cgroup()?, CgroupAttachMode::Single)
                    .map_err(reason)?;
            }
            other => {
                return Err(format!(
                    "programs of type {:?} have no rung",
                    other.prog_type()
                ));
            }
        }
        let info = program.info().ok();
        Ok(LoadedProgram {
            name: attachment.program,
            target,
            id: info.as_ref().map(ProgramInfo::id),
            verified_instructions: info
                .as_ref()
                .and_then(ProgramInfo::verified_instruction_count),
        })
    }

    fn btf(&mut self) -> Result<&Btf, String> {
        if self.btf.is_none() {
            self.btf = Some(Btf::from_sys_fs().map_err(|error| error.to_string())?);
        }
        self.btf.as_ref().ok_or_else(String::new)
    }

    fn cgroup(&mut self) -> Result<&File, String> {
        if self.cgroup.is_none() {
            let path = match &self.options.scope {
                Some(scope) => scope.path.clone(),
                None => hierarchy().map_err(|error| error.to_string())?.mount_point,
            };
            let file = File::open(&path)
                .map_err(|error| format!("cannot open {}: {error}", path.display()))?;
            self.cgroup = Some(file);
        }
        self.cgroup.as_ref().ok_or_else(String::new)
    }
}

/// Detaches and unloads a program of a rung that is not taken after all.
fn unload(ebpf: &mut Ebpf, program: &str) {
    // What cannot be unloaded was not loaded.
    let _ = match ebpf.program_mut(program) {
        Some(Program::BtfTracePoint(program)) => program.unload(),
        Some(Program::FEntry(program)) => program.unload(),
        Some(Program::FExit(program)) => program.unload(),
        Some(Program::RawTracePoint(program)) => program.unload(),
        Some(Program::KProbe(program)) => program.unload(),
        Some(Program::CgroupSockAddr(program)) => program.unload(),
        _ => Ok(()),
    };
}
