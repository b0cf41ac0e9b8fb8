use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::Instant,
};

use proptest::prelude::*;

use super::*;

const AMPLE: Duration = Duration::from_secs(20);

/// A request's head in, the whole answer out.
fn serve(reply: impl Fn(&str) -> Vec<u8> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            while let Some(head) = read_head(&mut stream) {
                let reply = reply(&head);
                if stream.write_all(&reply).is_err() || !reply.starts_with(b"HTTP/1.1 ") {
                    break;
                }
            }
        }
    });
    address
}

fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    Some(String::from_utf8(head).unwrap().to_lowercase())
}

fn http(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nMetadata-Flavor: Google\r\n\r\n{body}"
    )
    .into_bytes()
}

fn missing() -> Vec<u8> {
    http("404 Not Found", "no")
}

fn asked(address: SocketAddr, time_out: Duration) -> Option<Cloud> {
    let endpoints = Endpoints {
        aws: address,
        google: address,
        azure: address,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(ask(endpoints, time_out))
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn amazon(head: &str) -> Vec<u8> {
    let identity = r#"{"accountId":"123456789012","architecture":"x86_64","region":"eu-west-1",
        "availabilityZone":"eu-west-1b","instanceId":"i-0abc","instanceType":"m7g.large",
        "kernelId":null,"version":"2017-09-30"}"#;
    let token = head.contains("x-aws-ec2-metadata-token: secret==\r\n");
    match head.split(' ').nth(1) {
        Some("/latest/api/token")
            if head.starts_with("put ")
                && head.contains("x-aws-ec2-metadata-token-ttl-seconds: 60\r\n") =>
        {
            http("200 OK", "secret==")
        }
        Some("/latest/dynamic/instance-identity/document") if token => http("200 OK", identity),
        Some("/latest/meta-data/tags/instance/name") if token => missing(),
        _ => http("401 Unauthorized", ""),
    }
}

#[test]
fn tells_a_machine_of_aws() {
    let expected = Cloud {
        provider: Provider::Aws,
        region: some("eu-west-1"),
        availability_zone: some("eu-west-1b"),
        instance_id: some("i-0abc"),
        instance_name: None,
        machine_type: some("m7g.large"),
        account_id: some("123456789012"),
        project_id: None,
    };
    assert_eq!(asked(serve(amazon), AMPLE), Some(expected.clone()));

    let named = serve(|head| match head.contains("/tags/instance/name ") {
        true => http("200 OK", "web-0"),
        false => amazon(head),
    });
    let expected = Cloud {
        instance_name: some("web-0"),
        ..expected
    };
    assert_eq!(asked(named, AMPLE), Some(expected));
}

#[test]
fn tells_a_machine_of_google() {
    let address = serve(|head| {
        let path = head.split(' ').nth(1).unwrap();
        if !head.contains("metadata-flavor: google\r\n") {
            return http("403 Forbidden", "");
        }
        let body = match path.strip_prefix("/computemetadata/v1/") {
            Some("instance/id") => "4520031799277581759",
            Some("instance/name") => "web-0",
            Some("instance/zone") => "projects/7/zones/europe-west1-b",
            Some("instance/machine-type") => "projects/7/machineTypes/e2-small",
            Some("project/project-id") => "shop-42",
            _ => return missing(),
        };
        http("200 OK", body)
    });
    let expected = Cloud {
        provider: Provider::Google,
        region: some("europe-west1"),
        availability_zone: some("europe-west1-b"),
        instance_id: some("4520031799277581759"),
        instance_name: some("web-0"),
        machine_type: some("e2-small"),
        account_id: None,
        project_id: some("shop-42"),
    };
    assert_eq!(asked(address, AMPLE), Some(expected));
}

#[test]
fn tells_a_machine_of_azure() {
    let address = serve(|head| {
        let path = "/metadata/instance/compute?api-version=2021-02-01&format=json ";
        if !head.contains(path) || !head.contains("metadata: true\r\n") {
            return missing();
        }
        let body = r#"{"azEnvironment":"AzurePublicCloud","location":"westeurope","name":"web-0",
            "subscriptionId":"11-22","tagsList":[],"vmId":"33-44","vmSize":"Standard_B2s","zone":""}"#;
        http("200 OK", body)
    });
    let expected = Cloud {
        provider: Provider::Azure,
        region: some("westeurope"),
        availability_zone: None,
        instance_id: some("33-44"),
        instance_name: some("web-0"),
        machine_type: some("Standard_B2s"),
        account_id: some("11-22"),
        project_id: None,
    };
    assert_eq!(asked(address, AMPLE), Some(expected));
}

