//! The NATS server as Chancery sets it up: who its users are ([`users`]) and how it is configured ([`conf`]).

pub mod conf;
#[cfg(test)]
pub mod fixture;
pub mod users;
