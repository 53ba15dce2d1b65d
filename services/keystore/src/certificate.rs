//! The aggregate `certificate`: one certificate through all its versions. The serial number changes
//! with each, the certificate does not.

mod command;

use api::{CertificateFilter, keystore::v1, x509};
use eventlog::{Aggregate, Envelope};
use pki::Certificate;

pub use self::command::{Command, KeyedChain};
use crate::{events::CertificateEvent as Event, refusal::Refusal};

/// What the log says about a certificate.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum State {
    /// Nothing.
    #[default]
    Absent,
    /// It is kept.
    Kept(Kept),
    /// It was deleted, and can be restored.
    Deleted(Kept),
}

/// A certificate that is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// What people call it.
    pub friendly_name: String,
    /// How it came here.
    pub source: Source,
    /// The automation that renews it; empty where there is none.
    pub automation_id: String,
    /// Version 1 first.
    pub versions: Vec<Version>,
    /// The newest version whole.
    pub leaf: x509::v1::Certificate,
    /// Its issuers in order, as far as they are known.
    pub issuers: Vec<x509::v1::Certificate>,
}

/// How a certificate came here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// From an ACME server.
    Acme,
    /// Signed with its own key, here.
    SelfSigned,
    /// Likewise, at a first start.
    Factory,
    /// From outside.
    Imported,
}

/// One certificate of several that took each other's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// SHA-256 of its DER, hex.
    pub fingerprint: String,
    /// Where the log has it.
    pub position: u64,
    /// Its CA has revoked it.
    pub revoked: bool,
}

impl State {
    /// Which version has this fingerprint: its number, from 1, and what is known of it.
    pub fn version_of(&self, fingerprint: &str) -> Option<(u32, &Version)> {
        let versions = (1..).zip(&self.known()?.versions);
        versions
            .into_iter()
            .find(|(_, version)| version.fingerprint == fingerprint)
    }

    /// The certificate, where it is kept.
    pub fn kept(&self) -> Option<&Kept> {
        match self {
            Self::Absent | Self::Deleted(_) => None,
            Self::Kept(kept) => Some(kept),
        }
    }

    /// The certificate, also where it was deleted.
    pub fn known(&self) -> Option<&Kept> {
        match self {
            Self::Absent => None,
            Self::Kept(kept) | Self::Deleted(kept) => Some(kept),
        }
    }

    /// The certificate, where it is kept.
    ///
    /// # Errors
    /// [`Refusal::NoSuchCertificate`], or [`Refusal::CertificateDeleted`].
    pub fn existing(&self) -> Result<&Kept, Refusal> {
        match self {
            Self::Absent => Err(Refusal::NoSuchCertificate),
            Self::Deleted(_) => Err(Refusal::CertificateDeleted),
            Self::Kept(kept) => Ok(kept),
        }
    }

    /// For a caller who is held to some certificates, what is not his affair is not there.
    ///
    /// # Errors
    /// [`Refusal::NoSuchCertificate`].
    pub fn within(&self, held_to: &CertificateFilter) -> Result<(), Refusal> {
        let names = self
            .known()
            .map(|kept| kept.leaf.subject_alt_names.as_ref());
        match names {
            Some(names) if !held_to.covers_all(names) => Err(Refusal::NoSuchCertificate),
            _ => Ok(()),
        }
    }

    fn known_mut(&mut self) -> Option<&mut Kept> {
        match self {
            Self::Absent => None,
            Self::Kept(kept) | Self::Deleted(kept) => Some(kept),
        }
    }
}

impl Kept {
    /// The number of the newest version.
    pub fn version(&self) -> u32 {
        // Far below 2^32: one version is at least some minutes.
        self.versions.len() as u32
    }
}

