//! `chancery certs self-sign`

use api::csr::v1::CreateSelfSignedRequest;
use clap::{ArgGroup, Args};
use time::OffsetDateTime;

use super::{
    super::{
        ClientError, Connection, answer,
        connection::RequestId,
        key_choice::{self, KeyArgs, Unsaid},
        subject::{self, SubjectArgs},
    },
    find, get,
    show::show,
};
use crate::cli::Output;

/// `chancery certs self-sign`
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("for").args(["dns", "ip", "copy_from"]).required(true).multiple(true),
    after_help = "Examples:
  chancery certs self-sign intranet --dns intranet.example --ip 192.0.2.7
  chancery certs self-sign lab --dns '*.lab.example' --organization 'Example AG' --country DE --days 90
  chancery certs self-sign intranet-2 --copy-from intranet

The key is a new one (ecdsa-p256) unless --key or --key-algorithm says otherwise. With --copy-from the names, the
subject and the kind of key are those of that certificate, and the key is new; each option takes the place of what is
copied, an empty one leaves it out, and --dns and --ip together take the place of all the names."
)]
pub struct SelfSignArgs {
    /// Friendly name, unique among certificates and pending requests, 1 to 100 characters.
    pub name: String,
    /// Whom it is for.
    #[command(flatten)]
    pub subject: SubjectArgs,
    /// Its key.
    #[command(flatten)]
    pub key: KeyArgs,
    /// How long it is valid, 1 to 3650 days.
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: u32,
    /// Copy names, subject and kind of key from this certificate.
    #[arg(long, value_name = "CERT")]
    pub copy_from: Option<String>,
    /// The same id again is the same command, however late; a fresh one where it is left out.
    #[arg(long, value_name = "ID")]
    pub request_id: Option<String>,
}

/// Makes it, and shows it.
pub async fn self_sign(
    args: SelfSignArgs,
    connection: &Connection,
    output: Output,
    now: OffsetDateTime,
) -> Result<(), ClientError> {
    let id = RequestId::new(args.request_id.as_deref())?;
    let copied = match &args.copy_from {
        Some(name) => {
            let certificate = find(connection, name).await?;
            Some(subject::copy_certificate(connection, certificate.id).await?)
        }
        None => None,
    };
    let key = key_choice::choose(&args.key, copied.as_ref(), Unsaid::NewKey, connection).await?;
    let (subject, names) = args.subject.over(copied.as_ref());
    let request = CreateSelfSignedRequest {
        friendly_name: args.name,
        key: Some(key),
        subject: Some(subject),
        subject_alt_names: Some(names),
        days: args.days,
    };
    let mut csr = connection.csr();
    let answered = connection
        .command(request, &id, async |request| {
            csr.create_self_signed(request).await
        })
        .await?;
    if output == Output::Json {
        return answer::json(&answered);
    }
    let row = get(connection, &answered.certificate_id, answered.position).await?;
    show(&row, output, now)
}
