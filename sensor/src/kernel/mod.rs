//! The kernel side, seen from userspace: loading the programs, and reading what they send.
//!
//! - [`hooks`]: the ladder, which event is hooked by what.
//! - [`preflight`]: whether this kernel can be watched at all.
//! - [`load`]: loads the object and takes the first rung of each hook that the kernel accepts
//!   (`climb`), and says why it did not accept others (`refusal`).
//! - [`fields`], [`btf`]: where this kernel keeps the members that the programs read.
//! - [`costs`]: what a member that this kernel does not have costs.
//! - [`preemption`]: whether programs need spares.
//! - [`scope`]: the part of the host that is watched.
//! - [`cgroups`]: the hierarchy that tells containers and units apart.
//! - [`listeners`]: tells the programs who listened before them.
//! - [`rings`]: reads records; [`reader`]: the thread that does so.
//! - [`counters`]: reads what the programs counted.

pub mod btf;
pub mod cgroups;
mod climb;
pub mod costs;
pub mod counters;
pub mod fields;
pub mod hooks;
pub mod listeners;
pub mod load;
pub mod preemption;
pub mod preflight;
pub mod reader;
mod refusal;
pub mod rings;
pub mod scope;
