//! Issuers are fetched from where a certificate says, as far as that leads.

use std::sync::{Arc, Mutex};

use api::keystore::v1::{
    CertificateChainCompleted, CertificateDeleted, CertificateImported, FileOutcome, FileVerdict,
};
use pki::Certificate;
use runtime::Egress;
use tonic::Status;
use town::{authority::Authority, web::Web};
use uuid::Uuid;

use super::{Certificates, Trial, keystore::StandIn, origin, tell};
use crate::{certificate::CertificateEvent, commands::Commands};

const CERTIFICATE: u128 = 2;

/// A certificate of this CA is here, without any issuer, and the keystore takes in what comes for its chain.
async fn trial_below(ca: &Authority) -> (Trial, Commands, StandIn) {
    let (trial, keystore) = (Trial::begin().await, StandIn::default());
    let leaf = ca.issue(&["shop.example"]);
    let certificate = pki::parse_pem_chain(&leaf).unwrap().remove(0);
    let imported = CertificateEvent::Imported(CertificateImported {
        friendly_name: "shop".into(),
        certificate: Some((&certificate).into()),
        ..CertificateImported::default()
    });
    trial.tell::<Certificates>(CERTIFICATE, imported).await;
    let (log, chain) = (trial.log.clone(), Arc::<Mutex<Vec<_>>>::default());
    keystore.import_by(move |content| {
        let (log, chain) = (log.clone(), chain.clone());
        async move {
            let Ok(issuer) = Certificate::parse(&content) else {
                return verdict(FileOutcome::Refused, "This is nothing that is known here.");
            };
            let issuers = {
                let mut chain = chain.lock().unwrap();
                chain.push((&issuer).into());
                chain.clone()
            };
            let version = 1;
            let completed = CertificateChainCompleted { version, issuers };
            let completed = CertificateEvent::ChainCompleted(completed);
            tell::<Certificates>(&log, CERTIFICATE, completed).await;
            verdict(FileOutcome::Imported, "")
        }
    });
    let commands = trial.commands(&keystore).await;
    (trial, commands, keystore)
}

fn verdict(outcome: FileOutcome, message: &str) -> FileVerdict {
    FileVerdict {
        outcome: outcome.into(),
        message: message.into(),
        ..FileVerdict::default()
    }
}

