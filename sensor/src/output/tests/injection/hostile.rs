//! Hostile texts, in all places where text can be.

use std::sync::Arc;

use bytes::Bytes;
use proptest::{collection::vec, prelude::*, sample::select};
use sensor_common::{exec::File, network::AF_UNIX};
use serde_json::{Value, json};

use super::Place;
use crate::{
    clock::BootTime,
    enrich::{
        accounts::{Accounts, IdMap, Limits, Names, NamespaceAccounts},
        runtimes::{Details, Runtime},
    },
    event::{
        Body, BpfAccess, BpfProgram, Connection, Descriptor, Dns, Endpoint, Endpoints, Exec,
        ModuleLoad, NetworkNamespace, Path, ProcessId, Text, Tgid, Tid,
        dns::{Message, encoder::Encoder},
    },
    host::Host,
    output::{
        arbitrary as documents,
        arguments::{Arguments, CommandLine},
        socket,
    },
    process::{Image, Process, placement::placement},
};

/// Hostile texts.
#[derive(Clone, Debug)]
pub(super) struct Hostile {
    pub(super) arguments: Vec<Vec<u8>>,
    /// Of the rest, in the order that they are used in.
    pub(super) texts: [Vec<u8>; 8],
}

pub(super) const PIECES: &[&[u8]] = &[
    b"\n",
    b"\r\n",
    b"\r",
    b"\t",
    b" ",
    b"  ",
    b"|",
    b"=",
    b"\\",
    b"\\\\",
    b"\\n",
    b"\\=",
    b"\"",
    b"'",
    b",",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b"/",
    b"%",
    b"#",
    b"<134>1 ",
    b"\x1b[2J\x1b[H",
    b"\x07",
    b"\x7f",
    b"\x01",
    b"\x0b\x0c",
    b"\xff",
    b"\xc3",
    b"\xed\xa0\x80",
    b"\xf0\x9f\x92",
    "\u{2028}".as_bytes(),
    "\u{2029}".as_bytes(),
    "\u{85}".as_bytes(),
    "\u{9b}31m".as_bytes(),
    "\u{202e}".as_bytes(),
    "\u{feff}".as_bytes(),
    "\u{1f4a9}".as_bytes(),
    "\u{e9}".as_bytes(),
    b"\nCEF:0|x|x|1|exec|y|10|act=forged",
    b" act=forged",
    b" sensorJsonStrings=cs1",
    b" cs1Label=x",
    b"\n{\"event\":{\"id\":\"forged\"}}",
    b"\",\"forged\":\"",
    b"\\u000a",
    b"root",
    b"-c",
];

fn hostile_text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        6 => select(PIECES).prop_map(<[u8]>::to_vec),
        1 => vec(1..=255_u8, 0..6),
    ];
    let short = || vec(piece.clone(), 0..8).prop_map(|pieces| pieces.concat());
    let long = (vec(piece.clone(), 1..8), 1..32_768_usize).prop_map(|(pieces, length)| {
        let pattern = pieces.concat();
        pattern
            .iter()
            .copied()
            .cycle()
            .take(length.min(pattern.len() * 4096))
            .collect()
    });
    prop_oneof![40 => short(), 1 => long]
}

pub(super) fn hostile() -> impl Strategy<Value = Hostile> {
    (
        vec(hostile_text(), 0..5),
        prop::array::uniform8(hostile_text()),
    )
        .prop_map(|(arguments, texts)| Hostile { arguments, texts })
}

impl Hostile {
    fn bytes(&self, index: usize) -> Bytes {
        self.texts[index].clone().into()
    }

    pub(super) fn string(&self, index: usize) -> String {
        String::from_utf8_lossy(&self.texts[index]).into_owned()
    }

    /// A name in a file of users has no colon and no line's end, and is UTF-8 or not there.
    fn user_name(&self) -> String {
        let name: String = self.string(3);
        let name = name.replace([':', '\n', '\r'], "");
        name.chars().take(100).collect()
    }

