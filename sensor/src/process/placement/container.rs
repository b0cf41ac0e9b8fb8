//! Containers and pods in a path, one name at a time.

use super::{Container, Pod, Runtime, systemd};

/// What a name in a path is.
#[derive(Debug)]
pub(super) enum Part {
    /// What is below is in this container.
    Container(Container),
    /// What is below belongs to this pod.
    Pod(Pod),
    /// Both in one name.
    ContainerOfPod(Container, Pod),
    /// Understood, and no container.
    Other,
    /// It cannot be told.
    Unknown,
}

/// What is known when a name is reached.
#[derive(Debug, Default)]
pub(super) struct Surroundings<'a> {
    /// The name above it; empty at the root.
    above: &'a str,
    region: Region,
}

/// A directory that gives what is below it a meaning, until a container begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Region {
    #[default]
    None,
    Kubernetes,
    Ecs,
    Garden,
    Podman,
    Machine,
    Outside,
}

impl<'a> Surroundings<'a> {
    /// Goes into a directory.
    pub(super) fn enter(&mut self, name: &'a str, part: &Part) {
        self.above = name;
        if matches!(part, Part::Container(_) | Part::ContainerOfPod(..)) {
            self.region = Region::None;
            return;
        }
        self.region = match name {
            "kubepods" => Region::Kubernetes,
            "ecs" => Region::Ecs,
            "garden" => Region::Garden,
            "libpod_parent" => Region::Podman,
            "kata_overhead" | "lxc.monitor" => Region::Outside,
            _ if machine(name).is_some() => Region::Machine,
            _ => self.region,
        };
    }
}

/// What the next name is.
pub(super) fn part(name: &str, surroundings: &Surroundings) -> Part {
    if surroundings.region == Region::Outside {
        return Part::Other;
    }
    if let Some(part) = colons(name) {
        return part;
    }
    if let Some(container) = scope(name)
        .or_else(|| digits(name, surroundings))
        .or_else(|| lxc(name, surroundings.above))
        .or_else(|| nspawn(name, surroundings.above))
        .or_else(|| in_region(name, surroundings))
    {
        return Part::Container(container);
    }
    if let Some(pod) = pod_slice(name).or_else(|| pod_directory(name, surroundings.region)) {
        return Part::Pod(pod);
    }
    if is_understood(name, surroundings) {
        Part::Other
    } else {
        Part::Unknown
    }
}

fn container(id: &str, runtime: Option<Runtime>) -> Container {
    Container {
        id: id.into(),
        runtime,
    }
}

/// `PREFIX-ID.scope`; without systemd, some runtimes have directories named `PREFIX-ID`.
fn scope(name: &str) -> Option<Container> {
    let stem = name.strip_suffix(".scope");
    let (prefix, id) = stem.unwrap_or(name).rsplit_once('-')?;
    if is_id(id) {
        let known = runtime_of(prefix);
        let is_container = known.is_some() || (stem.is_some() && !is_outside(prefix));
        return is_container.then(|| container(id, known));
    }
    let stem = stem?;
    // By hand, the id is of the user's choice.
    for (prefix, runtime) in [("runc-", Runtime::Runc), ("crun-", Runtime::Crun)] {
        if let Some(id) = stem.strip_prefix(prefix).filter(|id| is_chosen_name(id)) {
            return Some(container(id, Some(runtime)));
        }
    }
    let id = stem.strip_prefix("buildkit-").filter(|id| is_build(id))?;
    Some(container(id, Some(Runtime::Buildkit)))
}

fn runtime_of(prefix: &str) -> Option<Runtime> {
    Some(match prefix {
        "docker" => Runtime::Docker,
        "cri-containerd" | "nerdctl" => Runtime::Containerd,
        "crio" => Runtime::CriO,
        "libpod" | "libpod-payload" => Runtime::Podman,
        "runc" => Runtime::Runc,
        "crun" => Runtime::Crun,
        _ => return None,
    })
}

/// What holds a container from outside has the container's id, too.
fn is_outside(prefix: &str) -> bool {
    prefix
        .split('-')
        .any(|word| matches!(word, "conmon" | "monitor" | "supervisor"))
}

/// `SLICE:PREFIX:ID`: a path for systemd, given to a runtime that makes a directory of it.
fn colons(name: &str) -> Option<Part> {
    let mut fields = name.split(':');
    let (slice, prefix, id) = (fields.next()?, fields.next()?, fields.next()?);
    let valid = fields.next().is_none()
        && (slice.is_empty() || systemd::slice(slice).is_some())
        && is_id(id)
        && !is_outside(prefix);
    if !valid {
        return None;
    }
    let container = container(id, runtime_of(prefix));
    Some(match pod_slice(slice) {
        Some(pod) => Part::ContainerOfPod(container, pod),
        None => Part::Container(container),
    })
}

/// A directory named by an id.
fn digits(name: &str, surroundings: &Surroundings) -> Option<Container> {
    let runtime = match (surroundings.region, surroundings.above) {
        // The agent of ECS drives nothing else.
        (Region::Ecs, _) | (_, "docker" | "moby") => Some(Runtime::Docker),
        (_, "k8s.io" | "default") => Some(Runtime::Containerd),
        (Region::Podman, _) => Some(Runtime::Podman),
        _ => None,
    };
    is_id(name).then(|| container(name, runtime))
}

