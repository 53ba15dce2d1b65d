//! `chancery certs served`

use api::{
    projection::v1::{GatewayGrant, KeyExport, WhatServedRequest, WhatServedResponse},
    x509,
};
use time::OffsetDateTime;

use super::super::{ClientError, Connection, answer, as_of::AsOfArgs, names};
use crate::cli::Output;

pub async fn served(
    name: String,
    as_of: AsOfArgs,
    connection: &Connection,
    output: Output,
    now: OffsetDateTime,
) -> Result<(), ClientError> {
    let mut queries = connection.queries();
    let now = as_of.time(now);
    let request = WhatServedRequest {
        name: name.clone(),
        at_least: 0,
        as_of: as_of.moment,
    };
    let served = connection
        .ask(request, async |request| queries.what_served(request).await)
        .await?;
    match output {
        Output::Json => answer::json(&served),
        Output::Table => show(&name, &served, now),
    }
}

fn show(name: &str, served: &WhatServedResponse, now: OffsetDateTime) -> Result<(), ClientError> {
    let at = answer::time(&served.as_of);
    let Some(row) = &served.certificate else {
        let none = format!("{name}: no certificate answered at {at}, but for the factory one");
        return answer::line(&none);
    };
    let leaf = row.certificate.clone().unwrap_or_default();
    let key = served.key.clone().unwrap_or_default();
    answer::details([
        ("at", at),
        ("position", served.position.to_string()),
        ("certificate", row.friendly_name.clone()),
        ("id", row.id.clone()),
        ("version", row.version.to_string()),
        (
            "because",
            answer::word(served.because().as_str_name(), "SERVED_BECAUSE_"),
        ),
        (
            "names",
            names::list(leaf.subject_alt_names.as_ref(), usize::MAX),
        ),
        ("serial number", leaf.serial_number.clone()),
        ("fingerprint", leaf.sha256_fingerprint.clone()),
        ("expires", answer::day(&leaf.not_after, now)),
        ("chain", chain(&row.issuers)),
        ("key", key.id.clone()),
        (
            "key algorithm",
            answer::word(key.algorithm().as_str_name(), "KEY_ALGORITHM_"),
        ),
        ("public key", key.spki_sha256.clone()),
    ])?;
    answer::line("\nWho could read the key: the keystore, and")?;
    let gateways = served.gateways.iter().map(gateway);
    let exports = served.exports.iter().map(export);
    answer::table(
        ["who", "how", "when", "event"],
        gateways.chain(exports),
        "nobody else",
    )
}

fn chain(issuers: &[x509::v1::Certificate]) -> String {
    let subjects = issuers.iter().map(|issuer| issuer.subject.as_str());
    subjects.collect::<Vec<_>>().join(" < ")
}

fn gateway(grant: &GatewayGrant) -> [String; 4] {
    [
        grant.gateway.clone(),
        "gets what it serves".to_owned(),
        answer::time(&grant.time),
        grant.sequence.to_string(),
    ]
}

fn export(export: &KeyExport) -> [String; 4] {
    let how = match export.protected {
        true => "exported it with a passphrase",
        false => "exported it without a passphrase",
    };
    [
        export.actor.clone(),
        format!("{how} ({})", export.format),
        answer::time(&export.time),
        export.sequence.to_string(),
    ]
}
