//! The public rules for Linux are read as a set.

use std::path::Path;

use super::*;

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
