//! The identity that is in use, and the TLS configurations that always use it.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::{ResolvesClientCert, Resumption},
    crypto::{CryptoProvider, aws_lc_rs},
    server::{
        ClientHello, NoServerSessionStorage, ParsedCertificate, ResolvesServerCert,
        WebPkiClientVerifier, danger::ClientCertVerifier,
    },
    sign::CertifiedKey,
    version::TLS13,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject};
use time::OffsetDateTime;
use x509_parser::{certificate::X509Certificate, prelude::FromDer};

use super::{
    IdentityError, files, spiffe,
    verify::{KnownClient, ThisServer, verify_chain},
};
use crate::{Clock, Layout};

/// A certificate of the internal CA with its key, checked.
pub(crate) struct Identity {
    key: Arc<CertifiedKey>,
    pub(super) roots: Arc<RootCertStore>,
    pub(super) clients: Arc<dyn ClientCertVerifier>,
    not_before: OffsetDateTime,
    not_after: OffsetDateTime,
}

impl Identity {
    /// Reads an identity from PEM, and checks that it is the one of `name`, whole, and of the internal CA.
    ///
    /// One that has expired is read: the service comes up, and takes the one that it is given then. The keystore
    /// gives itself one; the others, whom it no longer lets in, get theirs from `chancery init` or `up`.
    pub(super) fn parse(
        name: &str,
        ca_pem: &[u8],
        leaf_pem: &[u8],
        key_pem: &[u8],
    ) -> Result<Self, IdentityError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        for ca in certificates(ca_pem, "CA certificate")? {
            roots.add(ca).map_err(IdentityError::Tls)?;
        }
        let roots = Arc::new(roots);
        let chain = certificates(leaf_pem, "certificate")?;
        let (leaf, intermediates) = chain.split_first().ok_or(IdentityError::Pem {
            what: "certificate",
        })?;
        let found = spiffe::name_of(leaf).map_err(IdentityError::Name)?;
        if found != name {
            let wanted = name.to_owned();
            return Err(IdentityError::OtherName { found, wanted });
        }
        let (not_before, not_after) = validity(leaf).map_err(IdentityError::Name)?;
        let parsed = ParsedCertificate::try_from(leaf).map_err(IdentityError::Tls)?;
        // As of its last second, so that an expired one is still known to be ours.
        verify_chain(&provider, &parsed, &roots, intermediates, unix(not_after))
            .map_err(IdentityError::Tls)?;
        let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|_| IdentityError::Pem {
            what: "private key",
        })?;
        let key =
            CertifiedKey::from_der(chain.clone(), key, &provider).map_err(IdentityError::Tls)?;
        let clients = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider);
        Ok(Self {
            key: Arc::new(key),
            clients: clients.build().map_err(IdentityError::Ca)?,
            roots,
            not_before,
            not_after,
        })
    }

    /// When it expires.
    pub(super) fn not_after(&self) -> OffsetDateTime {
        self.not_after
    }

    /// When a third of its life is left.
    pub(super) fn renew_at(&self) -> OffsetDateTime {
        self.not_after - (self.not_after - self.not_before) / 3
    }

    fn leaf(&self) -> Option<&CertificateDer<'static>> {
        self.key.cert.first()
    }
}

/// The identity in use. Cheap to clone; all clones see a new one at once.
#[derive(Clone)]
pub(crate) struct IdentityStore {
    inner: Arc<Inner>,
}

struct Inner {
    name: &'static str,
    layout: Layout,
    clock: Clock,
    current: RwLock<Arc<Identity>>,
}

impl IdentityStore {
    /// Reads the identity of `name`, and finishes a replacement that a crash cut short.
    pub(crate) fn open(
        name: &'static str,
        layout: &Layout,
        clock: Clock,
    ) -> Result<Self, IdentityError> {
        let identity = load(name, layout)?;
        if identity.not_after() < clock.now() {
            tracing::error!(service = name, not_after = %identity.not_after(), "the service's identity has expired: `chancery init` issues another");
        }
        Ok(Self {
            inner: Arc::new(Inner {
                name,
                layout: layout.clone(),
                clock,
                current: RwLock::new(Arc::new(identity)),
            }),
        })
    }

