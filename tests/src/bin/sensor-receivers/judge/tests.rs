use super::*;
use crate::sink::Format;

fn witness(count: u64) -> Witness {
    let mut witness = Witness::new(Path::new("/nowhere"));
    for number in 0..count {
        witness.told.take(document(number).as_bytes()).unwrap();
    }
    witness
}

fn document(number: u64) -> String {
    format!(
        r#"{{"event":{{"id":"e-{number}","sequence":{number},"code":"exec"}},
            "agent":{{"id":"a"}},"process":{{"name":"mark"}}}}"#
    )
}

fn arrivals(guarantee: Guarantee, numbers: &[u64]) -> Arrivals {
    let mut arrivals = Arrivals::of(Shape::Written(Format::Ecs), guarantee);
    for number in numbers {
        arrivals.take(document(*number).as_bytes());
    }
    arrivals
}

fn judge(numbers: &[u64], allowance: Allowance) -> Result<String> {
    arrivals(Guarantee::Stored, numbers).judge(&witness(4), allowance)
}

#[test]
fn what_is_all_there_in_order_is_right() {
    assert_eq!(
        judge(&[0, 1, 2, 3], Allowance::default()).unwrap(),
        "4 documents"
    );
    assert_eq!(witness(4).execs("mark"), 4);
}

#[test]
fn what_is_missing_doubled_moved_cut_or_foreign_is_wrong() {
    for numbers in [
        &[0, 1, 3][..],
        &[0, 1, 1, 2, 3],
        &[0, 2, 1, 3],
        &[0, 1, 2, 3, 9],
        &[],
    ] {
        assert!(judge(numbers, Allowance::default()).is_err(), "{numbers:?}");
    }
    let mut altered = arrivals(Guarantee::Stored, &[0, 1, 2]);
    altered.take(document(3).replace("mark", "cross").as_bytes());
    assert!(altered.judge(&witness(4), Allowance::default()).is_err());
    let mut cut = arrivals(Guarantee::Stored, &[0, 1, 2, 3]);
    cut.take(b"{\"event\":");
    assert!(cut.judge(&witness(4), Allowance::default()).is_err());
}

#[test]
fn what_a_kill_explains_is_allowed_then_only() {
    let killed = Allowance {
        duplicates: true,
        killed: true,
        ..Allowance::default()
    };
    judge(&[0, 1, 1, 2, 3], killed).unwrap();
    assert!(judge(&[0, 1, 3], killed).is_err());
    let mut witness = witness(4);
    witness.note_kill();
    let lossy = arrivals(Guarantee::Stored, &[0, 1, 2]);
    lossy.judge(&witness, killed).unwrap();
}

#[test]
fn a_number_that_goes_back_is_noticed() {
    let mut witness = witness(2);
    assert!(
        witness.told.take(document(1).as_bytes()).is_ok(),
        "the same once more"
    );
    let back = document(0).replace("e-0", "e-9");
    assert!(witness.told.take(back.as_bytes()).is_err());
}

#[test]
fn what_the_sensor_lost_is_read() {
    let document = serde_json::json!({"sensor": {"totals": {"kinds": [
        {"code": "exec", "lost": {"ring_full": 3, "shed": 0}}]}}});
    assert_eq!(lost(&document), ["3 exec (ring_full)"]);
}
