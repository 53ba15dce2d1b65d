//! `chancery keys disclosures`: who could read private keys, and what the log proves of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use api::projection::v1::{ListDisclosuresRequest, ListDisclosuresResponse, disclosure::How};
use clap::Args;
use eventlog::proof::Stored;
use serde::{Deserialize, Serialize};

use crate::{
    cli::Output,
    client::{
        ClientError, Connection, answer,
        events::{
            stored::{self, Entry},
            trusted::KeptArgs,
            verify::{Check, Verified},
        },
        list,
    },
};

/// `chancery keys disclosures`
#[derive(Debug, Args)]
#[command(
    after_help = "With --prove the log is verified as by `events verify`, and every export of the key is taken from it, under all
ids that it ever had. It says up to which checkpoint that is proven. What the log cannot know: who copied a key before it
came here, or past the keystore; and a gateway holds the keys of what it serves (without --prove, its grants are listed).

Examples:
  chancery keys disclosures
  chancery keys disclosures 0199c1…
  chancery keys disclosures 0199c1… --prove --verifier-key log.key
  chancery keys disclosures 0199c1… --from log.jsonl --verifier-key log.key"
)]
pub struct DisclosuresArgs {
    /// Id, or SHA-256 of the public key (subjectPublicKeyInfo); without it, of all keys.
    #[arg(value_name = "KEY")]
    pub key: Option<String>,
    /// Verify the log, and say what it proves.
    #[arg(long, requires = "key")]
    pub prove: bool,
    /// The same from a file of `events export`, without the gateway.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub from: Option<PathBuf>,
    /// Whose word counts.
    #[command(flatten)]
    pub kept: KeptArgs,
    /// At most this many, 1 to 500.
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    pub limit: u32,
    /// Goes on where a page ended.
    #[arg(
        long,
        value_name = "TOKEN",
        default_value = "",
        hide_default_value = true
    )]
    pub page_token: String,
}

/// `chancery keys disclosures`, of a gateway.
pub async fn run(
    args: &DisclosuresArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    if args.prove {
        let mut proof = Proof::of(args)?;
        let walked = stored::from_gateway(connection, 0, 0, |entry| {
            proof.take(entry);
            Ok(())
        });
        walked.await?;
        return proof.show(output);
    }
    let mut proofs = connection.proofs();
    let request = ListDisclosuresRequest {
        key: args.key.clone().unwrap_or_default(),
        page_size: args.limit,
        page_token: args.page_token.clone(),
        at_least: 0,
    };
    let page = connection
        .ask(request, async |request| {
            proofs.list_disclosures(request).await
        })
        .await?;
    show_page(&page, output)
}

/// `chancery keys disclosures --from FILE`
pub fn offline(args: &DisclosuresArgs, output: Output) -> Result<(), ClientError> {
    let mut proof = Proof::of(args)?;
    if let Some(file) = &args.from {
        stored::from_file(file, |entry| {
            proof.take(entry);
            Ok(())
        })?;
    }
    proof.show(output)
}

fn show_page(page: &ListDisclosuresResponse, output: Output) -> Result<(), ClientError> {
    if output == Output::Json {
        return answer::json(page);
    }
    let rows = page.disclosures.iter().map(|row| {
        let (what, whose, form) = match &row.how {
            Some(How::Export(export)) => (
                "exported",
                export.key_id.clone(),
                form(&export.format, export.protected),
            ),
            Some(How::Grant(grant)) => (
                "granted to",
                grant.gateway.clone(),
                format!("{} certificates", grant.certificates),
            ),
            None => ("", String::new(), String::new()),
        };
        [
            row.sequence.to_string(),
            answer::time(&row.time),
            row.actor.clone(),
            what.to_owned(),
            whose,
            form,
        ]
    });
    answer::table(
        ["event", "time", "by", "what", "key or gateway", "form"],
        rows,
        "no disclosures",
    )?;
    list::more(&page.next_page_token);
    Ok(())
}

fn form(format: &str, protected: bool) -> String {
    match protected {
        true => format!("{format}, with a passphrase"),
        false => format!("{format}, in the clear"),
    }
}

