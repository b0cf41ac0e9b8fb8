//! The kernel memory of a process's eBPF maps, as its open files show it.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result};
use rustix::process::Pid;

/// The maps that a process has open: bytes by the kernel's id of the map.
pub fn of_process(pid: Pid) -> Result<BTreeMap<u32, u64>> {
    let folder = format!("/proc/{}/fdinfo", pid.as_raw_nonzero());
    let mut maps = BTreeMap::new();
    for file in fs::read_dir(&folder).with_context(|| format!("cannot list {folder}"))? {
        // A file may be closed meanwhile.
        if let Ok(text) = fs::read_to_string(file?.path()) {
            maps.extend(map(&text));
        }
    }
    Ok(maps)
}

/// Id and bytes, if a file's description is a map's.
fn map(description: &str) -> Option<(u32, u64)> {
    let field = |name: &str| {
        let line = description
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map(str::trim)
    };
    Some((
        field("map_id")?.parse().ok()?,
        field("memlock")?.parse().ok()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_told_from_a_program_and_a_file() {
        let of_map = "pos:\t0\nflags:\t02000002\nmap_type:\t27\nmemlock:\t4268032\nmap_id:\t7\n";
        assert_eq!(map(of_map), Some((7, 4_268_032)));
        assert_eq!(
            map("pos:\t0\nprog_type:\t17\nmemlock:\t4096\nprog_id:\t9\n"),
            None
        );
        assert_eq!(map("pos:\t0\nflags:\t02\nmnt_id:\t14\n"), None);
    }
}
