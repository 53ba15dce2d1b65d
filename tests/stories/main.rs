//! What Chancery does, told as stories: on the real program, a real NATS server, a real CA, and seen from outside.
//! One binary, a file a story; the fixture is `town`.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A panic is how a story fails, in its helpers too.

mod access;
mod beside_automation;
mod ca_by_hand;
mod callers;
mod chain_grows;
mod checks;
mod command_line;
mod crash;
mod dns_challenge;
mod doubtful_logs;
mod drawer;
mod edge;
mod evaluation;
mod examples;
mod filled_in;
mod full_budget;
mod given_out;
mod issue;
mod killed_import;
mod missing_issuers;
mod one_folder;
mod put_away;
mod races;
mod refusals;
mod renew;
mod renewed_in_time;
mod repeats;
mod requests;
mod revoked;
mod rights;
mod secrets;
mod self_signed;
mod servers;
mod standing;
mod take_over;
mod the_shops_token;
mod tls_challenge;
mod told;
mod traced;
mod troubled_ca;
mod users;
mod watched;
