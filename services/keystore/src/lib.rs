//! Private keys and their certificates: the only place a key is in the clear.

pub mod config;
mod envelope;
pub mod internal_ca;
pub mod kek;

pub use config::Config;
