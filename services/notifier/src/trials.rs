//! The service on a real event log, a real database and a real mail server, with a clock of the trial's own.
//! The events of other services are told by the trial; a crash is an office that is dropped.

mod channels;
mod damage;
mod days;
mod delivery;
mod keystore;
mod others;
mod past;

use api::notifier::v1::{
    CreateChannelRequest, EmailSettings, MessageKind, Rule, SmtpSecurity, create_channel_request,
};
use databases::Databases;
use eventlog::{Aggregate, EventBody, EventLog, Origin, checkpoint::checkpoint};
use runtime::{Clock, Egress};
use sea_orm::DatabaseConnection;
use tempfile::TempDir;
use time::{Duration, OffsetDateTime, macros::datetime};
use tokio::{sync::watch as changes, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use town::{
    mail::{MailServer, PASSWORD, Security, USER},
    nats::Nats,
    wait,
};
use uuid::Uuid;

use self::keystore::StandIn;
use crate::{
    Office,
    calendar::Calendar,
    dispatch::owed::{self, Manners},
    events::AlertEvent,
    keystore::Keystore,
    parse,
    watch::{Watched, deadline, follow::Rows},
};

/// When trials begin: a winter's noon in Berlin is eleven in UTC.
pub const START: OffsetDateTime = datetime!(2026-01-01 11:00 UTC);

/// A log, a database, a mail server; who works on them is the trial's to start and stop.
pub struct Trial {
    pub log: EventLog,
    pub clock: Clock,
    pub mail: MailServer,
    pub keystore: StandIn,
    database: DatabaseConnection,
    _databases: Databases,
    _nats: Nats,
    folder: TempDir,
}

/// A notifier that works until it is stopped.
pub struct Working {
    stopping: CancellationToken,
    task: JoinHandle<()>,
}

impl Working {
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
}

impl Trial {
    pub async fn begin() -> Self {
        Self::with_mail(Security::None).await
    }

    pub async fn with_mail(security: Security) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let nats = Nats::with_log(folder.path()).await;
        let databases = Databases::wanted(folder.path());
        Self {
            log: nats.log("notifier").await,
            clock: Clock::manual(START),
            mail: MailServer::start(security).await,
            keystore: StandIn::default(),
            database: open(&databases).await,
            _databases: databases,
            _nats: nats,
            folder,
        }
    }

    /// The database is lost: an empty one is in its place, but for the channels' addresses, which were in a backup.
    pub async fn lose_the_database(&mut self) {
        let old = self.database.clone();
        let databases = Databases::wanted(self.folder.path().join("empty"));
        self.database = open(&databases).await;
        for channel in crate::roster::all(&old).await.unwrap() {
            let settings = crate::settings::row::of(&old, channel.id).await.unwrap();
            crate::settings::row::keep(&self.database, channel.id, &settings.unwrap())
                .await
                .unwrap();
        }
        old.close().await.unwrap();
        self._databases = databases;
    }

    /// Somebody who knows the service from inside; nothing runs.
    pub async fn office(&self) -> Office {
        Office {
            log: self.log.clone(),
            database: self.database.clone(),
            keystore: Keystore::new(self.keystore.open().await),
            egress: Egress::new(&["127.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()]),
            clock: self.clock.clone(),
            manners: manners(),
            changed: changes::Sender::new(0),
        }
    }

    /// One more replica of the service, at work.
    pub async fn work(&self) -> Working {
        let office = self.office().await;
        let stopping = CancellationToken::new();
        let task = tokio::spawn({
            let stopping = stopping.clone();
            async move { office.work(stopping).await.unwrap() }
        });
        Working { stopping, task }
    }

    /// A channel by mail to this address, that is told this.
    pub async fn channel(&self, name: &str, to: &str, rule: Rule) -> Uuid {
        let request = CreateChannelRequest {
            name: name.into(),
            rule: Some(rule),
            settings: Some(create_channel_request::Settings::Email(self.email(to))),
        };
        let form = parse::create(&request).unwrap();
        let commands = self.office().await.commands();
        let created = commands.create(&origin(name), &form).await;
        created.unwrap().0
    }

    /// What reaches the trial's mail server, in the way that it is protected.
    pub fn email(&self, to: &str) -> EmailSettings {
        EmailSettings {
            host: "127.0.0.1".into(),
            port: self.mail.port.into(),
            security: SmtpSecurity::None.into(),
            from: "Chancery <chancery@example.org>".into(),
            to: vec![to.into()],
            ..EmailSettings::default()
        }
    }

    /// The same, over TLS and with a password.
    pub fn protected_email(&self, security: SmtpSecurity, to: &[&str]) -> EmailSettings {
        EmailSettings {
            host: "localhost".into(),
            security: security.into(),
            username: USER.into(),
            password: Some(PASSWORD.into()),
            to: to.iter().map(|to| (*to).to_owned()).collect(),
            trusted_roots_pem: self.mail.root.clone(),
            ..self.email("")
        }
    }

    /// The events of an alert, oldest first.
    pub async fn alert(&self, watched: Watched, n: u128, kind: MessageKind) -> Vec<AlertEvent> {
        let subject = Uuid::from_u128(n).to_string();
        let id = crate::alert::id(watched.as_str(), &subject, kind).to_string();
        let events = self.log.events_of(crate::alert::State::NAME, &id).await;
        let events = events.unwrap();
        events.iter().map(|event| event.decode().unwrap()).collect()
    }

    /// Their names.
    pub async fn alert_names(
        &self,
        watched: Watched,
        n: u128,
        kind: MessageKind,
    ) -> Vec<&'static str> {
        let events = self.alert(watched, n, kind).await;
        events.iter().map(EventBody::name).collect()
    }

    /// Waits until the rows have all that the log has.
    pub async fn caught_up(&self) {
        wait::until("the rows have all", async || {
            let last = self.log.last_sequence().await.unwrap();
            let at = checkpoint(&self.database, Rows::FOLLOWER).await.unwrap();
            (at.sequence >= last).then_some(())
        })
        .await;
    }

    /// Waits until the rows have all that the log has, and nothing is due or unsent that could be.
    pub async fn settled(&self) {
        wait::until("nothing is left to do", async || {
            let before = self.log.last_sequence().await.unwrap();
            let at = checkpoint(&self.database, Rows::FOLLOWER).await.unwrap();
            let due = deadline::due(&self.database, self.clock.now())
                .await
                .unwrap();
            let sending = self.sending().await;
            let after = self.log.last_sequence().await.unwrap();
            let still = before == after && at.sequence >= after && due.is_empty() && !sending;
            still.then_some(())
        })
        .await;
    }

    /// Whether a channel is owed something now.
    async fn sending(&self) -> bool {
        let now = self.clock.now();
        let manners = &manners();
        for recipient in crate::roster::all(&self.database).await.unwrap() {
            let since = now - Duration::days(2);
            let alerts = crate::alert::row::told_of(&self.database, since)
                .await
                .unwrap();
            let heard = owed::heard(&alerts, recipient.id);
            for (id, state) in alerts {
                let what = &state.raised.as_ref().unwrap().what;
                let subject = what.subject.clone().unwrap();
                let heard = heard.get(&(subject.kind, subject.id));
                let owed = owed::of_alert(id, &state, &recipient, heard, manners, now);
                let held = self.is_held(recipient.id, id).await;
                if owed.is_some_and(|owed| owed.ready <= now) && !held {
                    return true;
                }
            }
            let notices = crate::notice::of_channel(&self.database, recipient.id).await;
            for (item, at) in notices.unwrap() {
                let (id, _) = item.about.of();
                let held = self.is_held(recipient.id, id.unwrap()).await;
                let owed = owed::of_notice(item, at, &recipient, manners, now);
                if owed.is_some_and(|owed| owed.ready <= now) && !held {
                    return true;
                }
            }
            // Last: what was held above is in a message that is seen here, or was sent meanwhile.
            let waiting = crate::dispatch::outbox::of_channel(&self.database, recipient.id);
            let waiting = waiting.await.unwrap();
            if waiting.iter().any(|m| m.taken || m.next <= now) {
                return true;
            }
        }
        false
    }

    /// Whether a message that waits for its next try tells of it.
    async fn is_held(&self, channel: Uuid, id: Uuid) -> bool {
        let waiting = crate::dispatch::outbox::of_channel(&self.database, channel);
        let waiting = waiting.await.unwrap();
        let mut items = waiting.iter().flat_map(|message| &message.items);
        items.any(|item| item.about.of().0 == Some(id))
    }

    /// Lets time pass in steps, and the notifiers come to rest at each.
    pub async fn pass(&self, days: i64, step: Duration) {
        let end = self.clock.now() + Duration::days(days);
        while self.clock.now() < end {
            self.clock.advance(step.unsigned_abs());
            self.settled().await;
        }
    }
}

/// At eight in Berlin, and nothing is gathered.
pub fn manners() -> Manners {
    Manners {
        calendar: Calendar::new(
            "Europe/Berlin".to_owned().try_into().unwrap(),
            "08:00".to_owned().try_into().unwrap(),
        ),
        gather: Duration::ZERO,
    }
}

/// A person's command; the text is its id and all that it asks for.
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

async fn open(databases: &Databases) -> DatabaseConnection {
    let home = databases.home("notifier");
    home.open(crate::migrations()).await.unwrap()
}
