//! What was sent and not answered is stored once.

use proptest::prelude::*;

use super::*;

/// Sends, and drops the call when the broker has so many batches.
async fn drop_after(double: &Double, sink: &mut Kafka, batch: &[Entry], batches: usize) {
    let mut sending = sink.send(batch);
    let silence = async {
        while double.seen().batches < batches {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        _ = &mut sending => panic!("the broker answered"),
        () = silence => {}
    }
}

#[tokio::test]
async fn a_batch_whose_answer_was_lost_is_stored_once() {
    for lost in [1, 2] {
        let (double, mut sink) = started(move |batch| {
            if batch == lost {
                Reaction::TakeAndClose
            } else {
                Reaction::Take
            }
        })
        .await;
        for batch in [entries(1..=3), entries(4..=6), entries(7..=9)] {
            if let Err(failure) = send(&mut sink, &batch).await {
                assert!(why(failure).contains(&double.address));
                send(&mut sink, &batch).await.unwrap();
            }
        }
        assert_eq!(places(&double), expected(1..=9));
        assert_eq!(double.seen().producers, 1);
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_between_batches_costs_no_failure() {
    let (double, mut sink) = started(|batch| {
        if batch == 2 {
            Reaction::Close
        } else {
            Reaction::Take
        }
    })
    .await;
    send(&mut sink, &entries(1..=1)).await.unwrap();
    send(&mut sink, &entries(2..=3)).await.unwrap();
    assert_eq!(places(&double), expected(1..=3));
    assert_eq!(double.seen().connections, 2);
}

#[tokio::test]
async fn a_call_that_is_dropped_leaves_the_sink_usable() {
    let (double, mut sink) = started(|batch| {
        if batch == 2 {
            Reaction::Nothing
        } else {
            Reaction::Take
        }
    })
    .await;
    send(&mut sink, &entries(1..=1)).await.unwrap();
    drop_after(&double, &mut sink, &entries(2..=4), 2).await;
    // More than before, with the same beginning.
    send(&mut sink, &entries(2..=6)).await.unwrap();
    assert_eq!(places(&double), expected(1..=6));
    assert_eq!(double.seen().producers, 1);
}

#[tokio::test]
async fn half_of_what_was_dropped_gets_a_new_producer() {
    let (double, mut sink) = started(|batch| {
        if batch == 1 {
            Reaction::Nothing
        } else {
            Reaction::Take
        }
    })
    .await;
    drop_after(&double, &mut sink, &entries(1..=4), 1).await;
    send(&mut sink, &entries(1..=2)).await.unwrap();
    send(&mut sink, &entries(3..=4)).await.unwrap();
    assert_eq!(places(&double), expected(1..=4));
    assert_eq!(double.seen().producers, 2);
}

#[tokio::test]
async fn what_may_be_stored_keeps_its_numbers() {
    // REQUEST_TIMED_OUT and NOT_ENOUGH_REPLICAS_AFTER_APPEND.
    for error in [7, 20] {
        let (double, mut sink) = started(move |batch| {
            if batch == 1 {
                Reaction::TakeAndSay(error)
            } else {
                Reaction::Take
            }
        })
        .await;
        let batch = entries(1..=3);
        let failure = send(&mut sink, &batch).await.unwrap_err();
        assert!(why(failure).contains(&format!("({error})")));
        send(&mut sink, &batch).await.unwrap();
        assert_eq!(places(&double), expected(1..=3));
    }
}

#[tokio::test]
async fn forgotten_producers_and_moved_leaders_cost_no_failure() {
    let (double, mut sink) = started(|batch| {
        if batch == 3 {
            Reaction::Refuse(6, &[])
        } else {
            Reaction::Take
        }
    })
    .await;
    send(&mut sink, &entries(1..=2)).await.unwrap();
    double.seen().forget_producers();
    send(&mut sink, &entries(3..=4)).await.unwrap();
    // The third batch was refused: the second came twice.
    assert_eq!(places(&double), expected(1..=4));
    let seen = double.seen();
    assert_eq!(seen.producers, 2);
    assert_eq!(seen.connections, 2);
}

/// What a broker may do to a batch, and its answer get lost.
fn mishap() -> impl Strategy<Value = Reaction> {
    prop_oneof![
        3 => Just(Reaction::Take),
        1 => Just(Reaction::TakeAndClose),
        1 => Just(Reaction::Close),
        1 => Just(Reaction::Refuse(6, &[])),
        1 => Just(Reaction::Refuse(19, &[])),
        1 => Just(Reaction::TakeAndSay(7)),
        1 => Just(Reaction::TakeAndSay(20)),
        1 => Just(Reaction::AtMost(400)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_happens_all_is_stored_once_and_in_order(
        mishaps in prop::collection::vec(mishap(), 0..20),
        sizes in prop::collection::vec(1_u64..6, 1..6),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (double, mut sink) = started(move |batch| {
                mishaps.get(batch - 1).cloned().unwrap_or(Reaction::Take)
            }).await;
            let mut place = 0;
            for size in sizes {
                let mut left = entries(place + 1..=place + size);
                place += size;
                // As a worker does it: what is asked for again, from its first on.
                while !left.is_empty() {
                    if let Ok(receipt) = send(&mut sink, &left).await {
                        assert_eq!(receipt.refused, []);
                        left = receipt.again.iter().map(|index| left[*index].clone()).collect();
                    }
                }
            }
            assert_eq!(places(&double), expected(1..=place));
            assert_eq!(double.seen().producers, 1);
        });
    }
}
