//! `cargo xtask ebpf`: builds the kernel programs into the object that `sensor` embeds.
//!
//! The object is committed, so that nobody needs this to build or install the sensor. It is the same
//! to the byte wherever it is built, given the compiler and the linker that its record names
//! (`sensor/ebpf/BUILD`): that is how `--check` proves that object and source agree.
//!
//! What could differ from one checkout to the next, and why it does not:
//!
//! | it | would show up in | so |
//! | --- | --- | --- |
//! | folders of the checkout, of cargo's registry, of the build | line information | each is given a made-up name ([`compile`]) |
//! | the folder of the standard library's source | the hashes in function names | it is at the same place of the toolchain ([`toolchain`]) |
//! | the text of source lines, which LLVM reads from those folders | line information | it finds no file under the made-up names |
//! | everything else about debugging | DWARF sections | they are removed, the kernel wants BTF only |

mod compile;
mod linker;
mod record;
mod toolchain;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};

use self::record::Record;
use crate::{Ended, project, say};

/// The arguments of `cargo xtask ebpf`.
#[derive(clap::Args)]
pub(crate) struct EbpfArgs {
    /// Change nothing; fail unless the committed object is what the source gives, byte for byte
    #[arg(long)]
    check: bool,
    /// Build nothing; run clippy on the kernel programs, for their own target
    #[arg(long, conflicts_with = "check")]
    clippy: bool,
    /// The standard library's source (`library/`) for exactly this compiler, as a folder or a
    /// tarball; only needed where rustup cannot install its `rust-src`
    #[arg(long, value_name = "DIR|TARBALL", env = "SENSOR_RUST_SRC")]
    rust_src: Option<PathBuf>,
}

/// Builds the object and puts it into its place, or compares it with what is there.
pub(crate) fn run(args: &EbpfArgs) -> Ended {
    if args.clippy {
        let toolchain = toolchain::toolchain(args.rust_src.as_deref())?;
        compile::clippy(&toolchain)?;
        return Ok(ExitCode::SUCCESS);
    }
    let place = project::root().join("sensor").join("ebpf");
    let object = place.join("x86_64.bpf.o");
    let record_file = place.join("BUILD");

    let now = Record::of_this_host()?;
    if args.check {
        let then = read_record(&record_file)?;
        ensure!(
            then == now,
            "the committed object cannot be checked here: it was built by other tools\n\
             committed by:\n{then}here are:\n{now}\
             install those, or rebuild and commit the object: `cargo xtask ebpf`"
        );
    }
    let toolchain = toolchain::toolchain(args.rust_src.as_deref())?;
    let built = compile::object(&toolchain, &linker::find()?)?;
    if args.check {
        compare(&object, &built)?;
        say(format_args!(
            "{} is what the source gives",
            object.display()
        ));
        return Ok(ExitCode::SUCCESS);
    }
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    for (path, content) in [
        (&object, built.as_slice()),
        (&record_file, now.to_string().as_bytes()),
    ] {
        fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))?;
    }
    say(format_args!(
        "wrote {} ({} bytes); commit it with the source",
        object.display(),
        built.len()
    ));
    Ok(ExitCode::SUCCESS)
}

fn read_record(path: &std::path::Path) -> Result<Record> {
    fs::read_to_string(path)
        .with_context(|| {
            format!(
                "cannot read {}: has `cargo xtask ebpf` ever been run?",
                path.display()
            )
        })?
        .parse()
        .with_context(|| format!("{} is damaged: run `cargo xtask ebpf`", path.display()))
}

fn compare(committed: &std::path::Path, built: &[u8]) -> Result<()> {
    let there = fs::read(committed)
        .with_context(|| format!("cannot read the committed object {}", committed.display()))?;
    if there == built {
        return Ok(());
    }
    let kept = project::target().join("ebpf").join("x86_64.bpf.o");
    fs::write(&kept, built).with_context(|| format!("cannot write {}", kept.display()))?;
    let first = there
        .iter()
        .zip(built)
        .take_while(|(left, right)| left == right)
        .count();
    bail!(
        "{} is not what the source gives: run `cargo xtask ebpf` and commit the object\n\
         committed: {} bytes, built: {} bytes, first difference at byte {first}; the built one is \
         kept at {}",
        committed.display(),
        there.len(),
        built.len(),
        kept.display()
    );
}
