//! The sensor's command line. All else is in the library.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    sensor::cli::main()
}
