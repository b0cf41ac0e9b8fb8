//! An event's values, each found when it is asked for.
//!
//! Most values lie in the event or in what is known of its processes, and are borrowed from there. A
//! text that must be put together, as a command line, is written once into memory that the next
//! event uses again.

use std::{
    array,
    cell::{Cell, OnceCell, RefCell},
    net::IpAddr,
};

use super::{resolved::ResolvedNames, table};
use crate::{
    clock::WallOffset,
    detect::sigma::field::{FieldId, Fields, Value},
    event::{Body, Exec, Text, dns::Message},
    observed::Observed,
    output::{arguments::Arguments, arguments::CommandLine, socket},
    process::Process,
};

/// Memory for the texts of one event after another.
#[derive(Debug)]
pub struct Texts {
    places: [Place; Slot::COUNT],
    /// Which places are in use.
    used: Cell<u64>,
    /// The DNS message, if it can be read.
    message: OnceCell<Option<Message>>,
}

/// A text, or the memory of one before.
#[derive(Debug, Default)]
struct Place {
    text: OnceCell<String>,
    spare: RefCell<String>,
}

/// A text that must be put together.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    Image,
    CommandLine,
    QuotedCommandLine,
    Directory,
    ParentCommandLine,
    ParentQuotedCommandLine,
    Time,
    Digest,
    Hashes,
    AncestorNames,
    AncestorExecutables,
    Effective,
    Permitted,
    Filename,
    Interpreter,
    Mode,
    ScriptPath,
    ScriptModule,
    ScriptDigest,
    Arguments,
    Comm,
    Terminal,
    UnixPath,
    Results,
    Addresses,
    BeforeEffective,
    BeforePermitted,
    AfterEffective,
    AfterPermitted,
    Changed,
    Modes,
    ModuleName,
    Tag,
    ProgramName,
    Function,
}

impl Slot {
    /// How many there are.
    const COUNT: usize = Self::Function as usize + 1;
}

impl Default for Texts {
    fn default() -> Self {
        Self {
            places: array::from_fn(|_| Place::default()),
            used: Cell::default(),
            message: OnceCell::new(),
        }
    }
}

impl Texts {
    fn clear(&mut self) {
        self.message.take();
        let mut used = self.used.take();
        while used != 0 {
            let place = self.places.get_mut(used.trailing_zeros() as usize);
            if let Some(place) = place
                && let Some(text) = place.text.take()
            {
                place.spare.replace(text);
            }
            used &= used - 1;
        }
    }

    fn write(&self, slot: Slot, write: impl FnOnce(&mut String)) -> &str {
        let Some(place) = self.places.get(slot as usize) else {
            return "";
        };
        place.text.get_or_init(|| {
            self.used.set(self.used.get() | 1 << slot as usize);
            let mut text = place.spare.take();
            text.clear();
            write(&mut text);
            text
        })
    }
}

/// An event, as rules see it.
#[derive(Clone, Copy, Debug)]
pub struct ObservedFields<'a> {
    pub(super) observed: &'a Observed<'a>,
    wall_offset: WallOffset,
    names: Option<&'a ResolvedNames>,
    texts: &'a Texts,
}

impl<'a> ObservedFields<'a> {
    /// The fields of an event; their texts go where those of the last event were.
    pub fn new(observed: &'a Observed<'a>, wall_offset: WallOffset, texts: &'a mut Texts) -> Self {
        texts.clear();
        Self {
            observed,
            wall_offset,
            names: None,
            texts,
        }
    }

    /// The same, with the names of addresses for `DestinationHostname`.
    #[must_use]
    pub const fn with_names(self, names: &'a ResolvedNames) -> Self {
        Self {
            names: Some(names),
            ..self
        }
    }