/// What happens to the certificate.
///
/// # Errors
/// [`Refusal`]; [`Refusal::AlreadyHere`] where this very certificate is a version already.
pub fn decide(state: &State, command: &Command) -> Result<Event, Refusal> {
    match command {
        Command::Add {
            friendly_name,
            chain,
            automation_id,
        } => {
            absent(state, chain)?;
            Ok(Event::Issued(v1::CertificateIssued {
                friendly_name: friendly_name.to_string(),
                key_id: chain.key_id.clone(),
                certificate: Some((&chain.leaf).into()),
                issuers: messages(&chain.issuers),
                automation_id: automation_id.clone(),
                serve: true,
            }))
        }
        Command::SelfSign {
            friendly_name,
            chain,
            factory,
        } => {
            absent(state, chain)?;
            Ok(Event::SelfSigned(v1::CertificateSelfSigned {
                friendly_name: friendly_name.to_string(),
                key_id: chain.key_id.clone(),
                certificate: Some((&chain.leaf).into()),
                serve: true,
                factory: *factory,
            }))
        }
        Command::Import {
            friendly_name,
            chain,
            request_id,
        } => {
            absent(state, chain)?;
            Ok(Event::Imported(v1::CertificateImported {
                friendly_name: friendly_name.to_string(),
                key_id: chain.key_id.clone(),
                certificate: Some((&chain.leaf).into()),
                issuers: messages(&chain.issuers),
                serve: true,
                request_id: request_id.clone(),
            }))
        }
        Command::Renew {
            chain,
            automation_id,
        } => {
            new_here(state, chain)?;
            let kept = state.existing()?;
            if kept.automation_id != *automation_id {
                return Err(Refusal::OtherAutomation);
            }
            Ok(Event::Renewed(v1::CertificateRenewed {
                version: kept.version() + 1,
                key_id: chain.key_id.clone(),
                certificate: Some((&chain.leaf).into()),
                issuers: messages(&chain.issuers),
                automation_id: automation_id.clone(),
            }))
        }
        Command::CompleteChain {
            fingerprint,
            issuers,
        } => {
            // Of one that is deleted it is built when it is restored.
            let kept = state.existing()?;
            let same = kept.issuers.iter().map(|issuer| &issuer.der[..]);
            if kept.leaf.sha256_fingerprint != *fingerprint
                || same.eq(issuers.iter().map(|issuer| &issuer.der[..]))
            {
                return Err(Refusal::ChainUnchanged);
            }
            Ok(Event::ChainCompleted(v1::CertificateChainCompleted {
                version: kept.version(),
                issuers: messages(issuers),
            }))
        }
        Command::Rename { friendly_name } => {
            if state.existing()?.friendly_name == friendly_name.as_str() {
                return Err(Refusal::NameUnchanged);
            }
            Ok(Event::Renamed(v1::CertificateRenamed {
                friendly_name: friendly_name.to_string(),
            }))
        }
        Command::Export(exported) => {
            let kept = state.existing()?;
            if !(1..=kept.version()).contains(&exported.version) {
                return Err(Refusal::NoSuchVersion {
                    newest: kept.version(),
                });
            }
            Ok(Event::Exported(exported.clone()))
        }
        Command::Release { automation_id } => {
            let kept = state.known().ok_or(Refusal::NoSuchCertificate)?;
            match kept.automation_id.as_str() {
                "" => Err(Refusal::AlreadyReleased),
                managed_by if managed_by == automation_id => {
                    Ok(Event::Released(v1::CertificateReleased {
                        automation_id: automation_id.clone(),
                    }))
                }
                _ => Err(Refusal::OtherAutomation),
            }
        }
        Command::Revoke { version, reason } => {
            // Also of one that was deleted meanwhile: it is a fact.
            let kept = state.known().ok_or(Refusal::NoSuchCertificate)?;
            let mut numbered = (1..).zip(&kept.versions);
            match numbered.find(|(number, _)| number == version) {
                None => Err(Refusal::NoSuchVersion {
                    newest: kept.version(),
                }),
                Some((_, known)) if known.revoked => Err(Refusal::AlreadyRevoked),
                Some(_) => Ok(Event::Revoked(v1::CertificateRevoked {
                    version: *version,
                    reason: (*reason).into(),
                })),
            }
        }
        Command::Delete => {
            let kept = state.existing()?;
            if !kept.automation_id.is_empty() {
                return Err(Refusal::Managed);
            }
            if kept.source == Source::Factory {
                return Err(Refusal::Factory);
            }
            Ok(Event::Deleted(v1::CertificateDeleted {}))
        }
        Command::Restore { friendly_name } => match state {
            State::Absent => Err(Refusal::NoSuchCertificate),
            State::Kept(_) => Err(Refusal::NotDeleted),
            State::Deleted(_) => Ok(Event::Restored(v1::CertificateRestored {
                friendly_name: friendly_name.to_string(),
            })),
        },
    }
}

