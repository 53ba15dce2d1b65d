//! The first certificate: through the public API, as a person would get it, and looked at in a real handshake.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use api::{
    acme::v1::{
        ChallengeType, Failure, RegisterServerRequest, RenewNowRequest, RequestCertificateRequest,
    },
    projection::v1::{Automation, Certificate, GetRequest, ListRequest},
    x509::v1::KeyAlgorithm,
};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use time::OffsetDateTime;
use tokio::time::{sleep, timeout};

use super::{TestCa, TestCaError};
use crate::{
    client::{
        ClientError, Connection, acme, connection::RequestId, error::failure, trust::Fingerprint,
    },
    files,
    up::edge,
};

/// What the test CA is called among servers.
pub const SERVER: &str = "Test CA";
/// What the first certificate is for.
pub const NAME: &str = "hello.test";

/// A certificate that is served, and what to see it with.
#[derive(Debug)]
pub struct Served {
    /// As the projection has it.
    pub certificate: Certificate,
    /// The roots that a client needs for it (PEM file).
    pub roots: PathBuf,
}

/// Why there is no certificate, or why it is not served.
#[derive(Debug, thiserror::Error)]
pub enum FirstCertificateError {
    /// The public API refused or did not answer.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The order failed, twice.
    #[error("the order failed: {}", failure(.0))]
    Order(Box<Failure>),
    /// It takes too long.
    #[error("{what} was not done after {} s", PATIENCE.as_secs())]
    TooLong {
        /// What was waited for.
        what: &'static str,
    },
    /// The file of roots cannot be used.
    #[error(transparent)]
    Ca(#[from] TestCaError),
}

/// Registers the server and asks for the certificate where they are not there yet; waits until it is served.
pub async fn ensure(
    ca: &TestCa,
    connection: &Connection,
    https: SocketAddr,
    roots: PathBuf,
    now: OffsetDateTime,
) -> Result<Served, FirstCertificateError> {
    let position = registered(ca, connection).await?;
    let automation = requested(connection, position).await?;
    let issued = timeout(PATIENCE, issued(connection, automation, now)).await;
    let certificate = issued.map_err(|_| FirstCertificateError::TooLong {
        what: "the certificate",
    })??;
    let served = timeout(PATIENCE, until_served(ca, https, &roots)).await;
    let served = served.map_err(|_| FirstCertificateError::TooLong {
        what: "the handshake with the certificate",
    })??;
    // Another one, where somebody has asked for one more with this name.
    let certificate = match certificate.certificate.as_ref() {
        Some(leaf) if leaf.sha256_fingerprint == served.to_string() => certificate,
        _ => self::certificate(connection, served.to_string()).await?,
    };
    Ok(Served { certificate, roots })
}

/// The position of the log at which the server is registered.
async fn registered(ca: &TestCa, connection: &Connection) -> Result<u64, FirstCertificateError> {
    let mut queries = connection.queries();
    let list = ListRequest {
        filter: format!("name=\"{SERVER}\""),
        ..ListRequest::default()
    };
    let found = connection
        .ask(list, async |request| queries.list_servers(request).await)
        .await?;
    if !found.servers.is_empty() {
        return Ok(found.position);
    }
    let registration = RegisterServerRequest {
        name: SERVER.to_owned(),
        directory_url: ca.directory.clone(),
        terms_of_service_agreed: true,
        trusted_roots_pem: ca.https_root.clone(),
        ..RegisterServerRequest::default()
    };
    let mut servers = connection.servers();
    let send = async |request| servers.register_server(request).await;
    Ok(connection
        .command(registration, &RequestId::new(None)?, send)
        .await?
        .position)
}

/// The automation, which is asked for where it is not there yet.
async fn requested(
    connection: &Connection,
    at_least: u64,
) -> Result<Automation, FirstCertificateError> {
    let mut queries = connection.queries();
    let list = ListRequest {
        filter: format!("name={NAME}"),
        at_least,
        ..ListRequest::default()
    };
    let found = connection
        .ask(list, async |request| {
            queries.list_automations(request).await
        })
        .await?;
    if let Some(automation) = found.automations.into_iter().next() {
        return Ok(automation);
    }
    let request = RequestCertificateRequest {
        server: SERVER.to_owned(),
        dns_names: vec![NAME.to_owned()],
        key_algorithm: KeyAlgorithm::EcdsaP256.into(),
        challenge_type: ChallengeType::Http01.into(),
        friendly_name: NAME.to_owned(),
        ..RequestCertificateRequest::default()
    };
    let mut acme = connection.acme();
    let send = async |request| acme.request_certificate(request).await;
    let answered = connection
        .command(request, &RequestId::new(None)?, send)
        .await?;
    Ok(acme::get(connection, &answered.automation_id, answered.position).await?)
}

/// The certificate, once the order is through. One that has expired since an earlier run, or an order that failed
/// then, is tried once more.
async fn issued(
    connection: &Connection,
    asked: Automation,
    at: OffsetDateTime,
) -> Result<Certificate, FirstCertificateError> {
    let mut now = asked;
    let mut tried_again = false;
    loop {
        let expires = now.not_after.as_ref().and_then(api::convert::time);
        let good = expires.is_some_and(|expires| expires > at);
        let failed = now.last_failure.is_some() && !now.ordering;
        if good && !failed {
            break;
        }
        if now.ordering {
            sleep(POLL).await;
            now = acme::get(connection, &now.id, 0).await?;
        } else if !tried_again {
            tried_again = true;
            let mut acme = connection.acme();
            let request = RenewNowRequest {
                automation_id: now.id.clone(),
            };
            let send = async |request| acme.renew_now(request).await;
            let answered = connection
                .command(request, &RequestId::new(None)?, send)
                .await?;
            now = acme::get(connection, &now.id, answered.position).await?;
        } else if good {
            // A certificate of earlier is served still.
            break;
        } else {
            return Err(FirstCertificateError::Order(Box::new(
                now.last_failure.unwrap_or_default(),
            )));
        }
    }
    Ok(certificate(connection, now.certificate_id).await?)
}

/// The certificate with this id or fingerprint.
async fn certificate(connection: &Connection, id: String) -> Result<Certificate, ClientError> {
    let mut queries = connection.queries();
    let request = GetRequest {
        id,
        at_least: 0,
        ..GetRequest::default()
    };
    connection
        .ask(request, async |request| {
            queries.get_certificate(request).await
        })
        .await
}

/// Waits for a handshake that shows a certificate for the name, under a root of the test CA; answers what it is.
///
/// Each start has a root of its own: the file keeps all of them, since a later start may have to verify what is
/// issued under this one.
async fn until_served(
    ca: &TestCa,
    https: SocketAddr,
    file: &Path,
) -> Result<Fingerprint, FirstCertificateError> {
    let kept = fs::read_to_string(file).unwrap_or_default();
    let pem = format!("{kept}{}", ca.issuing_root().await?);
    files::write_public(file, pem.as_bytes()).map_err(super::failed(file))?;
    loop {
        if let Ok(leaf) = edge::verified_leaf(https, NAME, roots(&pem)).await {
            return Ok(Fingerprint::of(&leaf));
        }
        sleep(POLL).await;
    }
}

fn roots(pem: &str) -> RootCertStore {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(pem.as_bytes()).flatten());
    roots
}

const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);
