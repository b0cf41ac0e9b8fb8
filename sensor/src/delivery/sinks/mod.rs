//! The sinks there are, one file or folder each.
//!
//! - [`stdout`], [`file`](mod@file): lines.
//! - [`syslog`], [`journald`]: the host's own logs, and syslog receivers elsewhere.
//! - [`elasticsearch`], [`splunk`], [`http`], [`otlp`]: receivers that speak HTTP.
//! - [`kafka`], [`nats`]: logs of messages, each behind a feature of its own.
//! - `connection`, `descriptor`, `lines`, `handover`, `local`: what several of them need.

#[cfg(any(feature = "kafka", feature = "nats"))]
mod connection;
mod descriptor;
pub mod elasticsearch;
pub mod file;
mod handover;
pub mod http;
pub mod journald;
#[cfg(feature = "kafka")]
pub mod kafka;
mod lines;
mod local;
#[cfg(feature = "nats")]
pub mod nats;
pub mod otlp;
pub mod splunk;
pub mod stdout;
pub mod syslog;

#[cfg(test)]
mod testing;
