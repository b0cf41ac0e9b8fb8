//! A made-up busy host: of its events a quarter each are execs and about the network, a fifth each are
//! forks and exits, and one in twenty each are about DNS and about credentials.
//!
//! Events go through the real table of processes, as in the pipeline. What it does is drawn by a generator
//! that draws the same each time.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use sensor::clock::BootTime;
use sensor::event::{
    Body, CgroupId, Closed, CredentialChange, Datagram, Dns, Event, Exit, ExitStatus, Fork, Groups,
    NetworkNamespace, ProcessId, Tgid,
};
use sensor::process::cgroups::Found;
use sensor::process::table::Table;
use sensor::process::{BootId, Image, Process};
use sensor_common::namespaces::Namespaces;
use sensor_common::network::{Direction, Role};
use sensor_common::privilege::Cause;
use serde_json::{Value, json};

use super::programs::{Command, DOMAINS, NAMES, ODD, SERVICES, Service, Work};
use super::told::{self, HOST, HOST_NAMESPACES, Told, process_id};

/// The cgroup of the container.
const CONTAINER: CgroupId = CgroupId(2);
const CONTAINER_NAMESPACES: Namespaces = Namespaces {
    mnt: 4_026_532_001,
    pid: 4_026_532_004,
    net: 4_026_532_006,
    uts: 4_026_532_002,
    ipc: 4_026_532_003,
    cgroup: 4_026_532_005,
    ..HOST_NAMESPACES
};
/// Of a thousand events, those of each kind.
const MIX: [(Kind, u32); 6] = [
    (Kind::Exec, 250),
    (Kind::Fork, 200),
    (Kind::Exit, 200),
    (Kind::Network, 250),
    (Kind::Dns, 50),
    (Kind::Credentials, 50),
];
/// One in so many programs is one that rules look for.
const ODD_ONE_IN: u32 = 1_000;
/// Nanoseconds from one event to the next: 20,000 a second.
const STEP: u64 = 50_000;
const PID_MAX: u32 = 4_194_304;
const FIRST_PID: u32 = 1_000;
/// As many processes as run for a short time at once, about.
const RUNNING: usize = 60;
/// As many connections as are open at once, about.
const OPEN: usize = 200;
/// Remembered processes and cgroups.
const PROCESSES: usize = 65_536;
const CGROUPS: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Exec,
    Fork,
    Exit,
    Network,
    Dns,
    Credentials,
}

/// The host, whose events are told one after another.
pub struct Busy {
    table: Table,
    random: fastrand::Rng,
    time: u64,
    next_pid: u32,
    /// Made, and nothing executed yet; with what shall be.
    made: VecDeque<(ProcessId, Command)>,
    running: VecDeque<ProcessId>,
    /// Changed to another user, by what made them.
    logins: VecDeque<ProcessId>,
    open: VecDeque<Open>,
    counts: [u64; MIX.len()],
}

/// An open connection.
struct Open {
    id: ProcessId,
    local_port: u16,
    remote: SocketAddr,
    role: Role,
    since: u64,
}

impl Busy {
    pub fn new() -> Self {
        let boot = BootId::parse("01234567-89ab-cdef-0123-456789abcdef").unwrap_or_default();
        let mut table = Table::new(boot, PROCESSES, CGROUPS);
        let container = format!("/docker/{}", "c".repeat(64));
        for (id, path) in [(HOST, "/system.slice/a.service"), (CONTAINER, &container)] {
            let path = Some(path.to_owned());
            table.add_cgroup(&Found { id, path });
        }
        for service in SERVICES {
            table.add(process_of(boot, service));
        }
        Self {
            table,
            random: fastrand::Rng::with_seed(1),
            time: 100_000_000_000_000,
            next_pid: FIRST_PID,
            made: VecDeque::new(),
            running: VecDeque::new(),
            logins: VecDeque::new(),
            open: VecDeque::new(),
            counts: [0; MIX.len()],
        }
    }