fn lxc(name: &str, above: &str) -> Option<Container> {
    let id = match above {
        "lxc" | "lxc.payload" => name,
        _ => name.strip_prefix("lxc.payload.")?,
    };
    let is_container = is_chosen_name(id) && !id.starts_with("lxc.");
    is_container.then(|| container(id, Some(Runtime::Lxc)))
}

fn nspawn(name: &str, above: &str) -> Option<Container> {
    let machine = machine(above).filter(|_| name == "payload")?;
    let id = unescape(machine).filter(|id| is_chosen_name(id))?;
    Some(container(&id, Some(Runtime::SystemdNspawn)))
}

/// The name of the machine that a unit of systemd-nspawn or machined is for, escaped.
fn machine(name: &str) -> Option<&str> {
    let unit = systemd::unit(name)?;
    let scope = || unit.strip_prefix("machine-")?.strip_suffix(".scope");
    unit.strip_prefix("systemd-nspawn@")
        .and_then(|rest| rest.strip_suffix(".service"))
        .or_else(scope)
}

fn in_region(name: &str, surroundings: &Surroundings) -> Option<Container> {
    match (surroundings.region, surroundings.above) {
        (Region::Ecs, _) if is_fargate(name) => Some(container(name, None)),
        (Region::Garden, "garden" | "good" | "bad") if is_handle(name) => {
            Some(container(name, Some(Runtime::Garden)))
        }
        (_, "buildkit") if is_build(name) => Some(container(name, Some(Runtime::Buildkit))),
        _ => None,
    }
}

/// `kubepods-QUALITY-podUID.slice`, with anything before it.
fn pod_slice(name: &str) -> Option<Pod> {
    let (before, uid) = name.strip_suffix(".slice")?.rsplit_once("-pod")?;
    if !before.split('-').any(|word| word == "kubepods") {
        return None;
    }
    // A dash stands for a slice in a slice.
    pod(&uid.replace('_', "-"))
}

fn pod_directory(name: &str, region: Region) -> Option<Pod> {
    if region != Region::Kubernetes {
        return None;
    }
    pod(name.strip_prefix("pod")?)
}

fn pod(uid: &str) -> Option<Pod> {
    (is_hexadecimal(uid, 32) || is_grouped(uid, &[8, 4, 4, 4, 12])).then(|| Pod { uid: uid.into() })
}

fn is_understood(name: &str, surroundings: &Surroundings) -> bool {
    if systemd::unit(name).is_some() || systemd::slice(name).is_some() {
        return true;
    }
    let directory = matches!(
        name,
        "kubepods"
            | "kubelet"
            | "ecs"
            | "garden"
            | "docker"
            | "buildkit"
            | "lxc"
            | "lxc.payload"
            | "lxc.monitor"
            | "lxc.pivot"
            | "libpod_parent"
            | "kata_overhead"
    );
    directory
        || name.starts_with("lxc.monitor.")
        || name
            .rsplit_once('-')
            .is_some_and(|(prefix, id)| is_id(id) && is_outside(prefix))
        || match surroundings.region {
            Region::Kubernetes => matches!(name, "besteffort" | "burstable" | "guaranteed"),
            Region::Ecs => true,
            Region::Garden => matches!(name, "good" | "bad"),
            Region::Podman => name == "conmon",
            Region::Machine => name == "supervisor",
            Region::None | Region::Outside => false,
        }
}

/// Docker's form of an id, which the others took over.
fn is_id(text: &str) -> bool {
    is_hexadecimal(text, 64)
}

fn is_hexadecimal(text: &str, length: usize) -> bool {
    text.len() == length
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Hexadecimal digits in groups of given lengths, with dashes between.
fn is_grouped(text: &str, lengths: &[usize]) -> bool {
    let mut groups = text.split('-');
    lengths.iter().all(|length| {
        groups
            .next()
            .is_some_and(|group| is_hexadecimal(group, *length))
    }) && groups.next().is_none()
}

/// A container on Fargate: the task's id, a dash, a number.
fn is_fargate(text: &str) -> bool {
    text.split_once('-').is_some_and(|(task, number)| {
        is_hexadecimal(task, 32)
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// A handle of Garden: a UUID, of which Cloud Foundry cuts off the end.
fn is_handle(text: &str) -> bool {
    is_grouped(text, &[8, 4, 4, 4, 12]) || is_grouped(text, &[8, 4, 4, 4, 4])
}

/// An id of `BuildKit`: 25 digits to the base of 36.
fn is_build(text: &str) -> bool {
    text.len() == 25
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
}

/// A name that runtimes take from the user.
fn is_chosen_name(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.+-".contains(&byte))
}

/// Undoes systemd's `\xHH`.
fn unescape(name: &str) -> Option<String> {
    let mut pieces = name.split("\\x");
    let mut text = pieces.next()?.as_bytes().to_vec();
    for piece in pieces {
        let digits = piece.get(..2)?;
        text.push(u8::from_str_radix(digits, 16).ok()?);
        text.extend_from_slice(piece.get(2..)?.as_bytes());
    }
    String::from_utf8(text).ok()
}