    /// Takes what is on disk, if that is another certificate than the one in use, or other CAs are trusted; says
    /// whether it was.
    pub(super) fn reload(&self) -> Result<bool, IdentityError> {
        let found = load(self.inner.name, &self.inner.layout)?;
        let current = self.current();
        if found.leaf() == current.leaf() && found.roots.roots == current.roots.roots {
            return Ok(false);
        }
        self.put(found);
        Ok(true)
    }

    /// Checks a new certificate, keeps it on disk, and uses it from now on.
    pub(super) fn replace(&self, leaf_pem: &[u8], key_pem: &[u8]) -> Result<(), IdentityError> {
        let Inner { name, layout, .. } = &*self.inner;
        let in_place = files::read(layout, name)?;
        let identity = Identity::parse(name, &in_place.ca, leaf_pem, key_pem)?;
        files::replace(layout, name, leaf_pem, key_pem)?;
        self.put(identity);
        Ok(())
    }

    /// When the identity in use expires.
    pub(crate) fn not_after(&self) -> OffsetDateTime {
        self.current().not_after()
    }

    /// The identity in use.
    pub(super) fn current(&self) -> Arc<Identity> {
        // A panic elsewhere cannot have left half an identity: it is one pointer.
        self.inner
            .current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn name(&self) -> &'static str {
        self.inner.name
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// TLS for who serves: lets in holders of identities of ours alone.
    pub(crate) fn server_config(&self) -> Result<ServerConfig, rustls::Error> {
        let clock = Arc::new(self.inner.clock.clone());
        let mut config = ServerConfig::builder_with_details(provider(), clock)
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(Arc::new(KnownClient::new(self.clone())))
            .with_cert_resolver(Arc::new(InUse(self.clone())));
        // A resumed session would stand on a certificate that nobody looked at again.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(config)
    }

    /// TLS for who connects: talks to the holder of the identity `peer` alone, whatever the address.
    pub(crate) fn client_config_for(&self, peer: &str) -> Result<ClientConfig, rustls::Error> {
        let clock = Arc::new(self.inner.clock.clone());
        let mut config = ClientConfig::builder_with_details(provider(), clock)
            .with_protocol_versions(&[&TLS13])?
            // Not less than the usual check but more: the chain, and then the name in the SPIFFE id.
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(ThisServer::new(self.clone(), peer)))
            .with_client_cert_resolver(Arc::new(InUse(self.clone())));
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    fn put(&self, identity: Identity) {
        *self
            .inner
            .current
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(identity);
    }
}

impl fmt::Debug for IdentityStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdentityStore({})", self.inner.name)
    }
}

pub(super) fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

/// Shows the identity in use at each handshake.
#[derive(Debug)]
struct InUse(IdentityStore);

impl ResolvesServerCert for InUse {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.current().key.clone())
    }
}

impl ResolvesClientCert for InUse {
    fn resolve(
        &self,
        _hints: &[&[u8]],
        _schemes: &[rustls::SignatureScheme],
    ) -> Option<Arc<CertifiedKey>> {
        Some(self.0.current().key.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn load(name: &str, layout: &Layout) -> Result<Identity, IdentityError> {
    let files = files::read(layout, name)?;
    let parse = |leaf: &[u8]| Identity::parse(name, &files.ca, leaf, &files.key);
    parse(&files.leaf).or_else(|error| {
        // Only a crash between the two renames leaves a certificate that fits the key better.
        let Some(identity) =
            files::read_unfinished(layout, name).and_then(|leaf| parse(&leaf).ok())
        else {
            return Err(error);
        };
        files::finish(layout, name)?;
        Ok(identity)
    })
}

fn certificates(
    pem: &[u8],
    what: &'static str,
) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let found = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|_| IdentityError::Pem { what })?;
    match found.is_empty() {
        true => Err(IdentityError::Pem { what }),
        false => Ok(found),
    }
}

fn validity(der: &[u8]) -> Result<(OffsetDateTime, OffsetDateTime), spiffe::NameError> {
    let (_, certificate) =
        X509Certificate::from_der(der).map_err(|_| spiffe::NameError::NotACertificate)?;
    let validity = certificate.validity();
    Ok((
        validity.not_before.to_datetime(),
        validity.not_after.to_datetime(),
    ))
}

fn unix(at: OffsetDateTime) -> UnixTime {
    let seconds = u64::try_from(at.unix_timestamp()).unwrap_or(0);
    UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds))
}
