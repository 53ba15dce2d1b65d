//! `chancery login`: a token on stdin is tried at the gateway, and kept.

use std::io::{self, IsTerminal as _, Read as _};

use clap::Args;

use super::{
    ClientError, Connection, answer,
    credentials::{Credentials, normal},
    trust::Fingerprint,
    whoami,
};
use crate::cli::Output;

/// `chancery login`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery login https://localhost:8443 --fingerprint 5f3a… < data/bootstrap-token
  chancery login https://chancery.example.com < token

Without --fingerprint the gateway's certificate must be one that the system's or Mozilla's roots vouch for.
The token is kept for this user alone in $XDG_CONFIG_HOME/chancery/credentials.toml (0600). Programs may set
CHANCERY_URL, CHANCERY_TOKEN and CHANCERY_FINGERPRINT in place of a login.")]
pub struct LoginArgs {
    /// The gateway's address.
    #[arg(value_name = "URL")]
    pub gateway: String,
    /// Trust the certificate with this SHA-256 and no other: `chancery up` shows it.
    #[arg(long, value_name = "SHA256")]
    pub fingerprint: Option<Fingerprint>,
}

/// The longest token that is read.
const LONGEST: u64 = 4_096;

/// `chancery login`
pub async fn run(args: LoginArgs, output: Output) -> Result<(), ClientError> {
    if io::stdin().is_terminal() {
        eprintln!("paste the token, then Enter and Ctrl-D:");
    }
    let mut token = String::new();
    let read = io::stdin().take(LONGEST).read_to_string(&mut token);
    read.map_err(ClientError::reading("the token from stdin"))?;
    let token = token.trim();
    if token.is_empty() {
        return Err(ClientError::Input {
            what: "there is no token on stdin: chancery login URL < TOKEN-FILE".into(),
        });
    }
    let credentials = Credentials {
        url: normal(&with_scheme(&args.gateway)),
        token: token.into(),
        fingerprint: args.fingerprint,
    };
    let connection = Connection::open(&credentials).await?;
    let me = whoami::ask(&connection).await?;
    let kept = credentials.keep()?;
    match output {
        Output::Json => answer::json(&me),
        Output::Table => answer::line(&format!(
            "signed in to {} as {} ({}); the token is kept in {}",
            credentials.url,
            me.actor,
            answer::word(me.role().as_str_name(), "ROLE_"),
            kept.display(),
        )),
    }
}

fn with_scheme(gateway: &str) -> String {
    if gateway.contains("://") {
        return gateway.to_owned();
    }
    format!("https://{gateway}")
}
