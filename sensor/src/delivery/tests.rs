//! Delivery to receivers that behave in all ways there are.

use std::{
    collections::BTreeSet,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use proptest::{prelude::*, sample::select};
use sensor_common::record::Kind;

use super::{
    entry::Entry,
    sink::{Again, Failure, Receipt, Refused, Sending},
    *,
};
use crate::{
    clock::{BootTime, WallOffset},
    detect::severity::Severity,
    event::state::{Lost, Stated, Statement},
    output::{Content, Document, Output, subject::Topic},
};

/// What a receiver does with a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    Takes,
    /// Takes all but the first, which is to be sent again.
    FirstAgain,
    /// Takes all but the last, which it never takes.
    RefusesLast,
    Fails,
    /// Has it, and fails to say so.
    TakesAndFails,
    Never,
    TooLarge,
    Malformed,
}

/// A receiver that answers by a script, and then takes everything.
struct Scripted {
    script: std::vec::IntoIter<Answer>,
    got: Arc<Mutex<Vec<Entry>>>,
}

impl Sink for Scripted {
    fn send<'a>(&'a mut self, entries: &'a [Entry]) -> Sending<'a> {
        let answer = self.script.next().unwrap_or(Answer::Takes);
        let keep = |entries: &[Entry]| self.got.lock().unwrap().extend_from_slice(entries);
        let result = match answer {
            Answer::Takes => {
                keep(entries);
                Ok(Receipt::all("ok"))
            }
            Answer::FirstAgain => {
                keep(&entries[1..]);
                Ok(Receipt {
                    again: vec![0],
                    delay: Some(Again {
                        why: "busy".into(),
                        after: None,
                    }),
                    ..Receipt::default()
                })
            }
            Answer::RefusesLast => {
                keep(&entries[..entries.len() - 1]);
                Ok(Receipt {
                    refused: vec![Refused {
                        index: entries.len() - 1,
                        why: "no".into(),
                    }],
                    ..Receipt::default()
                })
            }
            Answer::Fails => Err(Failure::again("gone")),
            Answer::TakesAndFails => {
                keep(entries);
                Err(Failure::again("closed"))
            }
            Answer::Never => return Box::pin(std::future::pending()),
            Answer::TooLarge => Err(Failure::TooLarge("large".into())),
            Answer::Malformed => Err(Failure::Malformed("what?".into())),
        };
        Box::pin(async { result })
    }
}

fn assignment(name: &str, script: Vec<Answer>) -> (Assignment, Arc<Mutex<Vec<Entry>>>) {
    let got: Arc<Mutex<Vec<Entry>>> = Arc::default();
    let sink = Box::new(Scripted {
        script: script.into_iter(),
        got: got.clone(),
    });
    let assignment = Assignment {
        name: name.to_owned(),
        format: FormatChoice::Json,
        filter: Filter::new(Kind::events().map(Topic::Event), Severity::Informational),
        sink,
        inbox_bytes: 8 << 20,
        limits: Limits {
            bytes: 8 << 20,
            memory_bytes: 8 << 20,
        },
        spool: None,
        dead_letter_bytes: 1 << 20,
        batching: Batching {
            entries: 8,
            bytes: 1 << 20,
            age: Duration::from_millis(1),
        },
        patience: Patience {
            timeout: Duration::from_millis(20),
            longest_wait: Duration::from_millis(2),
        },
    };
    (assignment, got)
}

fn tell() -> (Tell, Arc<Mutex<Vec<String>>>) {
    let lines: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = lines.clone();
    (
        Arc::new(move |line: &str| kept.lock().unwrap().push(line.to_owned())),
        lines,
    )
}

