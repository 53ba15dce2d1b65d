//! The command line: what `chancery --help` shows. Each command's own arguments live beside its code.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::client::{
    acme::AcmeCommand, certs::CertsCommand, events::EventsCommand, keys::KeysCommand,
    login::LoginArgs, notify::NotifyCommand, projection::ProjectionCommand,
    requests::RequestsCommand, tokens::TokensCommand, users::UsersCommand,
};
use crate::{
    backup::{restore::RestoreArgs, take::BackupArgs},
    doctor::DoctorArgs,
    migrate_database::MigrateDatabaseArgs,
    rotate_kek::RotateKekArgs,
};

/// Gets TLS certificates from ACME servers, keeps their keys, and serves them.
#[derive(Debug, Parser)]
#[command(name = "chancery", version, after_help = EXAMPLES, max_term_width = 100, arg_required_else_help = true)]
pub struct Cli {
    /// What goes with every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command of the client takes.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// The gateway to talk to, in place of the one that `login` was last used for.
    #[arg(
        long,
        env = "CHANCERY_URL",
        hide_env_values = true,
        global = true,
        value_name = "URL",
        help_heading = "Client options"
    )]
    pub url: Option<String>,
    /// "table" for people, "json" (the proto3 JSON of the answer) for programs.
    #[arg(
        long,
        short,
        global = true,
        value_enum,
        value_name = "FORM",
        default_value_t = Output::Table,
        hide_possible_values = true,
        help_heading = "Client options"
    )]
    pub output: Output,
}

/// The form of an answer on stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Columns for people.
    Table,
    /// Proto3 JSON; for `events tail` one line an event.
    Json,
}

/// What there is to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything here: all services, a NATS server, their databases.
    Up(UpArgs),
    /// Make what `up` and `service` need: internal CA, identities, NATS users, set-up link.
    Init(InitArgs),
    /// Run one service, beside others on this or other machines.
    Service(ServiceArgs),
    /// Ask a process on this machine whether its services can work.
    Health(HealthArgs),
    /// Write all that must be kept to one file, while everything runs.
    Backup(BackupArgs),
    /// Make an empty folder what it was when a backup was taken.
    Restore(RestoreArgs),
    /// Move the tables of all services to PostgreSQL, or back.
    MigrateDatabase(MigrateDatabaseArgs),
    /// Put a new key-encryption key in the place of the one in use, while everything runs.
    RotateKek(RotateKekArgs),
    /// Look whether all that an installation stands on is in order, and say what to do.
    Doctor(DoctorArgs),
    /// Sign in to a gateway: with a token on stdin, or with a code in your browser.
    Login(LoginArgs),
    /// Show who the gateway takes you for.
    #[command(after_help = "Examples:\n  chancery whoami\n  chancery whoami --output json")]
    Whoami,
    /// Certificates.
    #[command(subcommand)]
    Certs(CertsCommand),
    /// Certificate requests (CSR).
    #[command(subcommand)]
    Requests(RequestsCommand),
    /// Private keys.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// ACME servers and automated certificates.
    #[command(subcommand)]
    Acme(AcmeCommand),
    /// Alerts, and the channels through which people are told of them.
    #[command(subcommand)]
    Notify(NotifyCommand),
    /// People: who may sign in, and what they may do.
    #[command(subcommand)]
    Users(UsersCommand),
    /// Tokens, with which programs sign in.
    #[command(subcommand)]
    Tokens(TokensCommand),
    /// The event log: everything that ever happened.
    #[command(subcommand)]
    Events(EventsCommand),
    /// The tables from which questions are answered: made from the event log alone.
    #[command(subcommand)]
    Projection(ProjectionCommand),
}

/// Where the data and the configuration are.
#[derive(Debug, Clone, Args)]
pub struct FolderArgs {
    /// The data folder: keys, identities, databases, the event log [default: chancery-data].
    /// It is made when it is not there.
    #[arg(
        long,
        env = "CHANCERY_DATA_DIR",
        hide_env_values = true,
        value_name = "DIR"
    )]
    pub data_dir: Option<PathBuf>,
    /// The configuration, in place of `chancery.toml` in the data folder.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// `chancery up`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery up --data-dir /var/lib/chancery
  chancery up --data-dir data --test-ca        # evaluate it with a local test CA