#[test]
fn a_service_that_is_not_a_clouds_tells_nothing() {
    assert_eq!(asked(serve(|_| missing()), AMPLE), None);
    assert_eq!(asked(serve(|_| http("200 OK", "<html>")), AMPLE), None);
    // Without Google's own header, its paths could be anybody's.
    let plain = serve(|_| b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n7".to_vec());
    assert_eq!(asked(plain, AMPLE), None);
    let closed = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    assert_eq!(asked(closed, AMPLE), None);
}

#[test]
fn redirects_are_not_followed() {
    let target = serve(amazon);
    let address = serve(move |head| {
        let path = head.split(' ').nth(1).unwrap();
        format!("HTTP/1.1 307 T\r\nLocation: http://{target}{path}\r\nContent-Length: 0\r\n\r\n")
            .into_bytes()
    });
    assert_eq!(asked(address, AMPLE), None);
}

#[test]
fn silence_and_endless_answers_end_in_time() {
    let hung = TcpListener::bind("127.0.0.1:0").unwrap();
    let start = Instant::now();
    let short = Duration::from_millis(200);
    assert_eq!(asked(hung.local_addr().unwrap(), short), None);
    assert!(start.elapsed() >= short && start.elapsed() < short + Duration::from_secs(5));

    let endless = serve(|_| http("200 OK", &" ".repeat(2 << 20)));
    let start = Instant::now();
    assert_eq!(asked(endless, AMPLE), None);
    assert!(start.elapsed() < AMPLE / 2);
}

#[test]
fn long_values_and_control_characters_are_left_out() {
    let address = serve(|head| match head.contains("/document") {
        true => {
            let zone = "z".repeat(VALUE_BYTES + 1);
            let body = format!(
                r#"{{"instanceId":"i-0","region":"a\u0000b","availabilityZone":"{zone}"}}"#
            );
            http("200 OK", &body)
        }
        false => amazon(head),
    });
    let cloud = asked(address, AMPLE).unwrap();
    assert_eq!(cloud.instance_id.as_deref(), Some("i-0"));
    assert_eq!((cloud.region, cloud.availability_zone), (None, None));
}

#[test]
fn the_answer_comes_from_the_background() {
    let address = serve(amazon);
    let endpoints = Endpoints {
        aws: address,
        google: address,
        azure: address,
    };
    let (sender, answers) = mpsc::channel();
    let thread = ask_in_background(endpoints, move |cloud| sender.send(cloud).unwrap()).unwrap();
    let cloud = answers.recv_timeout(AMPLE).unwrap().unwrap();
    assert_eq!(cloud.provider.name(), "aws");
    thread.join().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn garbage_tells_nothing(bytes in proptest::collection::vec(any::<u8>(), 1..500)) {
        let address = serve(move |_| bytes.clone());
        prop_assert_eq!(asked(address, AMPLE), None);
    }

    #[test]
    fn garbage_in_a_document_tells_nothing(body in "[\\[\\]{}\":,0-9a-zA-Z]{0,200}") {
        let address = serve(move |head| match head.contains("/document") {
            true => http("200 OK", &body),
            false => amazon(head),
        });
        prop_assert_eq!(asked(address, AMPLE), None);
    }
}
