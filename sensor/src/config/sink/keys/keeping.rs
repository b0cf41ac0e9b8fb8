//! How long files are kept, when a sink sends, and what may wait for it.

use super::{super::SinkType, EVERY, SinkKey, key};
use crate::config::keys::{Shown, bytes, plain, put};

/// The keys, in the order in which they are shown.
pub(super) const KEYS: &[SinkKey] = &[
    key(
        &[SinkType::File],
        "rotate_bytes",
        &["Bytes after which a new file begins; 0 for never."],
        |sink, value| put(&mut sink.rotation.rotate_bytes, value.large(0..=LARGEST)),
        |sink| bytes(sink.rotation.rotate_bytes),
    ),
    key(
        &[SinkType::File],
        "rotate_seconds",
        &["Seconds after which a new file begins; 0 for never."],
        |sink, value| {
            put(
                &mut sink.rotation.rotate_seconds,
                value.integer(0..=SECONDS_MAX),
            )
        },
        |sink| plain(&sink.rotation.rotate_seconds),
    ),
    key(
        &[SinkType::File],
        "keep_files",
        &["How many old files are kept."],
        |sink, value| put(&mut sink.rotation.keep_files, value.integer(0..=10_000)),
        |sink| plain(&sink.rotation.keep_files),
    ),
    key(
        &[SinkType::File],
        "keep_seconds",
        &["How long old files are kept; 0 for as long as there are not too many."],
        |sink, value| {
            put(
                &mut sink.rotation.keep_seconds,
                value.integer(0..=SECONDS_MAX),
            )
        },
        |sink| plain(&sink.rotation.keep_seconds),
    ),
    key(
        EVERY,
        "batch_events",
        &["Most events that are sent together."],
        |sink, value| put(&mut sink.batch.batch_events, value.integer(1..=100_000)),
        |sink| plain(&sink.batch.batch_events),
    ),
    key(
        EVERY,
        "batch_bytes",
        &["Most bytes that are sent together, unless the first event alone has more."],
        |sink, value| put(&mut sink.batch.batch_bytes, value.bytes(1024..=64 << 20)),
        |sink| bytes(sink.batch.batch_bytes),
    ),
    key(
        EVERY,
        "batch_milliseconds",
        &["How long an event waits for others at most."],
        |sink, value| {
            put(
                &mut sink.batch.batch_milliseconds,
                value.integer(0..=60_000),
            )
        },
        |sink| plain(&sink.batch.batch_milliseconds),
    ),
    key(
        EVERY,
        "timeout_milliseconds",
        &["How long the receiver may take to answer."],
        |sink, value| {
            put(
                &mut sink.batch.timeout_milliseconds,
                value.integer(100..=600_000),
            )
        },
        |sink| plain(&sink.batch.timeout_milliseconds),
    ),
    key(
        EVERY,
        "retry_milliseconds_max",
        &["The longest wait between two tries, unless the receiver asks for more."],
        |sink, value| {
            put(
                &mut sink.batch.retry_milliseconds_max,
                value.integer(100..=3_600_000),
            )
        },
        |sink| plain(&sink.batch.retry_milliseconds_max),
    ),
    key(
        EVERY,
        "queue_bytes",
        &["Most bytes of events that wait in memory."],
        |sink, value| {
            put(
                &mut sink.waiting.queue_bytes,
                value.bytes(64 << 10..=1 << 30),
            )
        },
        |sink| bytes(sink.waiting.queue_bytes),
    ),
    key(
        EVERY,
        "spool_bytes",
        &[
            "Most bytes of events that wait on disk, where they survive the sensor; 0 for none.",
            "At the limit the oldest of the least grave ones go, and are counted.",
        ],
        |sink, value| {
            sink.waiting.spool_bytes = Some(value.large(0..=LARGEST)?);
            Ok(())
        },
        |sink| match sink.waiting.spool_bytes {
            Some(size) => bytes(size),
            None => Shown::Unset {
                meaning: "256MiB for a receiver that can be away, else 0",
                example: "\"1GiB\"",
            },
        },
    ),
    key(
        EVERY,
        "dead_letter_bytes",
        &["Most bytes of events that are kept beside the spool because the receiver refuses them."],
        |sink, value| {
            put(
                &mut sink.waiting.dead_letter_bytes,
                value.large(0..=LARGEST),
            )
        },
        |sink| bytes(sink.waiting.dead_letter_bytes),
    ),
];

const LARGEST: u64 = 1 << 40;

const SECONDS_MAX: u32 = 366 * 86_400;
