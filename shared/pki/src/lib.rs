//! X.509 without I/O: keys, names, certificate requests, certificates. Knows no service.
//!
//! What a person typed is parsed by [`names`] and [`subject`] into types that prove it was checked.
//! A [`PrivateKey`] signs in two ways only: [`csr::build`] and [`self_signed::build`]. What came from
//! elsewhere is read by [`Certificate::parse`] and [`csr::public_key`], put in order by [`chain::build`], and
//! checked by [`chain::check_order`].

mod certificate;
pub mod chain;
pub mod csr;
mod distinguished_name;
pub mod export;
pub mod fingerprint;
pub mod import;
mod key;
pub mod names;
pub mod pem;
pub mod roots;
pub mod self_signed;
mod signature;
pub mod subject;

pub use certificate::{Certificate, CertificateError, parse_pem_chain};
pub use key::{KeyAlgorithm, KeyError, PrivateKey, UnknownKeyAlgorithm};
pub use names::{DnsName, EmailAddress, FriendlyName, NameError};
pub use subject::{InvalidField, InvalidFields, Subject, SubjectAltNames, SubjectFields};
