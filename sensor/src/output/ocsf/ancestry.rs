//! `process.ancestry`: the processes that a process comes from.
//!
//! They are the same in nearly all events of a process and of its relatives. So each ancestor's line
//! is written once, and kept.

use std::sync::Arc;

use super::Context;
use crate::{
    clock::WallOffset,
    output::json::Object,
    process::{Process, lineage::Ancestor},
};

/// How many lines are kept at most: one for all ids that leave the same remainder.
const PLACES: usize = 256;

/// Ancestors that are told of, nearest first. Of a longer line the event says that it was cut.
pub(super) const TOLD: usize = 16;

/// Lines that were written.
#[derive(Debug, Default)]
pub(super) struct Lines {
    places: Vec<Option<Line>>,
}

/// An ancestor and those above it.
#[derive(Debug)]
struct Line {
    /// Kept, so that no other can lie where it did.
    ancestor: Arc<Ancestor>,
    wall_offset: WallOffset,
    written: Vec<u8>,
    is_cut: bool,
}

/// `ancestry`, nearest first.
pub(super) fn ancestry(
    process: Option<&Process>,
    context: &mut Context<'_>,
    fields: &mut Object<'_>,
) {
    let maker = process.and_then(|process| process.lineage.maker.as_ref());
    if let Some(maker) = maker
        && let Some(line) = line(maker, context)
    {
        fields.append(&line.written);
        let is_cut = line.is_cut;
        context.is_truncated |= is_cut;
    }
}

/// What is written of an ancestor, which is written now if it was not before.
fn line<'a>(ancestor: &Arc<Ancestor>, context: &'a mut Context<'_>) -> Option<&'a Line> {
    let place = ancestor.id.tgid.0 as usize % PLACES;
    if context.lines.places.is_empty() {
        context.lines.places.resize_with(PLACES, || None);
    }
    let is_there = matches!(
        context.lines.places.get(place),
        Some(Some(line)) if Arc::ptr_eq(&line.ancestor, ancestor)
            && line.wall_offset == context.wall_offset
    );
    if !is_there {
        let written = Object::alone(|fields| {
            fields.array("ancestry", |array| {
                for ancestor in ancestor.line().take(TOLD) {
                    array.object(|fields| self::ancestor(ancestor, context, fields));
                }
            });
        });
        *context.lines.places.get_mut(place)? = Some(Line {
            ancestor: ancestor.clone(),
            wall_offset: context.wall_offset,
            written,
            is_cut: ancestor.line().nth(TOLD).is_some(),
        });
    }
    context.lines.places.get(place)?.as_ref()
}

fn ancestor(ancestor: &Ancestor, context: &Context<'_>, fields: &mut Object<'_>) {
    fields.number("pid", ancestor.id.tgid.0);
    fields.text("uid", ancestor.entity_id.as_str());
    fields.number("created_time", context.milliseconds(ancestor.id.start));
    let Some(image) = &ancestor.image else {
        return;
    };
    fields.text("name", &image.name);
    fields.text("path", &image.executable);
}
