//! The NATS server as Chancery sets it up: who its users are ([`users`]) which servers there are ([`servers`]),
//! and how each is configured ([`conf`]).

pub mod conf;
#[cfg(test)]
pub mod fixture;
pub mod servers;
pub mod users;
