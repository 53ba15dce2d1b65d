//! The event log on a real nats-server.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "helpers of tests are tests too"
)]

mod append;
mod cluster;
mod counter;
mod database;
mod follow;
mod foreign;
mod ledger;
mod proxy;
mod safety;
mod server;
mod standing;
mod stored;
mod tail;
