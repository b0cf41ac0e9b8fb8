//! A reader for the kernel's own type information, as much as is needed to find where a
//! structure's members lie.
//!
//! `/sys/kernel/btf/vmlinux` describes every type of the running kernel in about 5 MB (format:
//! `Documentation/bpf/btf.rst`). It is read once, front to back, keeping only where each type
//! begins and which of the wanted names it has. Input is not trusted: whatever the bytes, the
//! answer is a value or an error.

use std::{collections::HashMap, ops::Range};

use thiserror::Error;

/// Type information, indexed.
#[derive(Debug)]
pub struct Btf {
    bytes: Vec<u8>,
    types: Range<usize>,
    strings: Range<usize>,
    /// Where each type's record begins in `types`, by type id; entry 0 is `void`.
    offsets: Vec<u32>,
    named: HashMap<(Named, String), u32>,
}

/// Where a member lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Offset from the beginning of the outermost structure, in bits.
    pub bit_offset: u32,
    /// Width in bits if it is a bit field.
    pub bit_width: Option<u32>,
    type_id: u32,
}

/// Why a member, or anything at all, could not be found.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BtfError {
    /// The file is not BTF of this machine's byte order.
    #[error("not BTF: it begins with {0:#06x} instead of 0xeb9f")]
    Magic(u16),
    /// A length or an offset points out of the file.
    #[error("cut short in its {0}")]
    Truncated(&'static str),
    /// A type of a kind that this reader does not know.
    #[error("type {id} is of unknown kind {kind}")]
    UnknownKind {
        /// The type.
        id: usize,
        /// Its kind.
        kind: u32,
    },
    /// The kernel has no such structure.
    #[error("the kernel has no structure {0}")]
    NoStructure(String),
    /// The structure has no such member.
    #[error("the kernel's {structure} has no member {member}")]
    NoMember {
        /// The path up to the member.
        structure: String,
        /// The member.
        member: String,
    },
}

/// The kinds of types that have names of interest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Named {
    Structure,
    Enumeration,
    Function,
    Typedef,
}

/// The first two bytes of BTF.
const MAGIC: u16 = 0xeb9f;

/// Bytes of a type's record before what its kind adds.
const COMMON: usize = 12;

/// Anonymous members and typedefs that a step of a path may lead through: more than any kernel
/// has, and an end to types that refer to each other in a circle.
const DEPTH: usize = 16;

impl Btf {
    /// Indexes type information. Of all names only those in `wanted` are kept: structures and
    /// unions, enumerations, functions, and typedefs.
    ///
    /// # Errors
    ///
    /// If the bytes are not BTF of this machine's byte order, or are cut short.
    pub fn parse(bytes: Vec<u8>, wanted: &[&str]) -> Result<Self, BtfError> {
        let magic = read_u16(&bytes, 0).ok_or(BtfError::Truncated("header"))?;
        if magic != MAGIC {
            return Err(BtfError::Magic(magic));
        }
        let header = |at| read_usize(&bytes, at).ok_or(BtfError::Truncated("header"));
        // The header has grown since it was 24 bytes, and says how long it is.
        let length = header(4)?;
        let range = |offset: usize, size: usize, part| {
            let start = length.checked_add(offset);
            let end = start.and_then(|start| start.checked_add(size));
            match (start, end) {
                (Some(start), Some(end)) if end <= bytes.len() => Ok(start..end),
                _ => Err(BtfError::Truncated(part)),
            }
        };
        let types = range(header(8)?, header(12)?, "types")?;
        let strings = range(header(16)?, header(20)?, "strings")?;
        let mut btf = Self {
            bytes,
            types,
            strings,
            offsets: vec![0],
            named: HashMap::new(),
        };
        btf.index(wanted)?;
        Ok(btf)
    }

