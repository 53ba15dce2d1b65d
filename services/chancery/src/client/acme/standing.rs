//! `chancery acme pause`, `resume` and `cancel`: what an automation does by itself from now on.

use api::acme::v1::{CancelAutomationRequest, PauseAutomationRequest, ResumeAutomationRequest};
use clap::Args;
use serde::Serialize;

use super::{
    super::{ClientError, Connection, answer, connection::RequestId},
    get,
};
use crate::cli::Output;

/// `chancery acme pause`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery acme pause www.example.com
  chancery acme pause www.example.com --reason 'the host moves this week'

An order that is under way comes to its end, and `chancery acme retry` still renews. The certificate stays
and is served; nothing renews it before it expires, unless `chancery acme resume` lets it go on.")]
pub struct PauseArgs {
    /// Id or friendly name of an automated certificate.
    #[arg(value_name = "AUTOMATION")]
    pub automation: String,
    /// Why, for the log; at most 200 characters.
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    pub reason: String,
    /// The same id again is the same command, however late; a fresh one where it is left out.
    #[arg(long, value_name = "ID")]
    pub request_id: Option<String>,
}

/// `chancery acme resume`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery acme resume www.example.com

What became due meanwhile is ordered at once.")]
pub struct ResumeArgs {
    /// Id or friendly name of an automated certificate.
    #[arg(value_name = "AUTOMATION")]
    pub automation: String,
    /// The same id again is the same command, however late; a fresh one where it is left out.
    #[arg(long, value_name = "ID")]
    pub request_id: Option<String>,
}

/// `chancery acme cancel`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  chancery acme cancel www.example.com

It cannot be undone; a new `chancery acme request` begins anew. The certificate stays, is served until it
expires, and can be deleted: chancery certs delete www.example.com")]
pub struct CancelArgs {
    /// Id or friendly name of an automated certificate.
    #[arg(value_name = "AUTOMATION")]
    pub automation: String,
    /// The same id again is the same command, however late; a fresh one where it is left out.
    #[arg(long, value_name = "ID")]
    pub request_id: Option<String>,
}

pub async fn pause(
    args: PauseArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let id = RequestId::new(args.request_id.as_deref())?;
    let automation = get(connection, &args.automation, 0).await?;
    let request = PauseAutomationRequest {
        automation_id: automation.id,
        reason: args.reason,
    };
    let mut acme = connection.acme();
    let command = async |request| acme.pause_automation(request).await;
    let answered = connection.command(request, &id, command).await?;
    let said = format!("{} is paused", automation.friendly_name);
    done(&answered, output, &said)
}

pub async fn resume(
    args: ResumeArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let id = RequestId::new(args.request_id.as_deref())?;
    let automation = get(connection, &args.automation, 0).await?;
    let request = ResumeAutomationRequest {
        automation_id: automation.id,
    };
    let mut acme = connection.acme();
    let command = async |request| acme.resume_automation(request).await;
    let answered = connection.command(request, &id, command).await?;
    let said = format!("{} renews by itself again", automation.friendly_name);
    done(&answered, output, &said)
}

pub async fn cancel(
    args: CancelArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let id = RequestId::new(args.request_id.as_deref())?;
    let automation = get(connection, &args.automation, 0).await?;
    let request = CancelAutomationRequest {
        automation_id: automation.id,
    };
    let mut acme = connection.acme();
    let command = async |request| acme.cancel_automation(request).await;
    let answered = connection.command(request, &id, command).await?;
    let said = format!("{} has ended", automation.friendly_name);
    done(&answered, output, &said)
}

fn done(answered: &impl Serialize, output: Output, said: &str) -> Result<(), ClientError> {
    if output == Output::Json {
        return answer::json(answered);
    }
    eprintln!("{said}");
    Ok(())
}
