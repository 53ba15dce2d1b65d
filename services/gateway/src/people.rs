//! People and their sessions, put together: the database, the event log as soon as it is there, the follower
//! between them, and the chores.
//!
//! Nothing here keeps the edge from serving: without the log, commands are refused and everything else goes on.

use std::{error::Error, path::PathBuf, sync::Arc};

use eventlog::{EventLog, FollowError, Follower, subject};
use runtime::{Clock, DatabaseError, LogOpenError, Runtime};
use sea_orm::DatabaseConnection;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::{
    backoff::Backoff,
    commands::{Commands, Lives, Refusals, chores::Chores},
    config::Config,
    follow::{Progress, Rows},
    password::Passwords,
    rows, set_up,
};

/// All of it.
pub struct People {
    /// What commands do.
    pub commands: Commands,
    /// Counts who does not get in.
    pub refusals: Refusals,
    log: watch::Sender<Option<EventLog>>,
    position: watch::Sender<u64>,
}

impl People {
    /// Opens the database. The log is not needed.
    ///
    /// # Errors
    /// When it cannot be opened or migrated.
    pub async fn open(runtime: &Runtime, config: &Config) -> Result<People, DatabaseError> {
        let database = runtime.database(rows::migrations()).await?;
        let set_up_file = set_up::digest_file(runtime.layout());
        let clock = runtime.clock().clone();
        Ok(People::of(database, set_up_file, clock, config))
    }

    /// Those in a database.
    pub fn of(
        database: DatabaseConnection,
        set_up_file: PathBuf,
        clock: Clock,
        config: &Config,
    ) -> People {
        let (log, position) = (watch::Sender::new(None), watch::Sender::new(0));
        let commands = Commands {
            log: log.subscribe(),
            database,
            progress: Progress::of(&position),
            changed: watch::Sender::new(0),
            passwords: Passwords::default(),
            lives: Lives {
                idle: time::Duration::minutes(config.session_idle_minutes.into()),
                whole: time::Duration::hours(config.session_hours.into()),
            },
            set_up_file,
            set_up: watch::Sender::new(false),
            ending: Arc::new(Notify::new()),
            clock,
        };
        People {
            commands,
            refusals: Refusals::default(),
            log,
            position,
        }
    }

    /// Opens the log, follows it and does the chores, until `stopping`. `opens_until_set_up`: the files that are
    /// removed once the set-up is done.
    pub async fn work<F>(
        self,
        log: impl Fn() -> F,
        opens_until_set_up: Vec<PathBuf>,
        stopping: CancellationToken,
    ) where
        F: Future<Output = Result<EventLog, LogOpenError>>,
    {
        let People {
            commands,
            refusals,
            log: there,
            position,
        } = self;
        let (clock, done) = (commands.clock.clone(), commands.set_up.subscribe());
        let retired = set_up::retire(done, opens_until_set_up, clock, stopping.clone());
        let rows = || {
            let (changed, set_up) = (commands.changed.clone(), commands.set_up.clone());
            Rows::new(position.clone(), changed, set_up, commands.ending.clone())
        };
        let followed = async {
            let mut backoff = Backoff::new();
            loop {
                let opened = match log().await {
                    Ok(opened) => opened,
                    Err(error) => {
                        warn!(
                            error = &error as &dyn Error,
                            "cannot open the event log, nobody signs in"
                        );
                        tokio::time::sleep(backoff.wait()).await;
                        continue;
                    }
                };
                info!("the event log is there: people may sign in");
                there.send_replace(Some(opened.clone()));
                commands.ending.notify_one();
                match follow(&commands, opened, rows(), stopping.clone()).await {
                    Ok(()) => return,
                    // The rows stay as they are; commands wait for them in vain, and say so.
                    Err(error) => {
                        error!(
                            error = &error as &dyn Error,
                            "cannot follow the event log, no user is changed"
                        );
                        tokio::time::sleep(backoff.wait()).await;
                    }
                }
            }
        };
        let chores = Chores {
            commands: commands.clone(),
            refusals,
        };
        let followed = async {
            stopping.run_until_cancelled(followed).await;
        };
        tokio::join!(followed, chores.run(stopping.clone()), retired);
    }
}

async fn follow(
    commands: &Commands,
    log: EventLog,
    rows: Rows,
    stopping: CancellationToken,
) -> Result<(), FollowError> {
    let follower = Follower {
        name: Rows::FOLLOWER.to_owned(),
        subjects: Rows::KINDS.map(subject::of_kind).to_vec(),
        log,
        database: commands.database.clone(),
    };
    follower.run(rows, stopping).await
}