    /// How many events of each kind were told.
    pub fn mix(&self) -> Value {
        MIX.iter()
            .zip(self.counts)
            .map(|((kind, _), count)| (format!("{kind:?}").to_lowercase(), json!(count)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    }

    /// The next event.
    pub fn next(&mut self) -> Told {
        let mut chosen = self.random.u32(..1_000);
        let kind = MIX.iter().find_map(|(kind, share)| {
            let is_it = chosen < *share;
            chosen = chosen.saturating_sub(*share);
            is_it.then_some(*kind)
        });
        let event = match kind.unwrap_or(Kind::Fork) {
            Kind::Exec => self.exec(),
            Kind::Exit => self.exit(),
            Kind::Network => self.network(),
            Kind::Dns => self.dns(),
            Kind::Credentials => self.credentials(),
            Kind::Fork => None,
        };
        let event = event.unwrap_or_else(|| self.fork());
        self.tell(event)
    }

    fn tell(&mut self, event: Event) -> Told {
        let kind = match &event.body {
            Body::Exec(_) => Kind::Exec,
            Body::Fork(_) => Kind::Fork,
            Body::Exit(_) => Kind::Exit,
            Body::DnsQuestion(_) | Body::DnsAnswer(_) => Kind::Dns,
            Body::CredentialChange(_) => Kind::Credentials,
            _ => Kind::Network,
        };
        let of_kind = MIX.iter().position(|(one, _)| *one == kind);
        if let Some(count) = of_kind.and_then(|place| self.counts.get_mut(place)) {
            *count += 1;
        }
        self.table.observe(&event);
        let get = |id: Option<ProcessId>| id.and_then(|id| self.table.get(id)).cloned();
        let process = get(event.subject());
        let parent = match &event.body {
            Body::Fork(fork) => Some(fork.parent),
            Body::Exec(exec) => Some(exec.parent),
            _ => process.as_ref().and_then(|process| process.parent),
        };
        let other = match &event.body {
            Body::Fork(_) => event.actor.map(|actor| actor.id),
            _ => None,
        };
        Told {
            process,
            parent: get(parent),
            other: get(other),
            event,
        }
    }

    /// An event of a process now.
    fn event(&mut self, id: ProcessId, body: Body) -> Event {
        self.time += STEP;
        let process = self.table.get(id);
        let uid = process
            .and_then(|process| process.credentials)
            .map_or(0, |credentials| credentials.uid);
        let cgroup = process.and_then(|process| process.cgroup).unwrap_or(HOST);
        told::event(id, uid, cgroup, self.time, body)
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> Option<T> {
        all.get(self.random.usize(..all.len().max(1))).copied()
    }

    fn service(&mut self, is_wanted: impl Fn(Work) -> bool) -> Option<&'static Service> {
        let wanted: Vec<_> = SERVICES.iter().filter(|one| is_wanted(one.work)).collect();
        self.one_of(&wanted)
    }

    fn fork(&mut self) -> Event {
        let is_login = self.logins.len() < 4;
        let is_maker = |work| match work {
            Work::Starts(_) => !is_login,
            Work::Logins => is_login,
            _ => false,
        };
        // There are some of each.
        let parent = self.service(is_maker).map_or(1, |maker| maker.tgid);
        let parent = service_id(parent);
        let commands = match SERVICES.iter().find(|one| one.tgid == parent.tgid.0) {
            Some(Service {
                work: Work::Starts(commands),
                ..
            }) => *commands,
            _ => &[],
        };
        self.next_pid = if self.next_pid + 1 < PID_MAX {
            self.next_pid + 1
        } else {
            FIRST_PID
        };
        let child = process_id(self.next_pid, self.time);
        match self.one_of(commands) {
            Some(command) => self.made.push_back((child, command)),
            None => self.logins.push_back(child),
        }
        let fork = Fork {
            child,
            parent,
            namespace_pid: child.tgid,
        };
        self.event(parent, Body::Fork(fork))
    }

    fn exec(&mut self) -> Option<Event> {
        // Some are of processes that ran something else before.
        let is_again = self.made.len() < RUNNING && self.random.u32(..10) < 3;
        let again = if is_again {
            self.running.pop_back()
        } else {
            None
        };
        let (id, planned) = match again {
            Some(id) => (id, None),
            None => {
                let (id, command) = self.made.pop_front()?;
                (id, Some(command))
            }
        };
        let command = if self.random.u32(..ODD_ONE_IN) == 0 {
            self.one_of(ODD)?
        } else {
            match planned {
                Some(command) => command,
                None => self.command()?,
            }
        };
        self.running.push_back(id);
        let (executable, line) = command;
        let arguments = self.arguments(line);
        let process = self.table.get(id)?;
        let parent = process.parent?;
        let executable = Bytes::from_static(executable.as_bytes());
        let exec = told::exec(process, parent, &executable, arguments);
        Some(self.event(id, Body::Exec(Box::new(exec))))
    }

    /// What any of those that start programs starts.
    fn command(&mut self) -> Option<Command> {
        let maker = self.service(|work| matches!(work, Work::Starts(_)))?;
        match maker.work {
            Work::Starts(commands) => self.one_of(commands),
            _ => None,
        }
    }

    /// A command line with its gaps filled.
    fn arguments(&mut self, line: &str) -> Vec<u8> {
        let mut arguments = String::with_capacity(line.len() + 64);
        let mut rest = line;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((gap, after)) = after.split_once('}') else {
                break;
            };
            arguments.push_str(before);
            match gap {
                "" => arguments.push_str(&self.random.u32(1..10_000).to_string()),
                "h" => arguments.push_str(&format!("{:016x}", self.random.u64(..))),
                "n" => arguments.push_str(self.one_of(&NAMES).unwrap_or_default()),
                // Braces of a shell's.
                _ => arguments.push_str(&format!("{{{gap}}}")),
            }
            rest = after;
        }
        arguments.push_str(rest);
        let mut bytes = arguments.into_bytes();
        for byte in &mut bytes {
            if *byte == b' ' {
                *byte = 0;
            }
        }
        bytes.push(0);
        bytes
    }

    fn exit(&mut self) -> Option<Event> {
        let id = if self.running.len() > RUNNING || self.logins.is_empty() {
            self.running.pop_front()?
        } else {
            self.logins.pop_front()?
        };
        let code = u8::from(self.random.u32(..20) == 0);
        let status = ExitStatus::Code(code);
        Some(self.event(id, Body::Exit(Exit { status })))
    }

    fn network(&mut self) -> Option<Event> {
        if self.random.u32(..25) == 0 {
            let id = self.asker()?;
            let datagram = Datagram {
                endpoints: told::endpoints(40_000, self.peer(514), 17),
                namespace: NetworkNamespace(HOST_NAMESPACES.net),
                direction: Direction::Egress,
                length: Some(200),
            };
            return Some(self.event(id, Body::Datagram(datagram)));
        }
        if self.open.len() > OPEN || (self.open.len() > OPEN / 2 && self.random.u32(..3) == 0) {
            return self.close();
        }
        if self.random.bool() {
            let server = self.service(|work| matches!(work, Work::Serves(_)))?;
            let Work::Serves(port) = server.work else {
                return None;
            };
            let remote = SocketAddr::new(self.address(), self.random.u16(32_768..));
            let id = service_id(server.tgid);
            return Some(self.opened(id, port, remote, Role::Server));
        }
        let id = self.asker()?;
        let port = self.one_of(&[443, 443, 443, 80, 5432, 6379, 9100, 8443])?;
        let remote = self.peer(port);
        let local_port = self.random.u16(32_768..);
        Some(self.opened(id, local_port, remote, Role::Client))
    }

    /// A service that opens connections, or a program that runs.
    fn asker(&mut self) -> Option<ProcessId> {
        if self.random.bool() && !self.running.is_empty() {
            let place = self.random.usize(..self.running.len());
            return self.running.get(place).copied();
        }
        let asker = self.service(|work| work == Work::Asks)?;
        Some(service_id(asker.tgid))
    }

    fn opened(&mut self, id: ProcessId, local_port: u16, remote: SocketAddr, role: Role) -> Event {
        self.open.push_back(Open {
            id,
            local_port,
            remote,
            role,
            since: self.time,
        });
        let connection = told::connection(told::endpoints(local_port, remote, 6));
        self.event(
            id,
            match role {
                Role::Server => Body::Accept(connection),
                _ => Body::Connect(connection),
            },
        )
    }

    fn close(&mut self) -> Option<Event> {
        let open = self.open.pop_front()?;
        let closed = Closed {
            endpoints: told::endpoints(open.local_port, open.remote, 6),
            namespace: NetworkNamespace(HOST_NAMESPACES.net),
            socket_type: 1,
            opened: Some(BootTime(open.since)),
            established: Some(BootTime(open.since + 1_000)),
            bytes_sent: self.random.u64(100..20_000),
            bytes_received: self.random.u64(100..200_000),
            error: 0,
            role: open.role,
            state: 1,
        };
        Some(self.event(open.id, Body::Closed(closed)))
    }

    /// An address, mostly of the own network; few of those outside come again and again.
    fn address(&mut self) -> IpAddr {
        let [a, b, ..] = self.random.u32(..).to_be_bytes();
        match self.random.u32(..10) {
            0..6 => IpAddr::from([10, 0, a % 4, b]),
            6..9 => IpAddr::from([203, 0, 113, a % 40]),
            _ => IpAddr::from([0x2a00, 0x1450, 0x4001, 0, 0, 0, 0, u16::from(b)]),
        }
    }

    fn peer(&mut self, port: u16) -> SocketAddr {
        SocketAddr::new(self.address(), port)
    }

    fn dns(&mut self) -> Option<Event> {
        let id = self.asker()?;
        let mut name = self.one_of(&DOMAINS)?.to_owned();
        if self.random.u32(..4) == 0 {
            name = format!("{}-{}.{name}", self.one_of(&NAMES)?, self.random.u32(..500));
        }
        let kind = self.one_of(&[1, 1, 28])?;
        let is_answer = self.random.bool();
        let address = match self.address() {
            IpAddr::V4(address) => address.octets(),
            IpAddr::V6(_) => [203, 0, 113, 1],
        };
        let answers: &[[u8; 4]] = if is_answer { &[address] } else { &[] };
        let dns = Dns {
            endpoints: told::endpoints(40_000, SocketAddr::from(([10, 0, 0, 53], 53)), 17),
            namespace: NetworkNamespace(HOST_NAMESPACES.net),
            message: told::text(told::dns_message(&name, kind, answers)),
        };
        let body = if is_answer {
            Body::DnsAnswer(dns)
        } else {
            Body::DnsQuestion(dns)
        };
        Some(self.event(id, body))
    }

    /// What logs people in becomes one of them; what runs as root gives capabilities up.
    fn credentials(&mut self) -> Option<Event> {
        let place = self.random.usize(..self.logins.len().max(1));
        let id = self.logins.get(place).copied()?;
        let before = self.table.get(id)?.credentials?;
        let mut after = before;
        if before.uid == 0 {
            after = told::user(1_000 + self.random.u32(..4));
        } else {
            after.cap_bset &= after.cap_bset.wrapping_sub(1);
        }
        let change = CredentialChange {
            before,
            after,
            cause: Cause::Call,
            groups_before: Groups::default(),
            groups_after: Groups::default(),
        };
        Some(self.event(id, Body::CredentialChange(Box::new(change))))
    }
}

/// The process that a service is.
const fn service_id(tgid: u32) -> ProcessId {
    process_id(tgid, tgid as u64 * 10_000_000 + 1)
}

fn process_of(boot: BootId, service: &Service) -> Process {
    let mut arguments = service.arguments.split(' ').map(str::to_owned);
    let name = service.executable.rsplit('/').next().unwrap_or_default();
    let image = Image {
        name: if name.is_empty() {
            arguments.next().unwrap_or_default()
        } else {
            name.to_owned()
        },
        executable: service.executable.to_owned(),
        working_directory: "/".to_owned(),
        arguments: arguments.collect(),
        argument_count: 1,
        ..Image::default()
    };
    let (cgroup, namespaces) = if service.contained {
        (CONTAINER, CONTAINER_NAMESPACES)
    } else {
        (HOST, HOST_NAMESPACES)
    };
    let tgid = Tgid(service.tgid);
    Process {
        parent: Some(service_id(service.parent)).filter(|parent| parent.tgid.0 != 0),
        namespace_pid: Some(tgid),
        image: Some(Arc::new(image)),
        credentials: Some(told::user(service.uid)),
        namespaces: Some(namespaces),
        cgroup: Some(cgroup),
        session_id: Some(tgid),
        process_group: Some(tgid),
        ..Process::unknown(boot, service_id(service.tgid))
    }
}
