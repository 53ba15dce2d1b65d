//! The certificates that all three servers have.

use std::{fs, path::Path};

use api::{keystore::v1::ServingCredential, x509::v1::SubjectAltNames};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use town::client::pem;

/// One name and certificate each, all from one intermediate CA.
pub struct Estate {
    /// As the keystore sends them.
    pub credentials: Vec<ServingCredential>,
}

impl Estate {
    /// Makes so many.
    pub fn new(certificates: usize) -> Estate {
        let authority = |name: &str| {
            let mut ca = CertificateParams::default();
            ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            ca.distinguished_name.push(DnType::CommonName, name);
            ca
        };
        let key = || KeyPair::generate().unwrap();
        let root = CertifiedIssuer::self_signed(authority("Bench Root"), key()).unwrap();
        let issuer = CertifiedIssuer::signed_by(authority("Bench CA"), key(), &root).unwrap();
        let credential = |number| {
            let (name, key) = (name(number), key());
            let leaf = CertificateParams::new(vec![name.clone()]).unwrap();
            let leaf = leaf.signed_by(&key, &issuer).unwrap();
            ServingCredential {
                certificate_id: uuid::Uuid::new_v4().to_string(),
                version: 1,
                chain_der: vec![leaf.der().to_vec().into(), issuer.der().to_vec().into()],
                private_key_der: key.serialize_der().into(),
                subject_alt_names: Some(SubjectAltNames {
                    dns_names: vec![name],
                    ip_addresses: Vec::new(),
                }),
                position: number as u64,
                ..ServingCredential::default()
            }
        };
        Estate {
            credentials: (0..certificates).map(credential).collect(),
        }
    }

    /// Writes each as `<number>.crt` (the chain) and `<number>.key`, PEM both.
    pub fn write(&self, folder: &Path) {
        fs::create_dir_all(folder).unwrap();
        for (number, credential) in self.credentials.iter().enumerate() {
            let chain = credential.chain_der.iter().map(|der| pem(der));
            fs::write(
                folder.join(format!("{number}.crt")),
                chain.collect::<String>(),
            )
            .unwrap();
            let key = pem(&credential.private_key_der).replace("CERTIFICATE", "PRIVATE KEY");
            fs::write(folder.join(format!("{number}.key")), key).unwrap();
        }
    }
}

/// The name of the certificate of this number.
pub fn name(number: usize) -> String {
    format!("host-{number}.shops.example")
}
