//! `chancery backup`: while everything runs.

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
    pin::pin,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use clap::Args;
use database::{
    Moment,
    copy::{self, Digest},
};
use eventlog::{
    EventLog,
    proof::{
        line,
        tree::{self, Tree},
    },
};
use futures_util::{StreamExt as _, TryStreamExt as _};
use runtime::{Clock, Layout, Runtime, Shared, config::Settings};
use serde_json::value::RawValue;
use time::format_description::well_known::Rfc3339;
use tokio_util::sync::CancellationToken;

use super::{
    BackupError,
    file::{FORM, Head, Line, Writer},
    of_file,
    parts::{PARTS, Part},
};
use crate::{cli::FolderArgs, init};

/// `chancery backup`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery backup /backup/chancery-2027-01-31 --data-dir /var/lib/chancery

In it are the event log, every table that is not made from the log, and the internal CA, all as of one
moment; keys and secrets as they are kept, sealed. Not in it are the key-encryption key, without which a
backup opens nothing, and the configuration. Chancery goes on meanwhile. `chancery restore` reads it.")]
pub struct BackupArgs {
    /// Where to write it (0600); there must be no such file yet.
    pub file: PathBuf,
    /// Of which folder.
    #[command(flatten)]
    pub folder: FolderArgs,
}

/// Writes a backup.
pub async fn run(args: BackupArgs) -> Result<(), BackupError> {
    let folder = &args.folder;
    let settings = Settings::read(folder.config.as_deref(), folder.data_dir.as_deref())?;
    let shared = settings.shared()?;
    let layout = Layout::of(&shared);
    let mut writer = Writer::create(&args.file)?;
    let stopping = CancellationToken::new();
    let _stopped_at_the_end = stopping.clone().drop_guard();
    let clock = Clock::system();
    let reading = Runtime::start(
        READER,
        of_the_server(&shared, &layout),
        clock.clone(),
        stopping,
        None,
    );
    let reading = reading.map_err(BackupError::Identity)?;
    let log = reading.log().await.map_err(BackupError::OpenLog)?;

    let taken = clock.now().replace_nanosecond(0).unwrap_or(clock.now());
    writer.line(&Line::Backup(Head {
        form: FORM,
        chancery: env!("CARGO_PKG_VERSION").to_owned(),
        taken: taken.format(&Rfc3339).unwrap_or_default(),
    }))?;
    for name in KEPT_FILES {
        let path = layout.identity_dir().join(name);
        match fs::read(&path) {
            Ok(content) => writer.line(&Line::File {
                name: name.to_owned(),
                base64: STANDARD.encode(content),
            })?,
            // Those of the set-up go when it is done.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(of_file(&path)(error)),
        }
    }
    let (last, moments) = one_moment(&shared, &log).await?;
    events(&log, last, &mut writer).await?;
    let mut rows = 0;
    for (part, moment) in moments {
        rows += tables(part, &moment, &mut writer)
            .await
            .map_err(|error| error.of(part))?;
        let closed = moment.close().await;
        closed.map_err(|source| BackupError::Rows {
            service: part.service,
            source,
        })?;
    }
    let length = writer.finish()?;
    // Who closed stdout wants to read no more: the file is there.
    let _ = writeln!(
        io::stdout(),
        "{}: {last} events and {rows} rows as of one moment, {length} bytes.\nThe key-encryption key is not in it: keep a copy of \
         that somewhere else. Nor is the configuration.",
        args.file.display()
    );
    Ok(())
}

