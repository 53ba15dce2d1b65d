//! Certificate requests (PKCS#10, RFC 2986).

use rcgen::CustomExtension;
use x509_parser::prelude::{FromDer, X509CertificationRequest};

use crate::{PrivateKey, Subject, SubjectAltNames, extensions, signature::Signed};

/// Why a request could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A checked name that ASN.1 does not take, which would be a bug of ours.
    #[error("a name cannot be encoded")]
    Name(#[source] rcgen::Error),
    /// The key did not sign.
    #[error("the key did not sign")]
    Sign(#[source] rcgen::Error),
}

/// Builds a request for these names, signed by the key, DER. What the certificate is to be good for stands in its
/// extensionRequest (RFC 2985, section 5.4.2), of which a CA takes what it likes.
///
/// # Errors
/// [`BuildError`], where encoding or signing fails.
pub fn build(
    key: &PrivateKey,
    subject: &Subject,
    names: &SubjectAltNames,
) -> Result<Vec<u8>, BuildError> {
    let mut params = extensions::of_a_server(key, subject, names)?;
    // Of all extensions this is the one that rcgen writes into certificates alone.
    let key_id = extensions::subject_key_id(key);
    let key_id = [&[0x04, key_id.len() as u8], key_id.as_slice()].concat();
    let key_id = CustomExtension::from_oid_content(SUBJECT_KEY_IDENTIFIER, key_id);
    params.custom_extensions.push(key_id);
    let request = params.serialize_request(key).map_err(BuildError::Sign)?;
    Ok(request.der().to_vec())
}

/// Why a request was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Not a PKCS#10 request.
    #[error("this is not a certificate request (PKCS#10, DER)")]
    Malformed,
    /// The requester does not have the private key, or the algorithm is not one that is verified here.
    #[error("the request is not signed by its own key")]
    NotSigned,
}

/// The subjectPublicKeyInfo (DER) of a request whose signature has been verified.
///
/// # Errors
/// [`RequestError`] for anything else.
pub fn public_key(der: &[u8]) -> Result<Vec<u8>, RequestError> {
    let (rest, request) =
        X509CertificationRequest::from_der(der).map_err(|_| RequestError::Malformed)?;
    if !rest.is_empty() {
        return Err(RequestError::Malformed);
    }
    let spki = request.certification_request_info.subject_pki.raw;
    Signed::from_der(der)
        .and_then(|signed| signed.verify(spki))
        .map_err(|_| RequestError::NotSigned)?;
    Ok(spki.to_vec())
}

const SUBJECT_KEY_IDENTIFIER: &[u64] = &[2, 5, 29, 14];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyAlgorithm;

    #[test]
    fn the_public_key_comes_back_from_a_request_of_every_algorithm() {
        for algorithm in KeyAlgorithm::ALL {
            let key = PrivateKey::generate(algorithm).unwrap();
            let der = build(&key, &Subject::default(), &SubjectAltNames::default()).unwrap();
            assert_eq!(
                public_key(&der).as_deref(),
                Ok(key.spki_der()),
                "{algorithm}"
            );
        }
    }

    #[test]
    fn a_changed_request_is_refused() {
        let key = PrivateKey::generate(KeyAlgorithm::Ed25519).unwrap();
        let names = SubjectAltNames::parse(&["a.example".into()], &[]).unwrap();
        let mut der = build(&key, &Subject::default(), &names).unwrap();
        let at = der.windows(9).position(|w| w == b"a.example").unwrap();
        der[at] = b'b';
        assert_eq!(public_key(&der), Err(RequestError::NotSigned));
        assert_eq!(public_key(&der[1..]), Err(RequestError::Malformed));
        der.push(0);
        assert_eq!(public_key(&der), Err(RequestError::Malformed));
    }
}