    fn host(&self) -> Host {
        Host {
            name: self.string(4),
            agent_version: self.string(5),
            agent_id: self.string(6),
            ..documents::host()
        }
    }
}

fn text(bytes: Bytes) -> Text {
    Text {
        original: u32::try_from(bytes.len()).ok(),
        bytes,
    }
}

pub(super) fn process_id(tgid: u32) -> ProcessId {
    ProcessId {
        tgid: Tgid(tgid),
        start: BootTime(1_000_000_000),
    }
}

fn exec(hostile: &Hostile) -> Exec {
    let path = |bytes| Path {
        bytes,
        ..Path::default()
    };
    let mut arguments = hostile.arguments.join(&0);
    if !hostile.arguments.is_empty() {
        arguments.push(0);
    }
    Exec {
        parent: process_id(300),
        file: File::default(),
        namespaces: Default::default(),
        credentials: Default::default(),
        namespace_pid: Tgid(9),
        session_id: Tgid(1),
        process_group: Tgid(1),
        login_uid: Some(0),
        audit_session: None,
        argc: u32::try_from(hostile.arguments.len()).unwrap(),
        previous_tid: Tid(400),
        tty: None,
        secure: false,
        setuid: false,
        setgid: false,
        file_capabilities: false,
        deleted: false,
        stdio: [Descriptor::Other; 3],
        executable: path(hostile.bytes(0)),
        working_directory: path(hostile.bytes(1)),
        filename: text(hostile.bytes(2)),
        interpreter: text(hostile.bytes(7)),
        arguments: text(arguments.into()),
    }
}

fn unix() -> Endpoints {
    Endpoints {
        local: Endpoint::default(),
        remote: Endpoint::default(),
        family: AF_UNIX,
        protocol: 0,
    }
}

fn dns_message(hostile: &Hostile) -> Text {
    let labels: Vec<&[u8]> = hostile.texts[0]
        .chunks(60)
        .take(3)
        .filter(|label| !label.is_empty())
        .collect();
    let data: Vec<u8> = hostile.texts[1].iter().copied().take(200).collect();
    let mut string = vec![u8::try_from(data.len()).unwrap()];
    string.extend(&data);
    const TXT: u16 = 16;
    text(
        Encoder::new(1, 0x8180)
            .question(&labels, TXT)
            .answer(&labels, TXT, 5, &string)
            .answer(&labels, 65_280, 5, &data)
            .bytes()
            .into(),
    )
}

/// Bodies in which something hostile is, and where it is expected.
pub(super) fn bodies(hostile: &Hostile) -> Vec<(Body, Vec<(Place, Value)>)> {
    let lossy = |index| json!(hostile.string(index));
    let exec = exec(hostile);
    let captured = Arguments::Captured(&exec.arguments.bytes);
    let path = if hostile.texts[0].is_empty() { 2 } else { 0 };
    let name = hostile.texts[path].rsplit(|byte| *byte == b'/').next();
    let arguments: Vec<_> = hostile
        .arguments
        .iter()
        .map(|one| String::from_utf8_lossy(one))
        .collect();
    let action = |action| (Place::Action, json!(action));
    let in_exec = vec![
        action("exec"),
        (Place::Arguments, json!(arguments)),
        (Place::CommandLine, json!(CommandLine(captured).to_string())),
        (Place::Executable, lossy(0)),
        (Place::Path, lossy(path)),
        (Place::Name, json!(String::from_utf8_lossy(name.unwrap()))),
        (Place::WorkingDirectory, lossy(1)),
        (Place::Filename, lossy(2)),
    ];
    let dns = Dns {
        endpoints: unix(),
        namespace: NetworkNamespace(1),
        message: dns_message(hostile),
    };
    let question = Message::parse(&dns.message).unwrap().question.unwrap().name;
    let connection = Connection {
        endpoints: unix(),
        namespace: NetworkNamespace(1),
        socket_type: 1,
        backlog: None,
        unix_path: Some(text(hostile.bytes(2))),
    };
    let socket_path = connection.unix_path.as_ref().and_then(socket::unix_path);
    let socket_path = json!(socket_path.unwrap_or_default());
    let module = ModuleLoad {
        name: hostile.bytes(0),
        taints: 0,
    };
    let program = BpfProgram {
        id: 1,
        program_type: 2,
        attach_type: 0,
        instructions: 3,
        tag: [0; 8],
        overrides_return: false,
        gpl_compatible: true,
        name: hostile.bytes(0),
        function: hostile.bytes(1),
        access: BpfAccess::Load,
    };
    vec![
        (Body::Exec(Box::new(exec)), in_exec),
        (
            Body::DnsAnswer(dns),
            vec![
                action("lookup_result"),
                (Place::DnsQuestion, json!(question)),
            ],
        ),
        (
            Body::Connect(connection),
            vec![
                action("connection_attempted"),
                (Place::SocketPath, socket_path),
            ],
        ),
        (
            Body::ModuleLoad(module),
            vec![action("load_module"), (Place::Module, lossy(0))],
        ),
        (
            Body::BpfProgram(Box::new(program)),
            vec![action("load_bpf_program"), (Place::BpfProgram, lossy(0))],
        ),
    ]
}

