//! A process as JSON.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zerocopy::transmute;

use crate::{
    clock::BootTime,
    event::{CgroupId, Device, ProcessId, Tgid},
    process::{EntityId, Image, Process, lineage::Lineage},
};

/// What a recording keeps of a process: all that was read of it. What is concluded from that is
/// concluded again.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ProcessForm {
    id: Id,
    entity_id: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    parent: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    namespace_pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    image: Option<ImageForm>,
    /// As the records have them, whose layout this version of the format is bound to anyway.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    credentials: Option<[u64; 10]>,
    /// As the records have them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    namespaces: Option<[u32; 8]>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    cgroup: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    session_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    process_group: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    login_uid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    audit_session: Option<u32>,
    /// Major and minor number.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    tty: Option<(u32, u32)>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    ended: Option<u64>,
}

/// Process id and start.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Id(u32, u64);

#[derive(Debug, Serialize, Deserialize)]
struct ImageForm {
    name: String,
    executable: String,
    working_directory: String,
    arguments: Vec<String>,
    argument_count: u32,
}

impl From<ProcessId> for Id {
    fn from(id: ProcessId) -> Self {
        Self(id.tgid.0, id.start.0)
    }
}

impl From<Id> for ProcessId {
    fn from(id: Id) -> Self {
        Self {
            tgid: Tgid(id.0),
            start: BootTime(id.1),
        }
    }
}

impl From<&Process> for ProcessForm {
    fn from(process: &Process) -> Self {
        Self {
            id: process.id.into(),
            entity_id: process.entity_id.as_str().to_owned(),
            parent: process.parent.map(Into::into),
            namespace_pid: process.namespace_pid.map(|pid| pid.0),
            image: process.image.as_deref().map(Into::into),
            credentials: process
                .credentials
                .map(|credentials| transmute!(credentials)),
            namespaces: process.namespaces.map(|namespaces| transmute!(namespaces)),
            cgroup: process.cgroup.map(|cgroup| cgroup.0),
            session_id: process.session_id.map(|id| id.0),
            process_group: process.process_group.map(|id| id.0),
            login_uid: process.login_uid,
            audit_session: process.audit_session,
            tty: process.tty.map(|tty| (tty.major, tty.minor)),
            ended: process.ended.map(|time| time.0),
        }
    }
}

impl From<ProcessForm> for Process {
    fn from(form: ProcessForm) -> Self {
        Self {
            id: form.id.into(),
            entity_id: EntityId::recorded(&form.entity_id),
            parent: form.parent.map(Into::into),
            namespace_pid: form.namespace_pid.map(Tgid),
            image: form.image.map(|image| Arc::new(image.into())),
            credentials: form.credentials.map(|words| transmute!(words)),
            namespaces: form.namespaces.map(|words| transmute!(words)),
            cgroup: form.cgroup.map(CgroupId),
            session_id: form.session_id.map(Tgid),
            process_group: form.process_group.map(Tgid),
            login_uid: form.login_uid,
            audit_session: form.audit_session,
            tty: form.tty.map(|(major, minor)| Device { major, minor }),
            ended: form.ended.map(BootTime),
            lineage: Lineage::default(),
            placement: None,
        }
    }
}

impl From<&Image> for ImageForm {
    fn from(image: &Image) -> Self {
        Self {
            name: image.name.clone(),
            executable: image.executable.clone(),
            working_directory: image.working_directory.clone(),
            arguments: image.arguments.clone(),
            argument_count: image.argument_count,
        }
    }
}

impl From<ImageForm> for Image {
    fn from(form: ImageForm) -> Self {
        Self {
            name: form.name,
            executable: form.executable,
            working_directory: form.working_directory,
            arguments: form.arguments,
            argument_count: form.argument_count,
            ..Self::default()
        }
    }
}
