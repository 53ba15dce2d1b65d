//! The gateway's own tables: what may not stand in the log, and what follows from it.
//!
//! Names, addresses, hashes are here alone, and are erased with their person. Roles and standings are copies of
//! what the log says, kept by [`crate::follow`].

pub mod device_login;
pub mod intended_password;
pub mod invitation;
pub mod refusals;
pub mod session;
pub mod set_up;
pub mod token;
pub mod user;

use sea_orm_migration::MigrationTrait;

use crate::{
    second_factor,
    sign_in::{browser, half_way, tries},
};

/// The tables, oldest first.
pub fn migrations() -> Vec<Box<dyn MigrationTrait>> {
    vec![
        Box::new(user::Migration),
        Box::new(intended_password::Migration),
        Box::new(invitation::Migration),
        Box::new(session::Migration),
        Box::new(refusals::Migration),
        Box::new(set_up::Migration),
        Box::new(token::Migration),
        Box::new(device_login::Migration),
        Box::new(second_factor::row::Migration),
        Box::new(tries::Migration),
        Box::new(browser::Migration),
        Box::new(half_way::Migration),
        eventlog::checkpoint::migration(),
        eventlog::request_ledger::migration(),
    ]
}
