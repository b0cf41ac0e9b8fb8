//! Cgroups are made and removed: their names, before any process is in them.

#![forbid(unsafe_code)]

use sensor_common::{
    cgroup::{Cgroup, Operation, PATH_BYTES_MAX},
    record::{Kind, Text},
    state::Owner,
};

use crate::{
    actor::cgroup_id,
    kernel::{Growing, Hook, Probed, field, setting},
};

/// `cgroup_mkdir(cgrp, path)` and `cgroup_rmdir(cgrp, path)`, `kernel/cgroup/cgroup.c`: with the
/// directory's id and path known, before another can be told apart from it by neither.
#[inline(always)]
pub fn cgroup<H: Hook>(hook: &H, operation: Operation) {
    let cgroup = hook.pointer(0);
    let root = field::CGROUP_ROOT.follow::<Probed>(cgroup);
    if field::CGROUP_ROOT_HIERARCHY.get::<Probed, u32>(root) != setting::CGROUP_HIERARCHY.get() {
        return;
    }
    // Whoever makes a cgroup may be outside of the scope, and what runs in it inside.
    let owner = Owner::NOBODY;
    let Some(growing) = Growing::open(Kind::Cgroup) else {
        return;
    };
    let Some(mut record) = growing.reserve::<Cgroup>(BYTES, &owner) else {
        return;
    };
    record.id = cgroup_id::<Probed>(cgroup);
    record.operation = operation as u32;
    record.reserved = 0;
    let path = hook.pointer(1);
    let written = path.read_text(record.bytes(), size_of::<Cgroup>(), PATH_BYTES_MAX as u32);
    // NUL is counted, and not sent. The bounds say to the verifier what the helper promises.
    let length = if written > 1 && written <= PATH_BYTES_MAX as i64 {
        written as u32 - 1
    } else {
        0
    };
    record.path = Text {
        captured: length,
        original: length,
    };
    record.submit_with_length(size_of::<Cgroup>() as u32 + length);
}

/// Room for the longest path.
const BYTES: u64 = (size_of::<Cgroup>() + PATH_BYTES_MAX) as u64;
