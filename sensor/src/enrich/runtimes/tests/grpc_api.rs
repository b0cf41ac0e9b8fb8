//! What is said over gRPC, well or badly.

use std::collections::HashMap;

use hyper::{
    HeaderMap, Response,
    body::Bytes,
    http::{HeaderValue, request::Parts},
};
use proptest::prelude::*;
use prost::Message;

use super::*;
use crate::enrich::runtimes::{
    containerd, cri,
    grpc::{NOT_FOUND, UNIMPLEMENTED},
};

const HASH: &str = "sha256:4bb46517cac397bdb0bab6eba09b0e1f8e90ddd17cf99662997c3253531136f8";
const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A method's name, the namespace that it is called in, and its message in; a message or a status
/// out.
type Reply = Result<Vec<u8>, u16>;

/// Serves gRPC on a thread.
fn serve(
    directory: &Directory,
    place: &str,
    reply: impl Fn(&str, &str, &[u8]) -> Reply + Send + 'static,
) {
    let listener = directory.listen(place);
    listener.set_nonblocking(true).unwrap();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::UnixListener::from_std(listener).unwrap();
            while let Ok((stream, _)) = listener.accept().await {
                serve_connection(stream, &reply).await;
            }
        });
    });
}

async fn serve_connection(
    stream: tokio::net::UnixStream,
    reply: &impl Fn(&str, &str, &[u8]) -> Reply,
) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((request, mut respond))) = connection.accept().await {
        // The connection moves only while it is polled, so a whole question is in its first frame.
        let (head, mut body) = request.into_parts();
        let asked = tokio::select! {
            asked = body.data() => asked.unwrap().unwrap(),
            _ = connection.accept() => return,
        };
        let (method, namespace) = names(&head);
        let reply = reply(&method, &namespace, &asked[5..]);
        let mut trailers = HeaderMap::new();
        let code = *reply.as_ref().err().unwrap_or(&0);
        trailers.insert("grpc-status", HeaderValue::from(code));
        let mut response = Response::new(());
        let Ok(message) = reply else {
            *response.headers_mut() = trailers;
            respond.send_response(response, true).unwrap();
            continue;
        };
        let length = u32::try_from(message.len()).unwrap();
        let frame = [&[0][..], &length.to_be_bytes(), &message].concat();
        let mut stream = respond.send_response(response, false).unwrap();
        stream.send_data(Bytes::from(frame), false).unwrap();
        stream.send_trailers(trailers).unwrap();
    }
}

fn names(head: &Parts) -> (String, String) {
    let namespace = head.headers.get("containerd-namespace");
    let namespace = namespace.map(|namespace| namespace.to_str().unwrap());
    let method = head.uri.path().rsplit('/').next().unwrap();
    (method.to_owned(), namespace.unwrap_or_default().to_owned())
}

fn labels(labels: &[(&str, &str)]) -> HashMap<String, String> {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    labels.iter().map(owned).collect()
}

fn image(image: &str) -> Option<cri::ImageSpec> {
    let image = image.to_owned();
    Some(cri::ImageSpec { image })
}

/// A runtime of Kubernetes with the container `a...` in the sandbox `b...`.
fn kubernetes(method: &str, message: &[u8]) -> Reply {
    let filter = || {
        cri::ListRequest::decode(message)
            .unwrap()
            .filter
            .unwrap()
            .id
    };
    match method {
        "ListContainers" => {
            let container = cri::Container {
                id: id('a'),
                pod_sandbox_id: id('b'),
                metadata: Some(cri::ContainerMetadata { name: "web".into() }),
                image: image(HASH),
                image_ref: HASH.to_owned(),
                labels: labels(&[("io.kubernetes.container.name", "web")]),
            };
            let containers = (filter() == id('a')).then_some(container);
            let containers = containers.into_iter().collect();
            Ok(cri::ListContainersResponse { containers }.encode_to_vec())
        }
        "ContainerStatus" => {
            let asked = cri::ContainerStatusRequest::decode(message).unwrap();
            let status = Some(cri::ContainerStatus {
                id: asked.container_id,
                image: image("docker.io/shop/web:7"),
                image_ref: format!("docker.io/shop/web@{DIGEST}"),
                image_id: HASH.to_owned(),
            });
            Ok(cri::ContainerStatusResponse { status }.encode_to_vec())
        }
        "ListPodSandbox" => {
            let sandbox = cri::Sandbox {
                id: id('b'),
                metadata: Some(cri::SandboxMetadata {
                    name: "web-0".into(),
                    uid: "11-22".into(),
                    namespace: "shop".into(),
                }),
                labels: labels(&[("app", "web"), ("io.kubernetes.pod.name", "web-0")]),
            };
            let items = (filter() == id('b')).then_some(sandbox);
            let items = items.into_iter().collect();
            Ok(cri::ListSandboxesResponse { items }.encode_to_vec())
        }
        _ => Err(UNIMPLEMENTED),
    }
}

