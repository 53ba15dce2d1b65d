//! The event log on a real nats-server.

mod append;
mod counter;
mod follow;
mod ledger;
mod proxy;
mod safety;
mod server;
mod tail;