/// Hands over statements; the loss of an event is more grave than a test.
fn say(router: &mut Router, sequence: u64, is_grave: bool) {
    let statement = if is_grave {
        Statement::Lost(vec![Lost {
            code: "exec".into(),
            family: "exec".into(),
            reason: "ring_full".into(),
            count: 1,
        }])
    } else {
        Statement::Tested
    };
    let stated = Stated {
        time: BootTime(sequence),
        statement,
    };
    let document = Document {
        sequence,
        wall_offset: WallOffset::default(),
        content: Content::Statement(&stated),
    };
    router.take(&document).unwrap();
    router.flush().unwrap();
}

fn sequence(entry: &Entry) -> u64 {
    let document: serde_json::Value = serde_json::from_slice(&entry.document).unwrap();
    assert_eq!(document["event"]["id"], entry.facts.id.as_str());
    document["event"]["sequence"].as_u64().unwrap()
}

/// The first arrivals, in their order.
fn arrivals(got: &[Entry]) -> Vec<u64> {
    let mut seen = BTreeSet::new();
    got.iter()
        .map(sequence)
        .filter(|one| seen.insert(*one))
        .collect()
}

const GRACE: Duration = Duration::from_secs(30);

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_receiver_does_it_gets_all_in_order_or_they_are_counted(
        script in proptest::collection::vec(
            select(vec![
                Answer::Takes, Answer::RefusesLast, Answer::Fails, Answer::TakesAndFails,
                Answer::TooLarge, Answer::Malformed, Answer::Never,
            ]),
            0..12,
        ),
        count in 1_u64..60,
    ) {
        let (assignment, got) = assignment("siem", script);
        let (tell, _) = tell();
        let (delivery, mut router) =
            Delivery::start(vec![assignment], &Host::here(), GRACE, &tell).unwrap();
        for sequence in 1..=count {
            say(&mut router, sequence, false);
        }
        let outcome = &delivery.end()[0];
        let arrived = arrivals(&got.lock().unwrap());
        let refused: u64 = outcome.counts.undelivered.values().sum();
        prop_assert!(arrived.is_sorted(), "{arrived:?}");
        prop_assert_eq!(outcome.counts.waiting, 0);
        prop_assert_eq!(outcome.counts.taken, count);
        prop_assert_eq!(outcome.counts.delivered + refused, count);
        // What it had and did not say so may have been refused later.
        prop_assert!(arrived.len() as u64 >= count - refused);
        let told: u64 = router.undelivered().iter().map(|one| one.count).sum();
        prop_assert_eq!(told, refused);
    }
}

#[test]
fn what_is_to_be_sent_again_is_sent_before_anything_else() {
    let (assignment, got) = assignment("siem", vec![Answer::FirstAgain, Answer::FirstAgain]);
    let (tell, lines) = tell();
    let (delivery, mut router) =
        Delivery::start(vec![assignment], &Host::here(), GRACE, &tell).unwrap();
    for sequence in 1..=30 {
        say(&mut router, sequence, false);
    }
    let outcome = &delivery.end()[0];
    assert_eq!(outcome.counts.delivered, 30);
    let mut arrived = arrivals(&got.lock().unwrap());
    // The first batch may have had one entry only, or eight.
    let again = arrived.iter().position(|one| *one == 1).unwrap();
    assert!(again < 8, "{arrived:?}");
    arrived.sort_unstable();
    assert_eq!(arrived, (1..=30).collect::<Vec<_>>());
    let lines = lines.lock().unwrap();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].contains("cannot deliver: busy"), "{lines:?}");
}

#[test]
fn a_receiver_that_understands_nothing_is_not_thrown_everything_away_for() {
    let malformed = vec![Answer::Malformed; 200];
    let (assignment, got) = assignment("siem", malformed);
    let (tell, lines) = tell();
    let (delivery, mut router) =
        Delivery::start(vec![assignment], &Host::here(), GRACE, &tell).unwrap();
    for sequence in 1..=100 {
        say(&mut router, sequence, false);
    }
    let outcome = &delivery.end()[0];
    let refused: u64 = outcome.counts.undelivered.values().sum();
    assert_eq!(refused, 20);
    assert_eq!(got.lock().unwrap().len(), 80);
    let lines = lines.lock().unwrap();
    assert!(
        lines.iter().any(|line| line.contains("understands none")),
        "{lines:?}"
    );
}

