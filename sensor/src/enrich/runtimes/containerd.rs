//! containerd's own API, for containers that were not made through the Container Runtime
//! Interface: those of `nerdctl` and `ctr`, and Docker's where its socket cannot be asked.
//!
//! The messages have the fields that are used; the numbers are those of `containerd.services`.

use std::collections::HashMap;

use super::{
    Details, Failure, Runtime,
    details::Labels,
    grpc::{Client, NOT_FOUND},
};

/// Namespaces that are looked into; containers of further ones are not found.
const NAMESPACES: usize = 32;

/// Asks about a container by its whole id; none if it is not known there.
pub(super) async fn ask(client: &mut Client, id: &str) -> Result<Option<Details>, Failure> {
    let method = "/containerd.services.namespaces.v1.Namespaces/List";
    let known: ListNamespacesResponse = client.call(method, None, &Nothing {}).await?;
    let mut found = None;
    for namespace in known.namespaces.into_iter().take(NAMESPACES) {
        let Some(container) = container(client, &namespace.name, id).await? else {
            continue;
        };
        // An id is unique in its namespace only, and a cgroup does not name that.
        if found.replace((namespace.name, container)).is_some() {
            return Err(Failure::Ambiguous);
        }
    }
    let Some((namespace, container)) = found else {
        return Ok(None);
    };
    let mut details = Details::new(Runtime::Containerd);
    let labels = Labels::sorted(container.labels);
    details.set_name(labels.get("nerdctl/name").unwrap_or_default());
    details.set_labels(labels);
    details.add_image(&container.image);
    if !container.image.is_empty()
        && let Some(digest) = image_digest(client, &namespace, container.image).await?
    {
        details.add_image_hash(&digest);
    }
    Ok(Some(details))
}

async fn container(
    client: &mut Client,
    namespace: &str,
    id: &str,
) -> Result<Option<Container>, Failure> {
    let method = "/containerd.services.containers.v1.Containers/Get";
    let request = ByKey { key: id.to_owned() };
    let found = client
        .call::<GetContainerResponse>(method, Some(namespace), &request)
        .await;
    match found {
        Ok(response) => match response.container {
            Some(container) if container.id == id => Ok(Some(container)),
            _ => Err(Failure::WrongContainer),
        },
        Err(Failure::Rejected(NOT_FOUND)) => Ok(None),
        Err(failure) => Err(failure),
    }
}

async fn image_digest(
    client: &mut Client,
    namespace: &str,
    name: String,
) -> Result<Option<String>, Failure> {
    let method = "/containerd.services.images.v1.Images/Get";
    let request = ByKey { key: name };
    let found = client
        .call::<GetImageResponse>(method, Some(namespace), &request)
        .await;
    match found {
        Ok(response) => {
            let target = response.image.unwrap_or_default().target;
            Ok(target.map(|target| target.digest))
        }
        // The image can be gone while its container runs.
        Err(Failure::Rejected(_)) => Ok(None),
        Err(failure) => Err(failure),
    }
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct Nothing {}

/// The request for a container by its id, and for an image by its name.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct ByKey {
    #[prost(string, tag = "1")]
    pub(super) key: String,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct ListNamespacesResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) namespaces: Vec<Namespace>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct Namespace {
    #[prost(string, tag = "1")]
    pub(super) name: String,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct GetContainerResponse {
    #[prost(message, tag = "1")]
    pub(super) container: Option<Container>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct Container {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(map = "string, string", tag = "2")]
    pub(super) labels: HashMap<String, String>,
    #[prost(string, tag = "3")]
    pub(super) image: String,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct GetImageResponse {
    #[prost(message, tag = "1")]
    pub(super) image: Option<Image>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct Image {
    #[prost(message, tag = "3")]
    pub(super) target: Option<Descriptor>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct Descriptor {
    #[prost(string, tag = "2")]
    pub(super) digest: String,
}
