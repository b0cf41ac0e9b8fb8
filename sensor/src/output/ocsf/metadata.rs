//! `metadata`, and what is the same in all events of a host.

use crate::{
    enrich::cloud::{Cloud, Provider},
    host::Host,
    output::json::{self, Object},
};

/// The version of OCSF that the events follow.
const OCSF_VERSION: &str = "1.8.0";

/// The profiles that are used beside `host`, which all events do.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Profiles {
    pub(super) cloud: bool,
    pub(super) container: bool,
    pub(super) linux_users: bool,
    pub(super) security_control: bool,
}

impl Profiles {
    /// `metadata.profiles`.
    pub(super) fn write(self, fields: &mut Object<'_>) {
        let profiles = [
            (true, "host"),
            (self.cloud, "cloud"),
            (self.container, "container"),
            (self.linux_users, "linux/linux_users"),
            (self.security_control, "security_control"),
        ];
        let used = profiles.into_iter().filter(|(is_used, _)| *is_used);
        fields.words("profiles", used.map(|(_, name)| name));
    }
}

/// What every `metadata` begins with.
pub(super) fn beginning(product: &[u8]) -> Vec<u8> {
    Object::alone(|metadata| {
        metadata.word("version", OCSF_VERSION);
        metadata.object("product", |fields| fields.append(product));
    })
}

/// The sensor, as a product.
pub(super) fn product(host: &Host) -> Vec<u8> {
    Object::alone(|product| {
        product.word("name", "sensor");
        product.word("vendor_name", "sensor");
        product.text("version", &host.agent_version);
    })
}

/// What every event of a host ends with: from the comma before it to the end of the line.
pub(super) fn end(host: &Host) -> Vec<u8> {
    let mut object = Vec::new();
    json::object(&mut object, |line| {
        line.object("device", |fields| device(host, fields));
        if let Some(cloud) = &host.cloud {
            line.object("cloud", |fields| self::cloud(cloud, fields));
        }
    });
    let mut end = vec![b','];
    end.extend(object.iter().skip(1));
    end.push(b'\n');
    end
}

fn device(host: &Host, fields: &mut Object<'_>) {
    fields.text("name", host_name(host));
    fields.text("hostname", &host.name);
    optional("uid", host.machine_id.as_ref(), fields);
    // Whether it is a server, a desktop or a virtual machine, the sensor does not judge.
    fields.number("type_id", 0);
    fields.word("type", "Unknown");
    fields.text("boot_uid", &host.boot_id);
    fields.object("os", |os| {
        os.text("name", host.os_name.as_deref().unwrap_or("Linux"));
        os.number("type_id", 200);
        os.word("type", "Linux");
        optional("version", host.os_version.as_ref(), os);
        os.text("kernel_release", &host.kernel);
    });
    fields.object("hw_info", |hardware| {
        architecture(&host.architecture, hardware);
    });
    if let Some(cloud) = &host.cloud {
        optional("instance_uid", cloud.instance_id.as_ref(), fields);
        optional("region", cloud.region.as_ref(), fields);
        optional("zone", cloud.availability_zone.as_ref(), fields);
    }
    fields.array("agent_list", |agents| {
        agents.object(|agent| {
            agent.word("name", "sensor");
            agent.number("type_id", 1);
            agent.word("type", "Endpoint Detection and Response");
            agent.text("uid", &host.agent_id);
            agent.text("version", &host.agent_version);
        });
    });
}

/// The host's name, which it always has.
pub(super) fn host_name(host: &Host) -> &str {
    if host.name.is_empty() {
        "localhost"
    } else {
        &host.name
    }
}

/// The machine's architecture, which is named after its family.
fn architecture(name: &str, hardware: &mut Object<'_>) {
    let (id, family) = match name {
        "x86_64" => (1, "x86"),
        "aarch64" => (2, "ARM"),
        "riscv64" => (3, "RISC-V"),
        "" => (0, "Unknown"),
        other => (99, other),
    };
    hardware.number("cpu_architecture_id", id);
    hardware.text("cpu_architecture", family);
}

fn cloud(cloud: &Cloud, fields: &mut Object<'_>) {
    // As the schema's own examples write them.
    let (provider, type_id, type_name) = match cloud.provider {
        Provider::Aws => ("AWS", 10, "AWS Account"),
        Provider::Google => ("GCP", 11, "GCP Project"),
        Provider::Azure => ("Azure", 13, "Azure Subscription"),
    };
    fields.word("provider", provider);
    optional("region", cloud.region.as_ref(), fields);
    optional("zone", cloud.availability_zone.as_ref(), fields);
    if let Some(uid) = cloud.project_id.as_ref().or(cloud.account_id.as_ref()) {
        fields.object("account", |fields| {
            fields.text("uid", uid);
            fields.number("type_id", type_id);
            fields.word("type", type_name);
        });
    }
}

fn optional(name: &'static str, text: Option<&String>, fields: &mut Object<'_>) {
    fields.text(name, text.map(String::as_str).unwrap_or_default());
}
