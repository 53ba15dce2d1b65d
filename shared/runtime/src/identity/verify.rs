//! Who is at the other end: first that the internal CA says so, then what it says.

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore,
    SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor,
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    server::{
        ParsedCertificate,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::{
    spiffe::{self, NameError},
    store::{IdentityStore, provider},
};

/// Lets in clients with a certificate of the internal CA that names a service.
#[derive(Debug)]
pub(super) struct KnownClient {
    store: IdentityStore,
    provider: Arc<CryptoProvider>,
}

impl KnownClient {
    pub(super) fn new(store: IdentityStore) -> Self {
        let provider = provider();
        Self { store, provider }
    }
}

impl ClientCertVerifier for KnownClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        // No hints: our clients have one certificate each.
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let clients = self.store.current().clients.clone();
        let verified = clients.verify_client_cert(leaf, intermediates, now)?;
        spiffe::name_of(leaf).map_err(not_ours)?;
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// Accepts the server with this one identity, under whatever host name or address it was reached.
#[derive(Debug)]
pub(super) struct ThisServer {
    store: IdentityStore,
    peer: String,
    provider: Arc<CryptoProvider>,
}

impl ThisServer {
    pub(super) fn new(store: IdentityStore, peer: &str) -> Self {
        let provider = provider();
        Self {
            store,
            peer: peer.into(),
            provider,
        }
    }
}

impl ServerCertVerifier for ThisServer {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _address: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let parsed = ParsedCertificate::try_from(leaf)?;
        verify_chain(
            &self.provider,
            &parsed,
            &self.store.current().roots,
            intermediates,
            now,
        )?;
        match spiffe::name_of(leaf).map_err(not_ours)? {
            name if name == self.peer => Ok(ServerCertVerified::assertion()),
            other => Err(not_ours(NameError::Foreign(spiffe::id(&other)))),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// That a root vouches for the certificate of a server, at this time.
pub(super) fn verify_chain(
    provider: &CryptoProvider,
    leaf: &ParsedCertificate<'_>,
    roots: &RootCertStore,
    intermediates: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<(), Error> {
    let algorithms = provider.signature_verification_algorithms.all;
    verify_server_cert_signed_by_trust_anchor(leaf, roots, intermediates, now, algorithms)
}

fn not_ours(error: NameError) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(error))))
}