/// A containerd without Kubernetes, with the container `redis` in some namespaces.
fn plain(method: &str, namespace: &str, message: &[u8], holders: &[&str]) -> Reply {
    let key = || containerd::ByKey::decode(message).unwrap().key;
    match method {
        "List" => {
            let namespace = |name: &str| containerd::Namespace { name: name.into() };
            let namespaces = ["default", "empty", "other"].map(namespace).into();
            Ok(containerd::ListNamespacesResponse { namespaces }.encode_to_vec())
        }
        "Get" if key() == "docker.io/library/redis:7" => {
            let target = Some(containerd::Descriptor {
                digest: DIGEST.into(),
            });
            let image = Some(containerd::Image { target });
            Ok(containerd::GetImageResponse { image }.encode_to_vec())
        }
        "Get" if holders.contains(&namespace) && key() == "redis" => {
            let container = Some(containerd::Container {
                id: key(),
                labels: labels(&[("nerdctl/name", "cache")]),
                image: "docker.io/library/redis:7".into(),
            });
            Ok(containerd::GetContainerResponse { container }.encode_to_vec())
        }
        "Get" => Err(NOT_FOUND),
        _ => Err(UNIMPLEMENTED),
    }
}

#[test]
fn tells_all_of_a_container_of_kubernetes() {
    for (place, runtime) in [
        ("containerd/containerd.sock", Runtime::Containerd),
        ("crio/crio.sock", Runtime::CriO),
    ] {
        let directory = Directory::new();
        serve(&directory, place, |method, _, message| {
            kubernetes(method, message)
        });
        let details = ask(&directory, &id('a')).unwrap();
        assert_eq!(details.runtime, runtime);
        assert_eq!(details.name.as_deref(), Some("web"));
        assert_eq!(details.image_name.as_deref(), Some("docker.io/shop/web"));
        assert_eq!(details.image_tag.as_deref(), Some("7"));
        assert_eq!(details.image_hashes, [DIGEST, HASH]);
        assert_eq!(details.labels.len(), 1);
        let pod = details.pod.as_ref().unwrap();
        assert_eq!(pod.namespace.as_deref(), Some("shop"));
        assert_eq!(pod.name.as_deref(), Some("web-0"));
        assert_eq!(pod.uid.as_deref(), Some("11-22"));
        assert_eq!(pod.labels, [("app".to_owned(), "web".to_owned())]);
    }
}

#[test]
fn tells_the_pod_of_a_sandbox_and_knows_what_it_does_not() {
    let directory = Directory::new();
    serve(&directory, "crio/crio.sock", |method, _, message| {
        kubernetes(method, message)
    });
    let asked = Asked::start(&directory, AMPLE);
    let details = asked.ask(&id('b')).unwrap();
    assert_eq!(details.name, None);
    assert_eq!(details.image_name, None);
    let pod = details.pod.as_ref().unwrap();
    assert_eq!(pod.name.as_deref(), Some("web-0"));
    assert_eq!(asked.ask(&id('c')), Err(Why::NotFound));
}

