//! What we write, read by those who share no code with us: openssl, GnuTLS, NSS, Java, and pkilint.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod archives;
mod certificates;
mod desk;
mod identity;
mod java;
mod keys;
mod lint;
mod pkcs12;
