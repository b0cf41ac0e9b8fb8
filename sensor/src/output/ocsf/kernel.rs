//! What is loaded into the kernel.

use std::borrow::Cow;

use crate::{
    event::{Body, BpfProgram, ModuleLoad},
    hexadecimal,
    output::json::Object,
};

/// `driver` of a module, `kernel` of a BPF program.
pub(super) fn kernel(body: &Body, line: &mut Object<'_>) {
    match body {
        Body::ModuleLoad(module) => line.object("driver", |driver| {
            driver.object("file", |file| module_file(module, file));
        }),
        Body::BpfProgram(program) => line.object("kernel", |kernel| {
            kernel.text("name", &name_or(&program.name, &tag(program)));
            kernel.number("type_id", 99);
            kernel.word("type", "BPF program");
        }),
        _ => {}
    }
}

/// The file of a module.
pub(super) fn module_file(module: &ModuleLoad, file: &mut Object<'_>) {
    // The record has the module's name; its file can have any.
    file.text("name", &name_or(&module.name, "Unknown"));
    file.number("type_id", 0);
    file.word("type", "Unknown");
}

fn name_or<'a>(name: &'a [u8], other: &'a str) -> Cow<'a, str> {
    if name.is_empty() {
        other.into()
    } else {
        String::from_utf8_lossy(name)
    }
}

/// The digest of a program's instructions, as `bpftool` shows it.
pub(super) fn tag(program: &BpfProgram) -> String {
    let mut digits = Vec::with_capacity(16);
    hexadecimal::append_all(u64::from_be_bytes(program.tag), &mut digits);
    String::from_utf8(digits).unwrap_or_default()
}