#[test]
fn tells_of_a_container_of_containerd_itself() {
    let directory = Directory::new();
    serve(
        &directory,
        "containerd/containerd.sock",
        |method, namespace, message| plain(method, namespace, message, &["other"]),
    );
    let asked = Asked::start(&directory, AMPLE);
    let details = asked.ask("redis").unwrap();
    assert_eq!(details.name.as_deref(), Some("cache"));
    assert_eq!(
        details.image_name.as_deref(),
        Some("docker.io/library/redis")
    );
    assert_eq!(details.image_tag.as_deref(), Some("7"));
    assert_eq!(details.image_hashes, [DIGEST]);
    assert_eq!(details.pod, None);
    assert_eq!(asked.ask("postgres"), Err(Why::NotFound));
}

#[test]
fn an_id_of_two_namespaces_is_nobodys() {
    let directory = Directory::new();
    serve(
        &directory,
        "containerd/containerd.sock",
        |method, namespace, message| plain(method, namespace, message, &["default", "other"]),
    );
    let asked = Asked::start(&directory, AMPLE);
    let why = asked.ask("redis").unwrap_err();
    assert_eq!(why, Why::Failed(Failure::Ambiguous));
    assert_eq!(asked.failures().ambiguous, 1);
}

#[test]
fn another_containers_details_are_nobodys() {
    // Each of the three answers in turn is that of a liar.
    for liar in ["ListContainers", "ContainerStatus", "ListPodSandbox"] {
        let directory = Directory::new();
        serve(&directory, "crio/crio.sock", move |method, _, message| {
            let reply = kubernetes(method, message)?;
            if method != liar {
                return Ok(reply);
            }
            // The first id of each of them is its subject's.
            let mut lie = reply;
            let start = lie.windows(64).position(|id| id[0] == id[63]).unwrap();
            lie[start] = b'd';
            Ok(lie)
        });
        let why = ask(&directory, &id('a')).unwrap_err();
        assert_eq!(why, Why::Failed(Failure::WrongContainer), "{liar}");
    }
}

#[test]
fn refusals_and_silence_are_told() {
    let directory = Directory::new();
    serve(&directory, "crio/crio.sock", |_, _, _| Err(7));
    let asked = Asked::start(&directory, AMPLE);
    for _ in 0..FAILURES + 1 {
        let why = asked.ask(&id('a')).unwrap_err();
        assert_eq!(why, Why::Failed(Failure::Rejected(7)));
    }
    assert_eq!(asked.failures().rejected, u64::from(FAILURES) + 1);

    let directory = Directory::new();
    let hung = directory.listen("crio/crio.sock");
    let asked = Asked::start(&directory, Duration::from_millis(200));
    let why = asked.ask(&id('a')).unwrap_err();
    assert_eq!(why, Why::Failed(Failure::TimedOut));
    drop(hung);

    let directory = Directory::new();
    directory.serve("crio/crio.sock", drop);
    let why = ask(&directory, &id('a')).unwrap_err();
    assert_eq!(why, Why::Failed(Failure::Closed));
}

#[test]
fn an_answer_over_the_bound_is_given_up() {
    let directory = Directory::new();
    serve(&directory, "crio/crio.sock", |_, _, _| Ok(vec![0; 2 << 20]));
    let why = ask(&directory, &id('a')).unwrap_err();
    assert_eq!(why, Why::Failed(Failure::TooLarge));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn garbage_is_no_answer(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let directory = Directory::new();
        directory.serve("crio/crio.sock", move |mut stream| {
            let _ = stream.write_all(&bytes);
            let _ = stream.read(&mut [0; 64]);
        });
        let why = ask(&directory, &id('a')).unwrap_err();
        prop_assert!(matches!(why, Why::Failed(Failure::Malformed | Failure::Closed)), "{why:?}");
    }

    #[test]
    fn garbage_in_a_message_is_no_container(bytes in proptest::collection::vec(any::<u8>(), 0..99)) {
        let directory = Directory::new();
        serve(&directory, "crio/crio.sock", move |_, _, _| Ok(bytes.clone()));
        let why = ask(&directory, &id('a')).unwrap_err();
        let expected = [
            Why::NotFound,
            Why::Failed(Failure::Malformed),
            Why::Failed(Failure::WrongContainer),
        ];
        prop_assert!(expected.contains(&why), "{why:?}");
    }
}
