//! TLS-ALPN-01 (RFC 8737): a CA makes a handshake and looks at the certificate that it is shown.
//!
//! The certificate is made for that one handshake, with a key of its own, from the digest that acme-agent has left.

use std::{io, net::IpAddr, sync::Arc};

use api::challenge::Proof;
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair, SanType};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs::{self, sign::any_supported_type},
    server::ClientHello,
    sign::CertifiedKey,
};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tracing::{info, warn};

use crate::{challenges::Challenges, tls::Shown};

/// Whether this is a CA that looks for a proof: it offers that protocol and no other (section 3).
pub fn is_asked_for(hello: &ClientHello<'_>) -> bool {
    let mut offered = hello.alpn().into_iter().flatten();
    offered.next() == Some(PROTOCOL) && offered.next().is_none()
}

/// What answers a CA that asks for this server name; with no proof there, the handshake is refused.
///
/// # Errors
/// Where it cannot be told whether there is a proof, or no certificate can be made of it.
pub async fn answer(
    challenges: &Challenges,
    server_name: Option<&str>,
) -> io::Result<Arc<ServerConfig>> {
    let name = server_name.unwrap_or_default();
    let proof = challenges.proof_for(name).await.map_err(|e| {
        warn!(
            error = &e as &dyn std::error::Error,
            "cannot look up a proof for a CA"
        );
        io::Error::other(e)
    })?;
    let shown = match &proof {
        Some(proof) => {
            info!(
                identifier = proof.identifier,
                "showing a CA the proof of control"
            );
            Some(certified_key(proof).map_err(io::Error::other)?)
        }
        None => None,
    };
    server_config(shown).map_err(io::Error::other)
}

/// No certificate can be made of a proof.
#[derive(Debug, thiserror::Error)]
enum ProofError {
    /// The identifier is none.
    #[error("cannot make the certificate")]
    Certificate(#[source] rcgen::Error),
    /// The key cannot sign.
    #[error("cannot use the key that was just made")]
    Key(#[source] rustls::Error),
}

/// The self-signed certificate of section 3, with a fresh key. rustls would not take it as a server's
/// certificate, for an extension that it does not know is critical in it: the pair is put together by hand.
fn certified_key(proof: &Proof) -> Result<CertifiedKey, ProofError> {
    let name = match proof.identifier.parse::<IpAddr>() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) => {
            let name = proof.identifier.as_str().try_into();
            SanType::DnsName(name.map_err(ProofError::Certificate)?)
        }
    };
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = vec![name];
    let extension = CustomExtension::new_acme_identifier(&proof.digest);
    params.custom_extensions = vec![extension];
    let key = KeyPair::generate().map_err(ProofError::Certificate)?;
    let certificate = params.self_signed(&key).map_err(ProofError::Certificate)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let key = any_supported_type(&key).map_err(ProofError::Key)?;
    Ok(CertifiedKey::new(vec![certificate.der().clone()], key))
}

fn server_config(shown: Option<CertifiedKey>) -> Result<Arc<ServerConfig>, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(shown.map_or_else(Shown::nothing, Shown::this));
    config.alpn_protocols = vec![PROTOCOL.to_vec()];
    config.send_tls13_tickets = 0;
    Ok(config.into())
}

/// The protocol's name in ALPN (section 6.2).
const PROTOCOL: &[u8] = b"acme-tls/1";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_is_what_the_rfc_asks_for() {
        for (identifier, name) in [
            ("shop.example", &b"shop.example"[..]),
            ("192.0.2.7", &[192, 0, 2, 7]),
        ] {
            let proof = Proof {
                identifier: identifier.into(),
                digest: [7; 32],
            };
            let shown = certified_key(&proof).unwrap();
            let der = shown.end_entity_cert().unwrap();
            let holds = |what: &[u8]| der.windows(what.len()).any(|w| w == what);
            assert!(holds(name), "{identifier}");
            // OID 1.3.6.1.5.5.7.1.31, critical, an OCTET STRING with the digest's OCTET STRING (section 3).
            let extension = [
                &[6, 8, 0x2b, 6, 1, 5, 5, 7, 1, 31, 1, 1, 0xff, 4, 34, 4, 32][..],
                &[7; 32],
            ];
            assert!(holds(&extension.concat()), "{identifier}");
        }
    }

    #[test]
    fn what_is_no_name_makes_no_certificate() {
        let proof = Proof {
            identifier: "schön".into(),
            digest: [7; 32],
        };
        assert!(certified_key(&proof).is_err());
    }
}
