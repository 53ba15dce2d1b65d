//! `chancery restore`: on an empty folder, and a database without tables of ours.

use std::{
    collections::HashMap,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use clap::Args;
use database::copy::Table;
use eventlog::{
    EventLog,
    checkpoint::Checkpoint,
    proof::{
        Stored,
        tree::{self, Tree},
    },
};
use futures_util::StreamExt as _;
use keystore::{
    internal_ca::{InternalCa, InternalCaError},
    kek::{Kek, KekSources, Keks, PREVIOUS_ENVIRONMENT},
};
use runtime::{Clock, Layout, Runtime, Shared, config::Settings};
use sea_orm::{DatabaseConnection, Value};
use tokio_util::sync::CancellationToken;

use super::{
    BackupError,
    check::{self, Checked, Look, Reached, Take},
    of_file,
    parts::{PARTS, Part},
    stream::Blocks,
    take::READER,
};
use crate::{
    cli::FolderArgs,
    files,
    init::{self, InitError},
    up::{lock::Lock, nats, nats_server},
};

/// `chancery restore`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  install -m 600 -D kek /var/lib/chancery/kek          # the copy that was kept somewhere else
  chancery restore /backup/chancery-2027-01-31 --data-dir /var/lib/chancery
  chancery up --data-dir /var/lib/chancery

Put the key-encryption key, and the configuration if there is one, in their place first. The backup is read
whole before anything is written. What was restored is as it was when the backup was taken: the installation
that it was taken of must not run any more.")]
pub struct RestoreArgs {
    /// What `chancery backup` wrote.
    pub file: PathBuf,
    /// To which folder.
    #[command(flatten)]
    pub folder: FolderArgs,
    /// The nats-server to start (2.12 or later), in place of the one on PATH.
    #[arg(long, value_name = "PATH")]
    pub nats_server: Option<PathBuf>,
}

/// Restores a backup.
pub async fn run(args: RestoreArgs) -> Result<(), BackupError> {
    let folder = &args.folder;
    let settings = Settings::read(folder.config.as_deref(), folder.data_dir.as_deref())?;
    let mut shared = settings.shared()?;
    let (layout, clock) = (Layout::of(&shared), Clock::system());
    // Step 1: what may be refused is, before anything is written.
    let checked = check::read(&args.file, &mut Look).await?;
    let program = nats_server::find(args.nats_server.as_deref())?;
    let keks = KekSources::of(
        &settings.table("keystore").map_err(InitError::Config)?,
        &layout,
    );
    Keks::read(&keks).map_err(InitError::Kek)?;
    empty(&shared, &layout).await?;
    init::data_folder(&layout)?;
    let _lock = Lock::take(&layout.lock())?;
    // Step 2: who is who. The internal CA's key opens with the right key-encryption key alone.
    let mut identities = Identities(layout.clone());
    check::read(&args.file, &mut identities).await?;
    let opened = Keks::read(&keks).map_err(InitError::Kek)?;
    if let Err(source) = InternalCa::open(&layout, &opened) {
        // Nothing else is there yet: the folder is as empty as it was.
        fs::remove_dir_all(layout.identity_dir()).map_err(of_file(layout.identity_dir()))?;
        return Err(other_kek(&keks, &opened, source));
    }
    init::prepare(&settings, &shared, clock.now())?;
    let marker = layout.unfinished_restore();
    files::write_private(&marker, b"").map_err(of_file(&marker))?;
    // Step 3: an empty stream, made by the server that will keep it.
    let program = nats::program(program, &layout);
    let listen = nats::address(&shared, &program).await?;
    shared.nats.url = format!("tls://{listen}");
    init::write_nats_conf(&layout, listen)?;
    let stopping = CancellationToken::new();
    let _stopped_at_the_end = stopping.clone().drop_guard();
    let server = nats::start(program.clone(), &shared, &clock, &stopping).await?;
    server.stop().await;
    // Step 4: the events into it, and the rows.
    let store = layout.nats_store();
    let mut restoring = Restoring {
        blocks: Some(Blocks::create(&store).map_err(of_file(&store))?),
        store,
        shared: &shared,
        databases: HashMap::new(),
        part: None,
    };
    check::read(&args.file, &mut restoring).await?;
    for (service, database) in restoring.databases {
        database
            .close()
            .await
            .map_err(|source| BackupError::Rows { service, source })?;
    }
    // Step 5: the server has what was backed up.
    let server = nats::start(program, &shared, &clock, &stopping).await?;
    let proven = prove(&shared, &clock, &stopping, &checked).await;
    server.stop().await;
    proven?;
    fs::remove_file(&marker).map_err(of_file(&marker))?;
    // Who closed stdout wants to read no more.
    let _ = writeln!(
        io::stdout(),
        "restored {} events and {} rows, as of {}: the log is what was backed up (root {}).\nchancery up goes on from there.",
        checked.events,
        checked.rows,
        checked.head.taken,
        checked.root
    );
    Ok(())
}

/// Nothing of a backup opens without the key of its time.
fn other_kek(sources: &KekSources, keks: &Keks, source: InternalCaError) -> BackupError {
    let given = keks.each().map(Kek::id).collect::<Vec<_>>().join(" and ");
    let previous = sources.previous.as_ref();
    BackupError::OtherKek {
        given,
        current: sources.current.to_string(),
        previous: previous.map_or_else(|| PREVIOUS_ENVIRONMENT.to_owned(), ToString::to_string),
        source,
    }
}

/// Refuses to restore over what is there.
async fn empty(shared: &Shared, layout: &Layout) -> Result<(), BackupError> {
    let in_the_way = |what: String| {
        Err(BackupError::InTheWay(format!(
            "{what} is there already: a backup is restored to an empty folder and a database of its own"
        )))
    };
    for path in [layout.ca_certificate(), layout.nats_store()] {
        if path.exists() {
            return in_the_way(path.display().to_string());
        }
    }
    let services = PARTS.iter().map(|part| part.service).chain(["projection"]);
    for service in services {
        let home = shared.home(service);
        let there = home.is_there().await;
        if there.map_err(|source| BackupError::Database { service, source })? {
            return in_the_way(format!("the database of {service} ({home})"));
        }
    }
    Ok(())
}

/// Reads the log through its server, and compares it with what was backed up, and with what the rows know of it.
async fn prove(
    shared: &Shared,
    clock: &Clock,
    stopping: &CancellationToken,
    checked: &Checked,
) -> Result<(), BackupError> {
    let reading = Runtime::start(
        READER,
        shared.clone(),
        clock.clone(),
        stopping.child_token(),
        None,
    );
    let reading = reading.map_err(BackupError::Identity)?;
    let log = reading.log().await.map_err(BackupError::OpenLog)?;
    let last = log.last_sequence().await?;
    let mut tree = Tree::default();
    let mut events = log.stored(0, last);
    while let Some(event) = events.next().await {
        tree.push(event.leaf());
    }
    if last != checked.events || tree::hex(&tree.root()) != checked.root {
        return Err(BackupError::Differs(format!(
            "the event log's server has {last} events with the root {}, and in the backup are {} with the root {}",
            tree::hex(&tree.root()),
            checked.events,
            checked.root
        )));
    }
    for reached in checked
        .reached
        .iter()
        .filter(|reached| reached.sequence > 0)
    {
        knows(&log, reached).await?;
    }
    Ok(())
}

async fn knows(log: &EventLog, reached: &Reached) -> Result<(), BackupError> {
    let event = log.at(reached.sequence).await?;
    let same = event.is_some_and(|event| Checkpoint::at(&event).hash[..] == reached.hash[..]);
    match same {
        true => Ok(()),
        false => Err(BackupError::Differs(format!(
            "the rows of {} of {} were made from another log: event {} is not the one that they know",
            reached.follower, reached.service, reached.sequence
        ))),
    }
}

/// Takes the files.
struct Identities(Layout);

impl Take for Identities {
    fn file(&mut self, name: &str, content: &[u8]) -> Result<(), BackupError> {
        let folder = self.0.identity_dir();
        files::private_folder(folder).map_err(of_file(folder))?;
        let path = folder.join(name);
        files::write_private(&path, content).map_err(of_file(&path))
    }
}

/// Takes the events and the rows.
struct Restoring<'a> {
    blocks: Option<Blocks>,
    store: PathBuf,
    shared: &'a Shared,
    databases: HashMap<&'static str, DatabaseConnection>,
    part: Option<Part>,
}

