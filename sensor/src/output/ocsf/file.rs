//! The file object: the executable of a process.

use super::{long, process::account};
use crate::{
    event::Exec,
    observed::Observed,
    output::json::Object,
    process::{Image, fingerprint::Fingerprint},
};

/// The executable of an exec, of which the record tells more than its path. Without a name there can
/// be no file object.
pub(super) fn executed(exec: &Exec, observed: &Observed<'_>, fields: &mut Object<'_>) {
    let name = name(exec);
    if name.is_empty() {
        return;
    }
    let file = &exec.file;
    fields.bytes("name", name);
    fields.bytes("path", &exec.executable.bytes);
    executable(observed.fingerprint(), fields);
    fields.id("uid", file.inode);
    fields.object("owner", |fields| {
        account(file.uid, observed.surroundings.accounts, fields);
    });
    if file.size != 0 {
        fields.number("size", long(file.size));
    }
    if file.modified != 0 {
        fields.number("modified_time", file.modified.saturating_mul(1000));
    }
    fields.flag("is_deleted", exec.deleted);
}

/// The file's name; that of the path which was asked for, where its own is not known.
pub(super) fn name(exec: &Exec) -> &[u8] {
    let path = if exec.executable.bytes.is_empty() {
        &exec.filename.bytes
    } else {
        &exec.executable.bytes
    };
    let name = path.rsplit(|byte| *byte == b'/').next();
    // A directory cannot be executed, but a path that ends as one's can be claimed.
    name.filter(|name| !name.is_empty()).unwrap_or(path)
}

/// `file`: the executable of a process that the table has.
pub(super) fn of_image(image: &Image, process: &mut Object<'_>) {
    let name = image.executable.rsplit('/').next();
    let Some(name) = name
        .filter(|name| !name.is_empty())
        .or(Some(&image.executable))
        .filter(|name| !name.is_empty())
    else {
        return;
    };
    process.object("file", |fields| {
        fields.text("name", name);
        fields.text("path", &image.executable);
        executable(image.fingerprint.get().map(|known| &**known), fields);
    });
}

/// What all have that were executed.
fn executable(fingerprint: Option<&Fingerprint>, fields: &mut Object<'_>) {
    fields.number("type_id", 8);
    fields.word("type", "Executable File");
    let Some(fingerprint) = fingerprint else {
        return;
    };
    fields.array("hashes", |hashes| {
        hashes.object(|hash| digest(fingerprint, hash));
    });
    if let Some(package) = &fingerprint.package {
        fields.object("product", |product| {
            product.text("name", &package.name);
            product.text("version", &package.version);
        });
    }
}

/// A fingerprint object.
fn digest(fingerprint: &Fingerprint, fields: &mut Object<'_>) {
    fields.number("algorithm_id", 3);
    fields.word("algorithm", "SHA-256");
    fields.word("value", fingerprint.digest.digits());
}
