//! What is given out is what is here, and the log says so before.

use api::{
    keystore::v1::{
        CertificateExported, ExportFormat, ExportItem, ExportRequest, KeyExported,
        certificate_service_server::CertificateService,
    },
    refuse,
};
use pki::{KeyAlgorithm, PrivateKey, import, pem};
use uuid::Uuid;

use super::{Ca, Trial, asked, file};
use crate::{
    certificate,
    events::{CertificateEvent, KeyEvent},
    key,
};

/// A certificate with its chain and key.
async fn shop(trial: &Trial) -> (Uuid, PrivateKey) {
    let (ca, key) = (
        Ca::new(),
        PrivateKey::generate(KeyAlgorithm::EcdsaP256).unwrap(),
    );
    let leaf = ca.leaf(key.spki_der());
    let id = crate::commands::by_fingerprint(&leaf.sha256_fingerprint);
    let private = file("key.pem", pem::private_key(&key).as_bytes());
    let files = vec![
        file("leaf.cer", leaf.der),
        file("ca.cer", ca.certificate().der),
        private,
    ];
    trial.import("import", files).await;
    trial.follows().await;
    (id, key)
}

fn everything(id: Uuid, format: ExportFormat, passphrase: &str) -> ExportRequest {
    ExportRequest {
        items: vec![ExportItem {
            certificate_id: id.to_string(),
            version: 0,
            certificate: true,
            chain: true,
            private_key: true,
        }],
        format: format.into(),
        one_file: format == ExportFormat::Pem,
        passphrase: passphrase.into(),
        ..ExportRequest::default()
    }
}

const PASSPHRASE: &str = "sesame-0f3a9c71";

#[tokio::test]
async fn what_is_given_out_reads_back_and_is_in_the_log() {
    let trial = Trial::begin().await;
    let (id, key) = shop(&trial).await;
    for (format, name) in [
        (ExportFormat::Pem, "PEM"),
        (ExportFormat::Pkcs12, "PKCS#12"),
        (ExportFormat::Jks, "JKS"),
    ] {
        let request = asked(name, everything(id, format, PASSPHRASE));
        let given = trial
            .keystore
            .export_with_private_keys(request)
            .await
            .unwrap()
            .into_inner();
        let contents = import::read(&given.content, Some(PASSPHRASE)).unwrap();
        assert_eq!(contents.certificates.len(), 2, "{name}");
        assert_eq!(contents.certificates[0].spki_der, key.spki_der());
        assert_eq!(contents.keys[0].pkcs8_der(), key.pkcs8_der());

        let log = &trial.commands().log;
        let of_certificate = log
            .load::<certificate::State>(&id.to_string())
            .await
            .unwrap()
            .events;
        let exported = CertificateExported {
            version: 1,
            format: name.into(),
            certificate: true,
            chain: true,
            private_key: true,
            protected: true,
        };
        let last = of_certificate.last().unwrap();
        assert_eq!(
            last.decode::<CertificateEvent>().unwrap(),
            CertificateEvent::Exported(exported)
        );
        let keys = trial
            .commands()
            .vault
            .find_by_spki(&[&key.spki_sha256()])
            .await
            .unwrap();
        let of_key = log
            .load::<key::State>(&keys[0].id.to_string())
            .await
            .unwrap()
            .events;
        let exported = KeyExported {
            format: name.into(),
            protected: true,
            certificate_id: id.to_string(),
        };
        let last_of_key = of_key.last().unwrap();
        assert_eq!(
            last_of_key.decode::<KeyEvent>().unwrap(),
            KeyEvent::Exported(exported)
        );
        for event in [last, last_of_key] {
            let body = String::from_utf8(event.body.to_vec()).unwrap();
            assert!(!body.contains(PASSPHRASE), "{body}");
            assert_eq!(event.actor, "token/person");
        }
    }
}

#[tokio::test]
async fn no_passphrase_can_be_guessed_from_the_digest_of_a_command() {
    let trial = Trial::begin().await;
    let (id, _) = shop(&trial).await;
    // Of the same command with another passphrase the log has the same digest: it is no reuse.
    for passphrase in [PASSPHRASE, "another-passphrase"] {
        let request = asked("1", everything(id, ExportFormat::Pkcs12, passphrase));
        trial
            .keystore
            .export_with_private_keys(request)
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_key_leaves_unprotected_only_where_that_is_said_and_nothing_leaves_without_its_event() {
    let mut trial = Trial::begin().await;
    let (id, key) = shop(&trial).await;
    let bare = everything(id, ExportFormat::Pem, "");
    let refused = trial
        .keystore
        .export_with_private_keys(asked("1", bare.clone()))
        .await
        .unwrap_err();
    assert_eq!(
        refuse::reason(&refused).as_deref(),
        Some("PASSPHRASE_NEEDED")
    );
    let said = ExportRequest {
        unprotected: true,
        ..bare
    };
    let given = trial
        .keystore
        .export_with_private_keys(asked("2", said.clone()))
        .await;
    let contents = import::read(&given.unwrap().into_inner().content, None).unwrap();
    assert_eq!(contents.keys[0].pkcs8_der(), key.pkcs8_der());

    trial.server.kill();
    let failed = trial
        .keystore
        .export_with_private_keys(asked("3", said))
        .await
        .unwrap_err();
    assert_eq!(refuse::reason(&failed).as_deref(), Some("LOG_UNAVAILABLE"));
}

#[tokio::test]
async fn several_certificates_are_one_pkcs7() {
    let trial = Trial::begin().await;
    let (id, _) = shop(&trial).await;
    let mut request = everything(id, ExportFormat::Pkcs7, "");
    request.items[0].private_key = false;
    let given = trial
        .keystore
        .export(asked("1", request))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        import::read(&given.content, None)
            .unwrap()
            .certificates
            .len(),
        2
    );
}