/// The log's last event, and what the databases held at that moment: each row that an event up to there was written
/// after is there, and no follower is further.
async fn one_moment(
    shared: &Shared,
    log: &EventLog,
) -> Result<(u64, Vec<(Part, Moment)>), BackupError> {
    let failed = |part: Part| {
        move |source| BackupError::Database {
            service: part.service,
            source,
        }
    };
    // Step 1: nobody writes a row.
    let mut frozen = Vec::new();
    for part in PARTS {
        let home = shared.home(part.service);
        if !home.is_there().await.map_err(failed(part))? {
            return Err(BackupError::InTheWay(format!(
                "there is no database of {} at {home} yet: was chancery ever started with this configuration?",
                part.service
            )));
        }
        frozen.push((part, home.freeze().await.map_err(failed(part))?));
    }
    // Step 2: what is in the log now has its rows. What comes later may not.
    let last = log.last_sequence().await?;
    // Step 3: what is there now is seen from here, while others write again.
    let mut moments = Vec::new();
    for (part, frozen) in frozen {
        moments.push((part, frozen.thaw().await.map_err(failed(part))?));
    }
    Ok((last, moments))
}

async fn events(log: &EventLog, last: u64, writer: &mut Writer) -> Result<(), BackupError> {
    let mut tree = Tree::default();
    let mut events = log.stored(0, last);
    while let Some(event) = events.next().await {
        if event.sequence != tree.size() + 1 {
            break;
        }
        let leaf = event.leaf();
        let text = line::write(&event, Some(&leaf))
            .ok()
            .and_then(|text| RawValue::from_string(text).ok());
        let text = text.ok_or_else(|| {
            BackupError::Differs(format!("event {} cannot be written down", event.sequence))
        })?;
        writer.line(&Line::Event(text))?;
        tree.push(leaf);
    }
    if tree.size() != last {
        return Err(BackupError::Differs(format!(
            "the log no longer has event {}: see chancery events verify",
            tree.size() + 1
        )));
    }
    writer.line(&Line::Log {
        events: last,
        root: tree::hex(&tree.root()),
    })
}

/// Answers how many rows there were.
async fn tables(part: Part, moment: &Moment, writer: &mut Writer) -> Result<u64, Failed> {
    let reader = &moment.reader;
    let migrations = copy::migrations(reader).await?;
    writer.line(&Line::Database {
        service: part.service.to_owned(),
        migrations: migrations.into_iter().collect(),
    })?;
    let mut all = 0;
    for table in copy::tables(reader).await? {
        writer.line(&Line::Table(table.clone()))?;
        let mut digest = Digest::new(&table);
        let mut rows = pin!(table.rows(reader).await?);
        while let Some(row) = rows.try_next().await? {
            digest.row(&row);
            writer.line(&Line::Row(table.to_json(&row)))?;
        }
        let content = digest.end();
        all += content.rows;
        writer.line(&Line::Whole(content))?;
    }
    Ok(all)
}

/// What went wrong, before it is said of whom.
pub enum Failed {
    /// The database.
    Rows(sea_orm::DbErr),
    /// Something else.
    Other(BackupError),
}

impl From<sea_orm::DbErr> for Failed {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Rows(error)
    }
}

impl From<BackupError> for Failed {
    fn from(error: BackupError) -> Self {
        Self::Other(error)
    }
}

impl Failed {
    /// It is this one's.
    pub fn of(self, part: Part) -> BackupError {
        match self {
            Self::Rows(source) => BackupError::Rows {
                service: part.service,
                source,
            },
            Self::Other(error) => error,
        }
    }
}

/// The configuration with the address at which `chancery up` has its nats-server, where that is not the configured one.
pub fn of_the_server(shared: &Shared, layout: &Layout) -> Shared {
    let mut shared = shared.clone();
    if shared.nats == Shared::default().nats
        && let Some(address) = init::nats::listens(layout)
    {
        shared.nats.url = format!("tls://{address}");
    }
    shared
}

/// Whose identity the log is read with: the one that reads all of it anyway.
pub const READER: &str = "projection";

/// What is kept of the folder of identities: the internal CA, whose key is sealed, and the hashes of what the set-up may
/// still be done with. The others are made again.
pub const KEPT_FILES: [&str; 4] = [
    "ca.pem",
    "ca.key.sealed",
    "gateway.bootstrap-token.sha256",
    "gateway.set-up-code.sha256",
];
