//! A log as a test writes it down: events with envelopes, one a minute.

mod automations;

use api::{
    CertificateFilter,
    acme::v1::ServerRegistered,
    convert,
    csr::v1::RequestCreated,
    keystore::v1::{
        CertificateImported, CertificateIssued, CertificateRenewed, CertificateSelfSigned,
        DefaultCleared, DefaultSelected, KeyDestroyed, KeyExported, KeyGenerated, KeyImported,
    },
    x509::v1::{Certificate, KeyAlgorithm, Subject, SubjectAltNames},
};
use eventlog::{EventBody, Recorded};
use projection::events::{
    AutomationEvent, CertificateEvent, KeyEvent, RequestEvent, ServerEvent, TlsEvent,
};
use runtime::Caller;
use time::{Duration, OffsetDateTime, macros::datetime};
use tonic::Request;
use uuid::Uuid;

pub use self::automations::*;

/// When the first event was.
pub const START: OffsetDateTime = datetime!(2026-01-01 00:00:00.000001 UTC);

/// A question of a caller who is held to nothing, as the runtime hands it on.
pub fn asked<M>(message: M) -> Request<M> {
    asked_within(&[], message)
}

/// A question of a caller who is held to the certificates of these names.
pub fn asked_within<M>(names: &[&str], message: M) -> Request<M> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(Caller {
        service: "gateway".into(),
        actor: "token/test".into(),
        certificates: CertificateFilter::new(names).unwrap(),
        request_id: "test".into(),
        correlation_id: Uuid::nil(),
        causation_id: None,
        unchanged_since: None,
        method: String::new(),
    });
    request
}

/// Events in the order in which they were told.
#[derive(Debug, Default)]
pub struct Script {
    pub events: Vec<Recorded>,
}

impl Script {
    /// One more event, a minute after the last.
    pub fn tell(&mut self, aggregate: &str, id: &str, event: &impl EventBody) -> u64 {
        let body = event.to_json().unwrap();
        self.tell_raw(aggregate, id, event.name(), event.schema(), &body)
    }

    /// One more event, whatever its body is.
    pub fn tell_raw(
        &mut self,
        aggregate: &str,
        id: &str,
        event: &str,
        schema: &str,
        body: &[u8],
    ) -> u64 {
        let sequence = self.events.len() as u64 + 1;
        let time = START + Duration::minutes(sequence as i64 - 1);
        self.events.push(Recorded {
            sequence,
            aggregate: aggregate.to_owned(),
            id: id.to_owned(),
            event: event.to_owned(),
            event_id: Uuid::from_u128(sequence.into()),
            time,
            stored: time,
            actor: "service/test".to_owned(),
            correlation_id: Uuid::from_u128(7_000 + u128::from(sequence % 3)),
            causation_id: sequence
                .is_multiple_of(2)
                .then(|| Uuid::from_u128(u128::from(sequence) - 1)),
            request_id: format!("request-{sequence}"),
            request_digest: String::new(),
            schema: schema.to_owned(),
            traceparent: None,
            leaf: eventlog::proof::tree::leaf(&sequence.to_be_bytes()),
            body: body.to_vec().into(),
        });
        sequence
    }

    pub fn key(&mut self, id: &str, event: KeyGenerated) -> u64 {
        self.tell("key", id, &KeyEvent::Generated(event))
    }

    pub fn key_imported(&mut self, id: &str, event: KeyGenerated) -> u64 {
        let imported = KeyImported {
            algorithm: event.algorithm,
            spki_der: event.spki_der,
            spki_sha256: event.spki_sha256,
        };
        self.tell("key", id, &KeyEvent::Imported(imported))
    }

    pub fn key_exported(&mut self, id: &str) -> u64 {
        let exported = KeyExported {
            format: "PEM".to_owned(),
            protected: true,
            certificate_id: String::new(),
        };
        self.tell("key", id, &KeyEvent::Exported(exported))
    }

    pub fn key_destroyed(&mut self, id: &str) -> u64 {
        self.tell("key", id, &KeyEvent::Destroyed(KeyDestroyed {}))
    }

    pub fn certificate(&mut self, id: &str, event: CertificateEvent) -> u64 {
        self.tell("certificate", id, &event)
    }

    pub fn imported(&mut self, id: &str, event: CertificateImported) -> u64 {
        self.tell("certificate", id, &CertificateEvent::Imported(event))
    }

    pub fn default_selected(&mut self, certificate_id: &str) -> u64 {
        let selected = DefaultSelected {
            certificate_id: certificate_id.to_owned(),
        };
        self.tell("tls", "default", &TlsEvent::DefaultSelected(selected))
    }

    pub fn default_cleared(&mut self) -> u64 {
        self.tell(
            "tls",
            "default",
            &TlsEvent::DefaultCleared(DefaultCleared {}),
        )
    }

    pub fn request(&mut self, id: &str, event: RequestEvent) -> u64 {
        self.tell("request", id, &event)
    }

    pub fn issued(&mut self, id: &str, event: CertificateIssued) -> u64 {
        self.tell("certificate", id, &CertificateEvent::Issued(event))
    }

    pub fn renewed(&mut self, id: &str, event: CertificateRenewed) -> u64 {
        self.tell("certificate", id, &CertificateEvent::Renewed(event))
    }

