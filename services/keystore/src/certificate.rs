//! The aggregate `certificate`: one certificate through all its versions. The serial number changes
//! with each, the certificate does not.

use api::{keystore::v1, x509};
use eventlog::{Aggregate, Envelope};
use pki::{Certificate, FriendlyName};

use crate::{events::CertificateEvent, refusal::Refusal};

/// What the log says about a certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum State {
    /// Nothing.
    #[default]
    Absent,
    /// It is kept.
    Kept(Kept),
}

/// A certificate that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// What people call it.
    pub friendly_name: String,
    /// The automation that renews it; empty where there is none.
    pub automation_id: String,
    /// Version 1 first.
    pub versions: Vec<Version>,
}

/// One certificate of several that took each other's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// SHA-256 of its DER, hex.
    pub fingerprint: String,
    /// Where the log has it.
    pub position: u64,
}

impl State {
    /// Which version has this fingerprint: its number, from 1, and what is known of it.
    pub fn version_of(&self, fingerprint: &str) -> Option<(u32, &Version)> {
        let versions = (1..).zip(&self.kept()?.versions);
        versions
            .into_iter()
            .find(|(_, version)| version.fingerprint == fingerprint)
    }

    /// The certificate, where it is kept.
    pub fn kept(&self) -> Option<&Kept> {
        match self {
            Self::Absent => None,
            Self::Kept(kept) => Some(kept),
        }
    }
}

/// What can be asked of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Keep a new certificate. Its key is in the vault, its name is reserved.
    Add {
        /// What people are to call it.
        friendly_name: FriendlyName,
        /// What came from the CA.
        chain: KeyedChain,
        /// The automation that got it.
        automation_id: String,
    },
    /// Keep a new version of this certificate.
    Renew {
        /// What came from the CA.
        chain: KeyedChain,
        /// The automation that got it.
        automation_id: String,
    },
    /// Keep a certificate that was signed here with its own key.
    SelfSign {
        /// What people are to call it.
        friendly_name: FriendlyName,
        /// The certificate; it has no issuers.
        chain: KeyedChain,
        /// Made at a first start, so that TLS works at once.
        factory: bool,
    },
}

/// A certificate whose public key was found to be that of a key in the vault, and its issuers in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedChain {
    /// The key.
    pub key_id: String,
    /// The certificate itself.
    pub leaf: Certificate,
    /// Each issued the one before it.
    pub issuers: Vec<Certificate>,
}

/// What happens to the certificate.
///
/// # Errors
/// [`Refusal`]; [`Refusal::AlreadyHere`] where this very certificate is a version already.
pub fn decide(state: &State, command: &Command) -> Result<CertificateEvent, Refusal> {
    let (Command::Add { chain, .. }
    | Command::Renew { chain, .. }
    | Command::SelfSign { chain, .. }) = command;
    if let Some((version, _)) = state.version_of(&chain.leaf.sha256_fingerprint) {
        return Err(Refusal::AlreadyHere { version });
    }
    match (state, command) {
        (
            State::Absent,
            Command::Add {
                friendly_name,
                chain,
                automation_id,
            },
        ) => Ok(CertificateEvent::Issued(v1::CertificateIssued {
            friendly_name: friendly_name.to_string(),
            key_id: chain.key_id.clone(),
            certificate: Some(message(&chain.leaf)),
            issuers: chain.issuers.iter().map(message).collect(),
            automation_id: automation_id.clone(),
            serve: true,
        })),
        (
            State::Absent,
            Command::SelfSign {
                friendly_name,
                chain,
                factory,
            },
        ) => Ok(CertificateEvent::SelfSigned(v1::CertificateSelfSigned {
            friendly_name: friendly_name.to_string(),
            key_id: chain.key_id.clone(),
            certificate: Some(message(&chain.leaf)),
            serve: true,
            factory: *factory,
        })),
        (
            State::Kept(kept),
            Command::Renew {
                chain,
                automation_id,
            },
        ) => {
            if kept.automation_id != *automation_id {
                return Err(Refusal::OtherAutomation);
            }
            Ok(CertificateEvent::Renewed(v1::CertificateRenewed {
                // Far below 2^32: one version is at least some minutes.
                version: kept.versions.len() as u32 + 1,
                key_id: chain.key_id.clone(),
                certificate: Some(message(&chain.leaf)),
                issuers: chain.issuers.iter().map(message).collect(),
                automation_id: automation_id.clone(),
            }))
        }
        (State::Absent, Command::Renew { .. }) => Err(Refusal::NoSuchCertificate),
        (State::Kept(_), Command::Add { .. } | Command::SelfSign { .. }) => {
            Err(Refusal::CertificateExists)
        }
    }
}

