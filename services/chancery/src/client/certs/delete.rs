//! `chancery certs delete` and `restore`

use api::{
    keystore::v1::{DeleteCertificatesRequest, RestoreCertificateRequest},
    projection::v1::ListRequest,
};

use super::{
    super::{
        ClientError, Connection, answer,
        connection::RequestId,
        deletion::{self, DeletionArgs, Noun},
    },
    find,
};
use crate::cli::Output;

pub async fn delete(
    names: &[String],
    args: &DeletionArgs,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let ids = deletion::ids(args, names, async |name| {
        Ok(find(connection, name).await?.id)
    })
    .await?;
    let noun = Noun {
        one: "certificate",
        many: "certificates",
        for_good: None,
    };
    deletion::run(args, noun, ids, output, async |certificate_ids, dry_run| {
        let request = DeleteCertificatesRequest {
            certificate_ids,
            dry_run,
        };
        let mut certificates = connection.certificates();
        let id = RequestId::new(None)?;
        connection
            .command(request, &id, async |request| {
                certificates.delete_certificates(request).await
            })
            .await
    })
    .await
}

pub async fn restore(
    name: &str,
    connection: &Connection,
    output: Output,
) -> Result<(), ClientError> {
    let request = RestoreCertificateRequest {
        certificate_id: deleted(name, connection).await?,
    };
    let mut certificates = connection.certificates();
    let id = RequestId::new(None)?;
    let answered = connection
        .command(request, &id, async |request| {
            certificates.restore_certificate(request).await
        })
        .await?;
    match output {
        Output::Json => answer::json(&answered),
        Output::Table => answer::line(&format!("{} is here again", answered.friendly_name)),
    }
}

/// The id of the certificate that was deleted under this name, or that has this id or fingerprint.
///
/// The name comes first: it may have been given to another certificate since, which is not the one that is meant.
async fn deleted(name: &str, connection: &Connection) -> Result<String, ClientError> {
    let mut queries = connection.queries();
    let request = ListRequest {
        filter: format!("deleted=true name={}", quoted(name)),
        sort: "-created".into(),
        ..ListRequest::default()
    };
    let page = connection
        .ask(request, async |request| {
            queries.list_certificates(request).await
        })
        .await?;
    match &page.certificates[..] {
        [] => Ok(find(connection, name).await?.id),
        [only] => Ok(only.id.clone()),
        several => Err(ClientError::Input {
            what: format!(
                "{} deleted certificates were called {name:?}: say which one by its id: {}",
                several.len(),
                several
                    .iter()
                    .map(|row| row.id.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            ),
        }),
    }
}

/// As a filter's value.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_name_is_one_value_of_a_filter() {
        assert_eq!(quoted("shop"), r#""shop""#);
        assert_eq!(quoted(r#"a "b" \c"#), r#""a \"b\" \\c""#);
    }
}
