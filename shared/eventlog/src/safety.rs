//! What a stream and its server must be like, so that an acknowledged event is never lost.
//!
//! The stream's configuration is read with `STREAM.INFO`. Whether the server syncs before it
//! acknowledges (`sync_interval: always`) is in no answer that an ordinary client gets; the server's
//! JetStream report says it, and belongs to the system account. So the server's configuration hands
//! that one report to our account, under the name [`SERVER_REPORT`]:
//!
//! ```text
//! jetstream { sync_interval: always }
//! system_account: SYS
//! accounts {
//!   SYS      { exports: [ { service: "$SYS.REQ.SERVER.PING.JSZ", response: stream } ] }
//!   CHANCERY { imports: [ { service: { account: SYS, subject: "$SYS.REQ.SERVER.PING.JSZ" }, to: "chancery.server.jetstream" } ] }
//! }
//! ```

use std::{collections::HashSet, time::Duration};

use async_nats::jetstream::{
    self, ErrorCode,
    context::GetStreamErrorKind,
    stream::{Config, DiscardPolicy, Info, PersistenceMode, RetentionPolicy, StorageType},
};
use futures_util::StreamExt as _;
use serde::Deserialize;

use crate::subject;

/// Where a server answers with its JetStream report; every service may publish to it.
pub const SERVER_REPORT: &str = "chancery.server.jetstream";

/// Why the log was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Stream or server would lose events; each reason says what is wrong and what would be right.
    #[error("the event log is not safe: {}", .0.join("; "))]
    Unsafe(Vec<String>),
    /// There is no stream: `chancery init` makes it.
    #[error("there is no event log on this server yet; `chancery init` makes it")]
    Missing,
    /// The server does not answer.
    #[error("the event log does not answer")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Checks stream and servers; the stream's info where all is well.
pub(crate) async fn check(context: &jetstream::Context) -> Result<Info, OpenError> {
    let info = info(context).await?;
    let mut reasons = server_version_reasons(context);
    reasons.extend(stream_reasons(&info.config));
    reasons.extend(server_reasons(context, &info).await?);
    if reasons.is_empty() {
        Ok(info)
    } else {
        Err(OpenError::Unsafe(reasons))
    }
}

/// What is wrong with a stream's configuration; nothing, where it is safe.
pub(crate) fn stream_reasons(config: &Config) -> Vec<String> {
    let demands = [
        (
            config.storage == StorageType::File,
            "storage is memory, must be file",
        ),
        (
            config.retention == RetentionPolicy::Limits,
            "retention is by interest or work queue, must be by limits",
        ),
        (
            config.discard == DiscardPolicy::New,
            "a full stream discards old events, must discard new",
        ),
        (
            config.max_age.is_zero(),
            "events have a greatest age, must have none",
        ),
        (
            config.max_messages <= 0,
            "the number of events has a limit, must have none",
        ),
        (
            config.max_messages_per_subject <= 0,
            "the number of events per subject has a limit, must have none",
        ),
        (
            config.deny_delete,
            "events can be deleted, deny_delete must be on",
        ),
        (
            config.deny_purge,
            "events can be purged, deny_purge must be on",
        ),
        (
            !config.allow_rollup,
            "a message can roll up its subject, allow_rollup_hdrs must be off",
        ),
        (
            !config.allow_message_ttl,
            "a message can set its own life time, allow_msg_ttl must be off",
        ),
        (
            !config.no_ack,
            "appends are not acknowledged, no_ack must be off",
        ),
        (
            config.persist_mode != Some(PersistenceMode::Async),
            "events are acknowledged before they are stored, persist_mode must be default",
        ),
        (
            config.mirror.is_none() && config.sources.as_ref().is_none_or(Vec::is_empty),
            "events come from another stream, must be none",
        ),
        (
            config.subject_transform.is_none(),
            "subjects are transformed, must stay as they are",
        ),
        (
            config.allow_direct,
            "direct gets are off, allow_direct must be on",
        ),
        (
            config.subjects.contains(&subject::everything()),
            "the stream does not take chancery.events.>",
        ),
    ];
    demands
        .into_iter()
        .filter(|(holds, _)| !holds)
        .map(|(_, reason)| reason.to_owned())
        .collect()
}

/// The stream's info.
pub(crate) async fn info(context: &jetstream::Context) -> Result<Info, OpenError> {
    match context.get_stream(subject::STREAM).await {
        Ok(stream) => Ok(stream.cached_info().clone()),
        Err(e) => match e.kind() {
            GetStreamErrorKind::JetStream(error)
                if error.error_code() == ErrorCode::STREAM_NOT_FOUND =>
            {
                Err(OpenError::Missing)
            }
            _ => Err(OpenError::Unavailable(e.into())),
        },
    }
}

fn server_version_reasons(context: &jetstream::Context) -> Vec<String> {
    let client = context.client();
    if client.is_server_compatible(2, 12, 0) {
        return Vec::new();
    }
    let version = client.server_info().version;
    vec![format!("nats-server is {version}, must be 2.12.0 or later")]
}

