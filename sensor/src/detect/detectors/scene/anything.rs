//! Events and processes of any content, for any detector.

use proptest::{
    prop_assert, prop_assert_eq,
    test_runner::{Config, TestRunner},
};

use crate::{
    detect::{alert::EVIDENCE_MAX, detector::Detector},
    enrich::Surroundings,
    event::arbitrary,
    observed::Observed,
};

/// Whatever happens, in whatever order, a detector copes with it, and its alerts say what they must.
pub(crate) fn withstands<Made: Detector>(make: impl Fn() -> Made) {
    let process = || proptest::option::of(arbitrary::process());
    let happening = (arbitrary::event(), [process(), process(), process()]);
    // A case is two dozen events. With `PROPTEST_CASES` in the environment there are more.
    let mut runner = TestRunner::new(Config::with_cases(Config::default().cases / 5));
    let happenings = proptest::collection::vec(happening, 1..24);
    let result = runner.run(&happenings, |happenings| {
        let mut detector = make();
        for (event, [process, parent, other]) in &happenings {
            let observed = Observed {
                event,
                late: false,
                process: process.as_ref(),
                parent: parent.as_ref(),
                other: other.as_ref(),
                about: None,
                surroundings: Surroundings::default(),
            };
            let mut alerts = Vec::new();
            detector.inspect(&observed, &mut alerts);
            for alert in alerts {
                prop_assert!(!alert.reason.is_empty());
                prop_assert!(alert.evidence.len() <= EVIDENCE_MAX);
                prop_assert!(alert.evidence_count >= alert.evidence.len() as u64);
                prop_assert_eq!(alert.evidence.last(), Some(&event.origin));
                prop_assert!(detector.rules().contains(&alert.rule));
            }
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}
