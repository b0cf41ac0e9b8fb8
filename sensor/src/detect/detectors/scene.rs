//! A made-up host on which things happen, for the tests of detectors.
//!
//! Events go through the real table of processes, as in the pipeline, and then to one detector. Times
//! are a millisecond apart unless a test waits. `values`: what events are made of; `anything`: events of
//! any content.

mod anything;
mod values;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use sensor_common::{
    credentials::Credentials,
    exec::File,
    namespaces::Namespaces,
    network::{AF_UNIX, Role},
    privilege::{Cause, NamespaceOperation, PtraceOperation},
    record::Ring,
};

pub(crate) use anything::withstands;
pub(crate) use values::*;

use crate::{
    clock::BootTime,
    detect::{alert::Alert, detector::Detector},
    enrich::Surroundings,
    event::{
        Actor, Body, Closed, CredentialChange, Descriptor, Endpoint, Event, Exec, Exit, ExitStatus,
        Fork, Groups, NamespaceChange, NetworkNamespace, Origin, Path, Ptrace, Tgid, Tid,
        arbitrary,
    },
    observed::Observed,
    process::{Image, Process, cgroups::Found, table::Table},
};

/// A host, and the detector that looks at it.
pub(crate) struct Scene {
    detector: Box<dyn Detector>,
    table: Table,
    time: u64,
    sequence: u64,
}

impl Scene {
    /// A host with nothing but its first process, systemd, and its second, the kernel's threads' parent.
    pub(crate) fn new(detector: impl Detector + 'static) -> Self {
        let mut table = Table::new(arbitrary::boot(), 1_000_000, 16);
        let places = [
            (HOST, "/system.slice/a.service".to_owned()),
            (CONTAINER, format!("/docker/{}", "c".repeat(64))),
        ];
        for (id, path) in places {
            let path = Some(path);
            table.add_cgroup(&Found { id, path });
        }
        let mut scene = Self {
            detector: Box::new(detector),
            table,
            time: 100_000_000_000_000,
            sequence: 0,
        };
        scene.add(1, 0, user(0), "/usr/lib/systemd/systemd", |_| {});
        scene.add(2, 0, user(0), "", |_| {});
        scene
    }

    /// A process of root's that was there before, with its parent's cgroup and namespaces.
    pub(crate) fn runs(&mut self, tgid: u32, parent: u32, executable: &str) -> &mut Self {
        self.add(tgid, parent, user(0), executable, |_| {})
    }

    /// The same of another user's.
    pub(crate) fn runs_as(&mut self, tgid: u32, parent: u32, uid: u32, path: &str) -> &mut Self {
        self.add(tgid, parent, user(uid), path, |_| {})
    }

    /// A process of root's in the container.
    pub(crate) fn runs_contained(&mut self, tgid: u32, parent: u32, path: &str) -> &mut Self {
        self.add(tgid, parent, user(0), path, |process| {
            process.cgroup = Some(CONTAINER);
            process.namespaces = Some(CONTAINER_NAMESPACES);
        })
    }

    /// A process that was there before, changed in any way.
    pub(crate) fn add(
        &mut self,
        tgid: u32,
        parent: u32,
        credentials: Credentials,
        executable: &str,
        change: impl FnOnce(&mut Process),
    ) -> &mut Self {
        let parent = (parent != 0).then(|| process_id(parent));
        let around = parent.and_then(|parent| self.table.get(parent));
        let name = executable.rsplit('/').next().unwrap_or_default();
        let image = Image {
            name: name.to_owned(),
            executable: executable.to_owned(),
            arguments: vec![name.to_owned()],
            argument_count: 1,
            ..Image::default()
        };
        let mut process = Process {
            parent,
            image: Some(Arc::new(image)),
            credentials: Some(credentials),
            cgroup: around.map_or(Some(HOST), |around| around.cgroup),
            namespaces: around.map_or(Some(HOST_NAMESPACES), |around| around.namespaces),
            session_id: Some(Tgid(tgid)),
            process_group: Some(Tgid(tgid)),
            ..Process::unknown(arbitrary::boot(), process_id(tgid))
        };
        change(&mut process);
        self.table.add(process);
        self
    }

