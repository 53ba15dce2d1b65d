//! Calls through a real edge.

mod access;
mod answers;
mod edge;
mod everywhere;
mod logins;
mod long;
mod streamed;
mod tokens;
mod web;
