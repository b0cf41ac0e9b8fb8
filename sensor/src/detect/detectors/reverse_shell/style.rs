//! Where a shell or an interpreter takes its commands from.

use crate::{
    enrich::script::{Captured, Script, script},
    event::{Descriptor, Exec},
};

/// Where it takes its commands from, by its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// From its standard input.
    Commands,
    /// From its arguments, or it cannot be told.
    Inline,
    /// From a file or a module.
    File,
}

impl Style {
    pub(super) fn of(exec: &Exec) -> Self {
        let bytes = &exec.arguments.bytes[..];
        let ended = bytes.strip_suffix(&[0]).unwrap_or(bytes);
        let arguments = ended.split(|byte| *byte == 0);
        let captured = if exec.arguments.is_truncated() {
            Captured::Cut
        } else {
            Captured::Whole
        };
        let file = (!exec.interpreter.bytes.is_empty()).then_some(&exec.filename.bytes[..]);
        let runs = script(&exec.executable.bytes, arguments, captured, file);
        match runs {
            Some(Script::StandardInput) => Self::Commands,
            Some(Script::File(_) | Script::Module(_)) => Self::File,
            Some(Script::Inline) | None => Self::Inline,
        }
    }
}

/// What the standard streams are, as far as it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Streams {
    /// Standard input is a socket.
    pub(super) reads_socket: bool,
    /// Standard output or error is a socket.
    pub(super) writes_socket: bool,
    /// Standard output and error are sockets.
    pub(super) tells_all_to_sockets: bool,
    /// Standard input is a pipe.
    pub(super) reads_pipe: bool,
    /// Standard output is a pipe.
    pub(super) writes_pipe: bool,
}

impl Streams {
    pub(super) fn of(exec: &Exec) -> Self {
        let [input, output, error] = exec.stdio;
        let is_socket = |stream| stream == Descriptor::Socket;
        Self {
            reads_socket: is_socket(input),
            writes_socket: is_socket(output) || is_socket(error),
            tells_all_to_sockets: is_socket(output) && is_socket(error),
            reads_pipe: input == Descriptor::Pipe,
            writes_pipe: output == Descriptor::Pipe,
        }
    }
}