    /// Time goes by.
    pub(crate) fn wait(&mut self, time: Duration) -> &mut Self {
        self.time += u64::try_from(time.as_nanos()).unwrap();
        self
    }

    /// What is known of a process.
    pub(crate) fn process(&self, tgid: u32) -> &Process {
        self.table.get(process_id(tgid)).unwrap()
    }

    /// The detector.
    pub(crate) fn detector(&self) -> &dyn Detector {
        &*self.detector
    }

    /// A process makes another one.
    pub(crate) fn forks(&mut self, tgid: u32, child: u32) -> Vec<Alert> {
        let fork = Fork {
            child: process_id(child),
            parent: process_id(tgid),
            namespace_pid: Tgid(child),
        };
        self.does(tgid, Body::Fork(fork))
    }

    /// A process executes a program, changed in any way. Its standard input, output and error are a
    /// terminal or files.
    pub(crate) fn execs(
        &mut self,
        tgid: u32,
        executable: &str,
        argv: &[&str],
        change: impl FnOnce(&mut Exec),
    ) -> Vec<Alert> {
        let exec = self.exec(tgid, executable, argv, change);
        self.does(tgid, Body::Exec(Box::new(exec)))
    }

    /// A process makes another one, which executes a program.
    pub(crate) fn spawns(
        &mut self,
        tgid: u32,
        child: u32,
        executable: &str,
        argv: &[&str],
        change: impl FnOnce(&mut Exec),
    ) -> Vec<Alert> {
        let mut alerts = self.forks(tgid, child);
        alerts.extend(self.execs(child, executable, argv, change));
        alerts
    }

    /// What an exec of a process says.
    pub(crate) fn exec(
        &self,
        tgid: u32,
        executable: &str,
        argv: &[&str],
        change: impl FnOnce(&mut Exec),
    ) -> Exec {
        let process = self.process(tgid);
        let credentials = process.credentials.unwrap_or_else(|| user(0));
        let mut exec = Exec {
            parent: process.parent.unwrap_or_else(|| process_id(1)),
            file: File {
                inode: 1_000,
                device: 1,
                links: 1,
                mode: 0o100_755,
                ..File::default()
            },
            namespaces: process.namespaces.unwrap_or(HOST_NAMESPACES),
            credentials,
            namespace_pid: process.namespace_pid.unwrap_or(Tgid(tgid)),
            session_id: process.session_id.unwrap_or(Tgid(tgid)),
            process_group: process.process_group.unwrap_or(Tgid(tgid)),
            login_uid: process.login_uid,
            audit_session: process.audit_session,
            argc: u32::try_from(argv.len()).unwrap(),
            previous_tid: Tid(tgid),
            tty: process.tty,
            secure: false,
            setuid: false,
            setgid: false,
            file_capabilities: false,
            deleted: false,
            stdio: [Descriptor::Other; 3],
            executable: Path {
                bytes: Bytes::copy_from_slice(executable.as_bytes()),
                truncated: false,
                detached: false,
            },
            working_directory: Path {
                bytes: Bytes::from_static(b"/"),
                truncated: false,
                detached: false,
            },
            filename: text(executable.as_bytes()),
            interpreter: text(b""),
            arguments: arguments(argv),
        };
        change(&mut exec);
        exec
    }

    /// A process asks for a TCP connection.
    pub(crate) fn connects(&mut self, tgid: u32, remote: &str) -> Vec<Alert> {
        self.does(tgid, Body::Connect(connection(remote)))
    }

    /// A process takes a TCP connection.
    pub(crate) fn accepts(&mut self, tgid: u32, remote: &str) -> Vec<Alert> {
        self.does(tgid, Body::Accept(connection(remote)))
    }

    /// A process connects to a unix socket.
    pub(crate) fn connects_to_unix(&mut self, tgid: u32, path: &str) -> Vec<Alert> {
        let mut connection = connection("0.0.0.0:0");
        connection.endpoints.local = Endpoint::default();
        connection.endpoints.remote = Endpoint::default();
        connection.endpoints.family = AF_UNIX;
        connection.unix_path = Some(text(path.as_bytes()));
        self.does(tgid, Body::Connect(connection))
    }

