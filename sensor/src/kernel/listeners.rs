//! Who listens where: told to the programs of those that listened before them.

use aya::{
    Ebpf,
    maps::{HashMap, MapData, MapError},
};
use rustix::io::Errno;
use sensor_common::state::{ListenerKey, Owner};

/// The programs' table of listening ports.
pub struct Listeners(HashMap<MapData, Key, Value>);

type Key = [u8; size_of::<ListenerKey>()];
type Value = [u8; size_of::<Owner>()];

/// `BPF_NOEXIST` (`include/uapi/linux/bpf.h`): what a program put there stays.
const NOT_THERE_YET: u64 = 1;

impl Listeners {
    /// Takes the table out of the object.
    ///
    /// # Errors
    ///
    /// If the object has no such map.
    pub fn take(ebpf: &mut Ebpf) -> Result<Self, MapError> {
        let map = ebpf.take_map("LISTENERS").ok_or(MapError::InvalidName {
            name: "LISTENERS".into(),
        })?;
        Ok(Self(HashMap::try_from(map)?))
    }

    /// Tells who listens on a port, unless a program has seen somebody begin to.
    ///
    /// # Errors
    ///
    /// If there is no room, or the kernel refuses for another reason.
    pub fn add(&mut self, key: ListenerKey, owner: Owner) -> Result<(), MapError> {
        let key: Key = zerocopy::transmute!(key);
        let value: Value = zerocopy::transmute!(owner);
        match self.0.insert(key, value, NOT_THERE_YET) {
            // What a program put there is newer.
            Err(MapError::SyscallError(error)) if is_there(&error.io_error) => Ok(()),
            other => other,
        }
    }
}

fn is_there(error: &std::io::Error) -> bool {
    error.raw_os_error() == Some(Errno::EXIST.raw_os_error())
}
