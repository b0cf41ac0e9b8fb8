//! What `/proc` says of a process.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::Pid;

/// Waits until a process that was told to stop has done so, every thread of it.
pub fn wait_until_stopped(pid: Pid) -> Result<()> {
    let started = Instant::now();
    let id = pid.as_raw_nonzero();
    while !threads(pid)?
        .iter()
        .all(|thread| state(thread) == Some('T'))
    {
        ensure!(
            started.elapsed() < Duration::from_secs(5),
            "process {id} does not stop"
        );
        thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// The CPU time that a process has used in user and kernel mode, to the nanosecond.
pub fn cpu_time(pid: Pid) -> Result<Duration> {
    let id = pid.as_raw_nonzero();
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{id}/task"))
        .with_context(|| format!("cannot list the threads of process {id}"))?
    {
        let path = thread?.path().join("schedstat");
        // A thread may end meanwhile.
        if let Ok(text) = fs::read_to_string(&path) {
            sum += on_cpu(&text).with_context(|| format!("{} is odd: {text}", path.display()))?;
        }
    }
    Ok(Duration::from_nanos(sum))
}

/// The part of a process's CPU time that it spent in the kernel, as the timer's ticks saw it.
pub fn kernel_part(pid: Pid) -> Result<f64> {
    let path = format!("/proc/{}/stat", pid.as_raw_nonzero());
    let stat = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let (user, kernel) = ticks(&stat).with_context(|| format!("{path} is odd: {stat}"))?;
    Ok(f64::from(kernel) / f64::from((user + kernel).max(1)))
}

/// A figure of `/proc/PID/status`, in bytes.
pub fn status_bytes(pid: Pid, field: &str) -> Result<u64> {
    let path = format!("/proc/{}/status", pid.as_raw_nonzero());
    let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    match kibibytes(&status, field) {
        Some(size) => Ok(size << 10),
        None => bail!("{path} has no {field}"),
    }
}

/// `/proc/PID/task/*/stat` of each thread.
fn threads(pid: Pid) -> Result<Vec<String>> {
    let id = pid.as_raw_nonzero();
    let mut stats = Vec::new();
    for thread in fs::read_dir(format!("/proc/{id}/task"))
        .with_context(|| format!("cannot list the threads of process {id}"))?
    {
        stats.extend(fs::read_to_string(thread?.path().join("stat")));
    }
    Ok(stats)
}

/// The state in a line of `/proc/PID/stat`: what follows the name, which may hold anything.
fn state(stat: &str) -> Option<char> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.trim_start().chars().next()
}

/// Ticks in user mode and in the kernel: the 14th and 15th field of `/proc/PID/stat`.
fn ticks(stat: &str) -> Option<(u32, u32)> {
    let (_, rest) = stat.rsplit_once(')')?;
    // The first of them is the third field.
    let mut fields = rest.split_whitespace().skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// The first field of `schedstat`: nanoseconds on a CPU.
fn on_cpu(schedstat: &str) -> Option<u64> {
    schedstat.split_whitespace().next()?.parse().ok()
}

fn kibibytes(status: &str, field: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_proc() {
        assert_eq!(on_cpu("123456 78 9\n"), Some(123_456));
        assert_eq!(on_cpu(""), None);
        let status = "Name:\tsensor\nVmHWM:\t   9000 kB\nVmRSS:\t   8192 kB\n";
        assert_eq!(kibibytes(status, "VmRSS"), Some(8192));
        assert_eq!(kibibytes(status, "VmSwap"), None);
    }

    #[test]
    fn a_state_is_found_behind_any_name() {
        assert_eq!(state("12 (a) T b) R 1 12"), Some('R'));
        assert_eq!(state("12 (sensor) T 1 12"), Some('T'));
        assert_eq!(state(""), None);
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 2 3 4 25 75 0 0 20 0 1 0 9 8 7\n";
        assert_eq!(ticks(stat), Some((25, 75)));
        assert_eq!(ticks("7 (a) S 1"), None);
    }
}
