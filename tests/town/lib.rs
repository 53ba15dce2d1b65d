//! A town to tell stories in: the real `chancery`, a real NATS server, a real CA, on this machine alone.
//!
//! A [`Town`] is one installation, talked to as people and programs do: by the [`command_line`], by the public
//! API ([`client`]), by a handshake with its [`edge`], in a real [`browser`] (through its [`webdriver`]); or all that from somebody's [`desk`]. [`pebble`] is its CA, an [`authority`] one
//! without ACME, [`bind`] a name server that takes updates, [`dns_company`] the API of a company that keeps one. [`nats`] is a bare server, for stories about the log alone, a [`block`] its file in the hands of somebody else, and [`wire`] a line to it that can lose what it carries. Messages go to a [`mail`] server or to a [`hook`],
//! traces to a [`collector`]; a [`load`] of people shows what they were told is done, and is lost; what a process shows of itself is read by a [`monitor`]. Everything runs as a [`child`] that
//! ends with its owner; [`wait`] waits for conditions, and nothing waits for a time.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A panic is how a test fails.

pub mod authority;
pub mod bind;
pub mod block;
pub mod browser;
pub mod call;
pub mod chaos;
pub mod child;
pub mod client;
pub mod cluster;
pub mod collector;
pub mod command_line;
pub mod desk;
pub mod dns_company;
pub mod edge;
pub mod hook;
pub mod installation;
pub mod kept;
pub mod load;
pub mod mail;
pub mod monitor;
pub mod nats;
pub mod pebble;
mod replica;
pub mod tools;
mod town;
pub mod wait;
pub mod web;
pub mod webdriver;
pub mod wire;

pub use town::{Plan, Town, request_for};
