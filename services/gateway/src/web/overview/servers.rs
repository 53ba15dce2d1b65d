//! The ACME servers, and how much each is used.

use api::{
    acme::v1::Step,
    projection::v1::{Overview, Server},
};
use tonic::Status;

use super::{list, needs::Asked};
use crate::web::{
    desk::Desk,
    event_words::href,
    parts::{Away, Chip},
    visitor::SignedIn,
};

/// All of them.
pub struct Servers(pub Vec<Line>);

/// One of them.
pub struct Line {
    /// How it stands.
    pub chip: Chip,
    /// What people call it.
    pub name: String,
    /// Its page.
    pub href: String,
    /// "12 automated", for example.
    pub used: String,
}

/// Asks for them.
///
/// # Errors
/// What the projection says.
pub async fn ask(desk: &Desk, person: &SignedIn) -> Result<Vec<Server>, Status> {
    let servers = desk
        .queries(person)
        .list_servers(list("", "name", 50))
        .await?;
    Ok(servers.into_inner().servers)
}

impl Servers {
    /// Those that were listed.
    pub fn of(
        listed: Result<Vec<Server>, Status>,
        overview: Option<&Overview>,
        asked: &Asked,
    ) -> Result<Servers, Away> {
        let lines = listed?.into_iter().map(|server| {
            let uses = overview.into_iter().flat_map(|overview| &overview.servers);
            let used = uses.filter(|one| one.server_id == server.id);
            let used = used.map(|one| one.automations).sum::<u32>();
            let out_of_reach = asked.automations.iter().any(|row| {
                let failure = row.last_failure.as_ref();
                row.server_id == server.id && failure.is_some_and(|f| f.step() == Step::Connect)
            });
            let chip = match (server.deactivated.is_some(), out_of_reach) {
                (true, _) => Chip::new("Ended", "revoked", "revoked"),
                (false, true) => Chip::new("Out of reach", "error", "error"),
                (false, false) => Chip::new("Registered", "valid", "valid"),
            };
            Line {
                chip,
                href: href("acme-server", &server.id).unwrap_or_default(),
                name: server.name,
                used: match used {
                    0 => "not used".to_owned(),
                    n => format!("{n} automated"),
                },
            }
        });
        Ok(Servers(lines.collect()))
    }
}
