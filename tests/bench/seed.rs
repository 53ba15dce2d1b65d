//! A log as years of use leave it, and a keystore with many certificates.

use api::{
    acme::v1::{
        AutomationRequested, CertificateObtained, FinalizeIntended, OrderIntended, OrderPlaced,
    },
    keystore::v1::{
        AddCertificateRequest, CertificateIssued, GenerateKeyRequest, KeyGenerated,
        keystore_service_client::KeystoreServiceClient,
    },
    x509::v1::{Certificate, KeyAlgorithm, SubjectAltNames},
};
use eventlog::{Aggregate, Envelope, EventLog, Origin};
use futures_util::{StreamExt, stream};
use pbjson_types::Timestamp;
use runtime::Clock;
use time::{Duration, OffsetDateTime};
use town::installation::Installation;
use uuid::Uuid;

/// How many events one automated certificate leaves in the log.
pub const EVENTS_EACH: usize = 7;

/// Appends all that so many automated certificates leave in the log; answers its last sequence.
pub async fn log_of(installation: &Installation, certificates: usize) -> u64 {
    let (keystore, _complaints) = installation.nats("keystore").await;
    let (agent, _complaints) = installation.nats("acme-agent").await;
    let keystore = EventLog::open(keystore, "keystore").await.unwrap();
    let agent = EventLog::open(agent, "acme-agent").await.unwrap();
    let leaf = some_leaf();
    stream::iter(0..certificates)
        .for_each_concurrent(64, async |n| {
            one_certificate(&keystore, &agent, &leaf, n).await
        })
        .await;
    keystore.last_sequence().await.unwrap()
}

/// Appends what so many certificates leave in the log that nothing renews; answers its last sequence.
pub async fn plain_log_of(installation: &Installation, certificates: usize) -> u64 {
    let (keystore, _complaints) = installation.nats("keystore").await;
    let keystore = EventLog::open(keystore, "keystore").await.unwrap();
    let leaf = some_leaf();
    stream::iter(0..certificates)
        .for_each_concurrent(64, async |n| {
            let key = new_key(&keystore).await;
            new_certificate(&keystore, &leaf, n, key, String::new()).await;
        })
        .await;
    keystore.last_sequence().await.unwrap()
}

/// Makes so many keys with certificates of a CA of our own; answers their names.
pub async fn certificates(installation: &Installation, count: usize) -> Vec<String> {
    let mut ca = rcgen::CertificateParams::default();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    ca.distinguished_name
        .push(rcgen::DnType::CommonName, "a CA of the bench");
    let ca = rcgen::CertifiedIssuer::self_signed(ca, rcgen::KeyPair::generate().unwrap()).unwrap();
    let keystore = KeystoreServiceClient::new(installation.channel("acme-agent", "keystore"));
    stream::iter(0..count)
        .for_each_concurrent(16, async |n| {
            let mut keystore = keystore.clone();
            let generate = GenerateKeyRequest {
                algorithm: KeyAlgorithm::EcdsaP256.into(),
            };
            let key = keystore.generate_key(generate).await.unwrap().into_inner();
            let spki = rcgen::SubjectPublicKeyInfo::from_der(&key.spki_der).unwrap();
            let leaf = rcgen::CertificateParams::new(vec![name(n)]).unwrap();
            let leaf = leaf.signed_by(&spki, &ca).unwrap();
            let add = AddCertificateRequest {
                key_id: key.key_id,
                chain_der: vec![leaf.der().to_vec().into(), ca.der().to_vec().into()],
                friendly_name: name(n),
                certificate_id: String::new(),
                automation_id: String::new(),
            };
            keystore.add_certificate(add).await.unwrap();
        })
        .await;
    (0..count).map(name).collect()
}

fn name(n: usize) -> String {
    format!("host-{n}.example")
}

macro_rules! aggregate {
    ($module:ident, $name:literal, $($variant:ident($event:literal): $message:ident = $package:literal),+) => {
        mod $module {
            use super::*;
            eventlog::events! {
                /// What happens to it.
                pub enum Event {
                    $( $variant($event): $message = $package, )+
                }
            }
            #[derive(Debug, Default, Clone)]
            pub struct State;
            impl Aggregate for State {
                const NAME: &'static str = $name;
                type Event = Event;
                fn evolve(&mut self, _: &Event, _: &Envelope) {}
            }
        }
    };
}

aggregate!(key, "key", Generated("generated"): KeyGenerated = "chancery.keystore.v1.KeyGenerated");
aggregate!(certificate, "certificate", Issued("issued"): CertificateIssued = "chancery.keystore.v1.CertificateIssued");
aggregate!(automation, "automation",
    Requested("requested"): AutomationRequested = "chancery.acme.v1.AutomationRequested",
    OrderIntended("order-intended"): OrderIntended = "chancery.acme.v1.OrderIntended",
    OrderPlaced("order-placed"): OrderPlaced = "chancery.acme.v1.OrderPlaced",
    FinalizeIntended("finalize-intended"): FinalizeIntended = "chancery.acme.v1.FinalizeIntended",
    Obtained("certificate-issued"): CertificateObtained = "chancery.acme.v1.CertificateObtained"
);

