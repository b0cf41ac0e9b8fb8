//! The sinks there are, one file each.
