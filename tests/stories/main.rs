//! What Chancery does, told as stories: on the real program, a real NATS server, a real CA, and seen from outside.
//! One binary, a file a story; the fixture is `town`.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A panic is how a story fails, in its helpers too.

mod callers;
mod command_line;
mod crash;
mod doubtful_logs;
mod edge;
mod evaluation;
mod issue;
mod missing_issuers;
mod one_folder;
mod races;
mod refusals;
mod renew;
mod repeats;
mod requests;
mod rights;
mod secrets;
mod self_signed;
mod take_over;
