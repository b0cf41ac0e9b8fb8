//! Where a process comes from: its ancestors, and those that lead it.
//!
//! They are the same in nearly all events of a process and of its relatives, and longer than the rest
//! of an event. So each ancestor's part is written once, and kept.

use std::sync::Arc;

use super::{
    Context,
    process::{command_line, namespace_pid},
};
use crate::{
    clock::WallOffset,
    event::{ProcessId, Tgid},
    output::{arguments::Arguments, json::Object},
    process::{EntityId, Image, Process, entry::Entry, lineage::Ancestor},
};

/// How many ancestors' parts are kept at most: one for all ids that leave the same remainder.
const PLACES: usize = 256;

/// Ancestors' parts that were written.
#[derive(Debug, Default)]
pub(super) struct Relatives {
    places: Vec<Option<Relative>>,
}

/// An ancestor's parts.
#[derive(Debug)]
struct Relative {
    /// Kept, so that no other can lie where it did.
    ancestor: Arc<Ancestor>,
    wall_offset: WallOffset,
    /// What it is as somebody's leader.
    leader: Vec<u8>,
    /// What it and those above it are as somebody's ancestors.
    line: Vec<u8>,
}

/// `process.group_leader`, `.session_leader` and `.entry_leader`.
pub(super) fn leaders(
    process: Option<&Process>,
    group: Option<Tgid>,
    session: Option<Tgid>,
    context: &mut Context<'_>,
    fields: &mut Object<'_>,
) {
    let lineage = process.map(|process| &process.lineage);
    for (name, id, known) in [
        (
            "group_leader",
            group,
            lineage.and_then(|lineage| lineage.group_leader.as_ref()),
        ),
        (
            "session_leader",
            session,
            lineage.and_then(|lineage| lineage.session_leader.as_ref()),
        ),
    ] {
        // Kernel threads are in no session.
        let Some(id) = id.filter(|id| *id != Tgid(0)) else {
            continue;
        };
        fields.object(name, |fields| {
            match (known.filter(|known| known.id.tgid == id), process) {
                (Some(known), _) => leader(known, context, fields),
                (None, Some(process)) if process.id.tgid == id => itself(process, context, fields),
                _ => fields.number("pid", id.0),
            }
        });
    }
    if let Some(process) = process
        && let Some(entry) = &process.lineage.entry
    {
        fields.object("entry_leader", |fields| {
            entry_leader(entry, process, context, fields);
        });
    }
}

fn entry_leader(
    entry: &Entry,
    process: &Process,
    context: &mut Context<'_>,
    fields: &mut Object<'_>,
) {
    match &entry.leader {
        Some(known) => leader(known, context, fields),
        None => itself(process, context, fields),
    }
    fields.object("entry_meta", |fields| {
        fields.word("type", entry.way.name());
    });
}

fn itself(process: &Process, context: &mut Context<'_>, fields: &mut Object<'_>) {
    let who = Who {
        id: process.id,
        entity_id: &process.entity_id,
        namespace_pid: process.namespace_pid,
        image: process.image.as_deref(),
    };
    who.write(context, fields);
}

fn leader(known: &Arc<Ancestor>, context: &mut Context<'_>, fields: &mut Object<'_>) {
    let relative = relative(known, context);
    if let Some(relative) = relative {
        fields.append(&relative.leader);
    }
}

/// `sensor.process.ancestors`, nearest first.
pub(super) fn ancestors(process: &Process, context: &mut Context<'_>, fields: &mut Object<'_>) {
    if let Some(maker) = &process.lineage.maker
        && let Some(relative) = relative(maker, context)
    {
        fields.append(&relative.line);
    }
}

/// An ancestor in an alert: which one it is, and what it ran.
pub(super) fn ancestor(ancestor: &Ancestor, fields: &mut Object<'_>) {
    fields.number("pid", ancestor.id.tgid.0);
    fields.text("entity_id", ancestor.entity_id.as_str());
    if let Some(image) = &ancestor.image {
        fields.text("name", &image.name);
        fields.text("executable", &image.executable);
        if !image.arguments.is_empty() {
            command_line(Arguments::Remembered(&image.arguments), fields);
        }
    }
}

/// What is written of an ancestor, which is written now if it was not before.
fn relative<'a>(ancestor: &Arc<Ancestor>, context: &'a mut Context<'_>) -> Option<&'a Relative> {
    let place = ancestor.id.tgid.0 as usize % PLACES;
    let relatives = &mut context.relatives.places;
    if relatives.is_empty() {
        relatives.resize_with(PLACES, || None);
    }
    let is_there = matches!(
        relatives.get(place),
        Some(Some(relative)) if Arc::ptr_eq(&relative.ancestor, ancestor)
            && relative.wall_offset == context.wall_offset
    );
    if !is_there {
        let relative = write(ancestor, context);
        *context.relatives.places.get_mut(place)? = Some(relative);
    }
    context.relatives.places.get(place)?.as_ref()
}

fn write(ancestor: &Arc<Ancestor>, context: &mut Context<'_>) -> Relative {
    let who = Who {
        id: ancestor.id,
        entity_id: &ancestor.entity_id,
        namespace_pid: ancestor.namespace_pid,
        image: ancestor.image.as_deref(),
    };
    let image = |ancestor: &Ancestor, pick: fn(&Image) -> &str| -> String {
        let image = ancestor.image.as_deref();
        image.map_or_else(String::new, |image| pick(image).to_owned())
    };
    Relative {
        ancestor: ancestor.clone(),
        wall_offset: context.wall_offset,
        leader: Object::alone(|fields| who.write(context, fields)),
        line: Object::alone(|fields| {
            fields.array("entity_id", |array| {
                for ancestor in ancestor.line() {
                    array.text(ancestor.entity_id.as_str());
                }
            });
            fields.array("name", |array| {
                for ancestor in ancestor.line() {
                    array.text(&image(ancestor, |image| &image.name));
                }
            });
            fields.array("executable", |array| {
                for ancestor in ancestor.line() {
                    array.text(&image(ancestor, |image| &image.executable));
                }
            });
        }),
    }
}

/// What is told of a leader.
struct Who<'a> {
    id: ProcessId,
    entity_id: &'a EntityId,
    namespace_pid: Option<Tgid>,
    image: Option<&'a Image>,
}

impl Who<'_> {
    fn write(&self, context: &mut Context<'_>, fields: &mut Object<'_>) {
        fields.number("pid", self.id.tgid.0);
        fields.text("entity_id", self.entity_id.as_str());
        fields.word("start", context.timestamp(self.id.start));
        namespace_pid(self.namespace_pid, fields);
        if let Some(image) = self.image {
            fields.text("name", &image.name);
            fields.text("executable", &image.executable);
        }
    }
}
