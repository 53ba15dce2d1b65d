//! `chancery whoami`

use api::gateway::v1::{WhoAmIRequest, WhoAmIResponse};

use super::{ClientError, Connection, answer};
use crate::cli::Output;

/// Asks the gateway who it takes us for.
pub async fn ask(connection: &Connection) -> Result<WhoAmIResponse, ClientError> {
    let mut session = connection.session();
    connection
        .ask(WhoAmIRequest {}, async |request| {
            session.who_am_i(request).await
        })
        .await
}

/// `chancery whoami`
pub async fn run(connection: &Connection, output: Output) -> Result<(), ClientError> {
    let me = ask(connection).await?;
    match output {
        Output::Json => answer::json(&me),
        Output::Table => answer::details([
            ("actor", me.actor.clone()),
            ("name", me.name.clone()),
            ("role", answer::word(me.role().as_str_name(), "ROLE_")),
            ("certificates", me.certificate_filter.join(", ")),
            ("token ends", answer::time(&me.expires)),
            ("gateway", connection.url().to_owned()),
            ("version", me.version.clone()),
        ]),
    }
}
