//! `sensor.script` and `package`: what an exec runs, beyond the executable itself.

use crate::{
    enrich::{
        asking::{script_of, script_path},
        script::Script,
    },
    event::Exec,
    observed::Observed,
    output::json::Object,
    process::fingerprint::Evidence,
};

/// `sensor.script`.
pub(super) fn script(exec: &Exec, observed: &Observed<'_>, sensor: &mut Object<'_>) {
    let Some(script) = script_of(exec) else {
        return;
    };
    sensor.object("script", |fields| {
        match script {
            Script::File(given) => {
                fields.word("kind", "file");
                match script_path(exec) {
                    Some(path) => fields.bytes("path", &path),
                    None => fields.bytes("path", given),
                }
            }
            Script::Inline => fields.word("kind", "inline"),
            Script::Module(name) => {
                fields.word("kind", "module");
                fields.bytes("module", name);
            }
            Script::StandardInput => fields.word("kind", "stdin"),
        }
        let Some(answered) = observed.about.map(|about| &about.script) else {
            return;
        };
        if let Some(fingerprint) = answered.fingerprint() {
            fields.object("hash", |fields| {
                fields.word("sha256", fingerprint.digest.digits());
            });
            if fingerprint.evidence != Evidence::Unchanged {
                fields.word("hash_evidence", fingerprint.evidence.name());
            }
        } else if let Some(missing) = answered.missing() {
            fields.word("hash_missing", missing);
        }
    });
}

/// `package`: that of the executable.
pub(super) fn package(observed: &Observed<'_>, line: &mut Object<'_>) {
    let package = observed
        .fingerprint()
        .and_then(|fingerprint| fingerprint.package.as_deref());
    if let Some(package) = package {
        line.object("package", |fields| {
            fields.text("name", &package.name);
            fields.text("version", &package.version);
            fields.text("architecture", &package.architecture);
            fields.word("type", "deb");
        });
    }
}