#[test]
fn a_sink_that_hangs_holds_nobody_up_and_its_events_are_counted() {
    let (hanging, _) = assignment("hanging", vec![Answer::Never; 10_000]);
    let (well, got) = assignment("well", Vec::new());
    let (tell, lines) = tell();
    let (delivery, mut router) = Delivery::start(
        vec![hanging, well],
        &Host::here(),
        Duration::from_millis(50),
        &tell,
    )
    .unwrap();
    for sequence in 1..=500 {
        say(&mut router, sequence, sequence % 100 == 0);
    }
    let outcomes = delivery.end();
    assert_eq!(
        arrivals(&got.lock().unwrap()),
        (1..=500).collect::<Vec<_>>()
    );
    let hanging = &outcomes[0].counts;
    assert_eq!((hanging.delivered, hanging.waiting), (0, 0));
    assert_eq!(
        hanging.undelivered[&(Reason::Ended, Severity::Informational)],
        495
    );
    assert_eq!(hanging.undelivered[&(Reason::Ended, Severity::Medium)], 5);
    let lines = lines.lock().unwrap();
    assert!(
        lines
            .iter()
            .any(|line| line
                .starts_with("sink hanging: cannot deliver: the receiver did not answer")),
        "{lines:?}"
    );
    assert!(
        lines.iter().all(|line| !line.starts_with("sink well")),
        "{lines:?}"
    );
}

#[test]
fn an_empty_backlog_costs_nothing() {
    let (assignment, _) = assignment("siem", Vec::new());
    let (tell, _) = tell();
    let (delivery, _router) =
        Delivery::start(vec![assignment], &Host::here(), GRACE, &tell).unwrap();
    let before = Instant::now();
    let outcome = &delivery.end()[0];
    assert!(before.elapsed() < GRACE);
    assert_eq!(outcome.counts, Counts::default());
}

#[test]
fn each_sink_gets_what_it_wants_and_what_is_the_same_is_written_once() {
    let (mut grave, grave_got) = assignment("grave", Vec::new());
    grave.filter = Filter::new([], Severity::Medium);
    let (all, all_got) = assignment("all", Vec::new());
    let (tell, _) = tell();
    let (delivery, mut router) =
        Delivery::start(vec![grave, all], &Host::here(), GRACE, &tell).unwrap();
    for sequence in 1..=10 {
        say(&mut router, sequence, sequence == 7);
    }
    let outcomes = delivery.end();
    assert_eq!(arrivals(&grave_got.lock().unwrap()), [7]);
    assert_eq!(outcomes[1].counts.delivered, 10);
    let grave = &grave_got.lock().unwrap()[0].document;
    let same = &all_got.lock().unwrap()[6].document;
    assert_eq!(grave.as_ptr(), same.as_ptr());
}

/// Says when it was reopened.
struct Reopened(Arc<AtomicBool>);

impl Sink for Reopened {
    fn send<'a>(&'a mut self, _: &'a [Entry]) -> Sending<'a> {
        Box::pin(async { Ok(Receipt::all("ok")) })
    }

    fn reopen(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn files_are_reopened_before_the_next_event() {
    let reopened = Arc::new(AtomicBool::new(false));
    let (mut assignment, _) = assignment("file", Vec::new());
    assignment.sink = Box::new(Reopened(reopened.clone()));
    let (tell, _) = tell();
    let (delivery, mut router) =
        Delivery::start(vec![assignment], &Host::here(), GRACE, &tell).unwrap();
    delivery.reopen();
    say(&mut router, 1, false);
    let outcome = &delivery.end()[0];
    assert_eq!(outcome.counts.delivered, 1);
    assert!(reopened.load(Ordering::SeqCst));
}
