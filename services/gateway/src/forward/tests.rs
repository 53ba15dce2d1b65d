//! Calls through a real edge.

mod access;
mod answers;
mod edge;
mod long;
