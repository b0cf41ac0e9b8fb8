//! What is said over the Docker API, well or badly.

use std::{fmt::Write as _, time::Instant};

use proptest::prelude::*;

use super::*;

const HASH: &str = "sha256:4bb46517cac397bdb0bab6eba09b0e1f8e90ddd17cf99662997c3253531136f8";
const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Answers each question with the same bytes, and closes the connection.
fn answering(bytes: impl Into<Vec<u8>>) -> Directory {
    let directory = Directory::new();
    let bytes: Vec<u8> = bytes.into();
    directory.serve("docker.sock", move |mut stream| {
        if read_path(&mut stream).is_some() {
            let _ = stream.write_all(&bytes);
        }
    });
    directory
}

fn ok(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn chunked(body: &str) -> String {
    let mut reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned();
    for chunk in body.as_bytes().chunks(7) {
        let text = std::str::from_utf8(chunk).unwrap();
        write!(reply, "{:x}\r\n{text}\r\n", chunk.len()).unwrap();
    }
    reply + "0\r\n\r\n"
}

#[test]
fn tells_all_of_a_container() {
    let directory = Directory::new();
    let container = format!(
        r#"{{"Id":"{}","Name":"/web","Image":"{HASH}","Config":{{"Image":"reg:5000/shop/web:7",
        "Labels":{{"io.kubernetes.pod.name":"web-0","io.kubernetes.pod.namespace":"shop"}}}}}}"#,
        id('a')
    );
    let image = format!(r#"{{"Id":"{HASH}","RepoDigests":["reg:5000/shop/web@{DIGEST}"]}}"#);
    directory.serve("docker.sock", move |mut stream| {
        let path = read_path(&mut stream).unwrap();
        assert_eq!(path, format!("/containers/{}/json", id('a')));
        stream.write_all(chunked(&container).as_bytes()).unwrap();
        let path = read_path(&mut stream).unwrap();
        assert_eq!(path, format!("/images/{HASH}/json"));
        stream.write_all(chunked(&image).as_bytes()).unwrap();
    });
    let details = ask(&directory, &id('a')).unwrap();
    assert_eq!(details.runtime, Runtime::Docker);
    assert_eq!(details.name.as_deref(), Some("web"));
    assert_eq!(details.image_name.as_deref(), Some("reg:5000/shop/web"));
    assert_eq!(details.image_tag.as_deref(), Some("7"));
    assert_eq!(details.image_hashes, [HASH, DIGEST]);
    assert_eq!(details.labels.len(), 2);
    let pod = details.pod.as_ref().unwrap();
    assert_eq!(pod.name.as_deref(), Some("web-0"));
    assert_eq!(pod.namespace.as_deref(), Some("shop"));
}