impl Aggregate for State {
    const NAME: &'static str = "certificate";
    type Event = CertificateEvent;

    fn evolve(&mut self, event: &CertificateEvent, recorded: &Envelope) {
        let version = |certificate: &Option<x509::v1::Certificate>| Version {
            fingerprint: certificate
                .as_ref()
                .map(|c| c.sha256_fingerprint.clone())
                .unwrap_or_default(),
            position: recorded.sequence,
        };
        match event {
            CertificateEvent::Issued(issued) => {
                *self = Self::Kept(Kept {
                    friendly_name: issued.friendly_name.clone(),
                    automation_id: issued.automation_id.clone(),
                    versions: vec![version(&issued.certificate)],
                });
            }
            CertificateEvent::SelfSigned(signed) => {
                *self = Self::Kept(Kept {
                    friendly_name: signed.friendly_name.clone(),
                    automation_id: String::new(),
                    versions: vec![version(&signed.certificate)],
                });
            }
            CertificateEvent::Renewed(renewed) => {
                if let Self::Kept(kept) = self {
                    kept.versions.push(version(&renewed.certificate));
                }
            }
        }
    }
}

fn message(certificate: &Certificate) -> x509::v1::Certificate {
    certificate.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use eventlog::given::given;

    use crate::samples;

    fn add(chain: KeyedChain) -> Command {
        Command::Add {
            friendly_name: FriendlyName::try_from("shop").unwrap(),
            chain,
            automation_id: samples::AUTOMATION.into(),
        }
    }

    fn renew(chain: KeyedChain) -> Command {
        Command::Renew {
            chain,
            automation_id: samples::AUTOMATION.into(),
        }
    }

    fn self_sign(factory: bool) -> Command {
        Command::SelfSign {
            friendly_name: FriendlyName::try_from("Chancery").unwrap(),
            chain: samples::first_chain(),
            factory,
        }
    }

    #[test]
    fn a_certificate_from_a_ca_is_kept() {
        given::<State>([])
            .when(|s| decide(s, &add(samples::first_chain())))
            .then(samples::issued());
    }

    #[test]
    fn a_renewal_is_the_next_version() {
        given::<State>([samples::issued()])
            .when(|s| decide(s, &renew(samples::second_chain())))
            .then(samples::renewed());
    }

    #[test]
    fn the_same_certificate_again_says_where_it_is() {
        given::<State>([samples::issued(), samples::renewed()])
            .when(|s| decide(s, &renew(samples::second_chain())))
            .refused(Refusal::AlreadyHere { version: 2 });
        given::<State>([samples::issued(), samples::renewed()])
            .when(|s| decide(s, &add(samples::first_chain())))
            .refused(Refusal::AlreadyHere { version: 1 });
    }

    #[test]
    fn a_version_of_nothing_is_refused() {
        given::<State>([])
            .when(|s| decide(s, &renew(samples::second_chain())))
            .refused(Refusal::NoSuchCertificate);
    }

    #[test]
    fn a_certificate_takes_versions_from_its_own_automation_alone() {
        let stranger = Command::Renew {
            chain: samples::second_chain(),
            automation_id: "another".into(),
        };
        given::<State>([samples::issued()])
            .when(|s| decide(s, &stranger))
            .refused(Refusal::OtherAutomation);
        given::<State>([samples::self_signed()])
            .when(|s| decide(s, &renew(samples::second_chain())))
            .refused(Refusal::OtherAutomation);
    }

    #[test]
    fn a_self_signed_certificate_is_kept_and_says_if_it_is_the_factory_one() {
        given::<State>([])
            .when(|s| decide(s, &self_sign(true)))
            .then(samples::self_signed());
        let CertificateEvent::SelfSigned(signed) =
            decide(&State::Absent, &self_sign(false)).unwrap()
        else {
            panic!("another event");
        };
        assert!(!signed.factory && signed.serve);
    }

    #[test]
    fn another_certificate_cannot_take_the_place_of_one() {
        given::<State>([samples::issued()])
            .when(|s| decide(s, &add(samples::second_chain())))
            .refused(Refusal::CertificateExists);
    }
}
