//! The keys of extensions.
//!
//! Those of ArcSight's dictionary (version 27 of the standard) come with the longest value that it
//! allows them. What the dictionary has no key for is under keys of the sensor's own, which begin with
//! `sensor` and have no limit. The flexible keys (`flexString1`, ...) are the user's, and are left to
//! him.

/// A key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    /// As it is written.
    pub(super) name: &'static str,
    /// Bytes of the longest value that the dictionary allows.
    pub(super) length: usize,
    /// What comes behind the value: what a custom key stands for.
    pub(super) label: &'static str,
}

/// The keys of one of the two parties to an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Party {
    pub(super) process: Key,
    pub(super) pid: Key,
    pub(super) user: Key,
    pub(super) user_id: Key,
    pub(super) privileges: Key,
}

/// The keys of one of the two ends of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct End {
    pub(super) ipv4: Key,
    pub(super) ipv6: Key,
    pub(super) port: Key,
}

impl Key {
    /// One of the dictionary, for a text.
    const fn text(name: &'static str, length: usize) -> Self {
        Self {
            name,
            length,
            label: "",
        }
    }

    /// One of the dictionary, for something that has no length.
    const fn plain(name: &'static str) -> Self {
        Self::text(name, usize::MAX)
    }

    /// One of the sensor's own.
    pub(super) const fn own(name: &'static str) -> Self {
        Self::text(name, usize::MAX)
    }

    /// The same, with a label behind the value.
    const fn labelled(self, label: &'static str) -> Self {
        Self { label, ..self }
    }
}

pub(super) const SOURCE: Party = Party {
    process: Key::text("sproc", 1023),
    pid: Key::plain("spid"),
    user: Key::text("suser", 1023),
    user_id: Key::plain("suid"),
    privileges: Key::plain("spriv"),
};
pub(super) const DESTINATION: Party = Party {
    process: Key::text("dproc", 1023),
    pid: Key::plain("dpid"),
    user: Key::text("duser", 1023),
    user_id: Key::plain("duid"),
    privileges: Key::plain("dpriv"),
};
pub(super) const SOURCE_END: End = End {
    ipv4: Key::plain("src"),
    ipv6: Key::plain("c6a2").labelled(" c6a2Label=Source IPv6 Address"),
    port: Key::plain("spt"),
};
pub(super) const DESTINATION_END: End = End {
    ipv4: Key::plain("dst"),
    ipv6: Key::plain("c6a3").labelled(" c6a3Label=Destination IPv6 Address"),
    port: Key::plain("dpt"),
};

pub(super) const EXTERNAL_ID: Key = Key::plain("externalId");
pub(super) const ACTION: Key = Key::plain("act");
pub(super) const CATEGORY: Key = Key::plain("cat");
pub(super) const FACILITY: Key = Key::plain("deviceFacility");
pub(super) const OUTCOME: Key = Key::plain("outcome");
pub(super) const REASON: Key = Key::text("reason", 1023);
pub(super) const MESSAGE: Key = Key::text("msg", 1023);
pub(super) const COUNT: Key = Key::plain("cnt");
pub(super) const START: Key = Key::plain("start");
pub(super) const END: Key = Key::plain("end");
pub(super) const HOST_NAME: Key = Key::text("dvchost", 100);
pub(super) const DEVICE_ID: Key = Key::text("deviceExternalId", 255);

pub(super) const FILE_PATH: Key = Key::text("filePath", 1023);
pub(super) const FILE_NAME: Key = Key::text("fname", 1023);
pub(super) const FILE_HASH: Key = Key::plain("fileHash");
pub(super) const FILE_ID: Key = Key::plain("fileId");
pub(super) const FILE_PERMISSION: Key = Key::plain("filePermission");
pub(super) const FILE_SIZE: Key = Key::plain("fsize");

pub(super) const DIRECTION: Key = Key::plain("deviceDirection");
pub(super) const TRANSPORT: Key = Key::plain("proto");
pub(super) const APPLICATION: Key = Key::plain("app");
pub(super) const BYTES_IN: Key = Key::plain("in");
pub(super) const BYTES_OUT: Key = Key::plain("out");

pub(super) const COMMAND_LINE: Key = Key::text("cs1", 4000).labelled(" cs1Label=Command line");
pub(super) const CONTAINER_ID: Key = Key::text("cs2", 4000).labelled(" cs2Label=Container id");
pub(super) const ENTITY_ID: Key = Key::text("cs3", 4000).labelled(" cs3Label=Process entity id");
pub(super) const WORKING_DIRECTORY: Key =
    Key::text("cs4", 4000).labelled(" cs4Label=Working directory");
pub(super) const CONTAINER_IMAGE: Key =
    Key::text("cs5", 4000).labelled(" cs5Label=Container image");
/// What the event is about, beside processes: in each kind of event something else.
pub(super) const SCRIPT: Key = Key::text("cs6", 4000).labelled(" cs6Label=Script");
pub(super) const SOCKET_PATH: Key = Key::text("cs6", 4000).labelled(" cs6Label=Socket path");
pub(super) const DNS_QUESTION: Key = Key::text("cs6", 4000).labelled(" cs6Label=DNS question");
pub(super) const CAPABILITIES_GAINED: Key =
    Key::text("cs6", 4000).labelled(" cs6Label=Capabilities gained");
pub(super) const NAMESPACES: Key = Key::text("cs6", 4000).labelled(" cs6Label=Namespaces changed");
pub(super) const ACCESS: Key = Key::text("cs6", 4000).labelled(" cs6Label=Access");
pub(super) const MODULE: Key = Key::text("cs6", 4000).labelled(" cs6Label=Kernel module");
pub(super) const BPF_PROGRAM: Key = Key::text("cs6", 4000).labelled(" cs6Label=BPF program");
pub(super) const EXIT_CODE: Key = Key::plain("cn1").labelled(" cn1Label=Exit code");
pub(super) const EVENTS: Key = Key::plain("cn2").labelled(" cn2Label=Events");
