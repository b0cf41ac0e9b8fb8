//! Whatever happens to a file: all lines are there once, whole and in their order.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Send(Vec<usize>),
    Pass(u64),
    Reopen,
    Restart,
    /// As logrotate does it.
    MoveAway,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => proptest::collection::vec(0..40_usize, 1..6).prop_map(Step::Send),
        1 => (0..5000_u64).prop_map(Step::Pass),
        1 => Just(Step::Reopen),
        1 => Just(Step::Restart),
        1 => Just(Step::MoveAway),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn all_lines_are_there_once_and_in_their_order(
        steps in proptest::collection::vec(step(), 1..20),
        bytes_max in proptest::option::of(1..100_u64),
        period in proptest::option::of(1..4_u64),
        compress: bool,
    ) {
        let mut bench = Bench::new();
        bench.settings.rotation = Rotation {
            bytes_max,
            period: period.map(Duration::from_secs),
        };
        bench.settings.compress = compress;
        let mut file = bench.open().unwrap();
        let mut expected = String::new();
        let mut number = 0;
        for step in steps {
            match step {
                Step::Send(lengths) => {
                    let documents: Vec<_> = lengths
                        .iter()
                        .map(|length| {
                            number += 1;
                            format!("{number} {}", "x".repeat(*length))
                        })
                        .collect();
                    let documents: Vec<_> = documents.iter().map(String::as_str).collect();
                    prop_assert_eq!(send(&mut file, &documents), sent(bench.path()));
                    expected.extend(documents.iter().map(|document| format!("{document}\n")));
                }
                Step::Pass(milliseconds) => bench.pass(Duration::from_millis(milliseconds)),
                Step::Reopen => file.reopen(),
                Step::Restart => {
                    drop(file);
                    file = bench.open().unwrap();
                }
                Step::MoveAway => {
                    // To a name that is later than all before.
                    bench.pass(Duration::from_secs(1));
                    rotation::set_aside(bench.path(), (file.clock)()).unwrap();
                    bench.pass(Duration::from_secs(1));
                    fs::write(bench.path(), "").unwrap();
                }
            }
        }
        file.keeper.finish();
        for name in bench.names() {
            let content = read(&bench.directory.0.join(name));
            let fits = bytes_max.is_none_or(|most| content.len() as u64 <= most);
            prop_assert!(fits || content.lines().count() == 1);
        }
        prop_assert_eq!(bench.all(), expected);
    }
}
