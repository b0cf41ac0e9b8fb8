//! The machine's own name in the cloud that it is rented from.
//!
//! It is asked for once, at the start, where the user wants it. The metadata services of AWS, Google
//! Cloud and Azure all listen on a link-local address that no router passes on; they are asked at
//! the same time, and the first that answers as its own cloud does is believed. On a network that
//! is not a cloud's, somebody else can answer there: this is why it is off unless the user wants it.
//!
//! Only the few values that are told are asked for, since what else is there may be secret.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    thread,
    time::Duration,
};

use http_body_util::Empty;
use hyper::{Method, StatusCode, body::Bytes, http::request::Builder};
use serde::{Deserialize, Serialize};
use tokio::{net::TcpStream, task::JoinSet, time::timeout};

use super::{
    http::{Connection, Reply},
    runtimes::Failure,
};

/// How long all of them have to answer.
pub const TIME_OUT: Duration = Duration::from_secs(2);

/// Bytes of a value; a longer one is left out.
pub const VALUE_BYTES: usize = 256;

/// Where the metadata services listen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// That of AWS.
    pub aws: SocketAddr,
    /// That of Google Cloud.
    pub google: SocketAddr,
    /// That of Azure.
    pub azure: SocketAddr,
}

/// Who rents out the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Amazon Web Services.
    Aws,
    /// Google Cloud.
    Google,
    /// Microsoft Azure.
    Azure,
}

/// What a cloud says of this machine. What it does not say is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cloud {
    /// Who said it.
    pub provider: Provider,
    /// The region.
    pub region: Option<String>,
    /// The zone within the region.
    pub availability_zone: Option<String>,
    /// The machine's id.
    pub instance_id: Option<String>,
    /// The machine's name.
    pub instance_name: Option<String>,
    /// The machine's type.
    pub machine_type: Option<String>,
    /// The account, or Azure's subscription.
    pub account_id: Option<String>,
    /// Google's project.
    pub project_id: Option<String>,
}

impl Default for Endpoints {
    fn default() -> Self {
        let address = SocketAddr::from((Ipv4Addr::new(169, 254, 169, 254), 80));
        Self {
            aws: address,
            google: address,
            azure: address,
        }
    }
}

impl Provider {
    /// Its name in ECS's `cloud.provider`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Google => "gcp",
            Self::Azure => "azure",
        }
    }
}

/// Asks all of them; none if none answers in time.
pub async fn ask(endpoints: Endpoints, time_out: Duration) -> Option<Cloud> {
    let mut asked = JoinSet::new();
    asked.spawn(aws(endpoints.aws));
    asked.spawn(google(endpoints.google));
    asked.spawn(azure(endpoints.azure));
    let first = async {
        while let Some(answer) = asked.join_next().await {
            if let Ok(Ok(cloud)) = answer {
                return Some(cloud);
            }
        }
        None
    };
    timeout(time_out, first).await.ok().flatten()
}

/// Asks all of them on a thread of its own, which ends with the answer.
///
/// # Errors
///
/// If the thread cannot be started.
pub fn ask_in_background(
    endpoints: Endpoints,
    answer: impl FnOnce(Option<Cloud>) + Send + 'static,
) -> io::Result<thread::JoinHandle<()>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()?;
    thread::Builder::new()
        .name("cloud".to_owned())
        .spawn(move || answer(runtime.block_on(ask(endpoints, TIME_OUT))))
}

/// With a token, as version 2 of the service wants it.
async fn aws(address: SocketAddr) -> Result<Cloud, Failure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Identity {
        account_id: Option<String>,
        region: Option<String>,
        availability_zone: Option<String>,
        instance_id: String,
        instance_type: Option<String>,
    }

    let mut service = Service::open(address).await?;
    let lifetime = ("X-aws-ec2-metadata-token-ttl-seconds", "60");
    let token = service
        .ask(Method::PUT, "/latest/api/token", lifetime)
        .await?;
    let token = text(&token).ok_or(Failure::Malformed)?;
    let token = ("X-aws-ec2-metadata-token", token.as_str());
    let identity = "/latest/dynamic/instance-identity/document";
    let identity: Identity = json(&service.ask(Method::GET, identity, token).await?)?;
    // The owner decides whether the machine may read its own tags.
    let name = "/latest/meta-data/tags/instance/Name";
    let name = match service.ask(Method::GET, name, token).await {
        Ok(name) => text(&name),
        Err(Failure::Rejected(_)) => None,
        Err(failure) => return Err(failure),
    };
    Ok(Cloud {
        provider: Provider::Aws,
        region: value(identity.region),
        availability_zone: value(identity.availability_zone),
        instance_id: value(Some(identity.instance_id)),
        instance_name: name,
        machine_type: value(identity.instance_type),
        account_id: value(identity.account_id),
        project_id: None,
    })
}

