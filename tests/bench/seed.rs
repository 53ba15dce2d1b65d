//! A log as years of use leave it, and a keystore with many certificates.

use std::fs;

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
use async_nats::{HeaderMap, jetstream};
use eventlog::{Aggregate, Envelope, EventLog, Origin, subject};
use futures_util::{StreamExt, stream};
use pbjson_types::Timestamp;
use runtime::Clock;
use time::{Duration, OffsetDateTime};
use town::{installation::Installation, wait};
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

/// The same of so many certificates, as copies of one's events with other ids and names: without our own code between,
/// and on a server that does not sync meanwhile, this is twenty times as fast.
pub async fn clones(installation: &mut Installation, certificates: usize) -> u64 {
    log_of(installation, 1).await;
    let (client, _complaints) = installation.nats("keystore").await;
    let stream = jetstream::new(client);
    let stream = stream.get_stream_no_info(subject::STREAM).await.unwrap();
    let mut templates = Vec::new();
    for sequence in 1..=EVENTS_EACH as u64 {
        templates.push(stream.get_raw_message(sequence).await.unwrap());
    }
    let conf = installation.data.join("nats/nats.conf");
    let safe = fs::read_to_string(&conf).unwrap();
    installation.process("nats").stop("TERM").await;
    let fast = safe.replace("sync_interval: always", "sync_interval: 2m");
    assert_ne!(fast, safe);
    fs::write(&conf, fast).unwrap();
    installation.start_nats();
    let connect = async |user| {
        let client = wait::until("NATS answers", async || {
            installation.try_nats(user).await.ok()
        });
        jetstream::new(client.await.0)
    };
    let (keystore, agent) = (connect("keystore").await, connect("acme-agent").await);
    stream::iter(1..certificates)
        .for_each_concurrent(256, async |n| {
            let copy = Copied::new(n);
            for template in &templates {
                let subject = copy.of(&template.subject);
                let mut headers = HeaderMap::new();
                for (name, values) in template.headers.iter() {
                    let name = name.to_string();
                    if !name.starts_with("Nats-Expected") {
                        for value in values {
                            headers.append(name.as_str(), copy.of(value.as_str()).as_str());
                        }
                    }
                }
                let body = copy.of(std::str::from_utf8(&template.payload).unwrap());
                let owner = match subject.contains(".automation.") {
                    true => &agent,
                    false => &keystore,
                };
                let sent = owner.publish_with_headers(subject, headers, body.into());
                sent.await.unwrap().await.unwrap();
            }
        })
        .await;
    installation.process("nats").stop("TERM").await;
    fs::write(&conf, safe).unwrap();
    installation.start_nats();
    wait::until("NATS answers", async || {
        installation.try_nats("keystore").await.ok()
    })
    .await;
    (certificates * EVENTS_EACH) as u64
}

/// Ids and names of one copy.
struct Copied(usize);

impl Copied {
    fn new(n: usize) -> Self {
        Self(n)
    }

    /// The text with its own ids: every UUID is another, the same for the same, and so is every hash.
    fn of(&self, text: &str) -> String {
        let text = text.replace("host-0.", &format!("host-{}.", self.0));
        let (mut copy, mut rest) = (String::with_capacity(text.len()), text.as_str());
        while let Some(first) = rest.chars().next() {
            let word = rest.find(|c: char| !c.is_ascii_hexdigit() && c != '-');
            let (word, after) = rest.split_at(word.unwrap_or(rest.len()));
            if word.is_empty() {
                copy.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
            let other = || Uuid::new_v5(&Uuid::from_u128(self.0 as u128), word.as_bytes());
            match word.len() {
                36 if word != Uuid::nil().to_string() && Uuid::parse_str(word).is_ok() => {
                    copy.push_str(&other().to_string());
                }
                32 => copy.push_str(&other().simple().to_string()),
                64 => {
                    // The fingerprint is the serial number twice.
                    let half =
                        Uuid::new_v5(&Uuid::from_u128(self.0 as u128), &word.as_bytes()[..32]);
                    copy.push_str(&half.simple().to_string().repeat(2));
                }
                _ => copy.push_str(word),
            }
            rest = after;
        }
        copy
    }
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
            key_id: key.id.clone(),
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

/// A key that is nobody else's.
struct Key {
    id: String,
    spki_sha256: String,
}

async fn new_key(keystore: &EventLog) -> Key {
    let key = Key {
        id: new_id(),
        spki_sha256: Uuid::new_v4().simple().to_string().repeat(2),
    };
    let generated = key::Event::Generated(KeyGenerated {
        algorithm: KeyAlgorithm::EcdsaP256.into(),
        spki_der: vec![7; 91].into(),
        spki_sha256: key.spki_sha256.clone(),
    });
    append::<key::State>(keystore, &key.id, generated).await;
    key
}

/// Its id and its fingerprint. It is not served: there is no key behind it.
async fn new_certificate(
    keystore: &EventLog,
    leaf: &Certificate,
    n: usize,
    key: Key,
    automation_id: String,
) -> (String, String) {
    let (certificate, name) = (new_id(), name(n));
    let mut leaf = leaf.clone();
    leaf.serial_number = Uuid::new_v4().simple().to_string();
    leaf.sha256_fingerprint = leaf.serial_number.repeat(2);
    leaf.spki_sha256 = key.spki_sha256;
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
        key_id: key.id,
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

/// A certificate, as events have it.
pub fn some_leaf() -> Certificate {
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