Ctrl-C stops everything cleanly; the next start goes on where this one stopped.")]
pub struct UpArgs {
    /// On which folder.
    #[command(flatten)]
    pub folder: FolderArgs,
    /// The nats-server to start (2.12 or later), in place of the one on PATH.
    #[arg(long, value_name = "PATH")]
    pub nats_server: Option<PathBuf>,
    /// For evaluation: also start a local test CA (Pebble) and get a first certificate from it.
    #[arg(long)]
    pub test_ca: bool,
}

/// `chancery init`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery init --data-dir /var/lib/chancery
  chancery init --config /etc/chancery/chancery.toml --log

It makes only what is missing, renews identities that have less than a third of their life left,
and may be run at any time while no `up` runs on the folder. `up` does the same by itself.")]
pub struct InitArgs {
    /// On which folder.
    #[command(flatten)]
    pub folder: FolderArgs,
    /// Wait until NATS answers, two minutes at most, and fail if the event log cannot be set up.
    #[arg(long)]
    pub log: bool,
}

/// `chancery health`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery health --data-dir /var/lib/chancery
  chancery health keystore --config /etc/chancery/chancery.toml

It asks /readyz where [telemetry] metrics, or metrics in the service's own table, says that the process shows it.
Exit status: 0 ready, 1 not ready (what stands in the way is on stderr), 3 it does not answer.")]
pub struct HealthArgs {
    /// Of a service that runs by itself; where it is left out, of `up`.
    #[arg(value_enum)]
    pub name: Option<ServiceName>,
    /// On which folder.
    #[command(flatten)]
    pub folder: FolderArgs,
}

/// `chancery service`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery service keystore --config /etc/chancery/chancery.toml
  CHANCERY_NATS__URL=tls://nats:7422 chancery service gateway --data-dir /var/lib/chancery")]
pub struct ServiceArgs {
    /// Which one.
    #[arg(value_enum)]
    pub name: ServiceName,
    /// On which folder.
    #[command(flatten)]
    pub folder: FolderArgs,
}

/// The services.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub enum ServiceName {
    /// Private keys and their certificates.
    Keystore,
    /// Certificate requests and self-signed certificates.
    CsrService,
    /// ACME servers and orders.
    AcmeAgent,
    /// E-mail and webhooks about what happened, and what did not.
    Notifier,
    /// Tables from the log, and every query.
    Projection,
    /// TLS, port 80, the public API.
    Gateway,
}

impl ServiceName {
    /// All of them.
    pub const ALL: [ServiceName; 6] = [
        ServiceName::Keystore,
        ServiceName::CsrService,
        ServiceName::AcmeAgent,
        ServiceName::Notifier,
        ServiceName::Projection,
        ServiceName::Gateway,
    ];

    /// The name of its identity, database and NATS user.
    pub fn as_str(self) -> &'static str {
        match self {
            ServiceName::Keystore => "keystore",
            ServiceName::CsrService => "csr-service",
            ServiceName::AcmeAgent => "acme-agent",
            ServiceName::Notifier => "notifier",
            ServiceName::Projection => "projection",
            ServiceName::Gateway => "gateway",
        }
    }
}

const EXAMPLES: &str = "Examples:
  chancery up --data-dir data --test-ca
  chancery login https://localhost:8443 --fingerprint SHA256 < data/bootstrap-token
  chancery acme servers register letsencrypt \\
      --directory https://acme-v02.api.letsencrypt.org/directory \\
      --contact ops@example.com --agree-to-terms
  chancery acme request www.example.com --server letsencrypt
  chancery certs list --filter status=expiring --output json
  chancery certs import shop.p12
  chancery requests create shop --dns shop.example > shop.csr
  chancery users create anna --role operator
  chancery events tail

Exit status: 0 done, 1 refused (the reason is on stderr), 2 usage, 3 unreachable.";

#[cfg(test)]
mod tests;
