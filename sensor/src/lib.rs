//! A runtime security sensor for Linux: exec, network and privilege events, from the kernel into
//! the SIEM.
//!
//! Data flows one way, in the order of the modules, and none knows a later one:
//!
//! [`kernel`] loads the programs and reads their rings; [`event`] decodes and orders; [`process`]
//! says who it was; [`output`] writes it down; [`delivery`] carries it to where it is wanted;
//! [`pipeline`] is the way from one to the next.
//! [`recording`] keeps what came from the kernel, and gives it back. [`config`] is what the user
//! decides; [`cli`] what the user types.

#![deny(unsafe_code)]

pub mod cli;
pub mod clock;
pub mod config;
pub mod delivery;
pub mod detect;
pub mod enrich;
pub mod event;
pub mod hexadecimal;
pub mod host;
pub mod kernel;
#[allow(
    unsafe_code,
    reason = "a call of the C library that no crate wraps; the block says why it is sound"
)]
pub mod memory;
pub mod observed;
pub mod output;
pub mod pipeline;
pub mod process;
pub mod recording;