#[test]
fn a_container_is_told_without_its_images_digests() {
    for (reply, failure) in [
        (None, Failure::TimedOut),
        (Some(ok("[]")), Failure::Malformed),
        (Some(String::new()), Failure::Closed),
    ] {
        let directory = Directory::new();
        let body = format!(r#"{{"Id":"{}","Name":"/web","Image":"{HASH}"}}"#, id('a'));
        directory.serve("docker.sock", move |mut stream| {
            let _ = read_path(&mut stream);
            let _ = stream.write_all(ok(&body).as_bytes());
            let _ = read_path(&mut stream);
            match &reply {
                Some(reply) => drop(stream.write_all(reply.as_bytes())),
                None => thread::sleep(AMPLE),
            }
        });
        let asked = Asked::start(&directory, Duration::from_secs(2));
        let details = asked.ask(&id('a')).unwrap();
        assert_eq!(details.name.as_deref(), Some("web"));
        assert_eq!(details.image_hashes, [HASH]);
        let failures = asked.failures();
        let counted = match failure {
            Failure::TimedOut => failures.timed_out,
            Failure::Malformed => failures.malformed,
            _ => failures.closed,
        };
        assert_eq!(counted, 1, "{failure:?}");
    }
}

#[test]
fn knows_podman_behind_dockers_name() {
    let body = container_json(&id('a'));
    let reply = ok(&body).replacen("\r\n", "\r\nLibpod-Api-Version: 5.0.0\r\n", 1);
    let details = ask(&answering(reply), &id('a')).unwrap();
    assert_eq!(details.runtime, Runtime::Podman);
}

#[test]
fn another_containers_details_are_nobodys() {
    let directory = answering(ok(&container_json(&id('b'))));
    let asked = Asked::start(&directory, AMPLE);
    let why = asked.ask(&id('a')).unwrap_err();
    assert_eq!(why, Why::Failed(Failure::WrongContainer));
    assert_eq!(asked.failures().wrong_container, 1);
    assert_eq!(asked.runtimes.counters().failed, 1);
}

#[test]
fn each_kind_of_failure_has_its_name() {
    let endless = "HTTP/1.1 200 OK\r\n\r\n".to_owned() + &" ".repeat(2 << 20);
    let announced = "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n".to_owned();
    let head = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(1 << 20));
    let headers = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(1000));
    let nested = ok(&"[".repeat(100_000));
    let cases = [
        (String::new(), Failure::Closed),
        ("HTTP/1.1 200".to_owned(), Failure::Closed),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{".to_owned(),
            Failure::Closed,
        ),
        ("SSH-2.0-OpenSSH_9.9\r\n\r\n".to_owned(), Failure::Malformed),
        (head, Failure::Malformed),
        (headers, Failure::Malformed),
        (ok(""), Failure::Malformed),
        (ok("{}"), Failure::Malformed),
        (ok(r#"{"Id":7}"#), Failure::Malformed),
        (nested, Failure::Malformed),
        (endless, Failure::TooLarge),
        (announced, Failure::TooLarge),
        (
            "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n".to_owned(),
            Failure::Rejected(500),
        ),
        // A redirect is not followed.
        (
            "HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n".to_owned(),
            Failure::Rejected(302),
        ),
    ];
    for (reply, failure) in cases {
        let shown: String = reply.chars().take(60).collect();
        let why = ask(&answering(reply), &id('a')).unwrap_err();
        assert_eq!(why, Why::Failed(failure), "{shown:?}");
    }
}

#[test]
fn an_endless_body_is_given_up_early() {
    let directory = Directory::new();
    directory.serve("docker.sock", |mut stream| {
        let _ = read_path(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        let chunk = format!("1000\r\n{:4096}\r\n", "");
        while stream.write_all(chunk.as_bytes()).is_ok() {}
    });
    let asked = Asked::start(&directory, AMPLE);
    let start = Instant::now();
    let why = asked.ask(&id('a')).unwrap_err();
    assert_eq!(why, Why::Failed(Failure::TooLarge));
    assert!(start.elapsed() < AMPLE / 2);
    assert_eq!(asked.failures().too_large, 1);
}

#[test]
fn a_body_that_drips_is_in_time_or_not() {
    let directory = Directory::new();
    directory.serve("docker.sock", |mut stream| {
        let _ = read_path(&mut stream);
        for byte in ok(&container_json(&id('a'))).bytes() {
            thread::sleep(Duration::from_millis(5));
            if stream.write_all(&[byte]).is_err() {
                return;
            }
        }
    });
    assert!(ask(&directory, &id('a')).is_ok());

    let asked = Asked::start(&directory, Duration::from_millis(300));
    let start = Instant::now();
    let why = asked.ask(&id('a')).unwrap_err();
    assert_eq!(why, Why::Failed(Failure::TimedOut));
    assert!(start.elapsed() >= Duration::from_millis(300));
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(asked.failures().timed_out, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn garbage_is_no_answer(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let why = ask(&answering(bytes), &id('a')).unwrap_err();
        prop_assert!(matches!(why, Why::Failed(Failure::Malformed | Failure::Closed)), "{why:?}");
    }

    #[test]
    fn garbage_in_a_body_is_no_answer(body in ".{0,200}|[\\[\\]{}\":,0-9a-zA-Z]{0,200}") {
        let why = ask(&answering(ok(&body)), &id('a')).unwrap_err();
        prop_assert_eq!(why, Why::Failed(Failure::Malformed));
    }

    #[test]
    fn a_damaged_id_is_no_answer(place in 0..64_usize, byte: u8) {
        prop_assume!(byte != b'a');
        let mut reply = ok(&container_json(&id('a'))).into_bytes();
        let start = String::from_utf8_lossy(&reply).find(&id('a')).unwrap();
        reply[start + place] = byte;
        prop_assert!(ask(&answering(reply), &id('a')).is_err());
    }
}