    pub(super) fn exec(&self) -> Option<&'a Exec> {
        match &self.observed.event.body {
            Body::Exec(exec) => Some(exec),
            _ => None,
        }
    }

    /// The DNS message, if the event is one that can be read.
    pub(super) fn message(&self) -> Option<&'a Message> {
        let message = self
            .texts
            .message
            .get_or_init(|| match &self.observed.event.body {
                Body::DnsQuestion(dns) | Body::DnsAnswer(dns) => Message::parse(&dns.message).ok(),
                _ => None,
            });
        message.as_ref()
    }

    /// The name that an address was looked up by.
    pub(super) fn name_of(&self, address: IpAddr) -> Option<&'a str> {
        self.names?.name(address)
    }

    /// A text that has to be put together; none if it is empty.
    pub(super) fn written(&self, slot: Slot, write: impl FnOnce(&mut String)) -> Option<&'a str> {
        Some(self.texts.write(slot, write)).filter(|text| !text.is_empty())
    }

    /// Bytes as text, those that are not UTF-8 replaced; none if there are none.
    pub(super) fn bytes(&self, slot: Slot, bytes: &'a [u8]) -> Option<&'a str> {
        match str::from_utf8(bytes) {
            Ok(text) => Some(text).filter(|text| !text.is_empty()),
            Err(_) => self.written(slot, |text| text.push_str(&String::from_utf8_lossy(bytes))),
        }
    }

    /// Words with one space between them.
    pub(super) fn words<W: AsRef<str>>(
        &self,
        slot: Slot,
        words: impl IntoIterator<Item = W>,
    ) -> Option<&'a str> {
        self.written(slot, |text| {
            for word in words {
                if !text.is_empty() {
                    text.push(' ');
                }
                text.push_str(word.as_ref());
            }
        })
    }

    /// Arguments with one space between them, as they are.
    pub(super) fn joined(&self, slot: Slot, arguments: Arguments<'_>) -> Option<&'a str> {
        self.written(slot, |text| match arguments {
            Arguments::Captured(bytes) => join(bytes, text),
            Arguments::Remembered(_) => {
                for (number, argument) in arguments.iter().enumerate() {
                    if number > 0 {
                        text.push(' ');
                    }
                    text.push_str(&argument);
                }
            }
        })
    }

    /// Arguments with one space between them, and quotes, as `process.command_line` has them.
    pub(super) fn quoted(&self, slot: Slot, arguments: Arguments<'_>) -> Option<&'a str> {
        self.written(slot, |text| {
            CommandLine(arguments).pieces(|piece| text.push_str(piece));
        })
    }

    /// The arguments of the process.
    pub(super) fn arguments(&self) -> Arguments<'a> {
        match self.exec() {
            Some(exec) => Arguments::Captured(&exec.arguments.bytes),
            None => arguments_of(self.observed.process),
        }
    }

    /// An argument by its place.
    fn argument(&self, number: usize) -> Option<&'a str> {
        let bytes = &*self.exec()?.arguments.bytes;
        let ended = bytes.strip_suffix(&[0]).unwrap_or(bytes);
        if ended.is_empty() {
            return None;
        }
        let argument = ended.split(|byte| *byte == 0).nth(number)?;
        if let Ok(argument) = str::from_utf8(argument) {
            return Some(argument);
        }
        // A byte that is replaced is never one that ends an argument.
        self.bytes(Slot::Arguments, ended)?.split('\0').nth(number)
    }

    /// The path of a unix socket.
    pub(super) fn socket_path(&self, path: &'a Text) -> Option<&'a str> {
        self.written(Slot::UnixPath, |text| {
            text.push_str(&socket::unix_path(path).unwrap_or_default());
        })
    }

    /// The moment of the event, in nanoseconds since 1970.
    pub(super) fn time(&self) -> i64 {
        let time = self.observed.event.origin.time;
        self.wall_offset.wall_time(time).0
    }
}

/// The arguments of a process, as far as they are remembered.
pub(super) fn arguments_of(process: Option<&Process>) -> Arguments<'_> {
    let image = process.and_then(|process| process.image.as_deref());
    Arguments::Remembered(image.map_or(&[], |image| &image.arguments))
}

/// Joins arguments, each ended by NUL, by spaces.
fn join(arguments: &[u8], text: &mut String) {
    let ended = arguments.strip_suffix(&[0]).unwrap_or(arguments);
    let mut bytes = std::mem::take(text).into_bytes();
    bytes.extend_from_slice(ended);
    for byte in &mut bytes {
        if *byte == 0 {
            *byte = b' ';
        }
    }
    *text = String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
}

impl Fields for ObservedFields<'_> {
    fn value(&self, field: FieldId) -> Option<Value<'_>> {
        match table::argument_number(field) {
            Some(number) => self.argument(number).map(Value::Text),
            None => (table::get(field)?.value)(self),
        }
    }

    fn any_text(&self, found: &mut dyn FnMut(&str) -> bool) -> bool {
        table::searched()
            .iter()
            .any(|field| match (field.value)(self) {
                Some(Value::Text(text)) => found(text),
                _ => false,
            })
    }

    fn moment(&self, field: FieldId) -> Option<i64> {
        table::get(field)?.is_moment.then(|| self.time())
    }
}
