//! The one program: runs any service or all of them, and is the command-line client.
//!
//! [`cli`] is what may be asked for. [`up`] runs everything on one machine, [`init`] makes what it needs,
//! [`service`] runs one service, and [`health`] asks one how it is; [`client`] is the rest, and talks to a gateway like any other client.
//! [`exit`] is how it ends.

mod backup;
mod cli;
mod client;
mod doctor;
mod exit;
mod files;
mod health;
mod init;
mod metrics;
mod migrate_database;
mod nats;
mod rotate_kek;
mod service;
mod systemd;
mod up;

use std::{error::Error, process::ExitCode};

use clap::Parser as _;

use crate::{
    backup::BackupError,
    cli::{Cli, Command, Global},
    client::{
        ClientError, Connection,
        credentials::Credentials,
        events::EventsCommand,
        keys::KeysCommand,
        users::{
            UsersCommand,
            reset_admin::{self, ResetAdminError},
        },
    },
    doctor::NotWell,
    exit::Exit,
    health::HealthError,
    init::InitError,
    migrate_database::MigrateError,
    rotate_kek::RotateKekError,
    service::ServiceCommandError,
    up::UpError,
};

/// Whatever a command ended with.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error(transparent)]
    Up(#[from] UpError),
    #[error(transparent)]
    Init(#[from] InitError),
    #[error(transparent)]
    Service(#[from] ServiceCommandError),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(transparent)]
    Migrate(#[from] MigrateError),
    #[error(transparent)]
    Health(#[from] HealthError),
    #[error(transparent)]
    RotateKek(#[from] RotateKekError),
    #[error(transparent)]
    Doctor(#[from] NotWell),
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error(transparent)]
    ResetAdmin(#[from] ResetAdminError),
    #[error("cannot start the program's threads")]
    Threads(#[source] std::io::Error),
}

impl CommandError {
    fn exit(&self) -> Exit {
        match self {
            CommandError::Client(error) => error.exit(),
            CommandError::Health(error) => error.exit(),
            CommandError::Up(_)
            | CommandError::Init(_)
            | CommandError::Service(_)
            | CommandError::Backup(_)
            | CommandError::Migrate(_)
            | CommandError::RotateKek(_)
            | CommandError::Doctor(_)
            | CommandError::ResetAdmin(_)
            | CommandError::Threads(_) => Exit::Refused,
        }
    }
}

fn main() -> ExitCode {
    // Usage errors end here, with status 2.
    let Cli { global, command } = Cli::parse();
    let error = match run(global, command) {
        Ok(()) => return Exit::Done.into(),
        Err(error) => error,
    };
    let exit = error.exit();
    if exit != Exit::Done {
        exit::report(&error as &dyn Error);
    }
    exit.into()
}

fn run(global: Global, command: Command) -> Result<(), CommandError> {
    let threads = match command {
        Command::Up(_) | Command::Service(_) => tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build(),
        _ => tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build(),
    };
    threads.map_err(CommandError::Threads)?.block_on(async {
        match command {
            Command::Up(args) => {
                no_core_dumps();
                Ok(up::run(args).await?)
            }
            Command::Service(args) => {
                no_core_dumps();
                Ok(service::run(args).await?)
            }
            Command::Init(args) => {
                no_core_dumps();
                Ok(init::run(args).await?)
            }
            Command::Backup(args) => {
                no_core_dumps();
                Ok(backup::take::run(args).await?)
            }
            Command::Restore(args) => {
                no_core_dumps();
                Ok(backup::restore::run(args).await?)
            }
            Command::MigrateDatabase(args) => {
                no_core_dumps();
                Ok(migrate_database::run(args).await?)
            }
            Command::Health(args) => Ok(health::run(args).await?),
            Command::RotateKek(args) => {
                no_core_dumps();
                Ok(rotate_kek::run(&args)?)
            }
            Command::Doctor(args) => {
                no_core_dumps();
                Ok(doctor::run(args, global.output).await?)
            }
            Command::Login(args) => Ok(client::login::run(args, global.output).await?),
            Command::Whoami => {
                Ok(client::whoami::run(&connect(&global).await?, global.output).await?)
            }
            Command::Certs(command) => {
                Ok(
                    client::certs::run(command, &connect(&global).await?, global.output, now())
                        .await?,
                )
            }
            Command::Requests(command) => {
                Ok(client::requests::run(command, &connect(&global).await?, global.output).await?)
            }
            Command::Keys(KeysCommand::Disclosures(args)) if args.from.is_some() => {
                Ok(client::keys::disclosures::offline(&args, global.output)?)
            }
            Command::Keys(command) => {
                Ok(client::keys::run(command, &connect(&global).await?, global.output).await?)
            }
            Command::Acme(command) => {
                Ok(
                    client::acme::run(command, &connect(&global).await?, global.output, now())
                        .await?,
                )
            }
            Command::Notify(command) => {
                Ok(
                    client::notify::run(command, &connect(&global).await?, global.output, now())
                        .await?,
                )
            }
            Command::Tokens(command) => {
                Ok(client::tokens::run(command, &connect(&global).await?, global.output).await?)
            }
            Command::Users(UsersCommand::ResetAdmin(args)) => Ok(reset_admin::run(args).await?),
            Command::Users(command) => {
                Ok(client::users::run(command, &connect(&global).await?, global.output).await?)
            }
            Command::Events(EventsCommand::Verify(args)) if args.is_offline() => {
                Ok(client::events::verify::offline(&args, global.output)?)
            }
            Command::Events(command) => {
                Ok(client::events::run(command, &connect(&global).await?, global.output).await?)
            }
            Command::Projection(command) => {
                let connection = connect(&global).await?;
                Ok(client::projection::run(command, &connection, global.output).await?)
            }
        }
    })
}

async fn connect(global: &Global) -> Result<Connection, ClientError> {
    Connection::open(&Credentials::find(global.url.as_deref())?).await
}

fn now() -> time::OffsetDateTime {
    runtime::Clock::system().now()
}

/// A process that holds private keys leaves no image of its memory behind, and shows it to no other of the same user.
///
/// The keystore sets the size limit of core dumps too; where a program collects them, that limit is not looked at.
fn no_core_dumps() {
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // Refused by no kernel that knows it; where it is not known, the limit stands.
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}
