//! The smallest programs: a few machine instructions in an ELF file of our own making.

use std::fs;
use std::net::SocketAddrV4;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};

/// A program that ends at once with this exit code.
pub fn exits(code: u8) -> Vec<u8> {
    elf64(ADDRESS, &exit(code), None)
}

/// A program that waits for a byte, or the end, of its standard input, and ends with this exit code.
pub fn waits(code: u8) -> Vec<u8> {
    let mut instructions = vec![
        0x31, 0xff, // xor edi, edi
        0x48, 0x89, 0xe6, // mov rsi, rsp
        0xba, 1, 0, 0, 0, // mov edx, 1
        0x31, 0xc0, // xor eax, eax (read)
        0x0f, 0x05, // syscall
    ];
    instructions.extend(exit(code));
    elf64(ADDRESS, &instructions, None)
}

/// A program that makes a process by vfork, writes its id to the standard output, waits for a byte or
/// the end of its standard input, waits for the process, and ends with exit code `parent`. The
/// process ends with exit code `child`.
pub fn vforks(parent: u8, child: u8) -> Vec<u8> {
    let mut instructions = vec![
        0xb8, 58, 0, 0, 0, // mov eax, 58 (vfork)
        0x0f, 0x05, // syscall
        0x85, 0xc0, // test eax, eax
        0x74, 65,   // jz the child, 65 bytes on
        0x50, // push rax
        0xbf, 1, 0, 0, 0, // mov edi, 1
        0x48, 0x89, 0xe6, // mov rsi, rsp
        0xba, 8, 0, 0, 0, // mov edx, 8
        0xb8, 1, 0, 0, 0, // mov eax, 1 (write)
        0x0f, 0x05, // syscall
        0x31, 0xff, // xor edi, edi
        0xba, 1, 0, 0, 0, // mov edx, 1
        0x31, 0xc0, // xor eax, eax (read)
        0x0f, 0x05, // syscall
        0x48, 0xc7, 0xc7, 0xff, 0xff, 0xff, 0xff, // mov rdi, -1
        0x31, 0xf6, // xor esi, esi
        0x31, 0xd2, // xor edx, edx
        0x45, 0x31, 0xd2, // xor r10d, r10d
        0xb8, 61, 0, 0, 0, // mov eax, 61 (wait4)
        0x0f, 0x05, // syscall
    ];
    instructions.extend(exit(parent));
    instructions.extend(exit(child));
    elf64(ADDRESS, &instructions, None)
}

/// A program that ends with exit code `alone` where nothing loads it, but names a loader, which the
/// kernel starts in its place.
pub fn loaded_by(loader: &Path, alone: u8) -> Vec<u8> {
    // Away from the loader's own place.
    elf64(2 * ADDRESS, &exit(alone), Some(loader))
}

/// A program for i386 that ends at once with this exit code.
pub fn exits_i386(code: u8) -> Vec<u8> {
    // mov ebx, code; mov eax, 1 (exit); int 0x80
    elf32(3, &[0xbb, code, 0, 0, 0, 0xb8, 1, 0, 0, 0, 0xcd, 0x80])
}

/// A program for i386 that connects to an address by the call for all that sockets do, and sends four
/// bytes to the same address over UDP by a call for that alone. It does so in [`steps_i386`].
pub fn connects_i386(to: SocketAddrV4) -> Vec<u8> {
    let [first, second, third, fourth] = to.ip().octets();
    let [high, low] = to.port().to_be_bytes();
    steps_i386(&[
        0x6a, 0, // push 0
        0x6a, 0, // push 0
        0x68, first, second, third, fourth, // push the address
        0x68, 2, 0, high, low, // push the port and AF_INET: a struct sockaddr_in of 16 bytes
        0x89, 0xe5, // mov ebp, esp
        0x6a, 0, // push 0
        0x6a, 1, // push 1 (SOCK_STREAM)
        0x6a, 2, // push 2 (AF_INET)
        0xb8, 102, 0, 0, 0, // mov eax, 102 (socketcall)
        0xbb, 1, 0, 0, 0, // mov ebx, 1 (socket)
        0x89, 0xe1, // mov ecx, esp
        0xcd, 0x80, // int 0x80
        0x6a, 16,   // push 16
        0x55, // push ebp
        0x50, // push eax
        0xb8, 102, 0, 0, 0, // mov eax, 102 (socketcall)
        0xbb, 3, 0, 0, 0, // mov ebx, 3 (connect)
        0x89, 0xe1, // mov ecx, esp
        0xcd, 0x80, // int 0x80
        0x50, // push eax
        0xb8, 0x67, 1, 0, 0, // mov eax, 359 (socket)
        0xbb, 2, 0, 0, 0, // mov ebx, 2 (AF_INET)
        0xb9, 2, 0, 0, 0, // mov ecx, 2 (SOCK_DGRAM)
        0x31, 0xd2, // xor edx, edx
        0xcd, 0x80, // int 0x80
        0x89, 0xc3, // mov ebx, eax
        0x89, 0xe9, // mov ecx, ebp
        0xba, 4, 0, 0, 0, // mov edx, 4
        0x31, 0xf6, // xor esi, esi
        0x89, 0xef, // mov edi, ebp
        0xbd, 16, 0, 0, 0, // mov ebp, 16
        0xb8, 0x71, 1, 0, 0, // mov eax, 369 (sendto)
        0xcd, 0x80, // int 0x80
        0x0b, 0x04, 0x24, // or eax, [esp]
    ])
}