    pub fn self_signed(&mut self, id: &str, event: CertificateSelfSigned) -> u64 {
        self.tell("certificate", id, &CertificateEvent::SelfSigned(event))
    }

    pub fn server(&mut self, id: &str, event: ServerRegistered) -> u64 {
        self.tell("acme-server", id, &ServerEvent::Registered(event))
    }

    pub fn automation(&mut self, id: &str, event: AutomationEvent) -> u64 {
        self.tell("automation", id, &event)
    }

    /// When an event was.
    pub fn time_of(&self, sequence: u64) -> OffsetDateTime {
        self.events[sequence as usize - 1].time
    }
}

/// A certificate with these names, good from `not_before` for `life`. `n` tells it from others.
pub fn certificate(
    n: u8,
    names: &[&str],
    not_before: OffsetDateTime,
    life: Duration,
) -> Certificate {
    Certificate {
        der: vec![0x30, 0x82, n].into(),
        serial_number: format!("{n:02x}"),
        subject: format!("CN={}", names.first().copied().unwrap_or("nobody")),
        issuer: "CN=Test CA R3,O=Test".to_owned(),
        not_before: Some(convert::timestamp(not_before)),
        not_after: Some(convert::timestamp(not_before + life)),
        subject_alt_names: Some(SubjectAltNames {
            dns_names: names
                .iter()
                .filter(|name| !name.contains(':'))
                .map(ToString::to_string)
                .collect(),
            ip_addresses: names
                .iter()
                .filter(|name| name.contains(':'))
                .map(ToString::to_string)
                .collect(),
        }),
        key_algorithm: KeyAlgorithm::EcdsaP256.into(),
        sha256_fingerprint: format!("{n:02x}").repeat(32),
        spki_sha256: format!("{:02x}", !n).repeat(32),
        common_name: names.first().copied().unwrap_or_default().to_owned(),
        is_ca: false,
        self_signed: false,
    }
}

/// An issuer's certificate.
pub fn issuer(n: u8) -> Certificate {
    Certificate {
        is_ca: true,
        ..certificate(n, &[], START - Duration::days(1_000), Duration::days(3_000))
    }
}

pub fn key(n: u8) -> KeyGenerated {
    KeyGenerated {
        algorithm: KeyAlgorithm::EcdsaP256.into(),
        spki_der: vec![0x30, n].into(),
        spki_sha256: format!("{n:02x}").repeat(32),
    }
}

/// The key of [`certificate`] `n`.
pub fn key_of(n: u8) -> KeyGenerated {
    key(!n)
}

pub fn imported(
    name: &str,
    certificate: Certificate,
    issuers: Vec<Certificate>,
) -> CertificateImported {
    CertificateImported {
        friendly_name: name.to_owned(),
        key_id: String::new(),
        certificate: Some(certificate),
        issuers,
        serve: true,
        request_id: String::new(),
    }
}

/// A request for these names with the key of [`certificate`] `n`.
pub fn request(name: &str, n: u8, names: &[&str]) -> RequestEvent {
    let asked = certificate(n, names, START, Duration::DAY);
    RequestEvent::Created(RequestCreated {
        friendly_name: name.to_owned(),
        key_id: "key-of-the-request".to_owned(),
        key_algorithm: KeyAlgorithm::EcdsaP256.into(),
        spki_sha256: asked.spki_sha256,
        csr_der: vec![0x30, n].into(),
        subject: Some(Subject {
            common_name: asked.common_name,
            organization: "Shop".to_owned(),
            ..Subject::default()
        }),
        subject_alt_names: asked.subject_alt_names,
        renews_certificate_id: String::new(),
    })
}

pub fn server(name: &str) -> ServerRegistered {
    ServerRegistered {
        name: name.to_owned(),
        directory_url: format!(
            "https://{}.example/Directory",
            name.to_lowercase().replace(' ', "-")
        ),
        account_url: "https://ca.example/account/1".to_owned(),
        account_key_thumbprint: "thumb".to_owned(),
        terms_of_service_url: "https://ca.example/terms".to_owned(),
        website_url: "https://ca.example".to_owned(),
        caa_identities: vec!["ca.example".to_owned()],
        profiles: vec!["default".to_owned(), "shortlived".to_owned()],
        external_account_key_id: "eab-1".to_owned(),
        trusted_roots_der: vec![vec![1, 2, 3].into()],
    }
}

pub fn issued(
    name: &str,
    certificate: Certificate,
    issuers: Vec<Certificate>,
) -> CertificateIssued {
    CertificateIssued {
        friendly_name: name.to_owned(),
        key_id: "key-1".to_owned(),
        certificate: Some(certificate),
        issuers,
        automation_id: "automation-1".to_owned(),
        serve: true,
    }
}

pub fn renewed(
    version: u32,
    certificate: Certificate,
    issuers: Vec<Certificate>,
) -> CertificateRenewed {
    CertificateRenewed {
        version,
        key_id: format!("key-{version}"),
        certificate: Some(certificate),
        issuers,
        automation_id: "automation-1".to_owned(),
    }
}

pub fn self_signed(name: &str, certificate: Certificate, factory: bool) -> CertificateSelfSigned {
    CertificateSelfSigned {
        friendly_name: name.to_owned(),
        key_id: "key-9".to_owned(),
        certificate: Some(certificate),
        serve: factory,
        factory,
    }
}
