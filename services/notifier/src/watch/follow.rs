//! The rows, from the log: what is watched, who is told, and how the alerts stand.

use api::notifier::v1::{MessageKind, Severity};
use eventlog::{Aggregate as _, Apply, ApplyError, EventBody, Recorded};
use runtime::Clock;
use sea_orm::DatabaseTransaction;
use tokio::sync::watch;
use uuid::Uuid;

use super::{
    NAMELESS, Watched, automation,
    certificate::{self, Certificate},
    deadline,
    foreign::{self, AutomationEvent, CertificateEvent, KeyEvent, SealEvent, TablesEvent},
    key, log, tables, trouble,
};
use crate::{
    alert,
    channel::{self, Channel},
    dispatch::{outbox, turn},
    events::{AlertEvent, ChannelEvent},
    notice::{self, Notice},
    roster::{self, Recipient},
};

/// Keeps the rows, and says when they have changed.
pub struct Rows {
    clock: Clock,
    position: watch::Sender<u64>,
    changed: watch::Sender<u64>,
}

impl Rows {
    /// The name of the follower's checkpoint.
    pub const FOLLOWER: &str = "watch";

    /// The kinds of aggregates that it follows.
    pub const KINDS: [&str; 7] = [
        foreign::CERTIFICATE,
        foreign::KEY,
        foreign::AUTOMATION,
        foreign::TABLES,
        foreign::SEAL,
        channel::State::NAME,
        alert::State::NAME,
    ];

    /// `changed` changes with each batch.
    pub fn new(clock: Clock, changed: watch::Sender<u64>) -> Self {
        Self {
            clock,
            position: watch::Sender::new(0),
            changed,
        }
    }

    /// How far the rows are, from now on.
    pub fn progress(&self) -> watch::Receiver<u64> {
        self.position.subscribe()
    }

    async fn take_in(
        &self,
        tx: &DatabaseTransaction,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        match recorded.aggregate.as_str() {
            foreign::CERTIFICATE => self.of_certificate(tx, recorded).await,
            foreign::KEY => self.of_key(tx, recorded).await,
            foreign::AUTOMATION => self.of_automation(tx, recorded).await,
            foreign::TABLES => self.of_tables(tx, recorded).await,
            foreign::SEAL => self.of_log(tx, recorded).await,
            channel::State::NAME => self.of_channel(tx, recorded).await,
            alert::State::NAME => self.of_alert(tx, recorded).await,
            // Only these were asked for.
            _ => Ok(()),
        }
    }

    async fn of_certificate(
        &self,
        tx: &DatabaseTransaction,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        let Some(event) = known::<CertificateEvent>(recorded)? else {
            return Ok(());
        };
        let id = id(recorded)?;
        let Some(certificate) = certificate::take_in(tx, id, recorded, &event).await? else {
            return Ok(());
        };
        self.mark(tx, Watched::Certificate, id).await?;
        // It may be the successor of others, or have ceased to be one.
        let mut others = certificate::row::with_names_of(tx, &certificate).await?;
        others.retain(|other| other.id != id);
        let below = certificate::row::below_wildcards_of(tx, &certificate).await?;
        for other in others.iter().map(|other| other.id).chain(below) {
            self.mark(tx, Watched::Certificate, other).await?;
        }
        if let Some(notice) = of_certificate_once(&certificate, &event) {
            notice::write(tx, recorded, &notice, self.clock.now()).await?;
        }
        Ok(())
    }

    async fn of_key(
        &self,
        tx: &DatabaseTransaction,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        let Some(event) = known::<KeyEvent>(recorded)? else {
            return Ok(());
        };
        if let Some(spki_sha256) = key::take_in(tx, id(recorded)?, &event).await? {
            for certificate in certificate::row::of_key(tx, &spki_sha256).await? {
                self.mark(tx, Watched::Certificate, certificate).await?;
            }
        }
        let KeyEvent::Exported(exported) = &event else {
            return Ok(());
        };
        let certificate = match Uuid::parse_str(&exported.certificate_id) {
            Ok(id) => certificate::row::find(tx, id).await?,
            Err(_) => None,
        };
        let name = certificate.map_or_else(|| recorded.id.clone(), |c| c.name);
        let how = match exported.protected {
            true => "with a passphrase",
            false => "without a passphrase",
        };
        let notice = Notice {
            kind: MessageKind::PrivateKeyExported,
            severity: Severity::Info,
            subject_kind: "key",
            subject_id: recorded.id.clone(),
            name,
            message: format!(
                "It left {how} ({}), by {}.",
                exported.format, recorded.actor
            ),
            advice: "If nobody of yours did that, revoke its certificates and replace the key."
                .into(),
            deadline: None,
        };
        Ok(notice::write(tx, recorded, &notice, self.clock.now()).await?)
    }

    async fn of_automation(
        &self,
        tx: &DatabaseTransaction,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        let Some(event) = known::<AutomationEvent>(recorded)? else {
            return Ok(());
        };
        let id = id(recorded)?;
        if automation::take_in(tx, id, recorded, &event)
            .await?
            .is_none()
        {
            return Ok(());
        }
        self.mark(tx, Watched::Automation, id).await?;
        // Where it does not renew them, its certificates are watched themselves.
        for certificate in certificate::row::of_automation(tx, id).await? {
            self.mark(tx, Watched::Certificate, certificate).await?;
        }
        Ok(())
    }

