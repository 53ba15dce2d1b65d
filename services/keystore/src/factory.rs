//! The factory certificate: made at the first start, so that TLS works at once. Never the default,
//! and told apart by its event.

use eventlog::Origin;
use pki::{
    DnsName, FriendlyName, InvalidFields, KeyAlgorithm, NameError, Subject, SubjectAltNames,
    SubjectFields, fingerprint::sha256_hex,
};
use time::Duration;
use uuid::Uuid;

use crate::{
    commands::{CommandError, Commands, KeyChoice, Naming, SelfSign},
    serving::Feed,
};

/// Why there is no factory certificate.
#[derive(Debug, thiserror::Error)]
pub enum FactoryError {
    /// What it is called, which would be a bug of ours.
    #[error("the factory certificate cannot be called that")]
    Name(#[from] NameError),
    /// Whom it names, likewise.
    #[error("the factory certificate cannot have these names")]
    Names(#[from] InvalidFields),
    /// It could not be made.
    #[error("the factory certificate cannot be made")]
    Make(#[from] CommandError),
}

/// Makes a factory certificate, unless there is one that is still good; `true` where it did.
///
/// # Errors
/// See [`FactoryError`].
pub async fn ensure(commands: &Commands, feed: &Feed, host: &str) -> Result<bool, FactoryError> {
    let now = commands.clock.now();
    let made = feed
        .factory_certificates()
        .await
        .map_err(CommandError::Database)?;
    if made.iter().any(|not_after| *not_after > now + OVERLAP) {
        return Ok(false);
    }
    // Numbered, not random: two replicas that start at once make the same one.
    let origin = origin(made.len() + 1);
    let subject = SubjectFields {
        common_name: NAME.into(),
        ..SubjectFields::default()
    };
    let sign = SelfSign {
        key: KeyChoice::New(KeyAlgorithm::EcdsaP256),
        friendly_name: FriendlyName::try_from(NAME)?,
        naming: Naming::Numbered,
        subject: Subject::try_from(subject)?,
        names: names(host)?,
        life: LIFE,
        factory: true,
    };
    let signed = commands.self_sign(&origin, sign).await?;
    tracing::info!(
        certificate = %signed.added.certificate_id,
        sha256_fingerprint = signed.leaf.sha256_fingerprint,
        not_after = %signed.leaf.not_after,
        "factory certificate made"
    );
    Ok(true)
}

fn origin(number: usize) -> Origin {
    let request_id = format!("factory-{number}");
    Origin {
        actor: "service/keystore".into(),
        request_digest: sha256_hex(request_id.as_bytes()),
        correlation_id: Uuid::new_v5(&Uuid::NAMESPACE_OID, request_id.as_bytes()),
        request_id,
        causation_id: None,
        unchanged_since: None,
    }
}

/// This machine, as people and programs on it call it. A host name that is none in DNS is left out.
fn names(host: &str) -> Result<SubjectAltNames, InvalidFields> {
    let host = DnsName::try_from(host).map(String::from);
    let dns_names = [Ok("localhost".to_owned()), host].into_iter().flatten();
    let addresses = ["127.0.0.1", "::1"].map(str::to_owned);
    SubjectAltNames::parse(&dns_names.collect::<Vec<_>>(), &addresses)
}

const NAME: &str = "Chancery";

/// As long as clients take a server certificate to be valid (398 days), less one.
const LIFE: Duration = Duration::days(397);

/// The next one is made on the last day.
const OVERLAP: Duration = Duration::days(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_name_that_dns_does_not_know_is_left_out() {
        let dns = |host| {
            names(host)
                .unwrap()
                .dns_names
                .into_iter()
                .map(String::from)
                .collect::<Vec<_>>()
        };
        assert_eq!(dns("Web-1.example"), ["localhost", "web-1.example"]);
        assert_eq!(dns("my_laptop"), ["localhost"]);
        assert_eq!(dns("localhost"), ["localhost"]);
        assert_eq!(dns(""), ["localhost"]);
    }
}
