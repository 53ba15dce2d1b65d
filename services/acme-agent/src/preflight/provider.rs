//! For DNS-01: whether there is somebody to write the records, and where they go.

use api::acme::v1::ChallengeType;
use hickory_proto::rr::Name;
use pki::DnsName;
use uuid::Uuid;

use super::{Preflight, Run, caa::bare, finding::Finding};
use crate::{
    dns::{DnsError, written},
    dns_provider::DnsProvider,
    names::{self, Kind},
    refusal::CommandError,
    worker::chain,
};

impl Preflight {
    /// Whether the provider is there.
    pub(super) async fn provider(&self, run: &Run<'_>, asked: &str) {
        if run.challenge != ChallengeType::Dns01 {
            return;
        }
        let check = async {
            match self.added(asked).await {
                _ if asked.is_empty() => missing(asked),
                Ok(Some(_)) => {
                    let message = format!("The DNS provider {asked} is there.");
                    Finding::passed(KIND, asked, message)
                }
                Ok(None) => missing(asked),
                Err(error) => {
                    tracing::warn!(error = chain(&error), "cannot look up a dns provider");
                    Finding::unknown(KIND, asked)
                }
            }
        };
        run.report.timed(KIND, asked, check).await;
    }

    /// In which zone the record of a name is to be written.
    pub(super) async fn zone(&self, run: &Run<'_>, name: &DnsName) {
        if run.challenge != ChallengeType::Dns01 {
            return;
        }
        let check = async {
            match self.zone_of(name).await {
                Ok(zone) => {
                    let message =
                        format!("The record that proves {name} goes into the zone {zone}.");
                    Finding::passed(KIND, name.as_str(), message)
                }
                Err(error) => lost(name, &error),
            }
        };
        run.report.timed(KIND, name.as_str(), check).await;
    }

    async fn added(&self, asked: &str) -> Result<Option<Uuid>, CommandError> {
        let id = names::by_id_or_name(&self.requests.database, Kind::DnsProvider, asked).await?;
        let Some(id) = id else { return Ok(None) };
        let loaded = self.requests.log.load::<DnsProvider>(&id.to_string()).await;
        let provider = loaded.map_err(CommandError::Log)?.state;
        Ok(provider.added().is_ok().then_some(id))
    }

    async fn zone_of(&self, name: &DnsName) -> Result<String, DnsError> {
        let no_name = || DnsError::NoZone {
            name: name.to_string(),
        };
        let owner = Name::from_ascii(format!("_acme-challenge.{}.", bare(name)));
        let owner = owner.map_err(|_| no_name())?;
        // The record may be delegated to another zone by a CNAME.
        let owner = self.lookup.0.past_aliases(&owner).await?;
        Ok(written(&self.lookup.0.zone_name(&owner).await?))
    }
}

fn missing(asked: &str) -> Finding {
    let message = match asked {
        "" => "DNS-01 needs a DNS provider, and none is named.".to_owned(),
        asked => format!("There is no DNS provider {asked:?}."),
    };
    Finding::failed(
        KIND,
        asked,
        message,
        ["Name one that is there, or add it first: chancery acme dns-providers add".to_owned()],
    )
}

fn lost(name: &DnsName, error: &DnsError) -> Finding {
    Finding::warning(
        KIND,
        name.as_str(),
        format!("The zone of {name} was not found: {}.", chain(error)),
        [
            format!("See that the zone of {name} is delegated, and that its name servers answer."),
            "Or check this machine's name servers, or name others in resolvers of [acme_agent]."
                .to_owned(),
        ],
    )
}

const KIND: &str = "DNS_PROVIDER";

#[cfg(test)]
mod tests {
    use api::acme::v1::CheckOutcome;

    use super::*;

    #[test]
    fn a_provider_that_is_not_there_is_named() {
        assert_eq!(missing("").outcome, CheckOutcome::Failed);
        assert!(missing("").message.contains("none is named"));
        assert!(missing("my-dns").message.contains("\"my-dns\""));
    }
}
