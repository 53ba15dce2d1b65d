//! The projection on real databases and a real event log.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod automation;
mod counts;
mod database;
mod deletion;
mod filters;
mod follower;
mod golden;
mod held_to;
mod indices;
mod linking;
mod nats;
mod notices;
mod overview;
mod paging;
mod past;
mod proof;
mod questions;
mod rebuilding;
mod replay;
mod requests;
mod rows;
mod script;
mod scrubbing;
mod skipping;
mod spelling;
mod statuses;
mod upgrade;
mod watching;
