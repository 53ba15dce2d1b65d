//! The import of a bundle, beside bare appends of the events that it makes.

use std::{fmt::Write, time::Instant};

use api::keystore::v1::{FileOutcome, ImportFile, ImportRequest};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use town::{client::pem, installation::Installation};
use uuid::Uuid;

use crate::{
    bare::{Audit, Bare},
    client,
    figure::{Figure, Wanted, median},
};

/// Time beside the appends.
pub async fn measure() -> Vec<Figure> {
    let folder = tempfile::tempdir().unwrap();
    let mut installation = Installation::new(folder.path(), "");
    installation.services().await;
    let certificates = client::of(&installation).await.certificates();
    let audit = Audit::of(&installation).await;
    let bare = Bare::start().await;

    let (mut imports, mut appends) = (Vec::new(), Vec::new());
    let mut events = 0;
    for round in 0..=ROUNDS {
        let file = ImportFile {
            name: "bundle.pem".to_owned(),
            content: bundle().into(),
            passphrase: None,
        };
        let import = ImportRequest { files: vec![file] };
        let before = audit.last().await;
        let started = Instant::now();
        let imported = certificates.clone().import(import).await.unwrap();
        let took = started.elapsed();
        let imported = imported.into_inner();
        let verdict = &imported.files[0];
        assert_eq!(verdict.outcome(), FileOutcome::Imported);
        assert_eq!(verdict.items.len(), CERTIFICATES);

        let bodies = audit.bodies(&["certificate"], before, imported.position);
        let bodies = bodies.await;
        events = bodies.len();
        let appended = bare.append(IN_FLIGHT, &bodies).await;
        // The first is not counted.
        if round > 0 {
            imports.push(took.as_secs_f64() * 1e3);
            appends.push(appended.as_secs_f64() * 1e3);
        }
    }
    let beside = imports
        .iter()
        .zip(&appends)
        .map(|(import, append)| import - append);
    vec![Figure {
        name: "import of 100 certificates, beside the appends",
        value: median(beside),
        measured: median(imports.iter().copied()),
        against: Some(median(appends.iter().copied())),
        unit: "ms",
        wanted: Wanted::AtMost(100.0),
        how: format!(
            "{ROUNDS} bundles (PEM) of {CAS} roots and {LEAVES_EACH} leaves of each, all new, through the gateway; less bare \
             async-nats publishes of the same {events} events, {IN_FLIGHT} in flight; sync_interval: always; the median of the \
             rounds' differences"
        ),
    }]
}

/// Certificates that were never seen before.
fn bundle() -> String {
    let mut text = String::new();
    let mut put = |der: &[u8]| text.write_str(&pem(der)).unwrap();
    for _ in 0..CAS {
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.distinguished_name
            .push(DnType::CommonName, format!("CA {}", Uuid::new_v4()));
        let ca = CertifiedIssuer::self_signed(ca, KeyPair::generate().unwrap()).unwrap();
        put(ca.der());
        for _ in 0..LEAVES_EACH {
            let name = format!("{}.example", Uuid::new_v4());
            let mut leaf = CertificateParams::new(vec![name.clone()]).unwrap();
            // As CAs write it. Otherwise rcgen names them all alike, and finding free names is measured.
            leaf.distinguished_name.push(DnType::CommonName, name);
            let leaf = leaf.signed_by(&KeyPair::generate().unwrap(), &ca).unwrap();
            put(leaf.der());
        }
    }
    text
}

const CAS: usize = 5;
const LEAVES_EACH: usize = 19;
const CERTIFICATES: usize = CAS * (1 + LEAVES_EACH);
/// Appends that the keystore has under way for one import.
const IN_FLIGHT: usize = 32;
const ROUNDS: usize = 11;