/// What the log records of one key.
struct Proof {
    check: Check,
    /// An id, or a public key's hash.
    wanted: String,
    /// The public key of each id.
    public_keys: BTreeMap<String, String>,
    exports: Vec<Export>,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Export {
    sequence: u64,
    time: String,
    actor: String,
    key_id: String,
    format: String,
    protected: bool,
}

impl Proof {
    fn of(args: &DisclosuresArgs) -> Result<Self, ClientError> {
        Ok(Self {
            check: Check::of(&args.kept)?,
            wanted: args.key.clone().unwrap_or_default().trim().to_lowercase(),
            public_keys: BTreeMap::new(),
            exports: Vec::new(),
        })
    }

    fn take(&mut self, entry: Entry) {
        if let Entry::Event(event, _) = &entry {
            self.look_at(event);
        }
        self.check.take(entry);
    }

    fn look_at(&mut self, event: &Stored) {
        #[derive(Deserialize, Default)]
        #[serde(rename_all = "camelCase", default)]
        struct Body {
            spki_sha256: String,
            format: String,
            protected: bool,
        }
        let Some(parts) = eventlog::subject::parse(&event.subject) else {
            return;
        };
        if parts.aggregate != "key" {
            return;
        }
        let body = serde_json::from_slice::<Body>(&event.body).unwrap_or_default();
        let header = |name| event.header(name).unwrap_or_default().to_owned();
        match parts.event {
            "exported" => self.exports.push(Export {
                sequence: event.sequence,
                time: header("ce-time"),
                actor: header("ce-actor"),
                key_id: parts.id.to_owned(),
                format: body.format,
                protected: body.protected,
            }),
            "generated" | "imported" => {
                let public_key = body.spki_sha256.to_lowercase();
                self.public_keys.insert(parts.id.to_owned(), public_key);
            }
            _ => {}
        }
    }

    fn show(self, output: Output) -> Result<(), ClientError> {
        let verified = self.check.finish()?;
        let findings = verified.findings();
        if let Some(first) = findings.first() {
            return Err(ClientError::NotDone {
                what: format!(
                    "this is not the log that was recorded, so it proves nothing: {first}"
                ),
            });
        }
        let by_id = self.public_keys.get(&self.wanted);
        let public_key = by_id.unwrap_or(&self.wanted);
        let ids = self
            .public_keys
            .iter()
            .filter(|(_, key)| *key == public_key);
        let ids = ids.map(|(id, _)| id.as_str()).collect::<BTreeSet<_>>();
        if ids.is_empty() {
            return Err(ClientError::NotDone {
                what: format!("the log knows no key {}", self.wanted),
            });
        }
        let exports = self.exports.iter();
        let exports = exports.filter(|export| ids.contains(export.key_id.as_str()));
        let exports = exports.cloned().collect::<Vec<_>>();
        let ids = ids.into_iter().collect::<Vec<_>>();
        tell(&verified, public_key, &ids, &exports, output)
    }
}

fn tell(
    verified: &Verified,
    public_key: &str,
    ids: &[&str],
    exports: &[Export],
    output: Output,
) -> Result<(), ClientError> {
    let proven = verified.report.fits_to;
    if output == Output::Json {
        return answer::json(&serde_json::json!({
            "spkiSha256": public_key,
            "keyIds": ids,
            "exports": exports,
            "provenTo": proven,
            "events": verified.report.size,
            "verifierKey": verified.rests_on(),
        }));
    }
    let (under, past) = exports
        .iter()
        .partition::<Vec<_>, _>(|export| export.sequence <= proven);
    let recorded = match under.len() {
        0 => "no export of this key".to_owned(),
        1 => "1 export of this key".to_owned(),
        count => format!("{count} exports of this key"),
    };
    answer::details([
        ("public key", public_key.to_owned()),
        ("ids", ids.join(", ")),
        (
            "proven",
            format!("the log up to the checkpoint over {proven} events records {recorded}"),
        ),
        ("key", verified.rests_on()),
        (
            "since then",
            format!(
                "{} in {} events that no checkpoint vouches for",
                past.len(),
                verified.report.size - proven
            ),
        ),
    ])?;
    for export in exports {
        answer::line(&format!(
            "event {}: {} by {}, {}",
            export.sequence,
            export.time,
            export.actor,
            form(&export.format, export.protected)
        ))?;
    }
    Ok(())
}