/// A program for i386 that gives its one argument, an id, to a system call with this number, in
/// [`steps_i386`].
pub fn sets_id_i386(call: u8, id: u16) -> Vec<u8> {
    let [low, high] = id.to_le_bytes();
    steps_i386(&[
        0xb8, call, 0, 0, 0, // mov eax, call
        0xbb, low, high, 0, 0, // mov ebx, id
        0xcd, 0x80, // int 0x80
    ])
}

/// A program for i386 that says `{}`, waits for a byte of its standard input, does a deed, says `{}`
/// again, waits for another byte, and ends: with exit code 7, or 8 if the deed left a negative number
/// in eax, as system calls that fail do.
fn steps_i386(deed: &[u8]) -> Vec<u8> {
    const SAY_AND_WAIT: &[u8] = &[
        0x68, b'{', b'}', b'\n', 0, // push the line
        0xb8, 4, 0, 0, 0, // mov eax, 4 (write)
        0xbb, 1, 0, 0, 0, // mov ebx, 1
        0x89, 0xe1, // mov ecx, esp
        0xba, 3, 0, 0, 0, // mov edx, 3
        0xcd, 0x80, // int 0x80
        0xb8, 3, 0, 0, 0, // mov eax, 3 (read)
        0x31, 0xdb, // xor ebx, ebx
        0xba, 1, 0, 0, 0, // mov edx, 1
        0xcd, 0x80, // int 0x80
    ];
    let mut code = SAY_AND_WAIT.to_vec();
    code.extend(deed);
    code.extend([0x89, 0xc6]); // mov esi, eax
    code.extend(SAY_AND_WAIT);
    code.extend([
        0xc1, 0xee, 31, // shr esi, 31
        0x8d, 0x5e, 7, // lea ebx, [esi + 7]
        0xb8, 1, 0, 0, 0, // mov eax, 1 (exit)
        0xcd, 0x80, // int 0x80
    ]);
    elf32(3, &code)
}

/// A program for the x32 ABI that ends at once with this exit code.
pub fn exits_x32(code: u8) -> Vec<u8> {
    // mov edi, code; mov eax, 0x4000_0000 + 60 (exit); syscall
    elf32(62, &[0xbf, code, 0, 0, 0, 0xb8, 60, 0, 0, 0x40, 0x0f, 0x05])
}

/// Writes an executable file.
pub fn write(path: &Path, program: &[u8]) -> Result<()> {
    fs::write(path, program)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755)))
        .with_context(|| format!("cannot write the program {}", path.display()))
}

/// mov edi, code; mov eax, 60 (exit); syscall
fn exit(code: u8) -> [u8; 12] {
    [0xbf, code, 0, 0, 0, 0xb8, 60, 0, 0, 0, 0x0f, 0x05]
}

const ADDRESS: u32 = 0x40_0000;