async fn one_certificate(keystore: &EventLog, agent: &EventLog, leaf: &Certificate, n: usize) {
    let automation = new_id();
    let now = Clock::system().now();
    let not_after = ends(now, n);
    let now = timestamp(now);
    let name = name(n);
    append::<automation::State>(
        agent,
        &automation,
        automation::Event::Requested(AutomationRequested {
            friendly_name: name.clone(),
            server_id: Uuid::nil().to_string(),
            dns_names: vec![name.clone()],
            key_algorithm: KeyAlgorithm::EcdsaP256.into(),
            ..AutomationRequested::default()
        }),
    )
    .await;
    append::<automation::State>(
        agent,
        &automation,
        automation::Event::OrderIntended(OrderIntended {
            attempt: 1,
            holder: "acme-agent".to_owned(),
            lease_until: now,
            ..OrderIntended::default()
        }),
    )
    .await;
    append::<automation::State>(
        agent,
        &automation,
        automation::Event::OrderPlaced(OrderPlaced {
            attempt: 1,
            order_url: format!("https://ca.example/order/{automation}"),
            expires: now,
            ..OrderPlaced::default()
        }),
    )
    .await;
    let key = new_key(keystore).await;
    append::<automation::State>(
        agent,
        &automation,
        automation::Event::FinalizeIntended(FinalizeIntended {
            attempt: 1,
            key_id: key.clone(),
            csr_der: vec![7; 300].into(),
        }),
    )
    .await;
    let (certificate, sha256_fingerprint) =
        new_certificate(keystore, leaf, n, key, automation.clone()).await;
    append::<automation::State>(
        agent,
        &automation,
        automation::Event::Obtained(CertificateObtained {
            attempt: 1,
            certificate_id: certificate,
            version: 1,
            sha256_fingerprint,
            not_before: timestamp(not_after - LIFE),
            not_after: timestamp(not_after),
        }),
    )
    .await;
}

async fn new_key(keystore: &EventLog) -> String {
    let key = new_id();
    let generated = key::Event::Generated(KeyGenerated {
        algorithm: KeyAlgorithm::EcdsaP256.into(),
        spki_der: vec![7; 91].into(),
        spki_sha256: Uuid::new_v4().simple().to_string().repeat(2),
    });
    append::<key::State>(keystore, &key, generated).await;
    key
}

/// Its id and its fingerprint. It is not served: there is no key behind it.
async fn new_certificate(
    keystore: &EventLog,
    leaf: &Certificate,
    n: usize,
    key_id: String,
    automation_id: String,
) -> (String, String) {
    let (certificate, name) = (new_id(), name(n));
    let mut leaf = leaf.clone();
    leaf.serial_number = Uuid::new_v4().simple().to_string();
    leaf.sha256_fingerprint = leaf.serial_number.repeat(2);
    leaf.subject_alt_names = Some(SubjectAltNames {
        dns_names: vec![name.clone()],
        ip_addresses: Vec::new(),
    });
    let not_after = ends(Clock::system().now(), n);
    leaf.not_before = timestamp(not_after - LIFE);
    leaf.not_after = timestamp(not_after);
    let fingerprint = leaf.sha256_fingerprint.clone();
    let issued = certificate::Event::Issued(CertificateIssued {
        friendly_name: name,
        key_id,
        certificate: Some(leaf),
        issuers: Vec::new(),
        automation_id,
        serve: false,
    });
    append::<certificate::State>(keystore, &certificate, issued).await;
    (certificate, fingerprint)
}

/// When the n-th certificate ends: none of them is due yet.
fn ends(now: OffsetDateTime, n: usize) -> OffsetDateTime {
    // At most 58.
    now + Duration::days(31 + (n % 59) as i64)
}

fn timestamp(at: OffsetDateTime) -> Option<Timestamp> {
    Some(Timestamp {
        seconds: at.unix_timestamp(),
        nanos: 0,
    })
}

async fn append<A: Aggregate>(log: &EventLog, id: &str, event: A::Event) {
    let request = new_id();
    let origin = Origin {
        actor: "service/bench".to_owned(),
        request_id: request.clone(),
        request_digest: request,
        correlation_id: Uuid::new_v4(),
        causation_id: None,
        unchanged_since: None,
    };
    let decide = |_: &A| Ok::<_, std::convert::Infallible>(event.clone());
    log.execute::<A, _>(id, &origin, "", OffsetDateTime::UNIX_EPOCH, decide)
        .await
        .unwrap();
}

fn some_leaf() -> Certificate {
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec!["host.example".to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    api::x509::v1::Certificate::from(&pki::Certificate::parse(leaf.der()).unwrap())
}

const LIFE: Duration = Duration::days(90);

fn new_id() -> String {
    Uuid::new_v4().to_string()
}