async fn google(address: SocketAddr) -> Result<Cloud, Failure> {
    let mut service = Service::open(address).await?;
    let mut values = Vec::new();
    for path in [
        "/computeMetadata/v1/instance/id",
        "/computeMetadata/v1/instance/name",
        "/computeMetadata/v1/instance/zone",
        "/computeMetadata/v1/instance/machine-type",
        "/computeMetadata/v1/project/project-id",
    ] {
        let flavor = ("Metadata-Flavor", "Google");
        let reply = service.ask(Method::GET, path, flavor).await?;
        let theirs = reply.headers.get(flavor.0);
        if theirs.is_none_or(|theirs| theirs != flavor.1) {
            return Err(Failure::Malformed);
        }
        // Some are paths: `projects/7/zones/europe-west1-b`.
        let last = text(&reply).and_then(|text| text.rsplit('/').next().map(str::to_owned));
        values.push(value(last));
    }
    let Ok([id, name, zone, machine_type, project]) = <[_; 5]>::try_from(values) else {
        return Err(Failure::Malformed);
    };
    // Anybody can send the header back; an id is a number.
    let is_number = |id: &String| id.bytes().all(|byte| byte.is_ascii_digit());
    if !id.as_ref().is_some_and(is_number) {
        return Err(Failure::Malformed);
    }
    let region = zone.as_deref().and_then(|zone| zone.rsplit_once('-'));
    Ok(Cloud {
        provider: Provider::Google,
        region: region.map(|(region, _)| region.to_owned()),
        availability_zone: zone,
        instance_id: id,
        instance_name: name,
        machine_type,
        account_id: None,
        project_id: project,
    })
}

async fn azure(address: SocketAddr) -> Result<Cloud, Failure> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Compute {
        location: Option<String>,
        zone: Option<String>,
        vm_id: String,
        name: Option<String>,
        vm_size: Option<String>,
        subscription_id: Option<String>,
    }

    let mut service = Service::open(address).await?;
    let path = "/metadata/instance/compute?api-version=2021-02-01&format=json";
    let reply = service.ask(Method::GET, path, ("Metadata", "true")).await?;
    let compute: Compute = json(&reply)?;
    Ok(Cloud {
        provider: Provider::Azure,
        region: value(compute.location),
        availability_zone: value(compute.zone),
        instance_id: value(Some(compute.vm_id)),
        instance_name: value(compute.name),
        machine_type: value(compute.vm_size),
        account_id: value(compute.subscription_id),
        project_id: None,
    })
}

/// A connection to a metadata service.
struct Service {
    connection: Connection,
    host: String,
}

impl Service {
    async fn open(address: SocketAddr) -> Result<Self, Failure> {
        let stream = TcpStream::connect(address).await;
        let stream = stream.map_err(|_| Failure::Unreachable)?;
        // As a browser names the host: the usual port is not mentioned.
        let host = match address.port() {
            80 => address.ip().to_string(),
            _ => address.to_string(),
        };
        Ok(Self {
            connection: Connection::open(stream).await?,
            host,
        })
    }

    /// Asks for a path, with the header that a page in a browser could not send. A redirect is a
    /// rejection as any other.
    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        (header, value): (&str, &str),
    ) -> Result<Reply, Failure> {
        let request = Builder::new()
            .method(method)
            .uri(path)
            .header("Host", &self.host)
            .header(header, value)
            .body(Empty::<Bytes>::new())
            .map_err(|_| Failure::Malformed)?;
        let reply = self.connection.ask(request).await?;
        if reply.status != StatusCode::OK {
            return Err(Failure::Rejected(reply.status.as_u16()));
        }
        Ok(reply)
    }
}

fn json<'a, T: Deserialize<'a>>(reply: &'a Reply) -> Result<T, Failure> {
    serde_json::from_slice(&reply.body).map_err(|_| Failure::Malformed)
}

/// A body that is one value.
fn text(reply: &Reply) -> Option<String> {
    let text = std::str::from_utf8(&reply.body).ok()?;
    value(Some(text.trim().to_owned()))
}

/// A value, if it can be one: short, and without control characters.
fn value(text: Option<String>) -> Option<String> {
    text.filter(|text| {
        !text.is_empty() && text.len() <= VALUE_BYTES && !text.contains(char::is_control)
    })
}

#[cfg(test)]
mod tests;