impl Take for Restoring<'_> {
    fn event(&mut self, event: Stored) -> Result<(), BackupError> {
        let store: &Path = &self.store;
        match &mut self.blocks {
            Some(blocks) => blocks.write(&event).map_err(of_file(store)),
            None => Ok(()),
        }
    }

    fn log(&mut self) -> Result<(), BackupError> {
        let written = self.blocks.take().map_or(Ok(()), Blocks::finish);
        written.map_err(of_file(&self.store))
    }

    async fn database(&mut self, part: Part, migrations: Vec<String>) -> Result<(), BackupError> {
        let mut then = (part.migrations)();
        // Those that came since are run when the service starts: on the rows.
        then.retain(|one| migrations.iter().any(|name| name == one.name()));
        let database = self.shared.home(part.service).open(then).await;
        let database = database.map_err(|source| BackupError::Database {
            service: part.service,
            source,
        })?;
        self.databases.insert(part.service, database);
        self.part = Some(part);
        Ok(())
    }

    async fn rows(&mut self, table: &Table, rows: Vec<Vec<Value>>) -> Result<(), BackupError> {
        let Some((part, database)) = self
            .part
            .and_then(|part| Some((part, self.databases.get(part.service)?)))
        else {
            return Ok(());
        };
        let written = table.write(database, rows).await;
        written.map_err(|source| BackupError::Rows {
            service: part.service,
            source,
        })
    }
}
