//! How the configuration sets up enrichment.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context as _, Result};

use crate::{
    clock::boot_time,
    config::{Enrich, Sockets as Wanted},
    enrich::{
        accounts, asking, cloud,
        fact::{Fact, Realm},
        hashing,
        runtimes::{self, Socket, Sockets},
    },
};

/// Where runtimes put their sockets.
const RUN: &str = "/run";

/// What is asked for.
pub(super) fn settings(enrich: &Enrich) -> asking::Settings {
    let proc = PathBuf::from("/proc");
    let hashing = enrich.hashes.then(|| hashing::Settings {
        proc: proc.clone(),
        file_bytes_max: enrich.hash_bytes_max.into(),
        bytes_per_second: enrich.hash_bytes_per_second.into(),
        packages: enrich.packages.then(|| "/".into()),
        ..hashing::Settings::default()
    });
    asking::Settings {
        proc,
        hashing,
        accounts: enrich.accounts,
        runtimes: sockets(&enrich.container_sockets).map(|sockets| runtimes::Settings {
            sockets,
            time_out: runtimes::TIME_OUT,
        }),
    }
}

fn sockets(wanted: &Wanted) -> Option<Sockets> {
    match wanted {
        Wanted::Auto => Some(Sockets::usual(Path::new(RUN))),
        Wanted::At(paths) if paths.is_empty() => None,
        Wanted::At(paths) => Some(Sockets {
            // The configuration was checked.
            system: paths.iter().filter_map(|path| Socket::at(path)).collect(),
            users: Path::new(RUN).join("user"),
        }),
    }
}

/// How long an event waits for an answer.
pub(super) fn patience(enrich: &Enrich) -> Duration {
    Duration::from_millis(enrich.wait_milliseconds.into())
}

/// The host's own users and groups: the first events shall have their names. Told in any case, because
/// what is told first is held to be the host's.
pub(super) fn accounts_of_host(proc: &Path) -> Fact {
    read_accounts(proc).unwrap_or(Fact::Accounts(
        Realm { mount: 0, user: 0 },
        boot_time(),
        None,
    ))
}

fn read_accounts(proc: &Path) -> Option<Fact> {
    let first = proc.join("1");
    let inode = |name: &str| {
        let inode = fs::metadata(first.join("ns").join(name)).ok()?.ino();
        u32::try_from(inode).ok()
    };
    let realm = Realm {
        mount: inode("mnt")?,
        user: inode("user")?,
    };
    let candidates = [1, std::process::id()];
    let accounts = accounts::read(proc, &candidates, realm.mount, realm.user).ok()?;
    Some(Fact::Accounts(realm, boot_time(), Some(Arc::new(accounts))))
}

/// What the cloud says of this host, if it answers in time.
pub(super) fn cloud() -> Result<Option<cloud::Cloud>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
        .context("cannot ask the cloud's metadata service")?;
    Ok(runtime.block_on(cloud::ask(cloud::Endpoints::default(), cloud::TIME_OUT)))
}