    fn index(&mut self, wanted: &[&str]) -> Result<(), BtfError> {
        const TRUNCATED: BtfError = BtfError::Truncated("types");
        let wanted: HashMap<&[u8], &str> =
            wanted.iter().map(|name| (name.as_bytes(), *name)).collect();
        let longest = wanted.keys().map(|name| name.len()).max().unwrap_or(0);
        let mut named = HashMap::new();
        let mut offsets = vec![0];
        let mut at = 0;
        while at < self.types.len() {
            let id = offsets.len();
            let record = self.record_at(at).ok_or(TRUNCATED)?;
            let size = record.size().ok_or(BtfError::UnknownKind {
                id,
                kind: record.kind(),
            })?;
            if let Some(namespace) = record.namespace()
                && let Some(name) = self.name(record.name, longest)
                && let Some(name) = wanted.get(name)
            {
                let id = u32::try_from(id).map_err(|_| TRUNCATED)?;
                named.entry((namespace, (*name).to_owned())).or_insert(id);
            }
            offsets.push(u32::try_from(at).map_err(|_| TRUNCATED)?);
            at = at.checked_add(size).ok_or(TRUNCATED)?;
        }
        if at > self.types.len() {
            return Err(TRUNCATED);
        }
        self.offsets = offsets;
        self.named = named;
        Ok(())
    }

    /// Finds a member by its path: a structure's name, then members, separated by dots. Members of
    /// anonymous structures and unions are found without naming those.
    ///
    /// # Errors
    ///
    /// If there is no such structure or member.
    pub fn member(&self, path: &str) -> Result<Member, BtfError> {
        let mut steps = path.split('.');
        let structure = steps.next().unwrap_or_default();
        let id = self
            .named
            .get(&(Named::Structure, structure.to_owned()))
            .ok_or_else(|| BtfError::NoStructure(structure.to_owned()))?;
        let mut found = Member {
            bit_offset: 0,
            bit_width: None,
            type_id: *id,
        };
        let mut so_far = structure.to_owned();
        for step in steps {
            let inner = self
                .member_of(found.type_id, step.as_bytes(), DEPTH)
                .ok_or_else(|| BtfError::NoMember {
                    structure: so_far.clone(),
                    member: step.to_owned(),
                })?;
            found = Member {
                bit_offset: found.bit_offset.wrapping_add(inner.bit_offset),
                ..inner
            };
            so_far.push('.');
            so_far.push_str(step);
        }
        Ok(found)
    }

    /// The value of a name in an enumeration, if there are both.
    #[must_use]
    pub fn enumerator(&self, enumeration: &str, wanted: &str) -> Option<u32> {
        /// A name and a value (`struct btf_enum`).
        const BYTES: usize = 8;
        let key = (Named::Enumeration, enumeration.to_owned());
        let record = self.record(*self.named.get(&key)?)?;
        (0..record.length())
            .map(|number| record.at + COMMON + number * BYTES)
            .find(|at| {
                let name = self.type_word(*at);
                name.and_then(|name| self.name(name, wanted.len())) == Some(wanted.as_bytes())
            })
            .and_then(|at| self.type_word(at + 4))
    }

    /// Whether the kernel has a function of this name.
    #[must_use]
    pub fn has_function(&self, name: &str) -> bool {
        self.named.contains_key(&(Named::Function, name.to_owned()))
    }

    /// The number of a function's parameters.
    #[must_use]
    pub fn parameters(&self, function: &str) -> Option<usize> {
        let id = self.named.get(&(Named::Function, function.to_owned()))?;
        self.prototype_length(*id)
    }

    /// The number of values that a tracepoint passes to a program.
    #[must_use]
    pub fn tracepoint_arguments(&self, tracepoint: &str) -> Option<usize> {
        let name = format!("btf_trace_{tracepoint}");
        let id = self.named.get(&(Named::Typedef, name))?;
        // The first parameter is the tracepoint's own data.
        self.prototype_length(*id)?.checked_sub(1)
    }

    /// Follows references from a function, pointer or typedef to a prototype.
    fn prototype_length(&self, id: u32) -> Option<usize> {
        let mut id = id;
        for _ in 0..DEPTH {
            let record = self.record(id)?;
            match record.kind() {
                kind::FUNC_PROTO => return Some(record.length()),
                kind::FUNC | kind::TYPEDEF | kind::PTR => id = record.size_or_type,
                _ => return None,
            }
        }
        None
    }

