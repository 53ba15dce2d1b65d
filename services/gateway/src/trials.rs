//! People on a real event log and a real database, with a clock of the trial's own. A gateway here is what works on
//! them behind its ports; there may be several, and a crash is one that is dropped.

mod links;
mod refusals;
mod sessions;
mod users;

use std::{net::Ipv4Addr, path::PathBuf};

use api::{gateway::v1::SignInMethod, options::v1::Role, refuse::Violations};
use databases::Databases;
use eventlog::{EventLog, Origin, Recorded};
use runtime::Clock;
use sea_orm::DatabaseConnection;
use tempfile::TempDir;
use time::{OffsetDateTime, macros::datetime};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use town::{nats::Nats, wait};
use uuid::Uuid;

use crate::{
    commands::{
        CommandError, Commands, Created, Credentials, NewSession, NewUser, OpenSession, Refusal,
        Refusals, Visit,
    },
    config::Config,
    directory::Directory,
    parse::{self, Names},
    people::People,
    set_up::SetUpCode,
};

/// When trials begin.
pub const START: OffsetDateTime = datetime!(2026-01-01 11:00 UTC);

/// A password that may be chosen.
pub const PASSWORD: &str = "a long enough one";

/// A log and a database; who works on them is the trial's to start and stop.
pub struct Trial {
    pub nats: Nats,
    pub clock: Clock,
    pub database: DatabaseConnection,
    _databases: Databases,
    folder: TempDir,
}

/// A gateway at work.
pub struct Gateway {
    pub commands: Commands,
    pub refusals: Refusals,
    stopping: CancellationToken,
    task: JoinHandle<()>,
}

impl Gateway {
    /// Lets it finish what it is at.
    pub async fn stop(self) {
        self.stopping.cancel();
        self.task.await.unwrap();
    }

    /// kill -9.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// A person who has used his link.
    pub async fn person(&self, login_name: &str, role: Role) -> Uuid {
        let created = self.created(login_name, role).await;
        let code = created.invited.link.unwrap().0;
        let used = self
            .commands
            .use_link(code.text(), PASSWORD, &visit())
            .await;
        used.unwrap();
        created.id
    }

    /// A person who has not.
    pub async fn created(&self, login_name: &str, role: Role) -> Created {
        let new = new_user(login_name, role);
        let created = self.commands.create_user(&origin(login_name), &new).await;
        created.unwrap()
    }

    /// Signs in as somebody who uses a browser.
    pub async fn sign_in(&self, login_name: &str) -> NewSession {
        let checked = self.commands.check_password(login_name, PASSWORD).await;
        let Credentials::Right(checked) = checked.unwrap() else {
            panic!("{login_name} cannot sign in");
        };
        let method = SignInMethod::Password;
        let begun = self
            .commands
            .begin_session(&checked, method, &visit())
            .await;
        begun.unwrap()
    }

    /// Whether this password lets him in.
    pub async fn lets_in(&self, login_name: &str, password: &str) -> bool {
        let checked = self.commands.check_password(login_name, password).await;
        matches!(checked.unwrap(), Credentials::Right(_))
    }

    /// What a cookie opens.
    pub async fn open(&self, cookie: &str) -> Option<OpenSession> {
        self.commands.session(cookie, &visit()).await.unwrap()
    }
}

impl Trial {
    pub async fn begin() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let databases = Databases::wanted(folder.path());
        let home = databases.home("gateway");
        let database = home.open(crate::rows::migrations()).await.unwrap();
        Self {
            nats: Nats::with_log(folder.path()).await,
            clock: Clock::manual(START),
            database,
            _databases: databases,
            folder,
        }
    }

    pub async fn log(&self) -> EventLog {
        self.nats.log("gateway").await
    }

    /// One more gateway, at work on the log.
    pub async fn work(&self) -> Gateway {
        let gateway = self.work_on(Some(self.log().await));
        let there = gateway.commands.log.clone();
        wait::until("the log is there", async || {
            there.borrow().is_some().then_some(())
        })
        .await;
        gateway
    }

    /// One that has no log.
    pub fn work_without_log(&self) -> Gateway {
        self.work_on(None)
    }

    fn work_on(&self, log: Option<EventLog>) -> Gateway {
        let (clock, config) = (self.clock.clone(), Config::default());
        let people = People::of(self.database.clone(), self.set_up_file(), clock, &config);
        let (commands, refusals) = (people.commands.clone(), people.refusals.clone());
        let stopping = CancellationToken::new();
        let files = vec![self.set_up_file(), self.token_file()];
        let task = tokio::spawn({
            let stopping = stopping.clone();
            let open = move || {
                let log = log.clone();
                async move {
                    match log {
                        Some(log) => Ok(log),
                        None => std::future::pending().await,
                    }
                }
            };
            async move { people.work(open, files, stopping).await }
        });
        Gateway {
            commands,
            refusals,
            stopping,
            task,
        }
    }

    pub fn set_up_file(&self) -> PathBuf {
        self.folder.path().join("set-up-code")
    }

    pub fn token_file(&self) -> PathBuf {
        self.folder.path().join("bootstrap-token")
    }

    /// What `chancery init` makes.
    pub fn init(&self) -> SetUpCode {
        let code = SetUpCode::generate(self.clock.now()).unwrap();
        std::fs::write(self.set_up_file(), code.file_text()).unwrap();
        std::fs::write(self.token_file(), "a digest").unwrap();
        code
    }

    /// The directory's events, oldest first.
    pub async fn directory(&self) -> Vec<Recorded> {
        use eventlog::Aggregate as _;
        let log = self.log().await;
        let events = log.events_of(Directory::NAME, Directory::ID).await;
        events.unwrap()
    }

    /// Their names.
    pub async fn directory_names(&self) -> Vec<String> {
        let events = self.directory().await;
        events.into_iter().map(|event| event.event).collect()
    }

    /// The names of a session's events, once there are so many.
    pub async fn session_events(&self, id: Uuid, count: usize) -> Vec<Recorded> {
        let log = self.log().await;
        wait::until("the session's events", async || {
            let events = log.events_of("session", &id.to_string()).await.unwrap();
            (events.len() >= count).then_some(events)
        })
        .await
    }
}

pub fn new_user(login_name: &str, role: Role) -> NewUser {
    NewUser {
        names: names(login_name),
        role,
    }
}

pub fn names(login_name: &str) -> Names {
    let email = format!("{login_name}@shop.example");
    let mut violations = Violations::new();
    parse::names(login_name, "", &email, &mut violations).unwrap()
}

pub fn visit() -> Visit {
    Visit {
        by_itself: false,
        address: Ipv4Addr::new(192, 0, 2, 7).into(),
        user_agent: "Browser/1.0".into(),
    }
}

/// An administrator's command; the text is its id and all that it asks for.
pub fn origin(request: &str) -> Origin {
    Origin {
        actor: "token/7".into(),
        request_id: request.into(),
        request_digest: pki::fingerprint::sha256_hex(request.as_bytes()),
        correlation_id: Uuid::from_u128(99),
        causation_id: None,
        unchanged_since: None,
    }
}

/// What a command was refused with.
#[track_caller]
pub fn refusal<T: std::fmt::Debug>(outcome: Result<T, CommandError>) -> Refusal {
    match outcome {
        Err(CommandError::Refused(refusal)) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}
