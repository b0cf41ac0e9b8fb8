//! What standard input, output and error are: reverse shells and droppers are recognised by them.

use sensor_common::exec::descriptor;

use crate::kernel::{Access, Pointer, Probed, field, known_file, learn_file};

/// `S_IFMT >> 12` of a pipe and of a socket.
const FIFO: u16 = 0x1;
const SOCKET: u16 = 0xc;

/// What the first three descriptors of a task are.
#[inline(always)]
pub fn standard<A: Access>(task: Pointer) -> [u8; 3] {
    let files = field::TASK_FILES.follow::<A>(task);
    let table = field::FILES_FDT.follow::<A>(files);
    let descriptors: u64 = field::FDTABLE_FD.get::<A, _>(table);
    let [input, output, error] = Pointer::from_address(descriptors).read::<[u64; 3]>();
    let input_kind = kind(input);
    // Output and error are mostly one file, and often the same as input.
    let output_kind = if output == input {
        input_kind
    } else {
        kind(output)
    };
    let error_kind = if error == output {
        output_kind
    } else if error == input {
        input_kind
    } else {
        kind(error)
    };
    [input_kind, output_kind, error_kind]
}

/// What a file is. Its operations tell, once they have been seen with its inode: that is one read
/// instead of two.
#[inline(always)]
fn kind(file: u64) -> u8 {
    if file == 0 {
        return descriptor::CLOSED;
    }
    let file = Pointer::from_address(file);
    let operations: u64 = field::FILE_OPERATIONS.get::<Probed, _>(file);
    match known_file(operations) {
        Some(kind) => kind,
        None => learn(file, operations),
    }
}

#[inline(never)]
fn learn(file: Pointer, operations: u64) -> u8 {
    let inode = field::FILE_INODE.follow::<Probed>(file);
    let mode: u16 = field::INODE_MODE.get::<Probed, _>(inode);
    let kind = match mode >> 12 {
        FIFO => descriptor::PIPE,
        SOCKET => descriptor::SOCKET,
        _ => descriptor::OTHER,
    };
    learn_file(operations, kind);
    kind
}
