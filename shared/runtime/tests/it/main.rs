//! The runtime against real TLS, sockets, files and databases.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod authority;
mod calls;
mod configuration;
mod databases;
mod egress;
mod handshakes;
mod monitor;
mod nats;
mod peers;
mod rotation;
mod traces;
mod web;
