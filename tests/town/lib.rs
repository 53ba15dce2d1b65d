//! A town to tell stories in.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A panic is how a test fails.

pub mod child;
pub mod pebble;
pub mod ports;
pub mod tools;
pub mod wait;
