//! The certificate of the test CA's own https: made once, so that what was registered stays trusted.

use std::{fs, path::Path};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

use super::{TestCaError, failed};
use crate::files;

/// Its leaf.
pub const LEAF: &str = "https.pem";
/// The leaf's key.
pub const KEY: &str = "https.key";
/// The root over it.
const ROOT: &str = "https-root.pem";

/// Makes root, leaf and key where they are missing; answers the root (PEM).
pub fn make_if_missing(folder: &Path) -> Result<String, TestCaError> {
    let root_file = folder.join(ROOT);
    if let Ok(root) = fs::read_to_string(&root_file) {
        return Ok(root);
    }
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "Chancery test CA, root of its https");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let key = KeyPair::generate().map_err(TestCaError::Certificate)?;
    let root = CertifiedIssuer::self_signed(params, key).map_err(TestCaError::Certificate)?;

    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let mut params = CertificateParams::new(names).map_err(TestCaError::Certificate)?;
    params
        .distinguished_name
        .push(DnType::CommonName, "Chancery test CA, https");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().map_err(TestCaError::Certificate)?;
    let leaf = params
        .signed_by(&key, &root)
        .map_err(TestCaError::Certificate)?;

    // The root last: once it is there, all three are.
    for (name, content) in [
        (KEY, key.serialize_pem()),
        (LEAF, leaf.pem()),
        (ROOT, root.pem()),
    ] {
        let file = folder.join(name);
        files::write_private(&file, content.as_bytes()).map_err(failed(&file))?;
    }
    Ok(root.pem())
}