/// What could be fetched, and why it ended.
async fn fetch(commands: &Commands) -> (Vec<String>, Option<String>) {
    let id = Uuid::from_u128(CERTIFICATE);
    let fetched = commands.fetch_issuers(&origin("fetch"), id).await.unwrap();
    let urls = fetched.issuers.into_iter().map(|issuer| issuer.url);
    (urls.collect(), fetched.missing)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_is_fetched_to_its_end_and_imported() {
    let web = Web::open().await;
    let (middle_url, root_url) = (web.url("middle"), web.url("root"));
    let root = Authority::root("Root").to_be_had_at(&root_url);
    let middle = root.below("Middle").to_be_had_at(&middle_url);
    web.lay("middle", middle.der());
    web.lay("root", root.der());
    let (_trial, commands, keystore) = trial_below(&middle).await;

    let id = Uuid::from_u128(CERTIFICATE);
    let fetched = commands.fetch_issuers(&origin("fetch"), id).await.unwrap();
    assert_eq!((fetched.missing, fetched.position), (None, 7));
    let urls = fetched.issuers.iter().map(|i| i.url.clone());
    assert_eq!(urls.collect::<Vec<_>>(), [middle_url.clone(), root_url]);
    let first = fetched.issuers[0].verdict.as_ref().unwrap();
    assert_eq!(first.name, middle_url);
    let calls = keystore.calls();
    assert!(calls.iter().all(|call| call.actor == "token/7"));
    assert_ne!(calls[0].request_id, calls[1].request_id);
    // Complete, it asks nobody.
    assert_eq!(fetch(&commands).await, (vec![], None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_says_no_more_is_left_and_named() {
    let web = Web::open().await;
    let url = web.url("middle");
    let middle = Authority::root("Root").below("Middle").to_be_had_at(&url);
    web.lay("middle", middle.der());
    let (_trial, commands, _keystore) = trial_below(&middle).await;
    let (urls, missing) = fetch(&commands).await;
    assert_eq!(urls, [url]);
    let missing = missing.unwrap();
    assert!(
        missing.starts_with("\"CN=Middle\" does not say"),
        "{missing}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_had_is_told() {
    let web = Web::open().await;
    web.lay("endless", vec![b'x'; 2 << 20]);
    web.lay("page", b"<html>".to_vec());
    let elsewhere = "302 Found\r\nlocation: http://localhost/";
    web.answer("gone", elsewhere, Vec::new());
    let cases = [
        (web.url("nothing"), 0, "answers with status 404."),
        (web.url("gone"), 0, "which is not followed."),
        (web.url("endless"), 0, "sent more than 1048576 bytes."),
        (web.url("page"), 1, "This is nothing that is known here."),
        ("http://127.0.0.1:1/".to_owned(), 0, "cannot be reached"),
        ("https://127.0.0.1/".to_owned(), 0, "does not say where"),
        ("ldap://127.0.0.1/".to_owned(), 0, "does not say where"),
    ];
    for (url, count, why) in cases {
        let ca = Authority::root("Root").to_be_had_at(&url);
        let (_trial, commands, _keystore) = trial_below(&ca).await;
        let (urls, missing) = fetch(&commands).await;
        assert_eq!(urls.len(), count, "{url}");
        let missing = missing.unwrap();
        assert!(missing.contains(why), "{url}: {missing}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_certificate_in_the_issuer_s_place_ends_it() {
    let web = Web::open().await;
    let url = web.url("other");
    web.lay("other", Authority::root("Other").der());
    let root = Authority::root("Root").to_be_had_at(&url);
    let (_trial, commands, keystore) = trial_below(&root).await;
    // It is taken in as what it is; this chain has nothing of it.
    keystore.import_by(|_| async { verdict(FileOutcome::Imported, "") });
    let (urls, missing) = fetch(&commands).await;
    assert_eq!(urls, [url]);
    let missing = missing.unwrap();
    assert!(missing.contains("is not the issuer of"), "{missing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_without_end_ends() {
    let web = Web::open().await;
    let url = web.url("ca");
    let root = Authority::root("Root").to_be_had_at(&url);
    web.lay("ca", root.der());
    let (trial, commands, keystore) = trial_below(&root).await;
    // As if there were another certificate each time.
    let log = trial.log.clone();
    let hops = Arc::new(Mutex::new(0));
    keystore.import_by(move |_| {
        let (log, hops, url) = (log.clone(), hops.clone(), url.clone());
        async move {
            let name = {
                let mut hops = hops.lock().unwrap();
                *hops += 1;
                format!("Middle {hops}")
            };
            let ca = Authority::root("Root").to_be_had_at(&url).below(&name);
            let certificate = Certificate::parse(&ca.der()).unwrap();
            let completed = CertificateEvent::ChainCompleted(CertificateChainCompleted {
                version: 1,
                issuers: vec![(&certificate).into()],
            });
            tell::<Certificates>(&log, CERTIFICATE, completed).await;
            verdict(FileOutcome::Imported, "")
        }
    });
    let (urls, missing) = fetch(&commands).await;
    assert_eq!(urls.len(), 5);
    assert!(missing.unwrap().contains("still has no end"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_leads_nobody_into_the_house() {
    let web = Web::open().await;
    let url = web.url("root");
    let root = Authority::root("Root").to_be_had_at(&url);
    web.lay("root", root.der());
    let (_trial, commands, keystore) = trial_below(&root).await;
    let commands = Commands {
        egress: Egress::new(&[]),
        ..commands
    };
    let (urls, missing) = fetch(&commands).await;
    assert_eq!(urls, Vec::<String>::new());
    assert!(missing.unwrap().contains("loopback address 127.0.0.1"));
    assert_eq!(keystore.methods(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_here_has_no_chain_to_complete() {
    let (trial, commands, _keystore) = trial_below(&Authority::root("Root")).await;
    let reason = async |id: u128| {
        let (origin, id) = (origin("fetch"), Uuid::from_u128(id));
        let fetched = commands.fetch_issuers(&origin, id);
        api::refuse::reason(&Status::from(fetched.await.unwrap_err())).unwrap()
    };
    assert_eq!(reason(7).await, "NO_SUCH_CERTIFICATE");
    let deleted = CertificateEvent::Deleted(CertificateDeleted {});
    trial.tell::<Certificates>(CERTIFICATE, deleted).await;
    assert_eq!(reason(CERTIFICATE).await, "CERTIFICATE_DELETED");
}
