//! The leaves of the internal CA: who each part is to the others.

use std::fs;

use keystore::internal_ca::{InternalCa, InternalCaError};
use pki::{Certificate, KeyAlgorithm, PrivateKey, parse_pem_chain};
use runtime::Layout;
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use time::OffsetDateTime;

/// A NATS server's leaf.
pub const SERVER: &str = "nats";

/// Everyone with a leaf; the auditor has an nkey alone. Each server of a cluster has its leaf in a folder of its own.
pub const NAMES: [&str; 8] = [
    "keystore",
    "csr-service",
    "acme-agent",
    "notifier",
    "projection",
    "gateway",
    SERVER,
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

/// The same for a server of a cluster, which is reached by these names. Its key stays: the others know it by that.
pub fn renew_server_if_due(
    ca: &InternalCa,
    layout: &Layout,
    hosts: &[String],
    now: OffsetDateTime,
) -> Result<bool, InternalCaError> {
    let named = |host: &String, leaf: &Certificate| {
        let ip = host.parse().is_ok_and(|ip| leaf.ip_addresses.contains(&ip));
        ip || leaf.dns_names.contains(&host.to_ascii_lowercase())
    };
    let for_all = |leaf: Certificate| hosts.iter().all(|host| named(host, &leaf));
    if is_good(ca, layout, SERVER, now) && leaf(layout, SERVER).is_some_and(for_all) {
        return Ok(false);
    }
    let key = match key(layout, SERVER) {
        Some(key) => key,
        None => PrivateKey::generate(KeyAlgorithm::EcdsaP256).map_err(InternalCaError::Key)?,
    };
    ca.write_identity_of(&key, layout, SERVER, hosts, now)?;
    Ok(true)
}

/// The leaf, where there is one.
pub fn leaf(layout: &Layout, name: &str) -> Option<Certificate> {
    let pem = fs::read_to_string(layout.leaf(name)).ok()?;
    parse_pem_chain(&pem).ok()?.into_iter().next()
}

fn key(layout: &Layout, name: &str) -> Option<PrivateKey> {
    let key = PrivatePkcs8KeyDer::from_pem_file(layout.leaf_key(name)).ok()?;
    PrivateKey::from_pkcs8_der(key.secret_pkcs8_der()).ok()
}

/// Leaf and key are there, belong to each other and to this CA, and have more than a third of the life left.
fn is_good(ca: &InternalCa, layout: &Layout, name: &str, now: OffsetDateTime) -> bool {
    // A crash between the two files leaves a key that is not the leaf's.
    let (Some(leaf), Some(key)) = (leaf(layout, name), key(layout, name)) else {
        return false;
    };
    leaf.spki_der == key.spki_der()
        && ca.issued(&leaf)
        && leaf.not_after - now >= (leaf.not_after - leaf.not_before) / 3
}
