//! An order's steps as the log tells them, on stderr: a spinner for people, lines for logs.

use std::{io::IsTerminal as _, time::Duration};

use api::{
    acme::v1::{CertificateObtained, OrderFailed, OrderIntended, OrderPlaced},
    projection::v1::{Event, WatchEventsRequest},
};
use indicatif::{ProgressBar, ProgressStyle};
use serde::de::DeserializeOwned;

use super::super::{ClientError, Connection, answer, events::Watch};

/// Follows an automation from the event at `position` until its order has ended; answers the position of that end.
///
/// # Errors
/// [`ClientError::Order`] where the order failed.
pub async fn until_ended(
    connection: &Connection,
    automation: &str,
    position: u64,
) -> Result<u64, ClientError> {
    let request = WatchEventsRequest {
        after_sequence: position.saturating_sub(1),
        only_new: false,
        filter: format!("aggregate=automation aggregate_id={automation}"),
    };
    let mut watch = Watch::new(connection, request);
    let steps = Steps::new();
    loop {
        let event = watch.next().await?;
        match step(&event)? {
            Step::Goes(message) => steps.show(&message),
            Step::Done(message) => {
                steps.show(&message);
                return Ok(event.sequence);
            }
            Step::Failed(failed) => {
                return Err(ClientError::Order(Box::new(
                    failed.failure.unwrap_or_default(),
                )));
            }
            Step::Unknown => {}
        }
    }
}

enum Step {
    Goes(String),
    Done(String),
    Failed(OrderFailed),
    /// An event of a later version: not ours to show.
    Unknown,
}

fn step(event: &Event) -> Result<Step, ClientError> {
    Ok(match event.event.as_str() {
        "requested" => Step::Goes("the request is in the log".into()),
        "renewal-started" => Step::Goes("the renewal is in the log".into()),
        "order-intended" => {
            let intended: OrderIntended = body(event)?;
            Step::Goes(format!("asking the CA for order {}", intended.attempt))
        }
        "order-placed" => {
            let placed: OrderPlaced = body(event)?;
            Step::Goes(format!(
                "the CA has the order and looks for proof: {}",
                placed.order_url
            ))
        }
        "finalize-intended" => {
            Step::Goes("control over every name is proved; sending the certificate request".into())
        }
        "certificate-issued" | "renewed" => {
            let obtained: CertificateObtained = body(event)?;
            let until = answer::time(&obtained.not_after);
            Step::Done(format!(
                "version {} is here, good until {until}",
                obtained.version
            ))
        }
        "issuance-failed" | "renewal-failed" => Step::Failed(body(event)?),
        _ => Step::Unknown,
    })
}

fn body<M: DeserializeOwned>(event: &Event) -> Result<M, ClientError> {
    answer::read_as(&event.body)
}

/// The steps on stderr.
struct Steps(Option<ProgressBar>);

impl Steps {
    fn new() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self(Some(bar))
    }

    fn show(&self, message: &str) {
        match &self.0 {
            Some(bar) => {
                bar.println(format!("  {message}"));
                bar.set_message("waiting");
            }
            None => eprintln!("{message}"),
        }
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