    fn member_of(&self, id: u32, wanted: &[u8], depth: usize) -> Option<Member> {
        let depth = depth.checked_sub(1)?;
        let record = self.record(id)?;
        match record.kind() {
            kind::STRUCT | kind::UNION => {}
            kind::TYPEDEF | kind::CONST | kind::VOLATILE | kind::RESTRICT | kind::TYPE_TAG => {
                return self.member_of(record.size_or_type, wanted, depth);
            }
            _ => return None,
        }
        for index in 0..record.length() {
            let at = record.at + COMMON + index * 12;
            let name = self.type_word(at)?;
            let type_id = self.type_word(at + 4)?;
            let (bit_offset, bit_width) = record.member_offset(self.type_word(at + 8)?);
            if self.name(name, wanted.len()) == Some(wanted) {
                return Some(Member {
                    bit_offset,
                    bit_width,
                    type_id,
                });
            }
            if name == 0
                && let Some(inner) = self.member_of(type_id, wanted, depth)
            {
                return Some(Member {
                    bit_offset: bit_offset.wrapping_add(inner.bit_offset),
                    ..inner
                });
            }
        }
        None
    }

    fn record(&self, id: u32) -> Option<Record> {
        let offset = *self.offsets.get(id as usize)?;
        if id == 0 {
            return None;
        }
        self.record_at(offset as usize)
    }

    fn record_at(&self, at: usize) -> Option<Record> {
        Some(Record {
            at,
            name: self.type_word(at)?,
            info: self.type_word(at + 4)?,
            size_or_type: self.type_word(at + 8)?,
        })
    }

    fn type_word(&self, at: usize) -> Option<u32> {
        read_u32(self.bytes.get(self.types.clone())?, at)
    }

    /// A name, if it is not longer than `longest` bytes.
    fn name(&self, offset: u32, longest: usize) -> Option<&[u8]> {
        let rest = self
            .bytes
            .get(self.strings.clone())?
            .get(offset as usize..)?;
        let rest = rest.get(..=longest).unwrap_or(rest);
        let end = rest.iter().position(|byte| *byte == 0)?;
        rest.get(..end)
    }
}

/// `BTF_KIND_*` (`include/uapi/linux/btf.h`).
mod kind {
    pub const INT: u32 = 1;
    pub const PTR: u32 = 2;
    pub const ARRAY: u32 = 3;
    pub const STRUCT: u32 = 4;
    pub const UNION: u32 = 5;
    pub const ENUM: u32 = 6;
    pub const FWD: u32 = 7;
    pub const TYPEDEF: u32 = 8;
    pub const VOLATILE: u32 = 9;
    pub const CONST: u32 = 10;
    pub const RESTRICT: u32 = 11;
    pub const FUNC: u32 = 12;
    pub const FUNC_PROTO: u32 = 13;
    pub const VAR: u32 = 14;
    pub const DATASEC: u32 = 15;
    pub const FLOAT: u32 = 16;
    pub const DECL_TAG: u32 = 17;
    pub const TYPE_TAG: u32 = 18;
    pub const ENUM64: u32 = 19;
}

/// The part of a type's record that every kind has (`struct btf_type`).
struct Record {
    at: usize,
    name: u32,
    info: u32,
    size_or_type: u32,
}

impl Record {
    fn kind(&self) -> u32 {
        (self.info >> 24) & 0x1f
    }

    /// Members, parameters or enumerators that follow.
    fn length(&self) -> usize {
        (self.info & 0xffff) as usize
    }

    /// Bytes of the whole record.
    fn size(&self) -> Option<usize> {
        let extra = match self.kind() {
            kind::PTR
            | kind::FWD
            | kind::TYPEDEF
            | kind::VOLATILE
            | kind::CONST
            | kind::RESTRICT
            | kind::FUNC
            | kind::FLOAT
            | kind::TYPE_TAG => 0,
            kind::INT | kind::VAR | kind::DECL_TAG => 4,
            kind::ARRAY => 12,
            kind::STRUCT | kind::UNION | kind::DATASEC | kind::ENUM64 => self.length() * 12,
            kind::ENUM | kind::FUNC_PROTO => self.length() * 8,
            _ => return None,
        };
        Some(COMMON + extra)
    }

