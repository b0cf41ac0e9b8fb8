//! A process that does with sockets what the scenario tells it, a command a line.
//!
//! | command | what it does |
//! | --- | --- |
//! | `socket NAME FAMILY TYPE PROTOCOL` | `inet`, `inet6`, `unix`; `stream`, `dgram`, `raw`; a number |
//! | `set NAME OPTION` | `reuseaddr`, `v6only`, `nonblocking`, `resetting`, `impatient` |
//! | `bind NAME ADDRESS`, `listen NAME BACKLOG` | |
//! | `connect NAME ADDRESS`, `disconnect NAME` | |
//! | `connected NAME` | waits for the end of a connect that does not block |
//! | `accept LISTENER NAME` | |
//! | `send NAME BYTES [ADDRESS]` | one call |
//! | `send-more NAME BYTES ADDRESS` | the beginning of a datagram, which the next call completes |
//! | `send-message NAME BYTES ADDRESS` | by `sendmsg` |
//! | `send-messages NAME ADDRESS BYTES...` | by `sendmmsg` |
//! | `receive NAME COUNT` | until so many bytes or the end of the stream came |
//! | `receive-from NAME`, `peek-from NAME` | one datagram, and who sent it |
//! | `shutdown NAME`, `close NAME` | |
//! | `ring-connect NAME DOER ADDRESS` | by io_uring; `caller`, `pool` or `poller` does it; tells which threads that made |
//! | `ring-send NAME DOER BYTES ADDRESS` | |
//! | `new-network` | moves to a new network namespace |
//! | `packet-size BYTES` | the most that its loopback device takes at once |
//! | `in-thread COMMAND` | a command, by another thread |
//! | `fork` | from now on a child of the process obeys, until `end` |
//! | `end` | |
//!
//! `ADDRESS` is as in `127.0.0.1:80` and `[::1]:80`, or the path of a unix socket; an abstract name
//! begins with `@`. `BYTES` is how many, or what as in `0x00ff`.

mod commands;
mod strings;

pub use commands::ACTS;
pub use strings::{Done, Puppet};
