//! X.509 without I/O: keys, names, certificate requests, certificates. Knows no service.
//!
//! What a person typed is parsed by [`names`] and [`subject`] into types that prove it was checked.
//! A [`PrivateKey`] signs in two ways only: [`csr::build`] and [`self_signed::build`]. What came from
//! elsewhere is read by [`Certificate::parse`] and [`csr::public_key`]; [`chain::build`] finds what stands above a
//! certificate, up to the public [`roots`], and [`chain::check_order`] checks a chain that came whole.
//! What leaves is written by [`export`]. [`Lifetime`] knows when a certificate is to be renewed.

mod certificate;
pub mod chain;
pub mod csr;
mod distinguished_name;
pub mod export;
mod extensions;
pub mod fingerprint;
pub mod import;
mod key;
mod lifetime;
pub mod names;
mod passphrase;
pub mod pem;
pub mod roots;
pub mod self_signed;
mod signature;
pub mod subject;

pub use certificate::{Certificate, CertificateError, parse_pem_chain};
pub use key::{KeyAlgorithm, KeyError, PrivateKey, UnknownKeyAlgorithm};
pub use lifetime::Lifetime;
pub use names::{DnsName, EmailAddress, FriendlyName, NameError};
pub use subject::{InvalidField, InvalidFields, Subject, SubjectAltNames, SubjectFields};
