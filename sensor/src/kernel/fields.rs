//! Where the running kernel keeps the members that the programs read.

use std::{collections::HashSet, fs, io};

use sensor_common::fields::{FIELDS, Field, Group, MISSING, Need, Shape};
use thiserror::Error;

use super::{
    btf::{Btf, BtfError},
    cgroups, preemption,
};

/// The kernel's type information.
const VMLINUX: &str = "/sys/kernel/btf/vmlinux";

/// Functions and enumerations that are asked for, besides the fields' structures.
const FUNCTIONS: &[&str] = &[
    ACCEPT,
    CURRENT_TASK_BTF,
    SKC_TO_TCP_SOCK,
    CREATE_IO_THREAD,
    CONTROLLERS,
    "btf_trace_sched_process_exit",
];
/// The cgroup controllers that this kernel was built with.
const CONTROLLERS: &str = "cgroup_subsys_id";
const ACCEPT: &str = "inet_csk_accept";
const CURRENT_TASK_BTF: &str = "bpf_get_current_task_btf";
const SKC_TO_TCP_SOCK: &str = "bpf_skc_to_tcp_sock";
const CREATE_IO_THREAD: &str = "create_io_thread";

/// What is known of the running kernel's structures and functions.
#[derive(Debug)]
pub struct Layout {
    /// For each row of [`FIELDS`], the value of its global.
    offsets: Vec<u32>,
    /// Members that could not be found.
    missing: Vec<Missing>,
    /// Whether the helper `bpf_get_current_task_btf` exists.
    pub has_current_task_btf: bool,
    /// Whether the helper `bpf_skc_to_tcp_sock` exists.
    pub has_skc_to_tcp_sock: bool,
    /// Whether io_uring's workers are threads of the process (from 5.12).
    pub has_io_threads: bool,
    /// Whether a program can be preempted ([`preemption`]).
    pub is_preemptible: bool,
    /// The controllers of [`cgroups`] that this kernel has, and their numbers.
    controllers: Vec<(&'static str, u32)>,
    /// Parameters of `inet_csk_accept`.
    pub accept_parameters: u32,
    /// Whether `sched_process_exit` says if the whole group is dead.
    pub exit_says_group_dead: bool,
}

/// A member that this kernel does not have.
#[derive(Debug, Clone)]
pub struct Missing {
    /// The row.
    pub field: &'static Field,
    /// Why.
    pub reason: String,
}

/// Why nothing is known of the kernel's structures.
#[derive(Debug, Error)]
pub enum LayoutError {
    /// The kernel does not describe its types.
    #[error(
        "cannot read {VMLINUX}\n  the kernel must be built with CONFIG_DEBUG_INFO_BTF=y, as those of current \
         distributions are; in a container, mount the host's /sys"
    )]
    Unreadable(#[source] io::Error),
    /// What it says cannot be understood.
    #[error("cannot understand {VMLINUX}")]
    Btf(#[from] BtfError),
}

impl Layout {
    /// Reads the running kernel's type information.
    ///
    /// # Errors
    ///
    /// If there is none, or it cannot be understood. A missing member is no error: it costs the
    /// hooks that need it.
    pub fn of_running_kernel() -> Result<Self, LayoutError> {
        let bytes = fs::read(VMLINUX).map_err(LayoutError::Unreadable)?;
        Ok(Self::from_btf(&Btf::parse(bytes, &wanted_names())?))
    }

    fn from_btf(btf: &Btf) -> Self {
        let mut missing = Vec::new();
        let offsets = FIELDS
            .iter()
            .map(|field| match resolve(btf, field) {
                Ok(value) => value,
                Err(reason) => {
                    missing.push(Missing { field, reason });
                    MISSING
                }
            })
            .collect();
        let mut layout = Self {
            offsets,
            missing,
            has_current_task_btf: btf.has_function(CURRENT_TASK_BTF),
            has_skc_to_tcp_sock: btf.has_function(SKC_TO_TCP_SOCK),
            is_preemptible: preemption::programs_can_be_preempted(),
            has_io_threads: btf.has_function(CREATE_IO_THREAD),
            controllers: cgroups::CONTROLLERS
                .iter()
                .filter_map(|name| {
                    let number = btf.enumerator(CONTROLLERS, &format!("{name}_cgrp_id"))?;
                    Some((*name, number))
                })
                .collect(),
            accept_parameters: btf
                .parameters(ACCEPT)
                .and_then(|count| u32::try_from(count).ok())
                .unwrap_or(0),
            exit_says_group_dead: btf.tracepoint_arguments("sched_process_exit") == Some(2),
        };
        layout.check_assumptions();
        layout
    }

    /// The globals and their values.
    pub fn globals(&self) -> impl Iterator<Item = (&'static str, u32)> {
        FIELDS
            .iter()
            .map(|field| field.global)
            .zip(self.offsets.iter().copied())
    }

    /// The number of a cgroup controller (`enum cgroup_subsys_id`), if this kernel has it.
    pub fn controller(&self, name: &str) -> Option<u32> {
        let mut controllers = self.controllers.iter();
        controllers
            .find(|(known, _)| *known == name)
            .map(|(_, number)| *number)
    }

    /// The required members of a group that this kernel does not have.
    pub fn missing(&self, group: Group) -> impl Iterator<Item = &Missing> {
        self.missing.iter().filter(move |missing| {
            missing.field.group == group && missing.field.need == Need::Required
        })
    }

    /// The optional members that this kernel does not have.
    pub fn missing_optional(&self) -> impl Iterator<Item = &Missing> {
        self.missing
            .iter()
            .filter(|missing| missing.field.need == Need::Optional)
    }

    /// Some members are read together, because one call of a helper costs more than the bytes.
    /// That they lie together is the same in every kernel so far; if one differs, the hooks that
    /// rely on it are not loaded.
    fn check_assumptions(&mut self) {
        let together: &[(&str, &str, u32)] = &[
            // Eight ids of four bytes, then the secure bits.
            ("CRED_UID", "CRED_SECUREBITS", 32),
            // Five capability sets of eight bytes.
            ("CRED_CAP_INHERITABLE", "CRED_CAP_AMBIENT", 32),
            // The parent, the name's hash and length, the name.
            ("DENTRY_PARENT", "DENTRY_NAME", 16),
            // The mount below, the directory there, and (the first of `mnt`) the topmost directory.
            ("MOUNT_PARENT", "MOUNT_MOUNTPOINT", 8),
            ("MOUNT_PARENT", "MOUNT_MNT", 16),
        ];
        for (first, second, distance) in together {
            let (Some(at), Some(then)) = (self.offset(first), self.offset(second)) else {
                continue;
            };
            if then.checked_sub(at) == Some(*distance) {
                continue;
            }
            if let Some(field) = FIELDS.iter().find(|field| field.global == *second) {
                self.missing.push(Missing {
                    field,
                    reason: format!("{} lies at {then}, not {distance} after {at}", field.path),
                });
            }
        }
    }

    fn offset(&self, global: &str) -> Option<u32> {
        self.globals()
            .find(|(name, offset)| *name == global && *offset != MISSING)
            .map(|(_, offset)| offset)
    }
}

fn wanted_names() -> Vec<&'static str> {
    let structures: HashSet<&str> = FIELDS
        .iter()
        .flat_map(|field| field.path.split('|'))
        .filter_map(|path| path.split('.').next())
        .collect();
    structures
        .into_iter()
        .chain(FUNCTIONS.iter().copied())
        .collect()
}

/// The value of a field's global, as `sensor_common::fields` defines it.
fn resolve(btf: &Btf, field: &Field) -> Result<u32, String> {
    let mut paths = field.path.split('|').map(|path| btf.member(path));
    let mut member = paths
        .next()
        .unwrap_or(Err(BtfError::NoStructure(String::new())));
    for other in paths {
        member = member.or(other);
    }
    let member = member.map_err(|error| error.to_string())?;
    match (field.shape, member.bit_width) {
        (Shape::Bytes, None) if member.bit_offset % 8 == 0 => Ok(member.bit_offset / 8),
        (Shape::Bit, Some(1)) => {
            let mask: u32 = 1 << (member.bit_offset % 8);
            Ok((member.bit_offset / 8) | (mask << 24))
        }
        _ => Err(format!("{} has another shape than expected", field.path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_global_has_one_row() {
        let globals: HashSet<&str> = FIELDS.iter().map(|field| field.global).collect();
        assert_eq!(globals.len(), FIELDS.len());
    }

    #[test]
    fn every_path_has_a_structure_and_a_member() {
        for field in FIELDS {
            for path in field.path.split('|') {
                assert!(path.split('.').count() >= 2, "{path}");
            }
        }
    }
}
