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

/// What became of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is in the table.
    New,
    /// A program knew one there, which is newer.
    Known,
    /// There is no room for it.
    Full,
}

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
    /// If the kernel refuses for another reason than that there is no room.
    pub fn add(&mut self, key: ListenerKey, owner: Owner) -> Result<Added, MapError> {
        let key: Key = zerocopy::transmute!(key);
        let value: Value = zerocopy::transmute!(owner);
        match self.0.insert(key, value, NOT_THERE_YET) {
            Ok(()) => Ok(Added::New),
            Err(MapError::SyscallError(error)) if is(&error.io_error, Errno::EXIST) => {
                Ok(Added::Known)
            }
            Err(MapError::SyscallError(error)) if is(&error.io_error, Errno::TOOBIG) => {
                Ok(Added::Full)
            }
            Err(error) => Err(error),
        }
    }
}

fn is(error: &std::io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}