    /// A connection of a process ends, orderly after so many bytes.
    pub(crate) fn closes(&mut self, tgid: u32, remote: &str, sent: u64, got: u64) -> Vec<Alert> {
        let closed = Closed {
            endpoints: endpoints(remote.parse().unwrap()),
            namespace: NetworkNamespace(HOST_NAMESPACES.net),
            socket_type: 1,
            opened: None,
            established: None,
            bytes_sent: sent,
            bytes_received: got,
            error: 0,
            role: Role::Unknown,
            state: 1,
        };
        self.does(tgid, Body::Closed(closed))
    }

    /// A process ends by itself.
    pub(crate) fn exits(&mut self, tgid: u32, code: u8) -> Vec<Alert> {
        let status = ExitStatus::Code(code);
        self.does(tgid, Body::Exit(Exit { status }))
    }

    /// A process commits other credentials.
    pub(crate) fn becomes(&mut self, tgid: u32, after: Credentials, cause: Cause) -> Vec<Alert> {
        let change = CredentialChange {
            before: self.process(tgid).credentials.unwrap(),
            after,
            cause,
            groups_before: Groups::default(),
            groups_after: Groups::default(),
        };
        self.does(tgid, Body::CredentialChange(Box::new(change)))
    }

    /// A process enters other namespaces.
    pub(crate) fn enters(
        &mut self,
        tgid: u32,
        after: Namespaces,
        how: NamespaceOperation,
    ) -> Vec<Alert> {
        let change = NamespaceChange {
            before: self.process(tgid).namespaces.unwrap(),
            after,
            operation: how,
        };
        self.does(tgid, Body::Namespace(change))
    }

    /// A process is given access to another one.
    pub(crate) fn traces(&mut self, tgid: u32, target: u32, mode: u32) -> Vec<Alert> {
        let target_uid = self.process(target).credentials.map_or(0, |they| they.uid);
        let ptrace = Ptrace {
            target: process_id(target),
            target_tid: Tid(target),
            target_uid,
            mode,
            operation: PtraceOperation::Access,
        };
        self.does(tgid, Body::Ptrace(ptrace))
    }

    /// A process does something: the alerts that are raised at it.
    pub(crate) fn does(&mut self, tgid: u32, body: Body) -> Vec<Alert> {
        let known = self.table.get(process_id(tgid));
        let actor = Actor {
            id: process_id(tgid),
            tid: Tid(tgid),
            uid: known
                .and_then(|known| known.credentials)
                .map_or(0, |credentials| credentials.uid),
            cgroup: known.and_then(|known| known.cgroup).unwrap_or(HOST),
            credentials_digest: 0,
            io_worker: false,
        };
        let event = self.event(Some(actor), body);
        self.happens(&event)
    }

    /// An event, a millisecond after the last one.
    pub(crate) fn event(&mut self, actor: Option<Actor>, body: Body) -> Event {
        self.time += 1_000_000;
        self.sequence += 1;
        let origin = Origin {
            cpu: 0,
            ring: Ring::Critical,
            sequence: self.sequence,
            time: BootTime(self.time),
        };
        let mut event = Event {
            origin,
            actor,
            body,
        };
        event.origin.ring = event.kind().ring();
        event
    }

    /// An event happens: the alerts that are raised at it.
    pub(crate) fn happens(&mut self, event: &Event) -> Vec<Alert> {
        self.table.observe(event);
        let process = event.subject().and_then(|id| self.table.get(id));
        let parent = match &event.body {
            Body::Exec(exec) => Some(exec.parent),
            Body::Fork(fork) => Some(fork.parent),
            _ => process.and_then(|process| process.parent),
        };
        let other = match &event.body {
            Body::Fork(_) => event.actor.map(|actor| actor.id),
            Body::Ptrace(ptrace) => Some(ptrace.target),
            _ => None,
        };
        let observed = Observed {
            event,
            late: false,
            process,
            parent: parent.and_then(|id| self.table.get(id)),
            other: other.and_then(|id| self.table.get(id)),
            about: None,
            surroundings: Surroundings::default(),
        };
        let mut alerts = Vec::new();
        self.detector.inspect(&observed, &mut alerts);
        alerts
    }

    /// What the detector had no room for, in all.
    pub(crate) fn forgotten(&self) -> u64 {
        let mut total = 0;
        self.detector.limits(&mut |_, count| total += count);
        total
    }
}
