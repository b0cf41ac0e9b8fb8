//! The Docker API (`GET /containers/ID/json`), which Podman speaks too.

use std::time::Instant;

use http_body_util::Empty;
use hyper::{Request, StatusCode, body::Bytes};
use serde::Deserialize;
use tokio::{net::UnixStream, time::timeout_at};

use super::{Details, Failure, Runtime, details::Labels};
use crate::enrich::http::{Connection, Reply};

/// A header of Podman alone. `podman-docker` puts its socket where Docker's would be.
const OF_PODMAN: &str = "libpod-api-version";

/// What is known of a container.
pub(super) struct Found {
    /// None if the container is not known there.
    pub(super) details: Option<Details>,
    /// Why its image's digests at the registries are not among them, if asking for them failed.
    pub(super) without_digests: Option<Failure>,
}

/// Asks about a container by its whole id.
pub(super) async fn ask(
    stream: UnixStream,
    runtime: Runtime,
    id: &str,
    deadline: Instant,
) -> Result<Found, Failure> {
    let container = async {
        let mut connection = Connection::open(stream).await?;
        let found = container(&mut connection, runtime, id).await?;
        Ok((connection, found))
    };
    let container = timeout_at(deadline.into(), container).await;
    let (mut connection, mut details) = container.unwrap_or(Err(Failure::TimedOut))?;
    // What is known already is told, whatever becomes of this.
    let digests = async {
        match &mut details {
            Some(details) => add_digests(&mut connection, details).await,
            None => Ok(()),
        }
    };
    let digests = timeout_at(deadline.into(), digests).await;
    let without_digests = digests.unwrap_or(Err(Failure::TimedOut)).err();
    Ok(Found {
        details,
        without_digests,
    })
}

async fn container(
    connection: &mut Connection,
    runtime: Runtime,
    id: &str,
) -> Result<Option<Details>, Failure> {
    let reply = get(connection, &format!("/containers/{id}/json")).await?;
    if reply.status == StatusCode::NOT_FOUND {
        return Ok(None);
    }
    let container: Container = read(&reply)?;
    if container.id != id {
        return Err(Failure::WrongContainer);
    }
    let runtime = if reply.headers.contains_key(OF_PODMAN) {
        Runtime::Podman
    } else {
        runtime
    };
    Ok(Some(details(runtime, container)))
}

/// The image's digests at its registries; the container itself tells the image's local id only.
async fn add_digests(connection: &mut Connection, details: &mut Details) -> Result<(), Failure> {
    let Some(id) = details.image_hashes.first() else {
        return Ok(());
    };
    let reply = get(connection, &format!("/images/{id}/json")).await?;
    // The image can be gone while its container runs.
    if reply.status == StatusCode::NOT_FOUND {
        return Ok(());
    }
    let image: Image = read(&reply)?;
    for reference in image.repo_digests.unwrap_or_default() {
        // Only the digest: the name is that which the container was made with.
        if let Some((_, digest)) = reference.rsplit_once('@') {
            details.add_image_hash(digest);
        }
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    id: String,
    #[serde(default)]
    name: String,
    /// The image's id.
    #[serde(default)]
    image: String,
    config: Option<Config>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Config {
    /// The reference that the container was made with, or a part of the image's id.
    image: Option<String>,
    labels: Option<Labels>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Image {
    repo_digests: Option<Vec<String>>,
}

async fn get(connection: &mut Connection, path: &str) -> Result<Reply, Failure> {
    let request = Request::get(path)
        .header("Host", "localhost")
        .body(Empty::<Bytes>::new())
        .map_err(|_| Failure::Malformed)?;
    connection.ask(request).await
}

fn read<'a, T: Deserialize<'a>>(reply: &'a Reply) -> Result<T, Failure> {
    if reply.status != StatusCode::OK {
        return Err(Failure::Rejected(reply.status.as_u16()));
    }
    serde_json::from_slice(&reply.body).map_err(|_| Failure::Malformed)
}

fn details(runtime: Runtime, container: Container) -> Details {
    let mut details = Details::new(runtime);
    details.set_name(container.name.strip_prefix('/').unwrap_or(&container.name));
    details.add_image_hash(&container.image);
    if let Some(config) = container.config {
        let reference = config.image.unwrap_or_default();
        let id = container.image.strip_prefix("sha256:");
        // An image that was named by its id has no name.
        if !id.unwrap_or(&container.image).starts_with(&reference) {
            details.add_image(&reference);
        }
        details.set_labels(config.labels.unwrap_or_default());
    }
    details
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HASH: &str = "sha256:4bb46517cac397bdb0bab6eba09b0e1f8e90ddd17cf99662997c3253531136f8";

    fn read_json(json: &str) -> Details {
        details(Runtime::Docker, serde_json::from_str(json).unwrap())
    }

    #[test]
    fn reads_what_docker_says() {
        let details = read_json(&format!(
            r#"{{"Id":"x","Created":"2024-01-01T00:00:00Z","Args":["-g"],"Name":"/web","Image":"{HASH}",
            "State":{{"Pid":7}},"Config":{{"Image":"nginx:1.25","Labels":{{"b":"2","a":"1"}}}}}}"#
        ));
        assert_eq!(details.name.as_deref(), Some("web"));
        assert_eq!(details.image_name.as_deref(), Some("nginx"));
        assert_eq!(details.image_tag.as_deref(), Some("1.25"));
        assert_eq!(details.image_hashes, [HASH]);
        let labels = [("a", "1"), ("b", "2")].map(|(key, value)| (key.into(), value.into()));
        assert_eq!(details.labels, labels);
        assert_eq!(details.pod, None);
    }

    #[test]
    fn an_image_named_by_its_id_has_no_name() {
        for reference in ["4bb46517cac3", HASH, ""] {
            let details = read_json(&format!(
                r#"{{"Id":"x","Image":"{HASH}","Config":{{"Image":"{reference}","Labels":null}}}}"#
            ));
            assert_eq!(details.image_name, None, "{reference}");
            assert_eq!(details.image_hashes, [HASH]);
        }
    }

    proptest! {
        #[test]
        fn never_panics(name: String, image: String, reference: String) {
            let container = Container {
                id: String::new(),
                name,
                image,
                config: Some(Config { image: Some(reference), labels: None }),
            };
            details(Runtime::Podman, container);
        }
    }
}
