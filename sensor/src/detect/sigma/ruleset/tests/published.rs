//! The public rules for Linux are read as a set.

use std::path::Path;

use super::*;
use crate::detect::sigma::{matcher::Use, taxonomy::LinuxTaxonomy};

#[test]
fn the_public_rules_are_one_set_without_problems() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/sigma/linux");
    if !path.is_dir() {
        println!("skipped: no public rules here");
        return;
    }
    let report = load(&Sources::default().path(&path)).report;
    assert!(!report.is_fatal());
    assert!(report.rules.len() > 150, "{}", report.rules.len());
    assert_eq!(whats(&report), [""; 0]);
}

/// Rules that work in part, and what they lack.
const PARTLY: [(&str, &str); 5] = [
    (
        "lnx_auditd_audio_capture.yml",
        "`SYSCALL` is always `execve`",
    ),
    (
        "lnx_auditd_disable_aslr_protection.yml",
        "`SYSCALL` is always `execve`",
    ),
    ("lnx_auditd_password_policy_discovery.yml", "no `name`"),
    ("lnx_auditd_system_info_discovery.yml", "no `name`"),
    ("lnx_auditd_create_account.yml", "`type` is always"),
];

/// Rules that can never fire, and what they lack.
const NEVER: [(&str, &str); 16] = [
    ("lnx_auditd_keylogging_with_pam_d.yml", "no `name`"),
    ("lnx_auditd_susp_c2_commands.yml", "no `key`"),
    ("lnx_auditd_auditing_config_change.yml", "no `name`"),
    ("lnx_auditd_bpfdoor_file_accessed.yml", "no `name`"),
    ("lnx_auditd_hidden_binary_execution.yml", "no `name`"),
    ("lnx_auditd_ld_so_preload_mod.yml", "no `name`"),
    ("lnx_auditd_logging_config_change.yml", "no `name`"),
    ("lnx_auditd_magic_system_request_key.yml", "no `name`"),
    ("lnx_auditd_system_info_discovery2.yml", "no `name`"),
    ("lnx_auditd_systemd_service_creation.yml", "`nametype`"),
    (
        "lnx_auditd_unix_shell_configuration_modification.yml",
        "no `name`",
    ),
    ("lnx_auditd_disable_system_firewall.yml", "no `unit`"),
    (
        "lnx_auditd_clean_disable_dmesg_logs_via_syslog.yml",
        "`SYSCALL` is always `execve` (line 32)",
    ),
    ("lnx_auditd_network_service_scanning.yml", "no `key`"),
    (
        "lnx_auditd_susp_discovery_sysinfo_syscall.yml",
        "`SYSCALL` is always `execve`",
    ),
    (
        "lnx_auditd_susp_special_file_creation_via_mknod_syscall.yml",
        "`SYSCALL` is always `execve`",
    ),
];

/// What becomes of each public rule, by the name of its file; none where they are not at hand.
fn uses() -> Vec<(String, Use)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/sigma/linux");
    if !path.is_dir() {
        println!("skipped: no public rules here");
        return Vec::new();
    }
    let sources = Sources::default().path(&path);
    let report = sources
        .load(Arc::new(LinuxTaxonomy), &Placeholders::default())
        .report;
    let of_rule = |rule: RuleReport| {
        let name = rule.place.file.file_name().unwrap().to_str().unwrap();
        (name.to_owned(), rule.usage)
    };
    report.rules.into_iter().map(of_rule).collect()
}

/// The auditd rules that name one system call were read one by one; the rest is what was found when
/// the tables of fields were last changed, so that a change shows.
#[test]
fn what_public_rules_are_good_for_changes_with_the_fields_only() {
    let uses = uses();
    for (file, usable) in &uses {
        let expected = PARTLY.iter().chain(&NEVER).find(|(name, _)| name == file);
        match (usable, expected) {
            (Use::Full, None) => {}
            (Use::Partial(reason), Some((_, part)))
                if PARTLY.iter().any(|(name, _)| name == file) =>
            {
                assert!(reason.contains(part), "{file}: {reason}");
            }
            (Use::NeverFires(reason), Some((_, part)))
                if NEVER.iter().any(|(name, _)| name == file) =>
            {
                assert!(reason.contains(part), "{file}: {reason}");
            }
            // No file is watched.
            (Use::NeverFires(reason), None) if file.starts_with("file_event_") => {
                assert!(
                    reason.contains("which files are made or written"),
                    "{file}: {reason}"
                );
            }
            _ => panic!("{file}: {usable:?}"),
        }
    }
}
