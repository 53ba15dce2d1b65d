//! The contracts of `proto/` as Rust: messages, gRPC clients and servers, and proto3 JSON through serde.
//!
//! Beside the generated code: [`policy`] (who may call a method, read from the descriptors),
//! [`convert`] (between messages and the types of `pki` and `time`), [`refuse`] (a refusal as a
//! gRPC status), [`metadata`] (the names of the headers that services exchange), [`challenge`]
//! (the bucket for answers to ACME challenges), and [`CertificateFilter`] (what a caller is held to).

mod certificate_filter;
pub mod challenge;
pub mod convert;
pub mod metadata;
pub mod policy;
pub mod refuse;
mod silent;

pub use certificate_filter::{CertificateFilter, FilterError};

/// Generated from `proto/chancery/`.
macro_rules! packages {
    ($($module:ident = $package:literal),+ $(,)?) => { $(
        #[doc = concat!("`", $package, "`")]
        pub mod $module {
            /// Version 1 of the package.
            #[allow(missing_docs, clippy::all, clippy::unwrap_used, clippy::expect_used)]
            pub mod v1 {
                include!(concat!(env!("OUT_DIR"), "/", $package, ".rs"));
                include!(concat!(env!("OUT_DIR"), "/", $package, ".serde.rs"));
            }
        }
    )+ };
}

packages! {
    options = "chancery.options.v1",
    x509 = "chancery.x509.v1",
    keystore = "chancery.keystore.v1",
    csr = "chancery.csr.v1",
    acme = "chancery.acme.v1",
    notifier = "chancery.notifier.v1",
    projection = "chancery.projection.v1",
    gateway = "chancery.gateway.v1",
}

/// The encoded `FileDescriptorSet` of every file in `proto/`, custom options included.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));
