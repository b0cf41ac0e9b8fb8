//! What all formats must keep to.
//!
//! - `injection`: what a process calls itself changes nothing but the value that it is.
//! - `sigma`: what rules are told is what documents say.
//! - `cef`: a reader of CEF, after the standard and not after the writer.

pub(super) mod cef;
mod injection;
mod sigma;
