//! `chancery migrate-database`: the tables of all services to another database, while nothing runs.
//!
//! Those of the projection are made from the log: it makes them again where it starts.

use std::{
    io::{self, Write as _},
    pin::pin,
};

use clap::Args;
use database::{
    DatabaseError, Home, ServerUrl, ServerUrlError,
    copy::{self, Content, Digest, Table},
};
use futures_util::TryStreamExt as _;
use runtime::{
    Layout, Shared,
    config::{ConfigError, Settings},
};
use sea_orm::{DatabaseConnection, DbErr};

use crate::{
    backup::parts::{PARTS, Part},
    cli::FolderArgs,
    up::lock::{Lock, LockError},
};

/// `chancery migrate-database`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery migrate-database --to 'postgresql://chancery@db.example/chancery?sslmode=verify-full'
  CHANCERY_MIGRATE_TO=postgresql://… chancery migrate-database --data-dir /var/lib/chancery

Stop chancery first. The tables of each service are copied from where the configuration says that they are,
and read again: of each table, how many rows there are and the hash over them are compared and shown. What
was copied stays where it was. Then set `url` in the `[database]` table of chancery.toml, and start.")]
pub struct MigrateDatabaseArgs {
    /// The PostgreSQL to copy to, as `[database] url` will say it; "sqlite" for files in the data folder.
    #[arg(
        long,
        env = "CHANCERY_MIGRATE_TO",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub to: String,
    /// Of which folder.
    #[command(flatten)]
    pub folder: FolderArgs,
}

/// Why the tables are where they were.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The configuration is not right.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Something runs on the folder.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// That is no database.
    #[error("--to is no database")]
    To(#[source] ServerUrlError),
    /// A database cannot be opened.
    #[error("cannot use the database of {service}")]
    Database {
        /// Whose.
        service: &'static str,
        /// Why.
        #[source]
        source: DatabaseError,
    },
    /// Its rows cannot be read or written.
    #[error("the database of {service} did not do what it was told")]
    Rows {
        /// Whose.
        service: &'static str,
        /// Why.
        #[source]
        source: DbErr,
    },
    /// There is nothing to copy, or something in its way.
    #[error("{0}")]
    InTheWay(String),
    /// What was written is not what is read.
    #[error(
        "table {table} of {service} has {from} there, and {to} here: nothing is to be started on it"
    )]
    Differs {
        /// Whose.
        service: &'static str,
        /// Which one.
        table: String,
        /// What was copied.
        from: String,
        /// What came of it.
        to: String,
    },
}

/// Copies all, and says what was compared.
pub async fn run(args: MigrateDatabaseArgs) -> Result<(), MigrateError> {
    let folder = &args.folder;
    let settings = Settings::read(folder.config.as_deref(), folder.data_dir.as_deref())?;
    let from = settings.shared()?;
    let mut to = from.clone();
    to.database.url = match args.to.as_str() {
        "sqlite" => None,
        url => Some(ServerUrl::try_from(url.to_owned()).map_err(MigrateError::To)?),
    };
    let _lock = Lock::take(&Layout::of(&from).lock())?;
    ready(&from, &to).await?;
    let mut out = io::stdout();
    let (mut tables, mut rows) = (0, 0);
    let mut targets = Vec::new();
    for part in PARTS {
        let (from, to) = (from.home(part.service), to.home(part.service));
        let (target, copied) = copied(part, &from, &to).await?;
        targets.push((part.service, target));
        for (table, content) in copied {
            // Who closed stdout wants to read no more: that is no reason to stop half-way.
            let _ = writeln!(
                out,
                "{}.{table}  {} rows  {}",
                part.service, content.rows, content.sha256
            );
            (tables, rows) = (tables + 1, rows + content.rows);
        }
    }
    // One service alone is not to be started there, either.
    for (service, target) in targets {
        let failed = |source| MigrateError::Rows { service, source };
        copy::finish(&target).await.map_err(failed)?;
        target.close().await.map_err(failed)?;
    }
    let _ = writeln!(
        out,
        "{tables} tables with {rows} rows were copied, and are equal. Now {} `url` in the [database] table of chancery.toml \
         (or CHANCERY_DATABASE__URL), and start; the projection makes its tables from the log.",
        if to.database.url.is_some() {
            "set"
        } else {
            "remove"
        }
    );
    Ok(())
}

/// Before anything is written.
async fn ready(from: &Shared, to: &Shared) -> Result<(), MigrateError> {
    for part in PARTS {
        let failed = |source| MigrateError::Database {
            service: part.service,
            source,
        };
        let (from, to) = (from.home(part.service), to.home(part.service));
        if !from.is_there().await.map_err(failed)? {
            return Err(MigrateError::InTheWay(format!(
                "there is no database of {} at {from}",
                part.service
            )));
        }
        if to.is_there().await.map_err(failed)? {
            return Err(MigrateError::InTheWay(format!(
                "there is a database of {} at {to} already: remove it, if it is of an earlier try",
                part.service
            )));
        }
    }
    Ok(())
}

/// The tables of one service, where they are now, still marked as not all that there is; with what is in each.
async fn copied(
    part: Part,
    from: &Home,
    to: &Home,
) -> Result<(DatabaseConnection, Vec<(String, Content)>), MigrateError> {
    let service = part.service;
    let opened = |source| MigrateError::Database { service, source };
    let failed = |source| MigrateError::Rows { service, source };
    // Nobody writes there meanwhile, whoever was forgotten to be stopped.
    let frozen = from.freeze().await.map_err(opened)?;
    let moment = frozen.keep().await.map_err(opened)?;
    let seen = copy::migrations(&moment.reader).await.map_err(failed)?;
    let mut then = (part.migrations)();
    then.retain(|one| seen.contains(one.name()));
    let target = to.open_to_copy(then).await.map_err(opened)?;
    let tables = copy::tables(&target).await.map_err(failed)?;
    let mut all = Vec::new();
    for table in copy::tables(&moment.reader).await.map_err(failed)? {
        // Columns may be of another length there.
        let there = tables.iter().find(|there| there.name == table.name);
        let compared = of_table(&table, there.unwrap_or(&table), &moment, &target).await;
        let (was, is) = compared.map_err(failed)?;
        if was != is {
            let said = |content: Content| format!("{} rows ({})", content.rows, content.sha256);
            return Err(MigrateError::Differs {
                service,
                table: table.name,
                from: said(was),
                to: said(is),
            });
        }
        all.push((table.name, is));
    }
    moment.close().await.map_err(failed)?;
    Ok((target, all))
}

/// What was there, and what is here now.
async fn of_table(
    table: &Table,
    there: &Table,
    moment: &database::Moment,
    target: &DatabaseConnection,
) -> Result<(Content, Content), DbErr> {
    let mut was = Digest::new(table);
    let mut rows = pin!(table.rows(&moment.reader).await?);
    let mut batch = Vec::with_capacity(BATCH);
    while let Some(row) = rows.try_next().await? {
        was.row(&row);
        batch.push(row);
        if batch.len() == BATCH {
            table.write(target, std::mem::take(&mut batch)).await?;
        }
    }
    table.write(target, batch).await?;
    let mut is = Digest::new(there);
    let mut rows = pin!(there.rows(target).await?);
    while let Some(row) = rows.try_next().await? {
        is.row(&row);
    }
    Ok((was.end(), is.end()))
}

const BATCH: usize = 1_000;
