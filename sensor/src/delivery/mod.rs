//! The way of written documents to where they are wanted.
//!
//! ```text
//!               ┌▶ inbox ─▶ backlog ─▶ sink ─▶ standard output
//! pipeline ─▶ router                                  one thread for each sink
//!               └▶ inbox ─▶ backlog ─▶ sink ─▶ a SIEM
//! ```
//!
//! - [`entry`]: a document on its way.
//! - [`sink`]: what a sink must do; [`sinks`] are those there are.
//! - `secret`, `tls`: what several sinks need.

pub mod entry;
pub mod secret;
pub mod sink;
pub mod sinks;
pub mod tls;