    fn namespace(&self) -> Option<Named> {
        match self.kind() {
            kind::STRUCT | kind::UNION => Some(Named::Structure),
            kind::ENUM => Some(Named::Enumeration),
            kind::FUNC => Some(Named::Function),
            kind::TYPEDEF => Some(Named::Typedef),
            _ => None,
        }
    }

    /// Splits a member's offset: where the structure's flag is set, its upper byte is the width of
    /// a bit field.
    fn member_offset(&self, raw: u32) -> (u32, Option<u32>) {
        if self.info >> 31 == 0 {
            return (raw, None);
        }
        let width = raw >> 24;
        (raw & 0x00ff_ffff, (width != 0).then_some(width))
    }
}

fn read_u16(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_ne_bytes(*field))
}

fn read_u32(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*field))
}

fn read_usize(bytes: &[u8], at: usize) -> Option<usize> {
    read_u32(bytes, at).map(|value| value as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Builds BTF by hand: strings and records, then the header.
    #[derive(Default)]
    struct Builder {
        strings: Vec<u8>,
        types: Vec<u8>,
    }

    impl Builder {
        fn name(&mut self, name: &str) -> u32 {
            if self.strings.is_empty() {
                self.strings.push(0);
            }
            if name.is_empty() {
                return 0;
            }
            let offset = u32::try_from(self.strings.len()).unwrap();
            self.strings.extend_from_slice(name.as_bytes());
            self.strings.push(0);
            offset
        }

        fn words(&mut self, words: &[u32]) {
            for word in words {
                self.types.extend_from_slice(&word.to_ne_bytes());
            }
        }

        fn record(
            &mut self,
            kind: u32,
            flag: bool,
            name: &str,
            size_or_type: u32,
            extra: &[&[u32]],
        ) {
            let name = self.name(name);
            let length = u32::try_from(extra.len()).unwrap();
            self.words(&[
                name,
                (u32::from(flag) << 31) | (kind << 24) | length,
                size_or_type,
            ]);
            for words in extra {
                self.words(words);
            }
        }

        fn build(&self, header: u32) -> Vec<u8> {
            let types = u32::try_from(self.types.len()).unwrap();
            let strings = u32::try_from(self.strings.len()).unwrap();
            let mut bytes = Vec::new();
            bytes.extend_from_slice(&MAGIC.to_ne_bytes());
            bytes.extend_from_slice(&[1, 0]);
            for word in [header, 0, types, types, strings] {
                bytes.extend_from_slice(&word.to_ne_bytes());
            }
            bytes.resize(header as usize, 0);
            bytes.extend_from_slice(&self.types);
            bytes.extend_from_slice(&self.strings);
            bytes
        }
    }

    /// `struct outer { int first; union { struct inner in; }; unsigned flag:1; }`, a function of
    /// two parameters, and a tracepoint of three values.
    fn sample() -> Builder {
        let mut btf = Builder::default();
        btf.record(kind::INT, false, "int", 4, &[]);
        btf.words(&[32]);
        let x = btf.name("x");
        btf.record(kind::STRUCT, false, "inner", 8, &[&[0, 1, 0], &[x, 1, 32]]);
        let inside = btf.name("in");
        btf.record(kind::UNION, false, "", 8, &[&[inside, 2, 0]]);
        let (first, flag) = (btf.name("first"), btf.name("flag"));
        btf.record(
            kind::STRUCT,
            true,
            "outer",
            16,
            &[&[first, 1, 0], &[0, 3, 32], &[flag, 1, (1 << 24) | 99]],
        );
        btf.record(kind::FUNC_PROTO, false, "", 1, &[&[0, 1], &[0, 1]]);
        btf.record(kind::FUNC, false, "work", 5, &[]);
        btf.record(kind::FUNC_PROTO, false, "", 0, &[&[0, 1][..]; 4]);
        btf.record(kind::PTR, false, "", 7, &[]);
        btf.record(kind::TYPEDEF, false, "btf_trace_happens", 8, &[]);
        let (red, green) = (btf.name("red"), btf.name("green"));
        btf.record(kind::ENUM, false, "colour", 4, &[&[red, 3], &[green, 11]]);
        btf
    }

    const WANTED: &[&str] = &["outer", "work", "btf_trace_happens", "colour"];

    fn member(bit_offset: u32, bit_width: Option<u32>) -> (u32, Option<u32>) {
        (bit_offset, bit_width)
    }

    fn find(btf: &Btf, path: &str) -> (u32, Option<u32>) {
        let found = btf.member(path).unwrap();
        (found.bit_offset, found.bit_width)
    }

    #[test]
    fn finds_members_through_embedded_and_anonymous_ones() {
        for header in [24, 32] {
            let btf = Btf::parse(sample().build(header), WANTED).unwrap();
            assert_eq!(find(&btf, "outer.first"), member(0, None));
            assert_eq!(find(&btf, "outer.in"), member(32, None));
            assert_eq!(find(&btf, "outer.in.x"), member(64, None));
            assert_eq!(find(&btf, "outer.flag"), member(99, Some(1)));
        }
    }

    #[test]
    fn knows_the_values_of_an_enumeration() {
        let btf = Btf::parse(sample().build(24), WANTED).unwrap();
        assert_eq!(btf.enumerator("colour", "green"), Some(11));
        assert_eq!(btf.enumerator("colour", "gree"), None);
        assert_eq!(btf.enumerator("outer", "green"), None);
    }

    #[test]
    fn counts_parameters() {
        let btf = Btf::parse(sample().build(24), WANTED).unwrap();
        assert_eq!(btf.parameters("work"), Some(2));
        assert_eq!(btf.tracepoint_arguments("happens"), Some(3));
        assert!(btf.has_function("work"));
        assert!(!btf.has_function("outer"));
    }

    #[test]
    fn says_what_is_missing() {
        let btf = Btf::parse(sample().build(24), WANTED).unwrap();
        assert_eq!(
            btf.member("outer.in.nothing").unwrap_err().to_string(),
            "the kernel's outer.in has no member nothing"
        );
        assert_eq!(
            btf.member("inner.x").unwrap_err().to_string(),
            "the kernel has no structure inner",
            "a name that was not asked for is not kept"
        );
    }

    #[test]
    fn refuses_what_is_not_btf() {
        assert_eq!(
            Btf::parse(b"\x7fELF".to_vec(), &[]).unwrap_err(),
            BtfError::Magic(u16::from_ne_bytes(*b"\x7fE"))
        );
        let whole = sample().build(24);
        for length in 0..whole.len() {
            let cut = whole.get(..length).unwrap().to_vec();
            assert!(Btf::parse(cut, WANTED).is_err(), "cut to {length} bytes");
        }
    }

    #[test]
    fn refuses_an_unknown_kind() {
        let mut btf = sample();
        btf.record(31, false, "future", 0, &[]);
        assert_eq!(
            Btf::parse(btf.build(24), WANTED).unwrap_err(),
            BtfError::UnknownKind { id: 11, kind: 31 }
        );
    }

    #[test]
    fn ends_on_types_that_contain_themselves() {
        let mut btf = Builder::default();
        btf.record(kind::STRUCT, false, "circle", 8, &[&[0, 1, 0]]);
        let btf = Btf::parse(btf.build(24), &["circle"]).unwrap();
        assert!(btf.member("circle.anything").is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_value_or_an_error(
            mut bytes in proptest::collection::vec(any::<u8>(), 0..256),
            has_magic in any::<bool>(),
        ) {
            if has_magic && bytes.len() >= 2 {
                bytes.splice(..2, MAGIC.to_ne_bytes());
            }
            if let Ok(btf) = Btf::parse(bytes, WANTED) {
                let _ = btf.member("outer.in.x");
            }
        }

        #[test]
        fn any_damage_gives_a_value_or_an_error(
            at in 0_usize..300,
            value in any::<u8>(),
        ) {
            let mut bytes = sample().build(24);
            if let Some(byte) = bytes.get_mut(at) {
                *byte = value;
            }
            if let Ok(btf) = Btf::parse(bytes, WANTED) {
                let _ = btf.member("outer.in.x");
                let _ = btf.parameters("work");
                let _ = btf.tracepoint_arguments("happens");
            }
        }
    }
}
