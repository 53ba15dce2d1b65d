//! `chancery init`: makes what is missing of a data folder, and never replaces what is there.
//!
//! In this order: folders, key-encryption key, bootstrap [`token`] and set-up [`link`], internal CA with its
//! [`leaves`], NATS users' [`nkeys`] and `nats.conf`. `up` does the same at each start.

pub mod leaves;
pub mod link;
pub mod nats;
pub mod nkeys;
#[cfg(test)]
mod tests;
pub mod token;

use std::{
    fmt,
    fs::{self, Permissions},
    io::{self, Write as _},
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    slice,
    time::Duration,
};

use keystore::{
    internal_ca::{InternalCa, InternalCaError},
    kek::{Kek, KekError, KekSource, KekSources, Keks},
};
use runtime::{
    Clock, Layout, Runtime, Shared,
    config::{ConfigError, Settings},
};
use time::OffsetDateTime;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::InitArgs,
    files,
    nats::servers::{self, Server, ServersError},
    up::{
        lock::{Lock, LockError},
        provisioning::{self, ProvisioningError},
    },
};

/// Why the folder is not ready.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The configuration is not right.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Something runs on the folder.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// A file or folder cannot be made or read.
    #[error("cannot use {path}")]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A backup was not restored to its end.
    #[error(
        "a backup was half restored to {folder} ({marker} is there): remove what is there, and restore it again"
    )]
    HalfRestored {
        /// The data folder.
        folder: PathBuf,
        /// What says so.
        marker: PathBuf,
    },
    /// There is no key-encryption key, though things are sealed with one.
    #[error(
        "the key-encryption key is not there, though this data folder was set up with one: put it back into {kek}. Without it no key of this folder can be opened"
    )]
    KekLost {
        /// Where it is looked for.
        kek: KekSource,
    },
    /// The key-encryption key.
    #[error(transparent)]
    Kek(#[from] KekError),
    /// The internal CA.
    #[error(transparent)]
    InternalCa(#[from] InternalCaError),
    /// A NATS seed cannot be made or read.
    #[error("the NATS seed {path} is not one: remove it, and it is made again")]
    Nkey {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: ::nkeys::error::Error,
    },
    /// The machine gave no random numbers.
    #[error("the machine gave no random numbers")]
    Random,
    /// `[nats]` makes no servers.
    #[error(transparent)]
    Servers(#[from] ServersError),
    /// A leaf that was just made cannot be read.
    #[error("the identity {path} is not one: remove it, and it is made again")]
    Leaf {
        /// The file.
        path: PathBuf,
    },
    /// NATS answers, and the event log cannot be made there.
    #[error(transparent)]
    Provisioning(#[from] ProvisioningError),
    /// NATS was waited for, and did not come.
    #[error("no NATS server at {url} takes the provisioner")]
    NoLog {
        /// What is configured.
        url: String,
    },
}

/// What [`prepare`] found and made.
#[derive(Debug)]
pub struct Prepared {
    /// What was made this time, for people.
    pub made: Vec<String>,
    /// Where the key-encryption key is, and the one before while it is rotated.
    pub keks: KekSources,
}

/// `chancery init`
pub async fn run(args: InitArgs) -> Result<(), InitError> {
    let settings = Settings::read(
        args.folder.config.as_deref(),
        args.folder.data_dir.as_deref(),
    )?;
    let shared = settings.shared()?;
    let layout = Layout::of(&shared);
    let clock = Clock::system();
    data_folder(&layout)?;
    let _lock = Lock::take(&layout.lock())?;
    let prepared = prepare(&settings, &shared, clock.now())?;
    let servers = servers::servers(&shared.nats, &layout)?;
    nats::write_conf(&layout, &servers)?;
    for made in &prepared.made {
        say(format_args!("made {made}"));
    }
    say(about_kek(&prepared.keks.current));
    if layout.bootstrap_token().exists() {
        say(format_args!(
            "The bootstrap token is in {} (0600): it is an administrator's.",
            layout.bootstrap_token().display()
        ));
    }
    if link::file(&layout).exists() {
        say(format_args!(
            "The set-up link is in {} (0600), good for 24 hours: open it to make yourself the first administrator. \
             Then it ends, and so does the bootstrap token.",
            link::file(&layout).display()
        ));
    }
    let provisioned = match args.log {
        true => until_provisioned(&shared, &clock).await?,
        false => provision(&shared, &clock).await?,
    };
    match provisioned {
        true => say(format_args!(
            "The event log at {} is set up.",
            shared.nats.url
        )),
        false => say(format_args!(
            "No NATS server at {} takes these users yet. Start one with {}, or send SIGHUP to the one that runs with it; then \
             run `chancery init` again to set up the event log. `chancery up` does all of it by itself.",
            shared.nats.url,
            nats::configurations(&servers)
        )),
    }
    Ok(())
}

/// A line on stdout. Whoever closed it wants to read no more, and is no reason to stop half-way.
fn say(line: impl fmt::Display) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Makes the data folder, for its owner alone.
pub fn data_folder(layout: &Layout) -> Result<(), InitError> {
    let folder = layout.data_dir();
    let closed = files::private_folder(folder)
        .and_then(|()| fs::set_permissions(folder, Permissions::from_mode(0o700)));
    closed.map_err(failed(folder))
}

/// Makes what is missing, and renews what is near its end. The folder is locked by the caller.
pub fn prepare(
    settings: &Settings,
    shared: &Shared,
    now: OffsetDateTime,
) -> Result<Prepared, InitError> {
    let layout = Layout::of(shared);
    not_half_restored(&layout)?;
    let servers = servers::servers(&shared.nats, &layout)?;
    let mut made = Vec::new();
    for folder in [
        layout.identity_dir(),
        &layout.nats_store(),
        &layout.database_dir(),
    ] {
        files::private_folder(folder).map_err(failed(folder))?;
    }
    // Step 1: the key-encryption key. A new one beside old sealed keys would open nothing: it is made in a new folder alone.
    let sources = KekSources::of(&settings.table("keystore")?, &layout);
    let source = &sources.current;
    let fresh = !layout.ca_certificate().exists();
    if fresh && Kek::make_if_missing(source)? {
        made.push(format!("the key-encryption key: {source}"));
    }
    if let (false, KekSource::File(path)) = (fresh, source)
        && !path.exists()
    {
        return Err(InitError::KekLost {
            kek: source.clone(),
        });
    }
    let keks = Keks::read(&sources)?;

    // Step 2: the token, before the CA: once there is a CA, a token that is gone has ended, and stays so.
    if fresh && token::make_if_missing(&layout, &settings.table("gateway")?)? {
        made.push(format!(
            "the bootstrap token: {}",
            layout.bootstrap_token().display()
        ));
    }

    let config = settings.table("gateway")?;
    if link::make_if_due(
        &layout,
        &config,
        now,
        fresh || token::is_there(&layout, &config),
    )? {
        made.push(format!(
            "the set-up link: {}",
            link::file(&layout).display()
        ));
    }

    // Step 3: the CA, and who is who.
    let ca = InternalCa::make_if_missing(&layout, &keks, now)?;
    if keks.previous.is_some() {
        source.sync();
        if InternalCa::rewrap(&layout, &keks, &keks.current)? {
            made.push("the internal CA's key, sealed with the new key-encryption key".to_owned());
        }
    }
    if fresh {
        made.push(format!(
            "the internal CA: {}",
            layout.ca_certificate().display()
        ));
    }
    let clustered = servers.iter().any(|server| server.cluster.is_some());
    let names = leaves::NAMES.into_iter();
    for name in names.filter(|name| !clustered || *name != leaves::SERVER) {
        if leaves::renew_if_due(&ca, &layout, name, now)? {
            made.push(format!("the identity of {name}, good for 30 days"));
        }
    }
    let clustered = servers.iter().filter(|server| server.cluster.is_some());
    for server in clustered {
        if nats::identity(&ca, &layout, server, now)? {
            made.push(format!("the identity of {}, good for 30 days", server.name));
        }
    }

    // Step 4: who is who to NATS.
    for name in nkeys::make_missing(&layout)? {
        made.push(format!("the NATS user {name}"));
    }
    Ok(Prepared {
        made,
        keks: sources,
    })
}

/// Refuses a folder to which a backup was not restored to its end.
pub fn not_half_restored(layout: &Layout) -> Result<(), InitError> {
    let marker = layout.unfinished_restore();
    match marker.exists() {
        true => Err(InitError::HalfRestored {
            folder: layout.data_dir().to_owned(),
            marker,
        }),
        false => Ok(()),
    }
}

/// What people must know about the key-encryption key.
pub fn about_kek(kek: &KekSource) -> String {
    format!(
        "The key-encryption key is in {kek}. Whoever has it and the data folder has every key: \
         leave it out of the data folder's backups, and keep a copy of it somewhere else."
    )
}

/// Writes `nats.conf` for the one server of this folder, which listens here; `true` where it was another one before.
pub fn write_nats_conf(layout: &Layout, listen: SocketAddr) -> Result<bool, InitError> {
    nats::write_conf(layout, slice::from_ref(&Server::alone(layout, listen)))
}

/// Sets up the event log as soon as a server takes the provisioner and, of a cluster, a majority has met.
async fn until_provisioned(shared: &Shared, clock: &Clock) -> Result<bool, InitError> {
    let begun = Instant::now();
    loop {
        match provision(shared, clock).await {
            Ok(true) => return Ok(true),
            Ok(false) if begun.elapsed() > PATIENCE => {
                let url = shared.nats.url.clone();
                return Err(InitError::NoLog { url });
            }
            Err(error) if begun.elapsed() > PATIENCE => return Err(error),
            Ok(false) | Err(_) => tokio::time::sleep(POLL).await,
        }
    }
}

/// Sets up the event log where a server takes the provisioner; `false` where none does.
async fn provision(shared: &Shared, clock: &Clock) -> Result<bool, InitError> {
    let stopping = CancellationToken::new();
    let runtime = Runtime::start(
        "provisioner",
        shared.clone(),
        clock.clone(),
        stopping.clone(),
        None,
    );
    let runtime = runtime.map_err(ProvisioningError::Identity)?;
    let outcome = match runtime.nats().await {
        Ok(client) => provisioning::provision(&client, servers::replicas(&shared.nats))
            .await
            .map(|()| true),
        Err(error) => {
            tracing::debug!(%error, "no nats server yet");
            Ok(false)
        }
    };
    stopping.cancel();
    Ok(outcome?)
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> InitError + use<> {
    let path = path.to_owned();
    move |source| InitError::File { path, source }
}

/// How long NATS is waited for, where it is.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(200);
