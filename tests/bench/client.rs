//! The public API, as a program with the bootstrap token calls it.

use std::time::Duration;

use api::gateway::v1::WhoAmIRequest;
use town::{client::Client, installation::Installation, wait};

/// That of this installation, once it answers.
pub async fn of(installation: &Installation) -> Client {
    let token = installation.bootstrap_token();
    wait::within(PATIENCE, "the API answers", async || {
        let client = Client::connect(installation.edge, &token).await.ok()?;
        client.session().who_am_i(WhoAmIRequest {}).await.ok()?;
        Some(client)
    })
    .await
}

const PATIENCE: Duration = Duration::from_secs(120);