/// Asks each server that holds the stream for its report.
async fn server_reasons(
    context: &jetstream::Context,
    info: &Info,
) -> Result<Vec<String>, OpenError> {
    let client = context.client();
    let unavailable = |e: Box<dyn std::error::Error + Send + Sync>| OpenError::Unavailable(e);
    let mut missing: HashSet<String> = holders(info);
    if missing.is_empty() {
        missing.insert(client.server_info().server_name);
    }
    let inbox = client.new_inbox();
    let mut answers = client
        .subscribe(inbox.clone())
        .await
        .map_err(|e| unavailable(e.into()))?;
    client
        .publish_with_reply(SERVER_REPORT, inbox, "".into())
        .await
        .map_err(|e| unavailable(e.into()))?;
    let mut reasons = Vec::new();
    while !missing.is_empty() {
        let Ok(Some(answer)) = tokio::time::timeout(REPORT_WAIT, answers.next()).await else {
            reasons.extend(missing.drain().map(|server| unverified(&server)));
            break;
        };
        if answer.status.is_some() {
            reasons.extend(missing.drain().map(|server| unverified(&server)));
            break;
        }
        let report: Report =
            serde_json::from_slice(&answer.payload).map_err(|e| unavailable(e.into()))?;
        if missing.remove(&report.server.name) {
            reasons.extend(report.reason());
        }
    }
    Ok(reasons)
}

/// The names of the servers that hold the stream; none where it is not clustered. One that is down acknowledges nothing,
/// and keeps nobody from starting as long as the others are a majority.
fn holders(info: &Info) -> HashSet<String> {
    let Some(cluster) = &info.cluster else {
        return HashSet::new();
    };
    let replicas = cluster.replicas.iter();
    let replicas = replicas
        .filter(|peer| !peer.offline)
        .map(|peer| peer.name.clone());
    cluster.leader.iter().cloned().chain(replicas).collect()
}

fn unverified(server: &str) -> String {
    format!(
        "the server {server} does not say whether it syncs before it acknowledges: \
         its JetStream report must be exported to this account as {SERVER_REPORT}"
    )
}

/// What a server says of itself (`$SYS.REQ.SERVER.PING.JSZ`).
#[derive(Deserialize)]
struct Report {
    server: Server,
    data: Data,
}

#[derive(Deserialize)]
struct Server {
    name: String,
}

#[derive(Deserialize)]
struct Data {
    config: JetStream,
}

#[derive(Deserialize)]
struct JetStream {
    #[serde(default)]
    sync_always: bool,
}

impl Report {
    fn reason(&self) -> Option<String> {
        let name = &self.server.name;
        (!self.data.config.sync_always).then(|| {
            format!(
                "the server {name} acknowledges events before they are synced to the disk, \
                 its jetstream sync_interval must be always"
            )
        })
    }
}

const REPORT_WAIT: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision;

    #[test]
    fn the_stream_that_is_provisioned_is_safe() {
        let config = provision::stream(1, Some(1 << 30));
        assert_eq!(stream_reasons(&config), Vec::<String>::new());
    }

    #[test]
    fn each_way_to_lose_an_event_is_named() {
        type Change = fn(&mut Config);
        let cases: [(&str, Change); 14] = [
            ("memory", |c| c.storage = StorageType::Memory),
            ("retention", |c| c.retention = RetentionPolicy::WorkQueue),
            ("discard", |c| c.discard = DiscardPolicy::Old),
            ("greatest age", |c| c.max_age = Duration::from_secs(1)),
            ("number of events has", |c| c.max_messages = 10),
            ("per subject", |c| c.max_messages_per_subject = 10),
            ("deny_delete", |c| c.deny_delete = false),
            ("deny_purge", |c| c.deny_purge = false),
            ("allow_rollup", |c| c.allow_rollup = true),
            ("allow_msg_ttl", |c| c.allow_message_ttl = true),
            ("no_ack", |c| c.no_ack = true),
            ("persist_mode", |c| {
                c.persist_mode = Some(PersistenceMode::Async)
            }),
            ("allow_direct", |c| c.allow_direct = false),
            ("chancery.events.>", |c| {
                c.subjects = vec!["chancery.events.key.>".into()]
            }),
        ];
        for (word, change) in cases {
            let mut config = provision::stream(1, None);
            change(&mut config);
            let reasons = stream_reasons(&config);
            assert!(
                matches!(reasons.as_slice(), [one] if one.contains(word)),
                "{word}: {reasons:?}"
            );
        }
    }

    #[test]
    fn a_report_is_believed_only_where_it_says_always() {
        for (config, safe) in [
            (r#"{"sync_interval":120000000000,"sync_always":true}"#, true),
            (r#"{"sync_interval":120000000000}"#, false),
        ] {
            let json = format!(r#"{{"server":{{"name":"n1"}},"data":{{"config":{config}}}}}"#);
            let report: Report = serde_json::from_str(&json).expect("a report");
            assert_eq!(report.reason().is_none(), safe, "{json}");
        }
    }
}
