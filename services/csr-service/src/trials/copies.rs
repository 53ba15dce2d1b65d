//! What the next request can be made from.

use api::{
    keystore::v1::{CertificateDeleted, CertificateImported, CertificateRenamed, KeyDestroyed},
    refuse,
    x509::v1::{KeyAlgorithm, Subject, SubjectAltNames},
};
use tonic::Status;
use town::authority::Authority;
use uuid::Uuid;

use super::{Certificates, Keys, Trial, keystore::StandIn};
use crate::{
    certificate::CertificateEvent, commands::Source, key::KeyEvent, request::Command, samples,
};

const REQUEST: Uuid = Uuid::from_u128(1);
const CERTIFICATE: Uuid = Uuid::from_u128(2);
const KEY: u128 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_gives_all_that_it_was_made_from_also_when_it_is_deleted() {
    let trial = Trial::begin().await;
    let commands = trial.commands(&StandIn::default()).await;
    let csr = pki::pem::certificate_request(&samples::created().csr_der);
    let leaf = Authority::root("Root").grant(&csr);
    let leaf = pki::parse_pem_chain(&leaf).unwrap().remove(0);
    let imported = CertificateEvent::Imported(CertificateImported {
        friendly_name: "shop".into(),
        certificate: Some((&leaf).into()),
        ..CertificateImported::default()
    });
    let id = CERTIFICATE.as_u128();
    trial.tell::<Certificates>(id, imported).await;
    let source = Source::Certificate(CERTIFICATE);
    let copied = commands.copy_from(source).await.unwrap();
    assert_eq!(copied.friendly_name, "shop");
    assert_eq!(copied.key_id, None, "its key never came");
    assert_eq!(copied.key_algorithm, i32::from(KeyAlgorithm::Ed25519));
    let subject = Subject {
        common_name: "www.example.com".into(),
        organization: "Example".into(),
        country: "DE".into(),
        ..Subject::default()
    };
    assert_eq!(copied.subject, subject);
    let names = SubjectAltNames {
        dns_names: vec!["www.example.com".into()],
        ip_addresses: vec!["192.0.2.7".into()],
    };
    assert_eq!(copied.names, names);

    trial.generate_key(KEY, &leaf.spki_sha256).await;
    let renamed = CertificateEvent::Renamed(CertificateRenamed {
        friendly_name: "store".into(),
    });
    trial.tell::<Certificates>(id, renamed).await;
    let deleted = CertificateEvent::Deleted(CertificateDeleted {});
    trial.tell::<Certificates>(id, deleted).await;
    let copied = commands.copy_from(source).await.unwrap();
    assert_eq!(copied.friendly_name, "store");
    assert_eq!(copied.key_id, Some(Uuid::from_u128(KEY)), "it came later");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_gives_what_it_was_made_from_until_it_is_deleted() {
    let trial = Trial::begin().await;
    let commands = trial.commands(&StandIn::default()).await;
    let created = samples::created();
    trial.generate_key(KEY, &created.spki_sha256).await;
    trial.create(REQUEST.as_u128()).await;
    let source = Source::Request(REQUEST);
    let pending = commands.copy_from(source).await.unwrap();
    assert_eq!(pending.key_id, Some(Uuid::from_u128(KEY)));
    assert_eq!(Some(&pending.subject), created.subject.as_ref());
    assert_eq!(Some(&pending.names), created.subject_alt_names.as_ref());

    let fulfil = Command::Fulfil(samples::fulfilled());
    let fulfilled = trial.command(REQUEST.as_u128(), "fulfil", fulfil).await;
    fulfilled.unwrap();
    assert_eq!(commands.copy_from(source).await.unwrap(), pending);
    let destroyed = KeyEvent::Destroyed(KeyDestroyed {});
    trial.tell::<Keys>(KEY, destroyed).await;
    assert_eq!(commands.copy_from(source).await.unwrap().key_id, None);

    let deleted = trial.command(REQUEST.as_u128(), "delete", Command::Delete);
    deleted.await.unwrap();
    for (source, reason) in [
        (source, "REQUEST_DELETED"),
        (Source::Request(CERTIFICATE), "NO_SUCH_REQUEST"),
        (Source::Certificate(REQUEST), "NO_SUCH_CERTIFICATE"),
    ] {
        let refused = commands.copy_from(source).await.unwrap_err();
        let said = refuse::reason(&Status::from(refused));
        assert_eq!(said.as_deref(), Some(reason));
    }
}
