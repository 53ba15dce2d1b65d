//! The internal CA: who is who between services. `chancery init` makes it; the running keystore
//! issues fresh leaves from it.

use std::{
    fmt, fs,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use pki::{Certificate, KeyAlgorithm, PrivateKey, pem};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyUsagePurpose, SanType, SerialNumber, SubjectPublicKeyInfo, string::Ia5String,
};
use runtime::Layout;
use time::{Duration, OffsetDateTime};

use crate::{
    envelope::{self, EnvelopeError, Label},
    kek::{Kek, Keks},
};

/// The CA, with its key open. Its `Debug` says nothing.
pub struct InternalCa {
    certificate: Certificate,
    issuer: Issuer<'static, PrivateKey>,
}

impl fmt::Debug for InternalCa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InternalCa")
    }
}

/// Why the internal CA did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum InternalCaError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// The CA's own certificate is not one.
    #[error("cannot read the internal CA's certificate")]
    Certificate(#[source] pki::CertificateError),
    /// The CA's key does not open with this key-encryption key.
    #[error("cannot open the internal CA's key")]
    Open(#[source] EnvelopeError),
    /// The CA's key could not be sealed.
    #[error("cannot seal the internal CA's key")]
    Seal(#[source] EnvelopeError),
    /// A key could not be made or read.
    #[error("cannot make or read a key")]
    Key(#[source] pki::KeyError),
    /// The key is not that of the certificate beside it.
    #[error("the internal CA's key does not belong to its certificate")]
    KeyMismatch,
    /// Not a name for a service.
    #[error("{0:?} cannot be a service's name: letters, digits and hyphens, at most 63")]
    Name(String),
    /// The certificate could not be signed.
    #[error("cannot sign a certificate")]
    Sign(#[source] rcgen::Error),
}

impl InternalCa {
    /// Opens the CA of the data folder, and makes it first where there is none.
    ///
    /// # Errors
    /// [`InternalCaError`]; an existing CA is never replaced.
    pub fn make_if_missing(
        layout: &Layout,
        keks: &Keks,
        now: OffsetDateTime,
    ) -> Result<Self, InternalCaError> {
        if !layout.ca_certificate().exists() {
            Self::make(layout, &keks.current, now)?;
        }
        Self::open(layout, keks)
    }

    /// Opens the CA of the data folder.
    ///
    /// # Errors
    /// [`InternalCaError`], among them [`InternalCaError::Open`] for other key-encryption keys.
    pub fn open(layout: &Layout, keks: &Keks) -> Result<Self, InternalCaError> {
        let path = layout.ca_certificate();
        let text =
            fs::read_to_string(&path).map_err(|source| InternalCaError::Read { path, source })?;
        let chain = pki::parse_pem_chain(&text).map_err(InternalCaError::Certificate)?;
        let pkcs8 = envelope::open_with_any(keks, &label(), &sealed_key(layout)?);
        let pkcs8 = pkcs8.map_err(InternalCaError::Open)?;
        let key = PrivateKey::from_pkcs8_der(&pkcs8).map_err(InternalCaError::Key)?;
        // While a CA is replaced the file holds several: ours is the one whose key we have.
        let mut ours = chain.into_iter().filter(|c| c.spki_der == key.spki_der());
        let certificate = ours.next().ok_or(InternalCaError::KeyMismatch)?;
        let der = rustls_pki_types::CertificateDer::from(certificate.der.as_slice());
        let issuer = Issuer::from_ca_cert_der(&der, key).map_err(InternalCaError::Sign)?;
        Ok(Self {
            certificate,
            issuer,
        })
    }

    /// Seals the CA's key with this key-encryption key, unless it is; `true` where it was not.
    ///
    /// # Errors
    /// [`InternalCaError`]; then the file is what it was.
    pub fn rewrap(layout: &Layout, keks: &Keks, to: &Kek) -> Result<bool, InternalCaError> {
        let sealed = sealed_key(layout)?;
        if envelope::open(to, &label(), &sealed).is_ok() {
            return Ok(false);
        }
        let anew = envelope::rewrap(keks, to, &label(), &sealed).map_err(InternalCaError::Open)?;
        write(&layout.sealed_ca_key(), &anew, PRIVATE)?;
        Ok(true)
    }

    fn make(layout: &Layout, kek: &Kek, now: OffsetDateTime) -> Result<(), InternalCaError> {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).map_err(InternalCaError::Key)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, "Chancery internal CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.serial_number = Some(serial_number()?);
        params.not_before = now - SKEW;
        params.not_after = now + CA_LIFE;
        let certificate = params.self_signed(&key).map_err(InternalCaError::Sign)?;
        let sealed =
            envelope::seal(kek, &label(), key.pkcs8_der()).map_err(InternalCaError::Seal)?;
        // Step 1: the sealed key. A crash after this leaves a key without a certificate, which the
        // next `init` overwrites.
        write(&layout.sealed_ca_key(), &sealed, PRIVATE)?;
        // Step 2: the certificate. Once it is there, there is a CA.
        write(
            &layout.ca_certificate(),
            certificate.pem().as_bytes(),
            PUBLIC,
        )
    }

    /// Issues a leaf for a service's public key: 30 days, `spiffe://chancery/<name>`, for both ends
    /// of mutual TLS. The answer is PEM: the leaf, and this CA.
    ///
    /// # Errors
    /// [`InternalCaError::Name`], [`InternalCaError::Sign`].
    pub fn issue(
        &self,
        name: &str,
        spki_der: &[u8],
        now: OffsetDateTime,
    ) -> Result<String, InternalCaError> {
        self.issue_for_hosts(name, &[], spki_der, now)
    }

    fn issue_for_hosts(
        &self,
        name: &str,
        hosts: &[String],
        spki_der: &[u8],
        now: OffsetDateTime,
    ) -> Result<String, InternalCaError> {
        if !is_service_name(name) {
            return Err(InternalCaError::Name(name.chars().take(63).collect()));
        }
        let text = |text: &str| Ia5String::try_from(text).map_err(InternalCaError::Sign);
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.subject_alt_names = vec![
            SanType::URI(text(&format!("spiffe://chancery/{name}"))?),
            SanType::DnsName(text(name)?),
            SanType::DnsName(text("localhost")?),
        ];
        let named = |host: &&String| [name, "localhost"].contains(&host.as_str());
        for host in hosts.iter().filter(|host| !named(host)) {
            params.subject_alt_names.push(match host.parse() {
                Ok(ip) => SanType::IpAddress(ip),
                Err(_) => SanType::DnsName(text(host)?),
            });
        }
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.use_authority_key_identifier_extension = true;
        params.serial_number = Some(serial_number()?);
        params.not_before = now - SKEW;
        // Never longer than the CA itself.
        params.not_after = (now + LEAF_LIFE).min(self.certificate.not_after);
        let spki = SubjectPublicKeyInfo::from_der(spki_der).map_err(InternalCaError::Sign)?;
        let leaf = params
            .signed_by(&spki, &self.issuer)
            .map_err(InternalCaError::Sign)?;
        Ok(leaf.pem() + &pem::certificate(&self.certificate.der))
    }

    /// Whether this CA issued the certificate: another one, made after this one's files were lost, did not.
    pub fn issued(&self, leaf: &Certificate) -> bool {
        pki::chain::check_order(&[leaf.clone(), self.certificate.clone()]).is_ok()
    }

    /// Makes a service's identity: a new key (0600) and its leaf, in the identity folder.
    ///
    /// # Errors
    /// [`InternalCaError`].
    pub fn write_identity(
        &self,
        layout: &Layout,
        name: &str,
        now: OffsetDateTime,
    ) -> Result<(), InternalCaError> {
        let key = PrivateKey::generate(KeyAlgorithm::EcdsaP256).map_err(InternalCaError::Key)?;
        self.write_identity_of(&key, layout, name, &[], now)
    }

    /// Makes an identity of this key. `hosts`: by what else than its name it is reached, for programs that look at that.
    ///
    /// # Errors
    /// [`InternalCaError`].
    pub fn write_identity_of(
        &self,
        key: &PrivateKey,
        layout: &Layout,
        name: &str,
        hosts: &[String],
        now: OffsetDateTime,
    ) -> Result<(), InternalCaError> {
        let leaf = self.issue_for_hosts(name, hosts, key.spki_der(), now)?;
        // The leaf last: whoever finds one finds its key beside it.
        write(
            &layout.leaf_key(name),
            pem::private_key(key).as_bytes(),
            PRIVATE,
        )?;
        write(&layout.leaf(name), leaf.as_bytes(), PUBLIC)
    }
}

/// Lower-case letters, digits and hyphens: what a DNS label, a SPIFFE path and a NATS subject all take.
fn is_service_name(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(allowed)
}

fn sealed_key(layout: &Layout) -> Result<Vec<u8>, InternalCaError> {
    let path = layout.sealed_ca_key();
    fs::read(&path).map_err(|source| InternalCaError::Read { path, source })
}

fn label() -> Label {
    Label::new("internal-ca", &[])
}

fn serial_number() -> Result<SerialNumber, InternalCaError> {
    let mut octets = [0; 16];
    aws_lc_rs::rand::fill(&mut octets)
        .map_err(|_| InternalCaError::Sign(rcgen::Error::RingUnspecified))?;
    // Positive, and no zero octet in front (RFC 5280, section 4.1.2.2).
    octets[0] = octets[0] & 0x7f | 0x40;
    Ok(SerialNumber::from_slice(&octets))
}

/// Writes beside, syncs, and renames: a reader sees the old file or the new one, whole.
fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), InternalCaError> {
    let failed = |source| InternalCaError::Write {
        path: path.into(),
        source,
    };
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(failed)?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let put = || {
        let _ = fs::remove_file(&beside);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&beside)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&beside, path)?;
        fs::File::open(folder)?.sync_all()
    };
    put().map_err(failed)
}

const PRIVATE: u32 = 0o600;
const PUBLIC: u32 = 0o644;
/// Clocks of two machines may differ by this.
const SKEW: Duration = Duration::minutes(5);
const LEAF_LIFE: Duration = Duration::days(30);
const CA_LIFE: Duration = Duration::days(3_650);

#[cfg(test)]
mod tests;
