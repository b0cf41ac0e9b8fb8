//! The tail of an exec record: paths, names and arguments.

use core::hint::black_box;

use sensor_common::{
    exec::{Exec, flags},
    record::Text,
};

use super::{Size, image::Image};
use crate::{
    kernel::{Access, Forgotten, Pointer, Record},
    path::{self, End, Place},
};

/// How the writing of a tail ended.
pub enum Tail {
    /// The record's length.
    Written(u32),
    /// Another size is needed.
    NoRoom,
}

/// Offsets are below this; it is what the verifier needs to see.
const OFFSET_MASK: usize = 0xffff;

/// Writes the texts, in the order that [`Exec`] promises.
#[inline(always)]
pub fn write_tail<A: Access>(image: &Image<A>, record: &mut Record<Exec>, size: &Size) -> Tail {
    record.walk_root = 0;
    record.walk_offset = size_of::<Exec>() as u32;
    record.executable = write_path::<A>(record, size, image.executable());
    if is_full(record, size) {
        return Tail::NoRoom;
    }
    record.flags |= how(
        record.walk_end,
        flags::EXECUTABLE_DETACHED,
        flags::EXECUTABLE_TRUNCATED,
    );
    record.working_directory = write_path::<A>(record, size, image.working_directory());
    if is_full(record, size) {
        return Tail::NoRoom;
    }
    record.flags |= how(
        record.walk_end,
        flags::WORKING_DIRECTORY_DETACHED,
        flags::WORKING_DIRECTORY_TRUNCATED,
    );
    let filename = image.filename();
    let Some(text) = write_text(record, size, filename) else {
        return Tail::NoRoom;
    };
    record.filename = text;
    // The kernel copies the interpreter's name when a script's first line gives one.
    let interpreter = image.interpreter();
    record.interpreter = Text::default();
    if interpreter.address() != filename.address() {
        let Some(text) = write_text(record, size, interpreter) else {
            return Tail::NoRoom;
        };
        record.interpreter = text;
    }
    write_arguments(image, record, size)
}

/// Writes a path at the record's offset.
#[inline(always)]
fn write_path<A: Access>(record: &mut Record<Exec>, size: &Size, place: Option<Place>) -> Text {
    let from = record.walk_offset;
    let bytes = record.bytes();
    let Exec {
        walk_offset,
        walk_end,
        walk_root,
        ..
    } = &mut **record;
    let mut target = path::Target {
        record: bytes,
        limit: size.limit,
        offset: Forgotten::new(walk_offset),
        end: Forgotten::new(walk_end),
        root: Forgotten::new(walk_root),
    };
    target.end.set(End::Truncated as u32);
    if let Some(place) = place {
        path::walk::<A>(&mut target, place);
    }
    let length = target.offset.get().wrapping_sub(from);
    Text {
        captured: length,
        original: length,
    }
}

/// Whether the last path needs a larger record.
#[inline(always)]
fn is_full(record: &Exec, size: &Size) -> bool {
    record.walk_end == End::NoRoom as u32 && !size.is_largest()
}

/// The flag that says how a walk ended, if not at the root.
#[inline(always)]
fn how(end: u32, detached: u32, truncated: u32) -> u32 {
    if end == End::Root as u32 {
        0
    } else if end == End::Detached as u32 {
        detached
    } else {
        truncated
    }
}

/// Writes a string of the kernel's at the record's offset; nothing if it needs a larger record.
#[inline(always)]
fn write_text(record: &mut Record<Exec>, size: &Size, source: Pointer) -> Option<Text> {
    let target = record.bytes();
    let mut place = Forgotten::new(&mut record.walk_offset);
    let offset = place.get() as usize & OFFSET_MASK;
    if offset > size.limit {
        return None;
    }
    let written = source.read_text(target, offset, size.filename);
    if written <= 0 {
        return Some(Text::default());
    }
    let written = written as u32;
    if written >= size.filename && !size.is_largest() {
        return None;
    }
    // The NUL is not kept: the length says where the string ends.
    let length = written - 1;
    place.set(offset as u32 + length);
    Some(Text {
        captured: length,
        original: length,
    })
}

/// Copies the arguments, which come last.
#[inline(always)]
fn write_arguments<A: Access>(image: &Image<A>, record: &mut Record<Exec>, size: &Size) -> Tail {
    let offset = record.walk_offset as usize & OFFSET_MASK;
    if offset > size.limit {
        return Tail::NoRoom;
    }
    let arguments = image.arguments();
    // Opaque, so that the compiler cannot merge this bound with an earlier one and leave the
    // verifier, before 6.2, with a length that it thinks may be negative.
    let mut length = black_box(arguments.wanted());
    if length > size.argv {
        length = size.argv;
    }
    let target = record.bytes();
    if !arguments.start.read_user_bytes(target, offset, length) {
        length = 0;
    }
    record.argv = Text {
        captured: length,
        original: u32::try_from(arguments.length).unwrap_or(u32::MAX),
    };
    Tail::Written(offset as u32 + length)
}
