//! So many certificates, in tables that the projector makes of what would be in their log.

use api::{
    keystore::v1::{CertificateImported, CertificateIssued, CertificateRevoked, KeyGenerated},
    x509::v1::{Certificate, KeyAlgorithm, SubjectAltNames},
};
use eventlog::{Apply as _, EventBody, Recorded};
use projection::{
    events::{CertificateEvent, KeyEvent},
    follow::Projector,
    position::Position,
    skipped::Skipped,
    store::Store,
    tables::migration,
};
use runtime::database::Home;
use sea_orm::TransactionTrait as _;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::seed;

/// Makes the tables there, as a rebuild does, so that they are served.
pub async fn make(home: &Home, certificates: usize) {
    let base = home.open(migration::all()).await.unwrap();
    let store = Store::new(base.clone(), home.places());
    let building = store.make().await.unwrap();
    let mut projector = Projector::new(Position::at(0), Skipped::default());
    let leaf = seed::some_leaf();
    let mut events = Vec::new();
    let mut sequence = 0;
    for n in 0..certificates {
        tell(&mut events, &mut sequence, &leaf, n);
        if events.len() >= 2_000 || n + 1 == certificates {
            let tx = building.writer.begin().await.unwrap();
            projector.apply(&tx, &events).await.unwrap();
            tx.commit().await.unwrap();
            events.clear();
        }
    }
    migration::index(&building.writer).await.unwrap();
    let place = store.settle(building).await.unwrap();
    assert!(store.serve(None, place).await.unwrap());
    base.close().await.unwrap();
}

/// What is in the log of one certificate. Most are valid; one of a hundred is of each other kind.
fn tell(events: &mut Vec<Recorded>, sequence: &mut u64, leaf: &Certificate, n: usize) {
    let mut tell = |aggregate: &str, id: &str, body: &dyn Tell| {
        *sequence += 1;
        let time = now() - Duration::days(40) + Duration::seconds((*sequence % 3_000_000) as i64);
        events.push(Recorded {
            sequence: *sequence,
            aggregate: aggregate.to_owned(),
            id: id.to_owned(),
            event: body.event().to_owned(),
            event_id: Uuid::from_u128((*sequence).into()),
            time,
            stored: time,
            actor: format!("user/{}", n % 20),
            correlation_id: Uuid::from_u128((*sequence).into()),
            causation_id: None,
            request_id: String::new(),
            request_digest: String::new(),
            schema: body.message().to_owned(),
            traceparent: None,
            body: body.json().into(),
            leaf: eventlog::proof::tree::leaf(&sequence.to_be_bytes()),
        });
    };
    let (key, certificate) = (id("key", n), id("certificate", n));
    let spki_sha256 = serial(n).repeat(2);
    let kind = n % 100;
    let algorithm = match kind {
        0..10 => KeyAlgorithm::Rsa2048,
        _ => KeyAlgorithm::EcdsaP256,
    };
    if kind != 1 {
        let generated = KeyGenerated {
            algorithm: algorithm.into(),
            spki_der: vec![7; 91].into(),
            spki_sha256: spki_sha256.clone(),
        };
        tell("key", &key, &KeyEvent::Generated(generated));
    }
    let left = match kind {
        2 => -10,
        3 => 10,
        // Of ninety days.
        _ => 31 + (n % 59) as i64,
    };
    let end = now() + Duration::days(left) + Duration::seconds((n % 86_400) as i64);
    let friendly_name = name(n);
    let leaf = Certificate {
        serial_number: serial(n),
        sha256_fingerprint: serial(n).repeat(2),
        spki_sha256,
        key_algorithm: algorithm.into(),
        issuer: format!("CN=Issuer {}", n % 7),
        self_signed: false,
        not_before: Some(api::convert::timestamp(end - Duration::days(90))),
        not_after: Some(api::convert::timestamp(end)),
        subject_alt_names: Some(SubjectAltNames {
            dns_names: vec![friendly_name.clone(), format!("www.{friendly_name}")],
            ip_addresses: Vec::new(),
        }),
        ..leaf.clone()
    };
    let complete = Certificate {
        self_signed: kind != 4,
        sha256_fingerprint: format!("{:064x}", n % 7),
        ..leaf.clone()
    };
    let event = match n % 3 {
        0 => CertificateEvent::Imported(CertificateImported {
            friendly_name,
            key_id: key,
            certificate: Some(leaf),
            issuers: vec![complete],
            serve: true,
            request_id: String::new(),
        }),
        _ => CertificateEvent::Issued(CertificateIssued {
            friendly_name,
            key_id: key,
            certificate: Some(leaf),
            issuers: vec![complete],
            automation_id: String::new(),
            serve: true,
        }),
    };
    tell("certificate", &certificate, &event);
    match kind {
        5 => {
            let revoked = CertificateRevoked {
                version: 1,
                reason: 0,
            };
            tell(
                "certificate",
                &certificate,
                &CertificateEvent::Revoked(revoked),
            );
        }
        6 => {
            let deleted = api::keystore::v1::CertificateDeleted {};
            tell(
                "certificate",
                &certificate,
                &CertificateEvent::Deleted(deleted),
            );
        }
        _ => {}
    }
}

/// An event, whichever.
trait Tell {
    fn event(&self) -> &'static str;
    fn message(&self) -> &'static str;
    fn json(&self) -> Vec<u8>;
}

impl<E: EventBody> Tell for E {
    fn event(&self) -> &'static str {
        self.name()
    }

    fn message(&self) -> &'static str {
        self.schema()
    }

    fn json(&self) -> Vec<u8> {
        self.to_json().unwrap()
    }
}

/// What the certificate of this number is called.
pub fn name(n: usize) -> String {
    format!("host-{n}.shop-{}.example", n % 5_000)
}

/// The id of what has this number.
pub fn id(what: &str, n: usize) -> String {
    Uuid::new_v5(&Uuid::nil(), format!("{what} {n}").as_bytes()).to_string()
}

/// The serial number of a certificate.
pub fn serial(n: usize) -> String {
    Uuid::new_v5(&Uuid::nil(), &n.to_be_bytes())
        .simple()
        .to_string()
}

fn now() -> OffsetDateTime {
    runtime::Clock::system().now()
}

/// The day so many days from now.
pub fn day(ahead: i64) -> String {
    (now() + Duration::days(ahead)).date().to_string()
}
