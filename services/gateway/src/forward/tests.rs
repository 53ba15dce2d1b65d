//! Calls through a real edge.

mod access;
mod answers;
mod edge;
mod everywhere;
mod logins;
mod long;
mod tokens;
mod web;
