//! The rules that the sensor brings along: `rules/` of the project, compiled in.

macro_rules! rules {
    ($($name:literal)*) => {
        &[$((
            concat!("rules/", $name),
            include_str!(concat!("../../../rules/", $name)),
        )),*]
    };
}

/// Each file's name and text.
pub const RULES: &[(&str, &str)] = rules! {
    "collection/hidden-folder-in-memory.yml"
    "command-and-control/anonymising-network.yml"
    "command-and-control/encrypted-client.yml"
    "command-and-control/port-relay.yml"
    "command-and-control/ssh-tunnel.yml"
    "credential-access/cloud-metadata-asked.yml"
    "credential-access/kubernetes-token-read.yml"
    "credential-access/password-file-read.yml"
    "credential-access/passwords-searched.yml"
    "credential-access/private-keys-searched.yml"
    "credential-access/process-memory-copied.yml"
    "credential-access/traffic-captured.yml"
    "defense-impairment/security-tool-stopped.yml"
    "discovery/container-probed.yml"
    "discovery/discovery-burst.yml"
    "discovery/setuid-files-searched.yml"
    "execution/download-to-interpreter-inline.yml"
    "execution/downloaded-script-run.yml"
    "execution/exec-from-shared-memory.yml"
    "execution/exec-from-temporary-folder.yml"
    "execution/shell-dev-tcp.yml"
    "exfiltration/upload-by-command.yml"
    "impact/coin-miner.yml"
    "impact/disk-overwritten.yml"
    "impact/encryption-burst.yml"
    "persistence/at-job-now.yml"
    "persistence/authorized-keys-written.yml"
    "persistence/crontab-from-input.yml"
    "persistence/module-from-temporary-folder.yml"
    "persistence/preload-file-changed.yml"
    "persistence/root-account-added.yml"
    "persistence/shell-profile-written.yml"
    "persistence/unit-from-temporary-folder.yml"
    "privilege-escalation/capability-given-to-file.yml"
    "privilege-escalation/container-mounts-device.yml"
    "privilege-escalation/preload-given-to-sudo.yml"
    "privilege-escalation/setuid-bit-set.yml"
    "privilege-escalation/sudo-shell-escape.yml"
    "privilege-escalation/sudoers-written.yml"
    "privilege-escalation/user-namespace-made.yml"
    "stealth/command-cut-off.yml"
    "stealth/decoded-script-inline.yml"
    "stealth/decoded-script-run.yml"
    "stealth/exec-from-hidden-folder.yml"
    "stealth/file-made-immutable.yml"
    "stealth/interpreter-loader.yml"
    "stealth/kernel-thread-name.yml"
    "stealth/log-removed.yml"
    "stealth/shell-history-removed.yml"
    "stealth/timestamp-forged.yml"
};

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path, sync::Arc};

    use super::*;
    use crate::detect::sigma::{
        matcher::Use, reading::Placeholders, ruleset::Sources, taxonomy::LinuxTaxonomy,
    };

    /// Every file below a directory of the project.
    fn files(directory: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                files(&path, found);
            } else {
                found.insert(path.to_str().unwrap().to_owned());
            }
        }
    }

    #[test]
    fn every_rule_of_the_project_is_brought_along_and_has_tests() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../");
        let mut there = BTreeSet::new();
        files(&Path::new(root).join("rules"), &mut there);
        let mut brought = BTreeSet::new();
        for file in &there {
            let name = file.strip_prefix(root).unwrap();
            if let Some(rule) = name.strip_suffix(".tests.yml") {
                assert!(
                    there.contains(&format!("{root}{rule}.yml")),
                    "{name} tests no rule"
                );
            } else {
                brought.insert(name.to_owned());
            }
        }
        assert_eq!(
            brought,
            RULES.iter().map(|(name, _)| (*name).to_owned()).collect()
        );
    }

    #[test]
    fn every_rule_can_be_used_in_full() {
        let mut sources = Sources::default();
        for (name, text) in RULES {
            sources = sources.text(name, text);
        }
        let loaded = sources.load(Arc::new(LinuxTaxonomy), &Placeholders::default());
        assert!(
            loaded.report.problems.is_empty(),
            "{:?}",
            loaded.report.problems
        );
        assert!(
            loaded.report.skipped.is_empty(),
            "{:?}",
            loaded.report.skipped
        );
        assert!(loaded.report.rules.len() >= RULES.len());
        for rule in &loaded.report.rules {
            assert!(
                matches!(rule.usage, Use::Full),
                "{}: {:?}",
                rule.title,
                rule.usage
            );
        }
    }
}