/// One document's surroundings: all that does not come with the event.
pub(super) struct World {
    pub(super) host: Host,
    pub(super) process: Process,
    pub(super) parent: Process,
    pub(super) accounts: NamespaceAccounts,
    pub(super) details: Arc<Details>,
    pub(super) expected: Vec<(Place, Value)>,
}

pub(super) fn world(hostile: &Hostile) -> World {
    let boot = documents::host().boot();
    let image = |arguments: Vec<String>| Image {
        name: hostile.string(7),
        executable: hostile.string(7),
        working_directory: hostile.string(1),
        arguments,
        argument_count: 2,
        ..Image::default()
    };
    let remembered = vec![hostile.string(0), hostile.string(1)];
    let command_line = CommandLine(Arguments::Remembered(&remembered)).to_string();
    let container = "/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let process = Process {
        image: Some(Arc::new(image(vec![]))),
        credentials: Some(Default::default()),
        placement: Some(Arc::new(placement(container))),
        parent: Some(process_id(300)),
        ..Process::unknown(boot, process_id(400))
    };
    let parent = Process {
        image: Some(Arc::new(image(remembered))),
        ..Process::unknown(boot, process_id(300))
    };
    let users = format!("{}:x:0:0::/:/\n", hostile.user_name());
    let users = Names::read(users.as_bytes(), Limits::default()).unwrap();
    let user = users.get(0).unwrap_or_default().to_owned();
    let map = || IdMap::parse("0 0 100000\n").unwrap();
    let accounts = NamespaceAccounts {
        accounts: Accounts {
            users,
            ..Accounts::default()
        },
        user_map: map(),
        group_map: map(),
        ..NamespaceAccounts::default()
    };
    let details = Details {
        runtime: Runtime::Docker,
        name: Some(hostile.string(2)),
        image_name: Some(hostile.string(4)),
        image_tag: None,
        image_hashes: vec![hostile.string(5)],
        labels: vec![(hostile.string(6), hostile.string(7))],
        pod: None,
        left_out: 0,
    };
    let host = hostile.host();
    let label = hostile.string(6);
    let expected = vec![
        (Place::ParentExecutable, json!(hostile.string(7))),
        (Place::ParentCommandLine, json!(command_line)),
        (Place::UserName, json!(user)),
        (Place::ContainerName, json!(hostile.string(2))),
        (Place::ContainerImage, json!(hostile.string(4))),
        (Place::ContainerLabels, json!({label: hostile.string(7)})),
        (Place::HostName, json!(host.name)),
    ];
    World {
        host,
        process,
        parent,
        accounts,
        details: Arc::new(details),
        expected,
    }
}
