//! What a TLS server's certificate says of itself, asked for and self-signed alike (RFC 5280, section 4.2).

use aws_lc_rs::digest::{SHA256, digest};
use rcgen::{
    CertificateParams, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyUsagePurpose, PublicKeyData,
};

use crate::{PrivateKey, Subject, SubjectAltNames, csr::BuildError};

/// Subject and names as given; no CA; good for signing in a handshake, with RSA for key transport too.
pub(crate) fn of_a_server(
    key: &PrivateKey,
    subject: &Subject,
    names: &SubjectAltNames,
) -> Result<CertificateParams, BuildError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject.distinguished_name().map_err(BuildError::Name)?;
    params.subject_alt_names = names.general_names().map_err(BuildError::Name)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    if key.algorithm().is_rsa() {
        params.key_usages.push(KeyUsagePurpose::KeyEncipherment);
    }
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_identifier_method = KeyIdMethod::PreSpecified(subject_key_id(key));
    Ok(params)
}

/// Method 1 of RFC 7093, section 2: 160 bits of the public key's SHA-256.
pub(crate) fn subject_key_id(key: &PrivateKey) -> Vec<u8> {
    digest(&SHA256, key.der_bytes()).as_ref()[..20].to_vec()
}
