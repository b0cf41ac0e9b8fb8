//! The classes of events, and the log sources that are about them.

use sensor_common::network::AF_UNIX;

use super::absent;
use crate::{
    detect::sigma::{field::Class, rule::LogSource},
    event::{Body, Connection},
    observed::Observed,
};

/// A program was executed.
pub const PROCESS_CREATION: Class = Class(0);
/// A process opened or took a connection, or exchanged a first datagram.
pub const NETWORK_CONNECTION: Class = Class(1);
/// A process asked for a name.
pub const DNS_QUERY: Class = Class(2);
/// A program was executed, as audit's record `EXECVE` has it.
pub const AUDIT_EXECVE: Class = Class(3);
/// A program was executed, as audit's record `SYSCALL` has it.
pub const AUDIT_SYSCALL: Class = Class(4);
/// A process was made.
pub const PROCESS_FORK: Class = Class(5);
/// A process ended.
pub const PROCESS_TERMINATION: Class = Class(6);
/// A process opened or took a connection of a unix socket.
pub const UNIX_CONNECTION: Class = Class(7);
/// A process bound a socket.
pub const NETWORK_BIND: Class = Class(8);
/// A socket began to listen.
pub const NETWORK_LISTEN: Class = Class(9);
/// A connection was established.
pub const NETWORK_ESTABLISHED: Class = Class(10);
/// A connection, or the attempt to open one, ended.
pub const NETWORK_END: Class = Class(11);
/// A process was given the answer to a question for a name.
pub const DNS_ANSWER: Class = Class(12);
/// A process's user, group or capabilities changed.
pub const CREDENTIAL_CHANGE: Class = Class(13);
/// A process entered other namespaces.
pub const NAMESPACE_CHANGE: Class = Class(14);
/// A process was given access to another one.
pub const PROCESS_ACCESS: Class = Class(15);
/// A kernel module was loaded.
pub const DRIVER_LOAD: Class = Class(16);
/// A BPF program was loaded or opened.
pub const BPF_PROGRAM: Class = Class(17);

/// How rules name a class, and what it consists of.
pub(super) struct Description {
    /// The class.
    pub(super) class: Class,
    /// The `category`s that mean it.
    pub(super) categories: &'static [&'static str],
    /// The `service` that means it.
    pub(super) service: Option<&'static str>,
    /// The events that it consists of, for people.
    pub(super) events: &'static str,
}

const fn of_category(
    class: Class,
    categories: &'static [&'static str],
    events: &'static str,
) -> Description {
    Description {
        class,
        categories,
        service: None,
        events,
    }
}

const fn of_audit(class: Class, events: &'static str) -> Description {
    Description {
        class,
        categories: &[],
        service: Some("auditd"),
        events,
    }
}

/// Every class, by its number.
pub(super) const ALL: [Description; 18] = [
    of_category(PROCESS_CREATION, &["process_creation"], "`exec`"),
    of_category(
        NETWORK_CONNECTION,
        &["network_connection"],
        "`connect` but for UDP and unix sockets, `accept` but for unix sockets, and `datagram`: \
         a connection is met once",
    ),
    of_category(DNS_QUERY, &["dns_query", "dns"], "`dns_question`"),
    of_audit(AUDIT_EXECVE, "`exec`, as the record `EXECVE`"),
    of_audit(
        AUDIT_SYSCALL,
        "`exec`, as the record `SYSCALL` of a call of `execve` that succeeded",
    ),
    of_category(PROCESS_FORK, &["process_fork"], "`fork`"),
    of_category(PROCESS_TERMINATION, &["process_termination"], "`exit`"),
    of_category(
        UNIX_CONNECTION,
        &["unix_connection"],
        "`connect` and `accept` of unix sockets, if they are switched on",
    ),
    of_category(NETWORK_BIND, &["network_bind"], "`bind`"),
    of_category(NETWORK_LISTEN, &["network_listen"], "`listen`"),
    of_category(
        NETWORK_ESTABLISHED,
        &["network_established"],
        "`established`",
    ),
    of_category(NETWORK_END, &["network_end"], "`closed`"),
    of_category(DNS_ANSWER, &["dns_answer"], "`dns_answer`"),
    of_category(
        CREDENTIAL_CHANGE,
        &["credential_change"],
        "`credential_change` and `credential_divergence`",
    ),
    of_category(NAMESPACE_CHANGE, &["namespace_change"], "`namespace`"),
    of_category(PROCESS_ACCESS, &["process_access"], "`ptrace`"),
    of_category(
        DRIVER_LOAD,
        &["driver_load", "kernel_module"],
        "`module_load`",
    ),
    of_category(BPF_PROGRAM, &["bpf_program"], "`bpf_program`"),
];

/// The classes that an event is of.
#[must_use]
pub fn classes(observed: &Observed<'_>) -> &'static [Class] {
    match &observed.event.body {
        Body::Exec(_) => &[PROCESS_CREATION, AUDIT_EXECVE, AUDIT_SYSCALL],
        Body::Fork(_) => &[PROCESS_FORK],
        Body::Exit(_) => &[PROCESS_TERMINATION],
        Body::Connect(connection) if is_unix(connection) => &[UNIX_CONNECTION],
        // It sends nothing: what it is for is seen when a datagram is sent.
        Body::Connect(connection) if is_udp(connection) => &[],
        Body::Accept(connection) if is_unix(connection) => &[UNIX_CONNECTION],
        Body::Connect(_) | Body::Accept(_) | Body::Datagram(_) => &[NETWORK_CONNECTION],
        Body::Bind(_) => &[NETWORK_BIND],
        Body::Listen(_) => &[NETWORK_LISTEN],
        Body::Established(_) => &[NETWORK_ESTABLISHED],
        Body::Closed(_) => &[NETWORK_END],
        Body::DnsQuestion(_) => &[DNS_QUERY],
        Body::DnsAnswer(_) => &[DNS_ANSWER],
        Body::CredentialChange(_) | Body::CredentialDivergence(_) => &[CREDENTIAL_CHANGE],
        Body::Namespace(_) => &[NAMESPACE_CHANGE],
        Body::Ptrace(_) => &[PROCESS_ACCESS],
        Body::ModuleLoad(_) => &[DRIVER_LOAD],
        Body::BpfProgram(_) => &[BPF_PROGRAM],
    }
}

const fn is_unix(connection: &Connection) -> bool {
    connection.endpoints.family == AF_UNIX
}

const fn is_udp(connection: &Connection) -> bool {
    const IPPROTO_UDP: u16 = 17;
    connection.endpoints.protocol == IPPROTO_UDP
}

/// The classes that a rule is about.
pub(super) fn of_source(source: &LogSource) -> Result<Vec<Class>, String> {
    let product = source.product.as_deref();
    if let Some(product) = product.filter(|product| *product != "linux") {
        return Err(format!(
            "it is about product `{product}`, and this sensor sees Linux"
        ));
    }
    let category = source.category.as_deref();
    // Sysmon for Linux calls itself so; its rules name the category beside it.
    let service = source
        .service
        .as_deref()
        .filter(|service| category.is_none() || *service != "sysmon");
    let is_meant = |description: &&Description| match (category, service) {
        (Some(category), None) => description.categories.contains(&category),
        (None, Some(service)) => description.service == Some(service),
        _ => false,
    };
    let classes: Vec<Class> = ALL
        .iter()
        .filter(is_meant)
        .map(|description| description.class)
        .collect();
    if classes.is_empty() {
        Err(absent::reason(category, service))
    } else {
        Ok(classes)
    }
}
