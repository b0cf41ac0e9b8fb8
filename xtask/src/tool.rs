//! Running other programs, so that a failure names the program, its arguments and its reason.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// Runs a program to its end; what it prints is shown as it comes.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = show(command);
    let status = command
        .status()
        .with_context(|| format!("cannot start `{shown}`"))?;
    ensure!(status.success(), "`{shown}` failed: {status}");
    Ok(())
}

/// Runs a program to its end and returns what it wrote to its standard output. What it wrote to its
/// standard error is part of the error, unless the caller lets it through.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let bytes = output_bytes(command)?;
    String::from_utf8(bytes).with_context(|| format!("`{}` printed no UTF-8", show(command)))
}

/// As [`output`], for programs whose output is no text.
pub(crate) fn output_bytes(command: &mut Command) -> Result<Vec<u8>> {
    let shown = show(command);
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{shown}`"))?;
    ensure!(
        output.status.success(),
        "`{shown}` failed: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim_end()
    );
    Ok(output.stdout)
}

/// Where a program of that name is on the search path, if it is.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    // The superuser's programs are not on everybody's path, yet anybody may run most of them.
    env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|program| program.is_file())
}

fn show(command: &Command) -> String {
    let mut shown = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        shown.push(' ');
        shown.push_str(&argument.to_string_lossy());
    }
    shown
}

/// Whether this process is root's.
pub(crate) fn is_root() -> Result<bool> {
    use std::os::unix::fs::MetadataExt as _;

    // A process's folder belongs to its effective user.
    let own = std::fs::metadata("/proc/self").context("cannot see whose this process is")?;
    Ok(own.uid() == 0)
}