/// A static x86-64 program at this address, which begins with the first of these instructions, or is
/// loaded by another.
fn elf64(address: u32, code: &[u8], loader: Option<&Path>) -> Vec<u8> {
    const HEADER: u64 = 64;
    const PROGRAM_HEADER: u64 = 56;
    let loader = loader.map(|path| [path.as_os_str().as_bytes(), b"\0"].concat());
    let headers: u16 = if loader.is_some() { 2 } else { 1 };
    let start = HEADER + PROGRAM_HEADER * u64::from(headers);
    let name = loader.as_deref().unwrap_or_default();
    let name_start = start + code.len() as u64;
    let length = name_start + name.len() as u64;
    let address = u64::from(address);

    let mut elf = Vec::new();
    elf.extend(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    elf.extend(2_u16.to_le_bytes()); // ET_EXEC
    elf.extend(62_u16.to_le_bytes()); // EM_X86_64
    elf.extend(1_u32.to_le_bytes()); // version
    elf.extend((address + start).to_le_bytes()); // entry
    elf.extend(HEADER.to_le_bytes()); // program headers' offset
    elf.extend(0_u64.to_le_bytes()); // section headers' offset
    elf.extend(0_u32.to_le_bytes()); // flags
    for number in [64, 56, headers, 64, 0, 0] {
        elf.extend(number.to_le_bytes()); // header sizes and counts
    }
    if loader.is_some() {
        elf.extend(3_u32.to_le_bytes()); // PT_INTERP
        elf.extend(4_u32.to_le_bytes()); // readable
        let place = address + name_start;
        let size = name.len() as u64;
        for number in [name_start, place, place, size, size, 1] {
            elf.extend(number.to_le_bytes());
        }
    }
    elf.extend(1_u32.to_le_bytes()); // PT_LOAD
    // Readable, executable, and writable: old kernels clear the rest of a loader's last page.
    elf.extend(7_u32.to_le_bytes());
    for number in [0, address, address, length, length, 0x1000] {
        elf.extend(number.to_le_bytes()); // offset, addresses, sizes, alignment
    }
    elf.extend(code);
    elf.extend(name);
    elf
}

/// A static program with pointers of 32 bits, for this machine (`EM_...`).
fn elf32(machine: u16, code: &[u8]) -> Vec<u8> {
    const HEADER: u32 = 52;
    const PROGRAM_HEADER: u32 = 32;
    let start = HEADER + PROGRAM_HEADER;
    let length = start + u32::try_from(code.len()).unwrap_or_default();

    let mut elf = Vec::new();
    elf.extend(b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0");
    elf.extend(2_u16.to_le_bytes()); // ET_EXEC
    elf.extend(machine.to_le_bytes());
    elf.extend(1_u32.to_le_bytes()); // version
    elf.extend((ADDRESS + start).to_le_bytes()); // entry
    elf.extend(HEADER.to_le_bytes()); // program headers' offset
    elf.extend(0_u32.to_le_bytes()); // section headers' offset
    elf.extend(0_u32.to_le_bytes()); // flags
    for number in [52_u16, 32, 1, 40, 0, 0] {
        elf.extend(number.to_le_bytes()); // header sizes and counts
    }
    // PT_LOAD: offset, addresses, sizes, readable and executable, alignment
    for number in [1, 0, ADDRESS, ADDRESS, length, length, 5, 0x1000] {
        elf.extend(number.to_le_bytes());
    }
    elf.extend(code);
    elf
}

#[cfg(test)]
mod tests {
    use std::io::{ErrorKind, Write as _};
    use std::process::{Child, Command, Stdio};
    use std::time::Duration;

    use super::*;

    /// Writes a program in a folder of its own, and runs it.
    fn code_of(name: &str, program: &[u8]) -> Option<i32> {
        let folder = std::env::temp_dir().join(format!("tiny-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        write(&path, program).unwrap();
        let mut child = start(&path);
        child.stdin.take().unwrap().write_all(b"x").unwrap_or(());
        let code = child.wait().unwrap().code();
        fs::remove_dir_all(&folder).unwrap();
        code
    }

    /// Starts a program that was just written. A process that another test starts at that moment has
    /// the file open for writing until it executes its own program.
    fn start(path: &Path) -> Child {
        loop {
            match Command::new(path).stdin(Stdio::piped()).spawn() {
                Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                started => return started.unwrap(),
            }
        }
    }

    #[test]
    fn the_programs_do_what_they_say() {
        assert_eq!(code_of("exits", &exits(7)), Some(7));
        assert_eq!(code_of("waits", &waits(8)), Some(8));
        assert_eq!(code_of("vforks", &vforks(9, 3)), Some(9));
    }

    #[test]
    fn a_loader_is_started_in_a_programs_place() {
        let folder = std::env::temp_dir().join(format!("tiny-loader-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let loader = folder.join("loader");
        write(&loader, &exits(5)).unwrap();
        assert_eq!(code_of("loaded", &loaded_by(&loader, 6)), Some(5));
        fs::remove_dir_all(&folder).unwrap();
    }
}
