//! One event of each type, as the golden files have them.

use api::keystore::v1;
use pki::Certificate;

use crate::{
    certificate::KeyedChain,
    events::{CertificateEvent, KekEvent, KeyEvent, TlsEvent},
};

pub const KEY: &str = "0b0a5c0e-5bd1-5c1f-9b8e-3f6d2f0f7a01";
pub const CERTIFICATE: &str = "9d1e7f60-22c4-5d0b-8f3e-5b7a90c1de04";
pub const REQUEST: &str = "c2a9b3d4-6e5f-5a1c-9d8b-7f6e5d4c3b05";
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

pub fn key_imported() -> KeyEvent {
    KeyEvent::Imported(v1::KeyImported {
        algorithm: api::x509::v1::KeyAlgorithm::EcdsaP256.into(),
        spki_der: SPKI.into(),
        spki_sha256: pki::fingerprint::sha256_hex(SPKI),
    })
}

pub fn key_exported() -> KeyEvent {
    KeyEvent::Exported(v1::KeyExported {
        format: "PKCS#12".into(),
        protected: true,
        certificate_id: CERTIFICATE.into(),
    })
}

pub fn key_destroyed() -> KeyEvent {
    KeyEvent::Destroyed(v1::KeyDestroyed {})
}

pub fn imported() -> CertificateEvent {
    let chain = first_chain();
    CertificateEvent::Imported(v1::CertificateImported {
        friendly_name: "shop".into(),
        key_id: chain.key_id,
        certificate: Some((&chain.leaf).into()),
        issuers: messages(&chain.issuers),
        serve: true,
        request_id: REQUEST.into(),
    })
}

pub fn chain_completed() -> CertificateEvent {
    CertificateEvent::ChainCompleted(v1::CertificateChainCompleted {
        version: 1,
        issuers: messages(&second_chain().issuers),
    })
}

pub fn renamed() -> CertificateEvent {
    CertificateEvent::Renamed(v1::CertificateRenamed {
        friendly_name: "the shop".into(),
    })
}

pub fn exported() -> CertificateEvent {
    CertificateEvent::Exported(v1::CertificateExported {
        version: 1,
        format: "PKCS#12".into(),
        certificate: true,
        chain: true,
        private_key: true,
        protected: true,
    })
}

pub fn released() -> CertificateEvent {
    CertificateEvent::Released(v1::CertificateReleased {
        automation_id: AUTOMATION.into(),
    })
}

pub fn revoked() -> CertificateEvent {
    CertificateEvent::Revoked(v1::CertificateRevoked {
        version: 1,
        reason: api::x509::v1::RevocationReason::KeyCompromise.into(),
    })
}

pub fn deleted() -> CertificateEvent {
    CertificateEvent::Deleted(v1::CertificateDeleted {})
}

pub fn restored() -> CertificateEvent {
    CertificateEvent::Restored(v1::CertificateRestored {
        friendly_name: "shop (2)".into(),
    })
}

pub fn serving_granted() -> TlsEvent {
    TlsEvent::ServingGranted(v1::ServingGranted {
        gateway: "gateway".into(),
        certificates: 2,
    })
}

pub fn default_selected() -> TlsEvent {
    TlsEvent::DefaultSelected(v1::DefaultSelected {
        certificate_id: CERTIFICATE.into(),
    })
}

pub fn default_cleared() -> TlsEvent {
    TlsEvent::DefaultCleared(v1::DefaultCleared {})
}

pub fn kek_rotated() -> KekEvent {
    KekEvent::Rotated(v1::KekRotated {
        old_kek_id: "3f1c09d2a4b85e67".into(),
        new_kek_id: "b0a1d4c8e2f96753".into(),
        keys: 12,
        secrets: 3,
    })
}

fn messages(certificates: &[Certificate]) -> Vec<api::x509::v1::Certificate> {
    certificates.iter().map(Into::into).collect()
}
