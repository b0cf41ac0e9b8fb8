//! What happens at the limits, and when runtimes come and go.

use std::{
    sync::{Condvar, Mutex},
    time::Instant,
};

use super::*;

const SHORT: Duration = Duration::from_millis(500);

#[test]
fn what_no_runtime_knows_is_remembered() {
    let directory = Directory::new();
    let questions = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&questions);
    directory.serve("docker.sock", move |stream| {
        counted.fetch_add(1, Ordering::Relaxed);
        serve_container(&id('b'), stream);
    });
    let asked = Asked::start(&directory, AMPLE);
    assert_eq!(asked.ask(&id('a')), Err(Why::NotFound));
    assert_eq!(asked.ask(&id('a')), Err(Why::NotFound));
    assert!(asked.ask(&id('b')).is_ok());
    assert_eq!(questions.load(Ordering::Relaxed), 2);
    let expected = Counters {
        requested: 3,
        found: 1,
        not_found: 2,
        remembered: 1,
        ..Counters::default()
    };
    assert_eq!(asked.runtimes.counters(), expected);
}

#[test]
fn a_hung_socket_is_left_alone_and_holds_up_no_other() {
    let directory = Directory::new();
    // Takes connections, by its backlog, and never answers.
    let hung = directory.listen("docker.sock");
    directory.serve("podman/podman.sock", |stream| {
        serve_container(&id('b'), stream);
    });
    let asked = Asked::start(&directory, SHORT);
    for _ in 0..FAILURES {
        let start = Instant::now();
        let why = asked.ask(&id('a')).unwrap_err();
        assert_eq!(why, Why::Failed(Failure::TimedOut));
        assert!(start.elapsed() >= SHORT && start.elapsed() < SHORT + Duration::from_secs(5));
    }
    let counters = asked.runtimes.counters();
    assert_eq!(counters.pauses, 1);
    assert_eq!(counters.failures.timed_out, u64::from(FAILURES));

    assert_eq!(asked.ask(&id('a')), Err(Why::Paused));
    assert_eq!(asked.ask(&id('b')).unwrap().runtime, Runtime::Podman);
    let counters = asked.runtimes.counters();
    assert_eq!((counters.paused, counters.found), (1, 1));
    assert_eq!(counters.failures.timed_out, u64::from(FAILURES));
    drop(hung);
}

#[test]
fn a_connection_ends_with_its_question() {
    for place in ["docker.sock", "crio/crio.sock"] {
        let directory = Directory::new();
        let hung = directory.listen(place);
        let asked = Asked::start(&directory, SHORT);
        let why = asked.ask(&id('a')).unwrap_err();
        assert_eq!(why, Why::Failed(Failure::TimedOut));
        let (mut stream, _) = hung.accept().unwrap();
        stream.set_read_timeout(Some(AMPLE)).unwrap();
        // The question, and the end.
        assert!(stream.read_to_end(&mut Vec::new()).unwrap() > 0, "{place}");
    }
}

#[test]
fn a_flood_is_as_bad_as_silence() {
    // Settings to be acknowledged, for ever, by a server that reads nothing.
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    let directory = Directory::new();
    directory.serve("crio/crio.sock", move |mut stream| {
        while stream.write_all(&settings).is_ok() {}
    });
    let asked = Asked::start(&directory, SHORT);
    let start = Instant::now();
    assert!(matches!(asked.ask(&id('a')), Err(Why::Failed(_))));
    assert!(start.elapsed() < SHORT + Duration::from_secs(5));
    drop(asked);
    assert!(start.elapsed() < SHORT + Duration::from_secs(5));
}

