//! A CA that answers certificate requests by hand, as one without ACME does.

use std::{fs, process::Command};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, CustomExtension, DnType, IsCa, KeyPair,
    SanType,
};

use crate::{client::pem, tools::on_path};

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

    /// Lets openssl grant a request (PEM) all that it asks for: the certificate, PEM.
    pub fn grant(&self, csr_pem: &str) -> String {
        let folder = tempfile::tempdir().expect("a folder for the CA");
        let file = |name: &str, content: &str| {
            let path = folder.path().join(name);
            fs::write(&path, content).expect("a file of the CA");
            path
        };
        let aia = self.aia.as_ref();
        let extensions = aia.map(|url| format!("authorityInfoAccess = caIssuers;URI:{url}\n"));
        let serial = uuid::Uuid::new_v4().simple();
        let mut openssl = Command::new(on_path("openssl").expect("openssl is installed"));
        openssl
            .args(["x509", "-req", "-days", "90", "-copy_extensions", "copyall"])
            .args(["-set_serial", &format!("0x{serial}")])
            .arg("-in")
            .arg(file("csr.pem", csr_pem))
            .arg("-CA")
            .arg(file("ca.pem", &self.pem()))
            .arg("-CAkey")
            .arg(file("ca.key", &self.issuer.key().serialize_pem()))
            .arg("-extfile")
            .arg(file("extensions", &extensions.unwrap_or_default()));
        let granted = openssl.output().expect("openssl runs");
        let complaint = String::from_utf8_lossy(&granted.stderr);
        assert!(granted.status.success(), "{complaint}");
        String::from_utf8(granted.stdout).expect("PEM")
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

    /// A certificate for a server of this name, and its key, both PEM.
    pub fn server(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![name.to_owned()]).expect("a name");
        let issued = params.signed_by(&key, &self.issuer);
        let issued = issued.expect("a certificate");
        (pem(issued.der()), key.serialize_pem())
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
