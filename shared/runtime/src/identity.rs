//! Who a service is: a certificate of the internal CA with the name `spiffe://chancery/<service>`.
//!
//! A leaf lives for 30 days. When a third of that is left, the service has it renewed (`rotate`); new
//! connections use the new one (`store`), without a restart. Who is at the other end is decided in `verify`.

mod files;
mod issuer;
mod rotate;
pub mod spiffe;
mod store;
mod verify;

use std::{io, path::PathBuf};

use thiserror::Error;

pub use self::issuer::{IdentityIssuer, IssueError};
pub(crate) use self::{issuer::KeystoreIssuer, rotate::rotate, store::IdentityStore};

/// The service that renews identities.
pub(crate) const ISSUER: &str = "keystore";

/// An identity cannot be used.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// One of its files cannot be read.
    #[error("cannot read {path}: `chancery init` makes it")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// One of its files cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It holds no PEM of that kind.
    #[error("there is no {what} in PEM")]
    Pem {
        /// What should have been there.
        what: &'static str,
    },
    /// The certificate is not the name's.
    #[error("the certificate does not name the service")]
    Name(#[source] spiffe::NameError),
    /// The certificate names another service.
    #[error("the certificate is that of {found:?}, not of {wanted:?}")]
    OtherName {
        /// Whose it is.
        found: String,
        /// Whose it should be.
        wanted: String,
    },
    /// The certificate was not issued by the internal CA, or its key is another.
    #[error("the certificate and key do not belong together, or not to the internal CA")]
    Tls(#[source] rustls::Error),
    /// The internal CA's certificate cannot be trusted.
    #[error("the internal CA's certificate cannot be used")]
    Ca(#[source] rustls::server::VerifierBuilderError),
}
