//! TLS: what the edge speaks, and which certificate answers a handshake by its SNI (RFC 6066, section 3).
//!
//! The exact name goes first, then a wildcard for its leftmost label (RFC 6125, section 6.4.3), then the
//! default, which also answers connections that name nothing. Of several certificates for one name one
//! that is valid goes before one that is not, then the keystore's rank counts (automated, from elsewhere,
//! self-signed), and then the one added last answers; when it goes, the next one is back. Every change takes
//! effect on the next handshake, whole: a handshake sees the [`index`] before it or after it, and a session is
//! resumed by its [ticket](tickets) only under the certificate that would answer anyway.

mod index;
mod tickets;

use std::sync::Arc;

use rustls::{
    ServerConfig, ServerConnection, SupportedProtocolVersion,
    crypto::{
        CryptoProvider,
        aws_lc_rs::{self, cipher_suite::*, kx_group::*},
    },
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
    sign::CertifiedKey,
    version::{TLS12, TLS13},
};
use serde::Deserialize;
use tracing::debug;

pub use index::{Answer, Credential, Found, Issuers, ServingIndex};
use tickets::Tickets;

/// What is spoken with clients: Mozilla's guidelines (Server Side TLS, version 5.7), in their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Policy {
    /// TLS 1.3, and 1.2 with ECDHE and AEAD alone: for all clients of the last ten years.
    #[default]
    Intermediate,
    /// TLS 1.3 alone.
    Modern,
}

/// Makes the handshakes of the https port.
pub struct Edge {
    /// All of it but for the certificate.
    config: ServerConfig,
    index: Arc<ServingIndex>,
    tickets: Tickets,
}

impl Edge {
    /// HTTP/2 and HTTP/1.1 under this policy, with certificates from the index.
    ///
    /// # Errors
    /// When the crypto library cannot do what the policy asks for, or gives no random bytes.
    pub fn new(policy: Policy, index: Arc<ServingIndex>) -> Result<Edge, rustls::Error> {
        let mut config = ServerConfig::builder_with_provider(policy.provider().into())
            .with_protocol_versions(&policy.versions())?
            .with_no_client_auth()
            .with_cert_resolver(Shown::nothing());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config.ignore_client_order = true;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        // A client that resumes gets the next one with it. There is no early data, so nothing can be replayed.
        config.send_tls13_tickets = 1;
        let tickets = Tickets::new(index.clock().clone());
        let tickets = tickets.map_err(|_| rustls::Error::FailedToGetRandomBytes)?;
        Ok(Edge {
            config,
            index,
            tickets,
        })
    }

    /// Waits until there is something to answer with.
    pub async fn ready(&self) {
        self.index.filled().await;
    }

    /// What answers this client. Where nothing does, the handshake is refused.
    pub fn answering(&self, hello: &ClientHello<'_>) -> (Option<Answer>, Arc<ServerConfig>) {
        let answer = self.index.answering(hello.server_name());
        let mut config = self.config.clone();
        if let Some(Answer { credential, .. }) = &answer {
            config.cert_resolver = Shown::this(credential.certified_key());
            config.ticketer = Arc::new(self.tickets.of(&credential.leaf));
        }
        (answer, config.into())
    }

    /// Counts a finished handshake, and says which certificate answered, and how.
    pub fn finished(&self, answer: &Answer, connection: &ServerConnection) {
        self.index.answered.count(answer);
        debug!(
            certificate_id = &*answer.credential.certificate_id,
            found = answer.found.as_str(),
            version = connection
                .protocol_version()
                .and_then(|version| version.as_str()),
            group = connection
                .negotiated_key_exchange_group()
                .and_then(|group| group.name().as_str()),
            kind = ?connection.handshake_kind(),
            "handshake"
        );
    }
}

/// The one certificate of a handshake; none refuses it.
#[derive(Debug)]
pub struct Shown(Option<Arc<CertifiedKey>>);

impl Shown {
    /// Shows this.
    pub fn this(key: CertifiedKey) -> Arc<Shown> {
        Arc::new(Shown(Some(Arc::new(key))))
    }

    /// Refuses the handshake.
    pub fn nothing() -> Arc<Shown> {
        Arc::new(Shown(None))
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.clone()
    }
}

impl Policy {
    fn versions(self) -> Vec<&'static SupportedProtocolVersion> {
        match self {
            Policy::Intermediate => vec![&TLS13, &TLS12],
            Policy::Modern => vec![&TLS13],
        }
    }

    fn provider(self) -> CryptoProvider {
        let mut cipher_suites = vec![
            TLS13_AES_128_GCM_SHA256,
            TLS13_AES_256_GCM_SHA384,
            TLS13_CHACHA20_POLY1305_SHA256,
        ];
        if self == Policy::Intermediate {
            cipher_suites.extend([
                TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
            ]);
        }
        CryptoProvider {
            cipher_suites,
            kx_groups: vec![X25519MLKEM768, X25519, SECP256R1, SECP384R1],
            ..aws_lc_rs::default_provider()
        }
    }
}

#[cfg(test)]
mod tests;
