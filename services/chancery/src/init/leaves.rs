//! The leaves of the internal CA: who each part is to the others.

use std::fs;

use keystore::internal_ca::{InternalCa, InternalCaError};
use pki::{PrivateKey, parse_pem_chain};
use runtime::Layout;
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use time::OffsetDateTime;

/// Everyone with a leaf. "nats" is the server's; the auditor has an nkey alone.
pub const NAMES: [&str; 8] = [
    "keystore",
    "csr-service",
    "acme-agent",
    "notifier",
    "projection",
    "gateway",
    "nats",
    "provisioner",
];

/// Issues the leaf when it is missing, not right, or has less than a third of its life left; `true` where it did.
pub fn renew_if_due(
    ca: &InternalCa,
    layout: &Layout,
    name: &str,
    now: OffsetDateTime,
) -> Result<bool, InternalCaError> {
    if is_good(ca, layout, name, now) {
        return Ok(false);
    }
    ca.write_identity(layout, name, now)?;
    Ok(true)
}

/// Leaf and key are there, belong to each other and to this CA, and have more than a third of the life left.
fn is_good(ca: &InternalCa, layout: &Layout, name: &str, now: OffsetDateTime) -> bool {
    let leaf = fs::read_to_string(layout.leaf(name))
        .ok()
        .and_then(|pem| parse_pem_chain(&pem).ok());
    let key = PrivatePkcs8KeyDer::from_pem_file(layout.leaf_key(name)).ok();
    let key = key.and_then(|key| PrivateKey::from_pkcs8_der(key.secret_pkcs8_der()).ok());
    // A crash between the two files leaves a key that is not the leaf's.
    let (Some(leaf), Some(key)) = (leaf.as_ref().and_then(|chain| chain.first()), key) else {
        return false;
    };
    leaf.spki_der == key.spki_der()
        && ca.issued(leaf)
        && leaf.not_after - now >= (leaf.not_after - leaf.not_before) / 3
}
