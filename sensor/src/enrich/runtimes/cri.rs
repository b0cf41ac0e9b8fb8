//! Version 1 of Kubernetes' Container Runtime Interface, which containerd and CRI-O serve.
//!
//! The messages have the fields that are used; the numbers are those of `runtime.v1`.

use std::collections::HashMap;

use super::{Details, Failure, Runtime, details::Labels, grpc::Client};

/// Asks about a container or a pod's sandbox by its whole id; none if it is not known there.
pub(super) async fn ask(
    client: &mut Client,
    runtime: Runtime,
    id: &str,
) -> Result<Option<Details>, Failure> {
    // A list with a filter is empty where a status would be an error of any kind.
    let request = ListRequest::of(id);
    let method = "/runtime.v1.RuntimeService/ListContainers";
    let found: ListContainersResponse = client.call(method, None, &request).await?;
    if found.containers.is_empty() {
        let Some(sandbox) = sandbox(client, id).await? else {
            return Ok(None);
        };
        let mut details = Details::new(runtime);
        sandbox.describe(&mut details);
        return Ok(Some(details));
    }
    let mut containers = found.containers.into_iter();
    let container = containers
        .find(|container| container.id == id)
        .ok_or(Failure::WrongContainer)?;

    let mut details = Details::new(runtime);
    details.set_name(&container.metadata.unwrap_or_default().name);
    // Kubernetes makes containers by the image's digest; the status has its name again.
    if let Some(status) = status(client, id).await? {
        details.add_image(&status.image.unwrap_or_default().image);
        details.add_image(&status.image_ref);
        details.add_image_hash(&status.image_id);
    }
    details.add_image(&container.image.unwrap_or_default().image);
    details.add_image(&container.image_ref);
    details.set_labels(Labels::sorted(container.labels));
    if !container.pod_sandbox_id.is_empty()
        && let Some(sandbox) = sandbox(client, &container.pod_sandbox_id).await?
    {
        sandbox.describe(&mut details);
    }
    Ok(Some(details))
}

async fn status(client: &mut Client, id: &str) -> Result<Option<ContainerStatus>, Failure> {
    let request = ContainerStatusRequest {
        container_id: id.to_owned(),
    };
    let method = "/runtime.v1.RuntimeService/ContainerStatus";
    match client
        .call::<ContainerStatusResponse>(method, None, &request)
        .await
    {
        Ok(response) => match response.status {
            Some(status) if status.id == id => Ok(Some(status)),
            _ => Err(Failure::WrongContainer),
        },
        // Removed meanwhile.
        Err(Failure::Rejected(_)) => Ok(None),
        Err(failure) => Err(failure),
    }
}

async fn sandbox(client: &mut Client, id: &str) -> Result<Option<Sandbox>, Failure> {
    let method = "/runtime.v1.RuntimeService/ListPodSandbox";
    let found: ListSandboxesResponse = client.call(method, None, &ListRequest::of(id)).await?;
    if found.items.is_empty() {
        return Ok(None);
    }
    let mut items = found.items.into_iter();
    let sandbox = items.find(|sandbox| sandbox.id == id);
    sandbox.map(Some).ok_or(Failure::WrongContainer)
}

impl Sandbox {
    fn describe(self, details: &mut Details) {
        let pod = self.metadata.unwrap_or_default();
        let labels = Labels::sorted(self.labels);
        details.set_pod(&pod.namespace, &pod.name, &pod.uid, labels);
    }
}

impl ListRequest {
    fn of(id: &str) -> Self {
        let id = id.to_owned();
        Self {
            filter: Some(Filter { id }),
        }
    }
}

/// Of containers, or of sandboxes: they have the same first field.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct ListRequest {
    #[prost(message, tag = "1")]
    pub(super) filter: Option<Filter>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct Filter {
    #[prost(string, tag = "1")]
    pub(super) id: String,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct ListContainersResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) containers: Vec<Container>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct Container {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(string, tag = "2")]
    pub(super) pod_sandbox_id: String,
    #[prost(message, tag = "3")]
    pub(super) metadata: Option<ContainerMetadata>,
    #[prost(message, tag = "4")]
    pub(super) image: Option<ImageSpec>,
    #[prost(string, tag = "5")]
    pub(super) image_ref: String,
    #[prost(map = "string, string", tag = "8")]
    pub(super) labels: HashMap<String, String>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct ContainerMetadata {
    #[prost(string, tag = "1")]
    pub(super) name: String,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct ImageSpec {
    #[prost(string, tag = "1")]
    pub(super) image: String,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct ContainerStatusRequest {
    #[prost(string, tag = "1")]
    pub(super) container_id: String,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct ContainerStatusResponse {
    #[prost(message, tag = "1")]
    pub(super) status: Option<ContainerStatus>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct ContainerStatus {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(message, tag = "8")]
    pub(super) image: Option<ImageSpec>,
    #[prost(string, tag = "9")]
    pub(super) image_ref: String,
    #[prost(string, tag = "17")]
    pub(super) image_id: String,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct ListSandboxesResponse {
    #[prost(message, repeated, tag = "1")]
    pub(super) items: Vec<Sandbox>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct Sandbox {
    #[prost(string, tag = "1")]
    pub(super) id: String,
    #[prost(message, tag = "2")]
    pub(super) metadata: Option<SandboxMetadata>,
    #[prost(map = "string, string", tag = "5")]
    pub(super) labels: HashMap<String, String>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct SandboxMetadata {
    #[prost(string, tag = "1")]
    pub(super) name: String,
    #[prost(string, tag = "2")]
    pub(super) uid: String,
    #[prost(string, tag = "3")]
    pub(super) namespace: String,
}