    async fn of_tables(
        &self,
        tx: &DatabaseTransaction,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        let Some(event) = known::<TablesEvent>(recorded)? else {
            return Ok(());
        };
        tables::take_in(tx, recorded, &event).await?;
        self.mark(tx, Watched::Tables, tables::ID).await
    }

    async fn of_log(
        &self,
        tx: &DatabaseTransaction,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        let Some(event) = known::<SealEvent>(recorded)? else {
            return Ok(());
        };
        log::take_in(tx, recorded, &event).await?;
        self.mark(tx, Watched::Log, log::ID).await
    }

    async fn of_channel(
        &self,
        tx: &DatabaseTransaction,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        let id = id(recorded)?;
        let event = recorded.decode::<ChannelEvent>();
        match event.map_err(|e| ApplyError::event(recorded, e))? {
            ChannelEvent::Created(created) => {
                let channel = Channel {
                    kind: created.kind(),
                    name: created.name,
                    rule: created.rule.unwrap_or_default(),
                };
                roster::keep(tx, &Recipient { id, channel }).await?;
            }
            ChannelEvent::Updated(updated) => {
                if let Some(mut recipient) = roster::find(tx, id).await? {
                    recipient.channel.name = updated.name;
                    recipient.channel.rule = updated.rule.unwrap_or_default();
                    roster::keep(tx, &recipient).await?;
                    // What was wrong may be right now.
                    outbox::hurry(tx, id, self.clock.now()).await?;
                }
            }
            ChannelEvent::Deleted(_) => {
                roster::remove(tx, id).await?;
                outbox::forget(tx, id).await?;
                notice::forget(tx, id).await?;
                trouble::forget(tx, id).await?;
                turn::forget(tx, id).await?;
            }
        }
        self.mark(tx, Watched::Channel, id).await
    }

    async fn of_alert(
        &self,
        tx: &DatabaseTransaction,
        recorded: &Recorded,
    ) -> Result<(), ApplyError> {
        let id = id(recorded)?;
        let event = recorded.decode::<AlertEvent>();
        let event = event.map_err(|e| ApplyError::event(recorded, e))?;
        let mut state = alert::row::find(tx, id).await?;
        state.evolve(&event, &recorded.envelope());
        alert::row::keep(tx, id, &state).await?;
        // Whoever raised or cleared it may have seen less than there is by now.
        let subject = state.raised.and_then(|raised| raised.what.subject);
        if let AlertEvent::Raised(_) | AlertEvent::Cleared(_) = event
            && let Some(subject) = subject
            && let (Some(kind), Ok(id)) =
                (Watched::parse(&subject.kind), Uuid::parse_str(&subject.id))
        {
            self.mark(tx, kind, id).await?;
        }
        Ok(())
    }

    async fn mark(
        &self,
        tx: &DatabaseTransaction,
        kind: Watched,
        id: Uuid,
    ) -> Result<(), ApplyError> {
        Ok(deadline::mark(tx, kind, id, self.clock.now()).await?)
    }
}

#[async_trait::async_trait]
impl Apply for Rows {
    async fn apply(
        &mut self,
        tx: &DatabaseTransaction,
        events: &[Recorded],
    ) -> Result<(), ApplyError> {
        for recorded in events {
            self.take_in(tx, recorded).await?;
        }
        Ok(())
    }

    async fn committed(&mut self, position: u64, _: &[Recorded]) {
        self.position.send_replace(position);
        // Also without events of ours: then another replica may have written the rows.
        self.changed.send_modify(|n| *n += 1);
    }
}

/// What an event of a certificate tells once.
fn of_certificate_once(certificate: &Certificate, event: &CertificateEvent) -> Option<Notice> {
    use CertificateEvent as E;
    let until = certificate.not_after.date();
    let (kind, severity, message, advice) = match event {
        E::Issued(_) => {
            let message = format!("It was issued, and is good until {until}.");
            (MessageKind::CertificateRenewed, Severity::Info, message, "")
        }
        E::Renewed(renewed) => {
            let message = format!(
                "It was renewed (version {}), and is good until {until}.",
                renewed.version
            );
            (MessageKind::CertificateRenewed, Severity::Info, message, "")
        }
        E::Revoked(revoked) => {
            let message = format!("Its CA has revoked version {}.", revoked.version);
            let advice = "Where it is still in use, replace it: clients may refuse it from now on.";
            (
                MessageKind::CertificateRevoked,
                Severity::Warning,
                message,
                advice,
            )
        }
        E::SelfSigned(_)
        | E::Imported(_)
        | E::Renamed(_)
        | E::Released(_)
        | E::Deleted(_)
        | E::Restored(_) => return None,
    };
    let name = match certificate.name.as_str() {
        "" => NAMELESS,
        name => name,
    };
    Some(Notice {
        kind,
        severity,
        subject_kind: foreign::CERTIFICATE,
        subject_id: certificate.id.to_string(),
        name: name.to_owned(),
        message,
        advice: advice.to_owned(),
        deadline: Some(certificate.not_after),
    })
}

fn known<E: EventBody>(recorded: &Recorded) -> Result<Option<E>, ApplyError> {
    recorded
        .decode_known()
        .map_err(|e| ApplyError::event(recorded, e))
}

fn id(recorded: &Recorded) -> Result<Uuid, ApplyError> {
    Uuid::parse_str(&recorded.id).map_err(|e| ApplyError::event(recorded, e))
}
