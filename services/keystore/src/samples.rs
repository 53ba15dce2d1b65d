//! One event of each type, as the golden files have them.

use api::keystore::v1;
use pki::Certificate;

use crate::{
    certificate::KeyedChain,
    events::{CertificateEvent, KeyEvent, TlsEvent},
};

pub const KEY: &str = "0b0a5c0e-5bd1-5c1f-9b8e-3f6d2f0f7a01";
pub const AUTOMATION: &str = "6f3c9a52-7d0e-5a3b-8a44-0a1f5f1c2b03";
pub const SPKI: &[u8] = include_bytes!("golden/spki.der");

pub fn first_chain() -> KeyedChain {
    chain(include_str!("golden/first.pem"))
}

pub fn second_chain() -> KeyedChain {
    chain(include_str!("golden/second.pem"))
}

fn chain(pem: &str) -> KeyedChain {
    let mut chain = pki::parse_pem_chain(pem).unwrap().into_iter();
    KeyedChain {
        key_id: KEY.into(),
        leaf: chain.next().unwrap(),
        issuers: chain.collect(),
    }
}

pub fn generated() -> KeyEvent {
    KeyEvent::Generated(v1::KeyGenerated {
        algorithm: api::x509::v1::KeyAlgorithm::EcdsaP256.into(),
        spki_der: SPKI.into(),
        spki_sha256: pki::fingerprint::sha256_hex(SPKI),
    })
}

pub fn issued() -> CertificateEvent {
    let chain = first_chain();
    CertificateEvent::Issued(v1::CertificateIssued {
        friendly_name: "shop".into(),
        key_id: chain.key_id,
        certificate: Some((&chain.leaf).into()),
        issuers: messages(&chain.issuers),
        automation_id: AUTOMATION.into(),
        serve: true,
    })
}

pub fn renewed() -> CertificateEvent {
    let chain = second_chain();
    CertificateEvent::Renewed(v1::CertificateRenewed {
        version: 2,
        key_id: chain.key_id,
        certificate: Some((&chain.leaf).into()),
        issuers: messages(&chain.issuers),
        automation_id: AUTOMATION.into(),
    })
}

pub fn self_signed() -> CertificateEvent {
    let chain = first_chain();
    CertificateEvent::SelfSigned(v1::CertificateSelfSigned {
        friendly_name: "Chancery".into(),
        key_id: chain.key_id,
        certificate: Some((&chain.leaf).into()),
        serve: true,
        factory: true,
    })
}

pub fn serving_granted() -> TlsEvent {
    TlsEvent::ServingGranted(v1::ServingGranted {
        gateway: "gateway".into(),
        certificates: 2,
    })
}

fn messages(certificates: &[Certificate]) -> Vec<api::x509::v1::Certificate> {
    certificates.iter().map(Into::into).collect()
}
