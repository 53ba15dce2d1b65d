//! Signing in without a token: a person types a code in a browser where he is signed in (after RFC 8628).

use std::{fs, time::Duration};

use api::{
    gateway::v1::{BeginLoginRequest, BeginLoginResponse, PollLoginRequest},
    refuse,
};
use secrecy::SecretString;
use tonic::Code;

use crate::client::{ClientError, Connection, error};

/// The token that a person lets this command line have.
///
/// # Errors
/// Where he does not, or not in time.
pub async fn token(connection: &Connection) -> Result<SecretString, ClientError> {
    let mut logins = connection.device_logins();
    let request = BeginLoginRequest {
        device_name: host_name(),
    };
    let begun = connection
        .ask(request, async |request| logins.begin_login(request).await)
        .await?;
    show(connection.url(), &begun);
    let pause = Duration::from_secs(begun.interval_seconds.max(1).into());
    poll(connection, &begun.device_code, pause).await
}

async fn poll(
    connection: &Connection,
    device_code: &str,
    mut pause: Duration,
) -> Result<SecretString, ClientError> {
    let mut logins = connection.device_logins();
    loop {
        tokio::time::sleep(pause).await;
        let request = tonic::Request::new(PollLoginRequest {
            device_code: device_code.to_owned(),
        });
        let status = match logins.poll_login(request).await {
            Ok(answer) => return Ok(answer.into_inner().text.into()),
            Err(status) => status,
        };
        match refuse::reason(&status).as_deref() {
            Some("LOGIN_PENDING") => {}
            // RFC 8628, section 3.5.
            Some("SLOW_DOWN" | "TOO_OFTEN") => pause += SLOWER,
            _ if error::is_lost(&status) && status.code() != Code::DeadlineExceeded => {}
            _ => return Err(connection.explain(status)),
        }
    }
}

fn show(url: &str, begun: &BeginLoginResponse) {
    eprintln!(
        "Open this in a browser where you are signed in:\n\n    {url}{}\n\nand type this code:\n\n    {}\n",
        begun.path, begun.user_code
    );
    eprintln!("Waiting for you there (Ctrl-C gives up) …");
}

/// What the person knows this machine by; the page shows it to him.
fn host_name() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().chars().take(LONGEST_NAME).collect()
}

/// How much less often is asked where the gateway wants that.
const SLOWER: Duration = Duration::from_secs(5);

const LONGEST_NAME: usize = 64;
