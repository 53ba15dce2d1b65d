//! `chancery login`: a token on stdin, or one that a person lets us have, is tried at the gateway, and kept.

mod device;

use std::io::{self, IsTerminal as _, Read as _};

use clap::Args;
use secrecy::SecretString;

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
  chancery login https://chancery.example.com

On a terminal, without a token on stdin, it shows a code: type it in a browser where you are signed in, and this
command line may do for 30 days what you may, but for exporting private keys.

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
    let url = normal(&with_scheme(&args.gateway));
    let token = match io::stdin().is_terminal() {
        true => {
            let connection = Connection::open_without_token(&url, args.fingerprint).await?;
            device::token(&connection).await?
        }
        false => from_stdin()?,
    };
    let credentials = Credentials {
        url,
        token,
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
            me.name,
            answer::word(me.role().as_str_name(), "ROLE_"),
            kept.display(),
        )),
    }
}

fn from_stdin() -> Result<SecretString, ClientError> {
    let mut token = String::new();
    let read = io::stdin().take(LONGEST).read_to_string(&mut token);
    read.map_err(ClientError::reading("the token from stdin"))?;
    match token.trim() {
        "" => Err(ClientError::Input {
            what: "there is no token on stdin: chancery login URL < TOKEN-FILE".into(),
        }),
        token => Ok(token.into()),
    }
}

fn with_scheme(gateway: &str) -> String {
    if gateway.contains("://") {
        return gateway.to_owned();
    }
    format!("https://{gateway}")
}
