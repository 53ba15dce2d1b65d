//! What other services tell the log: certificates, automations and keys.

use api::{
    acme::v1::{
        AutomationPaused, AutomationRenewed, AutomationRequested, CertificateObtained, Failure,
        OrderFailed,
    },
    convert,
    keystore::v1::{CertificateImported, CertificateIssued},
    x509::v1::{Certificate, SubjectAltNames},
};
use eventlog::{Aggregate, Envelope};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{Trial, origin};
use crate::watch::foreign::{self, AutomationEvent, CertificateEvent};

impl Trial {
    /// An automation of this number, that has a certificate from now on for ninety days.
    pub async fn automate(&self, n: u128, name: &str) {
        let now = self.clock.now();
        let requested = AutomationEvent::Requested(AutomationRequested {
            friendly_name: name.into(),
            dns_names: vec![name.into()],
            ..AutomationRequested::default()
        });
        self.tell::<Automations>(n, requested).await;
        let issued = CertificateEvent::Issued(CertificateIssued {
            friendly_name: name.into(),
            certificate: Some(certificate(&[name], now, now + Duration::days(90))),
            automation_id: Uuid::from_u128(n).to_string(),
            ..CertificateIssued::default()
        });
        self.tell::<Certificates>(n + CERTIFICATE, issued).await;
        let obtained = AutomationEvent::Obtained(CertificateObtained {
            not_before: Some(convert::timestamp(now)),
            not_after: Some(convert::timestamp(now + Duration::days(90))),
            ..CertificateObtained::default()
        });
        self.tell::<Automations>(n, obtained).await;
    }

    /// A renewal of an automation fails.
    pub async fn fail(&self, n: u128) {
        let failed = AutomationEvent::RenewalFailed(OrderFailed {
            failure: Some(Failure {
                message: "The CA could not reach it on port 80.".into(),
                advice: "Open port 80 to the internet.".into(),
                ..Failure::default()
            }),
            retry_at: Some(convert::timestamp(self.clock.now() + Duration::DAY)),
            ..OrderFailed::default()
        });
        self.tell::<Automations>(n, failed).await;
    }

    /// It works.
    pub async fn renew(&self, n: u128) {
        let now = self.clock.now();
        let renewed = AutomationEvent::Renewed(AutomationRenewed {
            version: 2,
            not_before: Some(convert::timestamp(now)),
            not_after: Some(convert::timestamp(now + Duration::days(90))),
            ..AutomationRenewed::default()
        });
        self.tell::<Automations>(n, renewed).await;
    }

    /// A person pauses it.
    pub async fn pause(&self, n: u128) {
        let paused = AutomationEvent::Paused(AutomationPaused::default());
        self.tell::<Automations>(n, paused).await;
    }

    /// A certificate of this number comes in from outside, and lives from now on for ninety days.
    pub async fn import(&self, n: u128, name: &str) {
        let now = self.clock.now();
        let imported = CertificateEvent::Imported(CertificateImported {
            friendly_name: format!("{name} ({n})"),
            certificate: Some(certificate(&[name], now, now + Duration::days(90))),
            ..CertificateImported::default()
        });
        self.tell::<Certificates>(n, imported).await;
    }

    /// Another service says that this happened.
    pub async fn tell<A: Aggregate>(&self, n: u128, event: A::Event) {
        let id = Uuid::from_u128(n).to_string();
        let (origin, now) = (origin(&Uuid::new_v4().to_string()), self.clock.now());
        let decide = |_: &A| Ok::<_, crate::refusal::Refusal>(event.clone());
        let told = self.log.execute(&id, &origin, "told", now, decide).await;
        told.unwrap();
    }
}

/// What another service keeps of these is its own: here they only have events.
macro_rules! told {
    ($name:ident, $event:ty, $aggregate:expr) => {
        #[derive(Debug, Clone, Default)]
        pub struct $name;

        impl Aggregate for $name {
            const NAME: &'static str = $aggregate;
            type Event = $event;

            fn evolve(&mut self, _: &$event, _: &Envelope) {}
        }
    };
}

told!(Certificates, CertificateEvent, foreign::CERTIFICATE);
told!(Automations, AutomationEvent, foreign::AUTOMATION);
told!(Keys, foreign::KeyEvent, foreign::KEY);
told!(Seals, foreign::SealEvent, foreign::SEAL);

fn certificate(names: &[&str], from: OffsetDateTime, to: OffsetDateTime) -> Certificate {
    Certificate {
        not_before: Some(convert::timestamp(from)),
        not_after: Some(convert::timestamp(to)),
        subject_alt_names: Some(SubjectAltNames {
            dns_names: names.iter().map(|name| (*name).to_owned()).collect(),
            ip_addresses: vec![],
        }),
        ..Certificate::default()
    }
}

/// The number of an automation's certificate is so much larger.
pub const CERTIFICATE: u128 = 1_000_000;
