use super::*;

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let directory = Directory::new("large");
    let path = directory.write("large", b"");
    let file = File::options().write(true).open(&path).unwrap();
    file.set_len(10 << 30).unwrap();
    let answer = Alone::new(&Settings::default()).script(script(&path));
    assert_eq!(answer.outcome, Outcome::Missing(Missing::TooLarge));
    assert_eq!(answer.bytes_read, 0);
    let (sender, receiver) = sync_channel(1);
    let mut digests = Digests::new(&Settings::default(), sender);
    let request = executable(key(&path), &path, ended());
    let result = digests.request_executable(request);
    assert_eq!(result, Err(Missing::TooLarge));
    assert_eq!(digests.counters().missing[Missing::TooLarge.index()], 1);
    assert!(receiver.try_recv().is_err());
}

#[test]
fn a_file_beyond_the_rate_is_refused() {
    let directory = Directory::new("rate");
    let settings = Settings {
        bytes_per_second: 10,
        burst_bytes: 100,
        ..Settings::default()
    };
    let mut worker = Alone::new(&settings);
    let first = directory.write("first", &[b'a'; 95]);
    let second = directory.write("second", &[b'b'; 20]);
    settle();
    let answer = worker.script(script(&first));
    assert_eq!(answer.bytes_read, 95);
    let answer = worker.script(script(&second));
    assert_eq!(answer.outcome, Outcome::Missing(Missing::RateLimited));
    assert_eq!(answer.bytes_read, 0);
    // It waits for a share that is there soon.
    let third = directory.write("third", &[b'c'; 8]);
    let start = Instant::now();
    let answer = worker.script(script(&third));
    assert_eq!(answer.bytes_read, 8);
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_file_that_took_too_long_is_not_tried_again_at_once() {
    let directory = Directory::new("slow");
    let path = directory.write("slow", b"#!/bin/sh\n");
    let settings = Settings {
        time_out: Duration::ZERO,
        bytes_per_second: 1,
        burst_bytes: 10,
        ..Settings::default()
    };
    let mut worker = Alone::new(&settings);
    // Tried again, the second would be beyond the rate.
    for _ in 0..2 {
        let answer = worker.script(script(&path));
        assert_eq!(answer.outcome, Outcome::Missing(Missing::TimedOut));
    }
}

#[test]
fn a_full_queue_refuses() {
    let path = Path::new("/bin/sleep");
    let (sender, receiver) = sync_channel(1);
    let mut digests = Digests::new(&Settings::default(), sender);
    let request = executable(key(path), path, ended());
    let first = digests.request_executable(request.clone());
    assert!(first.is_ok());
    // The same one needs no place.
    assert_eq!(digests.request_executable(request.clone()), first);
    assert_eq!(
        digests.request_script(script(path)),
        Err(Missing::QueueFull)
    );
    let mut other = request.clone();
    other.file.inode += 1;
    assert_eq!(
        digests.request_executable(other.clone()),
        Err(Missing::QueueFull)
    );
    drop(receiver);
    assert_eq!(digests.request_executable(other), Err(Missing::QueueFull));
    let counters = digests.counters();
    assert_eq!(counters.missing[Missing::QueueFull.index()], 3);
    assert_eq!((counters.requests, counters.joined), (1, 1));
}

#[test]
fn answers_are_remembered_but_not_what_is_missing() {
    let directory = Directory::new("worker");
    let path = directory.write("program", b"content");
    settle();
    let file = key(&path);
    let (answers, receiver) = channel();
    let (mut digests, worker) = start(&Settings::default(), move |answer| {
        let _ = answers.send(answer);
    })
    .unwrap();
    assert_eq!(digests.look_up(&file), None);
    let request = executable(file, &path, ended());
    let ticket = digests.request_executable(request.clone()).unwrap();
    let answer = receiver.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(answer.ticket, ticket);
    digests.answer(&answer);
    let expected = Identity {
        digest: digest(b"content"),
        package: None,
    };
    assert_eq!(digests.look_up(&file), Some(&expected));

    let mut gone = executable(file, &directory.path("gone"), ended());
    gone.file.inode += 1;
    for _ in 0..2 {
        let ticket = digests.request_executable(gone.clone()).unwrap();
        let answer = receiver.recv_timeout(Duration::from_secs(60)).unwrap();
        assert_eq!(answer.ticket, ticket);
        assert_eq!(answer.outcome, Outcome::Missing(Missing::Gone));
        digests.answer(&answer);
        assert_eq!(digests.look_up(&gone.file), None);
    }
    let mut missing = [0; Missing::COUNT];
    missing[Missing::Gone.index()] = 2;
    assert_eq!(
        digests.counters(),
        Counters {
            hits: 1,
            misses: 3,
            requests: 3,
            joined: 0,
            digests: 1,
            files_read: 1,
            bytes_read: 7,
            evicted: 0,
            missing,
        }
    );
    // Told to stop, it answers no more, and lets go of its end of the channel.
    drop(worker);
    let _ = digests.request_executable(request);
    assert!(receiver.recv_timeout(Duration::from_secs(60)).is_err());
}

#[test]
fn many_files_take_the_room_of_the_limits() {
    let path = Path::new("/bin/sleep");
    let settings = Settings {
        queue: 8,
        ..Settings::default()
    };
    let (sender, receiver) = sync_channel(settings.queue);
    let mut digests = Digests::new(&settings, sender);
    let mut request = executable(key(path), path, ended());
    for inode in 0..40_000 {
        request.file.inode = inode;
        let ticket = digests.request_executable(request.clone()).unwrap();
        drop(receiver.recv().unwrap());
        // Some answers never come.
        if inode % 8 != 0 {
            digests.answer(&Answer {
                ticket,
                found: Found::Executable(request.file),
                outcome: told(Sha256([0; 32]), Evidence::Unchanged),
                package: None,
                bytes_read: 0,
            });
        }
    }
    assert_eq!(digests.counters().evicted, 35_000 - 4_096);
    assert!(digests.under_way() <= 16);
}