#[test]
fn too_many_questions_are_refused_and_nobody_waits() {
    let directory = Directory::new();
    let hung = directory.listen("docker.sock");
    let asked = Asked::start(&directory, AMPLE);
    let start = Instant::now();
    let refused = (0..WAITING + IN_FLIGHT + 10)
        .filter(|_| asked.request(&id('a')) == Err(Refusal::Full))
        .count();
    assert!((10..=IN_FLIGHT + 10).contains(&refused), "{refused}");
    let counters = asked.runtimes.counters();
    assert_eq!(counters.refused, refused as u64);
    assert_eq!(
        counters.requested + counters.refused,
        (WAITING + IN_FLIGHT + 10) as u64
    );
    // Neither does the end.
    drop(asked);
    assert!(start.elapsed() < AMPLE / 2);
    drop(hung);
}

#[test]
fn only_so_many_are_asked_at_the_same_time() {
    let directory = Directory::new();
    // How many are here, and how many were at most.
    let crowd = Arc::new((Mutex::new((0, 0)), Condvar::new()));
    let counted = Arc::clone(&crowd);
    directory.serve("docker.sock", move |stream| {
        let (numbers, changed) = &*counted;
        let mut numbers = numbers.lock().unwrap();
        numbers.0 += 1;
        numbers.1 = numbers.1.max(numbers.0);
        changed.notify_all();
        // Nobody is answered before as many as may are here.
        let mut numbers = changed
            .wait_while(numbers, |(_, most)| *most < IN_FLIGHT)
            .unwrap();
        numbers.0 -= 1;
        drop(numbers);
        serve_container(&id('a'), stream);
    });
    let asked = Asked::start(&directory, AMPLE);
    for _ in 0..IN_FLIGHT * 3 {
        asked.request(&id('a')).unwrap();
    }
    for _ in 0..IN_FLIGHT * 3 {
        assert!(asked.next().details.is_ok());
    }
    assert_eq!(crowd.0.lock().unwrap().1, IN_FLIGHT);
}

#[test]
fn a_runtime_may_come_later_and_go() {
    let directory = Directory::new();
    let asked = Asked::start(&directory, AMPLE);
    assert_eq!(asked.ask(&id('a')), Err(Why::NoSocket));
    directory.serve("docker.sock", |stream| serve_container(&id('a'), stream));
    assert!(asked.ask(&id('a')).is_ok());

    // A socket that its server left behind.
    fs::remove_file(directory.path().join("docker.sock")).unwrap();
    drop(directory.listen("docker.sock"));
    let why = asked.ask(&id('a')).unwrap_err();
    assert_eq!(why, Why::Failed(Failure::Unreachable));
    let counters = asked.runtimes.counters();
    assert_eq!(
        (counters.no_socket, counters.found, counters.failed),
        (1, 1, 1)
    );
    assert_eq!(counters.failures.unreachable, 1);
}

#[test]
fn a_users_runtime_tells_of_this_users_containers_only() {
    let directory = Directory::new();
    directory.serve("user/1000/docker.sock", |stream| {
        serve_container(&id('a'), stream);
    });
    let asked = Asked::start(&directory, AMPLE);
    assert_eq!(asked.ask(&id('a')), Err(Why::NoSocket));
    for (owner, known) in [(1000, true), (1001, false)] {
        let request = Request {
            container_id: id('a').into(),
            runtime: None,
            owner: Some(owner),
        };
        asked.runtimes.request(request).unwrap();
        let answer = asked.next();
        assert_eq!(answer.owner, Some(owner));
        assert_eq!(answer.details.is_ok(), known);
    }
}

#[test]
fn what_cannot_be_an_id_is_not_asked() {
    let directory = Directory::new();
    let asked = Asked::start(&directory, AMPLE);
    let long = "a".repeat(ID_BYTES + 1);
    for id in [
        "",
        "a/b",
        "../x",
        "a b",
        "a\r\nX: y",
        ".a",
        "-a",
        "ä",
        &long,
    ] {
        assert_eq!(asked.request(id), Err(Refusal::NotAnId), "{id:?}");
    }
    assert_eq!(asked.runtimes.counters(), Counters::default());
}
