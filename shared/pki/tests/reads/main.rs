//! What others write, read by us: openssl, GnuTLS, NSS and Java, which share no code with us.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

#[allow(dead_code, reason = "the tests of what we write need more of it")]
#[path = "../written/desk.rs"]
mod desk;
mod gnutls;
mod identity;
mod java;
mod nss;
mod openssl;
mod openssl_pkcs12;
mod refused;
