//! PKCS#7 with certificates alone: SignedData that nobody signed (RFC 2315, section 9.1), as ".p7b" files are.

use zeroize::Zeroizing;

use super::{ExportError, Octets, der};
use crate::{Certificate, pem};

/// All of these certificates, each once. Such a file keeps no order: it is the same for any.
///
/// # Errors
/// [`ExportError::Nothing`] without certificates.
pub fn pkcs7_der<'a>(
    certificates: impl IntoIterator<Item = &'a Certificate>,
) -> Result<Vec<u8>, ExportError> {
    let certificates = certificates.into_iter();
    let certificates = certificates.map(|c| Zeroizing::new(c.der.clone()));
    let certificates = certificates.collect::<Vec<Octets>>();
    if certificates.is_empty() {
        return Err(ExportError::Nothing);
    }
    let signed_data = der::sequence(&[
        &der::integer(1),
        &der::set_of(&[]),
        &der::sequence(&[&der::oid(&DATA)]),
        &der::tagged(0, &der::sorted(&certificates)),
        &der::set_of(&[]),
    ]);
    let mut content = der::sequence(&[&der::oid(&SIGNED_DATA), &der::tagged(0, &[&signed_data])]);
    Ok(std::mem::take(&mut *content))
}

/// The same as PEM.
///
/// # Errors
/// Those of [`pkcs7_der`].
pub fn pkcs7_pem<'a>(
    certificates: impl IntoIterator<Item = &'a Certificate>,
) -> Result<String, ExportError> {
    Ok(pem::encode("PKCS7", &pkcs7_der(certificates)?))
}

const DATA: [u32; 7] = [1, 2, 840, 113_549, 1, 7, 1];
const SIGNED_DATA: [u32; 7] = [1, 2, 840, 113_549, 1, 7, 2];