/// This very certificate is no version yet.
fn new_here(state: &State, chain: &KeyedChain) -> Result<(), Refusal> {
    match state.version_of(&chain.leaf.sha256_fingerprint) {
        Some((version, _)) => Err(Refusal::AlreadyHere { version }),
        None => Ok(()),
    }
}

/// There is nothing of this certificate yet.
fn absent(state: &State, chain: &KeyedChain) -> Result<(), Refusal> {
    new_here(state, chain)?;
    match state {
        State::Absent => Ok(()),
        State::Kept(_) | State::Deleted(_) => Err(Refusal::CertificateExists),
    }
}

impl Aggregate for State {
    const NAME: &'static str = "certificate";
    type Event = Event;

    fn evolve(&mut self, event: &Event, recorded: &Envelope) {
        let first = |friendly_name: &str, source, leaf: &Option<x509::v1::Certificate>| {
            let leaf = leaf.clone().unwrap_or_default();
            Kept {
                friendly_name: friendly_name.to_owned(),
                source,
                automation_id: String::new(),
                versions: vec![version(&leaf, recorded)],
                leaf,
                issuers: Vec::new(),
            }
        };
        match event {
            Event::Issued(issued) => {
                *self = Self::Kept(Kept {
                    automation_id: issued.automation_id.clone(),
                    issuers: issued.issuers.clone(),
                    ..first(&issued.friendly_name, Source::Acme, &issued.certificate)
                });
            }
            Event::SelfSigned(signed) => {
                let source = match signed.factory {
                    true => Source::Factory,
                    false => Source::SelfSigned,
                };
                *self = Self::Kept(first(&signed.friendly_name, source, &signed.certificate));
            }
            Event::Imported(imported) => {
                let source = Source::Imported;
                *self = Self::Kept(Kept {
                    issuers: imported.issuers.clone(),
                    ..first(&imported.friendly_name, source, &imported.certificate)
                });
            }
            Event::Renewed(renewed) => {
                if let Some(kept) = self.known_mut() {
                    kept.leaf = renewed.certificate.clone().unwrap_or_default();
                    kept.versions.push(version(&kept.leaf, recorded));
                    kept.issuers = renewed.issuers.clone();
                }
            }
            Event::ChainCompleted(completed) => {
                // That of an older version is known from the log, for who asks for that version.
                if let Some(kept) = self.known_mut()
                    && kept.version() == completed.version
                {
                    kept.issuers = completed.issuers.clone();
                }
            }
            Event::Renamed(v1::CertificateRenamed { friendly_name }) => {
                if let Some(kept) = self.known_mut() {
                    kept.friendly_name = friendly_name.clone();
                }
            }
            Event::Exported(_) => {}
            Event::Released(_) => {
                if let Some(kept) = self.known_mut() {
                    kept.automation_id.clear();
                }
            }
            Event::Revoked(revoked) => {
                let versions = self.known_mut().map(|kept| &mut kept.versions);
                let numbered = (1..).zip(versions.into_iter().flatten());
                for (number, version) in numbered {
                    version.revoked |= number == revoked.version;
                }
            }
            Event::Deleted(_) => {
                if let Self::Kept(kept) = std::mem::take(self) {
                    *self = Self::Deleted(kept);
                }
            }
            Event::Restored(v1::CertificateRestored { friendly_name }) => {
                if let Self::Deleted(kept) = std::mem::take(self) {
                    *self = Self::Kept(Kept {
                        friendly_name: friendly_name.clone(),
                        ..kept
                    });
                }
            }
        }
    }
}

fn version(leaf: &x509::v1::Certificate, recorded: &Envelope) -> Version {
    Version {
        fingerprint: leaf.sha256_fingerprint.clone(),
        position: recorded.sequence,
        revoked: false,
    }
}

fn messages(certificates: &[Certificate]) -> Vec<x509::v1::Certificate> {
    certificates.iter().map(Into::into).collect()
}

#[cfg(test)]
mod tests;
