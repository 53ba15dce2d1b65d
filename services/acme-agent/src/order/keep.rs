//! The end of an order: the certificate comes home.

use api::{
    acme::v1::{CertificateObtained, Step},
    keystore::v1::AddCertificateRequest,
};
use pki::Certificate;

use crate::{
    client::{Account, Order},
    failure,
};

use super::{
    Held, Orders, Stop,
    steps::{at, failed, keystore_stop},
};

impl Orders {
    /// Downloads the certificate and hands it to the keystore.
    pub(super) async fn keep(
        &self,
        held: &Held,
        account: &Account,
        order: &Order,
    ) -> Result<CertificateObtained, Stop> {
        let unusable = |what: &str| failed(failure::wrong_certificate(what));
        let Some(finalize) = &held.finalize else {
            return Err(unusable("the order was finalized by somebody else"));
        };
        let Some(url) = &order.certificate else {
            return Err(unusable("the order does not say where the certificate is"));
        };
        let chain = self.chain(held, account, url).await?;
        covers(&chain, held)?;
        let renewal = held.certificate_id.clone();
        let message = AddCertificateRequest {
            key_id: finalize.key_id.clone(),
            chain_der: chain.into_iter().map(|c| c.der.into()).collect(),
            friendly_name: match renewal {
                Some(_) => String::new(),
                None => held.requested.friendly_name.clone(),
            },
            certificate_id: renewal.unwrap_or_default(),
            automation_id: held.id.clone(),
        };
        let item = held.item("certificate");
        let kept = self
            .keystore
            .add_certificate(&held.origin, &item, message)
            .await;
        let kept = kept.map_err(keystore_stop(Step::Keep))?;
        let certificate = kept.certificate.unwrap_or_default();
        Ok(CertificateObtained {
            attempt: held.attempt,
            certificate_id: kept.certificate_id,
            version: kept.version,
            sha256_fingerprint: certificate.sha256_fingerprint,
            not_before: certificate.not_before,
            not_after: certificate.not_after,
        })
    }

    /// The certificate with its issuers: under the preferred one, where the CA offers that.
    async fn chain(&self, held: &Held, account: &Account, url: &str) -> Result<Chain, Stop> {
        let (chain, alternates) = self.download(account, url).await?;
        let preferred = &held.requested.preferred_chain;
        if preferred.is_empty() || is_under(&chain, preferred) {
            return Ok(chain);
        }
        for alternate in alternates {
            match self.download(account, &alternate).await {
                Ok((other, _)) if is_under(&other, preferred) && other.first() == chain.first() => {
                    return Ok(other);
                }
                Ok(_) => {}
                // The certificate is here: no chain is worth losing it for.
                Err(Stop::Ca(_, error)) => {
                    tracing::warn!(error = %error, "an alternate chain cannot be downloaded");
                }
                Err(Stop::Failed(_)) => {
                    tracing::warn!(url = alternate, "an alternate chain cannot be read");
                }
                Err(Stop::Halt(halt)) => return Err(halt.into()),
            }
        }
        tracing::warn!(
            preferred,
            "the ca offers no chain under the preferred issuer, its default is kept"
        );
        Ok(chain)
    }

    async fn download(&self, account: &Account, url: &str) -> Result<(Chain, Vec<String>), Stop> {
        let download = || async { account.certificate(url).await.map_err(at(Step::Download)) };
        let download = self.patiently(download).await?;
        let chain = pki::parse_pem_chain(&download.pem)
            .map_err(|e| failed(failure::wrong_certificate(&e.to_string())))?;
        Ok((chain, download.alternates))
    }
}

type Chain = Vec<Certificate>;

/// Whether the issuer at the top of a chain has this common name: the last certificate, or who issued it,
/// as most CAs leave the root itself out.
fn is_under(chain: &[Certificate], common_name: &str) -> bool {
    let issuers = chain.iter().skip(1);
    let top = issuers.last().map(|top| top.common_name.as_str());
    top == Some(common_name)
        || chain
            .last()
            .is_some_and(|last| last.issuer_common_name() == common_name)
}

/// The leaf is good for every name that was asked for.
fn covers(chain: &[Certificate], held: &Held) -> Result<(), Stop> {
    let leaf = chain.first();
    let names = leaf.map(|c| c.dns_names.as_slice()).unwrap_or_default();
    let addresses = leaf.map(|c| c.ip_addresses.as_slice()).unwrap_or_default();
    let mut asked = held.requested.dns_names.iter();
    let name = asked.find(|name| !names.contains(name)).cloned();
    let missing = name.or_else(|| {
        let mut asked = held.addresses();
        let address = asked.find(|address| !addresses.contains(address))?;
        Some(address.to_string())
    });
    match missing {
        None => Ok(()),
        Some(name) => {
            let what = format!("the certificate is not for {name}");
            Err(failed(failure::wrong_certificate(&what)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_is_under_who_issued_its_top() {
        let alone = pki::parse_pem_chain(include_str!("../client/rfc9773.pem")).unwrap();
        assert!(is_under(&alone, "Example CA"));
        // A leaf is nobody's issuer.
        assert!(!is_under(&alone, "example.com"));
        assert!(!is_under(&[], "Example CA"));
        let stands_for_a_root = alone[0].clone();
        let with_root = [alone[0].clone(), stands_for_a_root];
        assert!(is_under(&with_root, "example.com"));
        assert!(!is_under(&with_root, "Other CA"));
    }
}
