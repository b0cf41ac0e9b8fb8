//! Descriptions of processes, kept because most processes are in many events.
//!
//! Which process it is and what it runs is a third of a document, and of most documents it is there
//! twice, for the process and for its parent. It is written anew only if something of it is not as
//! it was the last time.

use std::sync::Arc;

use crate::{
    clock::WallOffset,
    event::{ProcessId, Tgid},
    output::json::Object,
    process::{EntityId, Image, Process},
};

/// How many descriptions are kept at most: one for all ids that leave the same remainder.
const PLACES: usize = 256;

/// Bytes of the longest description that is kept; most have some 300.
const KEPT_BYTES_MAX: usize = 4096;

/// Descriptions that were written.
#[derive(Debug, Default)]
pub(super) struct Descriptions {
    places: Vec<Option<Description>>,
}

/// A description, and all that it says.
#[derive(Debug)]
struct Description {
    id: ProcessId,
    entity_id: EntityId,
    namespace_pid: Option<Tgid>,
    /// Images do not change: the same one says the same.
    image: Option<Arc<Image>>,
    wall_offset: WallOffset,
    fields: Vec<u8>,
}

/// What is to be described.
#[derive(Clone, Copy)]
pub(super) struct Subject<'a> {
    /// Which process.
    pub(super) id: ProcessId,
    /// What is known of it.
    pub(super) process: &'a Process,
    /// Its id in its own pid namespace.
    pub(super) namespace_pid: Option<Tgid>,
    /// What its start is told with.
    pub(super) wall_offset: WallOffset,
}

impl Descriptions {
    /// Adds the fields of a description, if it is there; says whether it was.
    pub(super) fn append(&self, subject: Subject<'_>, fields: &mut Object<'_>) -> bool {
        match self.places.get(place(subject)) {
            Some(Some(description)) if description.is_of(subject) => {
                fields.append(&description.fields);
                true
            }
            _ => false,
        }
    }

    /// Keeps the fields of a description, in the place of an older one.
    pub(super) fn keep(&mut self, subject: Subject<'_>, fields: &[u8]) {
        if self.places.is_empty() {
            self.places.resize_with(PLACES, || None);
        }
        if let Some(place) = self.places.get_mut(place(subject)) {
            *place = (fields.len() <= KEPT_BYTES_MAX).then(|| Description {
                id: subject.id,
                entity_id: subject.process.entity_id.clone(),
                namespace_pid: subject.namespace_pid,
                image: subject.process.image.clone(),
                wall_offset: subject.wall_offset,
                fields: fields.to_vec(),
            });
        }
    }
}

const fn place(subject: Subject<'_>) -> usize {
    subject.id.tgid.0 as usize % PLACES
}

impl Description {
    fn is_of(&self, subject: Subject<'_>) -> bool {
        let is_same_image = match (&self.image, &subject.process.image) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        };
        is_same_image
            && self.id == subject.id
            && self.wall_offset == subject.wall_offset
            && self.namespace_pid == subject.namespace_pid
            && self.entity_id == subject.process.entity_id
    }
}
