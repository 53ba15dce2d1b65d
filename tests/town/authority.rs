//! A CA that answers certificate requests by hand, as one without ACME does.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, CertifiedIssuer,
    CustomExtension, DnType, IsCa, KeyPair, SanType,
};
use rustls::pki_types::CertificateSigningRequestDer;

use crate::client::pem;

/// A CA certificate with its key.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    aia: Option<String>,
}

impl Authority {
    /// A root of this name.
    pub fn root(name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(ca(name), key).expect("a root");
        Self { issuer, aia: None }
    }

    /// A CA that this one vouches for.
    pub fn below(&self, name: &str) -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = ca(name);
        params.custom_extensions.extend(self.ca_issuers());
        let issuer = CertifiedIssuer::signed_by(params, key, &self.issuer);
        let issuer = issuer.expect("an intermediate");
        Self { issuer, aia: None }
    }

    /// The same CA, whose certificates say from now on that its own is at this URL.
    pub fn to_be_had_at(self, url: &str) -> Self {
        let aia = Some(url.to_owned());
        Self { aia, ..self }
    }

    /// Its certificate, DER.
    pub fn der(&self) -> Vec<u8> {
        self.issuer.der().to_vec()
    }

    /// Its certificate, PEM.
    pub fn pem(&self) -> String {
        pem(self.issuer.der())
    }

    /// Grants a request all that it asks for: the certificate, PEM.
    pub fn grant(&self, csr_pem: &str) -> String {
        let csr = pem_content(csr_pem);
        let csr = CertificateSigningRequestDer::from(csr);
        let mut request = CertificateSigningRequestParams::from_der(&csr).expect("a request");
        let serial = uuid::Uuid::new_v4().as_bytes()[..8].to_vec();
        request.params.serial_number = Some(serial.into());
        request.params.custom_extensions.extend(self.ca_issuers());
        let granted = request.signed_by(&self.issuer).expect("a certificate");
        pem(granted.der())
    }

    /// A certificate for these names with a key of nobody's here, PEM.
    pub fn issue(&self, names: &[&str]) -> String {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        for name in names {
            let name = (*name).try_into().expect("a name");
            params.subject_alt_names.push(SanType::DnsName(name));
        }
        params.custom_extensions.extend(self.ca_issuers());
        let issued = params.signed_by(&key, &self.issuer);
        pem(issued.expect("a certificate").der())
    }

    /// authorityInfoAccess with one caIssuers (RFC 5280, section 4.2.2.1), where there is one.
    fn ca_issuers(&self) -> Option<CustomExtension> {
        const AUTHORITY_INFO_ACCESS: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 1, 1];
        const CA_ISSUERS: [u8; 10] = *b"\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x02";
        let url = self.aia.as_ref()?;
        let of = |tag: u8, content: Vec<u8>| {
            assert!(content.len() < 128, "a short length is enough");
            [vec![tag, content.len() as u8], content].concat()
        };
        let place = of(0x86, url.as_bytes().to_vec());
        let access = of(0x30, [CA_ISSUERS.to_vec(), place].concat());
        let extension = of(0x30, access);
        Some(CustomExtension::from_oid_content(
            &AUTHORITY_INFO_ACCESS,
            extension,
        ))
    }
}

fn ca(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

/// What a PEM text with one block holds.
fn pem_content(text: &str) -> Vec<u8> {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let lines = text.lines().filter(|line| !line.starts_with("-----"));
    let text = lines.collect::<String>();
    STANDARD.decode(text).expect("base64")
}
