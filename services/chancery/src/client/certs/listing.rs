//! `chancery certs list`

use api::projection::v1::{Certificate, ListRequest};
use time::OffsetDateTime;

use super::super::{
    ClientError, Connection, answer,
    list::{self, ListArgs},
    names, renewal,
};
use crate::cli::Output;

pub async fn list(
    args: ListArgs,
    connection: &Connection,
    output: Output,
    now: OffsetDateTime,
) -> Result<(), ClientError> {
    let mut queries = connection.queries();
    let request = ListRequest::from(args);
    let page = connection
        .ask(request, async |request| {
            queries.list_certificates(request).await
        })
        .await?;
    if output == Output::Json {
        return answer::json(&page);
    }
    let rows = page.certificates.iter().map(|row| line(row, now));
    answer::table(
        [
            "name", "status", "names", "expires", "renewal", "source", "key", "notes", "id",
        ],
        rows,
        "no certificates",
    )?;
    list::more(&page.next_page_token);
    Ok(())
}

fn line(row: &Certificate, now: OffsetDateTime) -> [String; 9] {
    let leaf = row.certificate.as_ref();
    [
        row.friendly_name.clone(),
        answer::word(row.status().as_str_name(), "CERTIFICATE_STATUS_"),
        names::list(
            leaf.and_then(|leaf| leaf.subject_alt_names.as_ref()),
            names::SHORT,
        ),
        leaf.map(|leaf| answer::day(&leaf.not_after, now))
            .unwrap_or_default(),
        renewal::of_certificate(row, now),
        answer::word(row.source().as_str_name(), "SOURCE_"),
        if row.key_id.is_empty() { "no" } else { "yes" }.to_owned(),
        notes(row),
        row.id.clone(),
    ]
}

fn notes(row: &Certificate) -> String {
    let notes = [
        (row.deleted.is_some(), "deleted"),
        (row.default, "default"),
        (!row.chain_complete, "chain incomplete"),
    ];
    let notes = notes.iter().filter(|(holds, _)| *holds);
    notes.map(|(_, note)| *note).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use api::x509::v1::SubjectAltNames;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_line_says_what_sets_a_certificate_apart() {
        let now = datetime!(2026-01-01 12:00 UTC);
        let names = SubjectAltNames {
            dns_names: vec!["xn--bcher-kva.example".into()],
            ip_addresses: Vec::new(),
        };
        let row = Certificate {
            friendly_name: "shop".into(),
            default: true,
            key_id: "0199".into(),
            certificate: Some(api::x509::v1::Certificate {
                subject_alt_names: Some(names),
                ..api::x509::v1::Certificate::default()
            }),
            ..Certificate::default()
        };
        let shown = line(&row, now);
        assert_eq!(shown[2], "xn--bcher-kva.example (bücher.example)");
        assert_eq!(shown[6..8], ["yes", "default, chain incomplete"]);
        let deleted = Certificate {
            chain_complete: true,
            deleted: Some(api::convert::timestamp(now)),
            ..Certificate::default()
        };
        assert_eq!(line(&deleted, now)[6..8], ["no", "deleted"]);
    }
}
