//! The end of an order: the certificate comes home.

use api::{
    acme::v1::{AutomationRequested, CertificateObtained, Step},
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
        let download = || async { account.certificate(url).await.map_err(at(Step::Download)) };
        let pem = self.patiently(download).await?;
        let chain = pki::parse_pem_chain(&pem)
            .map_err(|e| failed(failure::wrong_certificate(&e.to_string())))?;
        covers(&chain, &held.requested)?;
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
}

/// The leaf is good for every name and address that was asked for.
fn covers(chain: &[Certificate], requested: &AutomationRequested) -> Result<(), Stop> {
    let names = chain.first().map(|c| c.dns_names.as_slice());
    let names = names.unwrap_or_default();
    let addresses = chain.first().map(|c| c.ip_addresses.as_slice());
    let addresses = addresses.unwrap_or_default();
    let mut asked = requested.dns_names.iter();
    let missing = asked.find(|name| !names.contains(name));
    let missing = missing.or_else(|| {
        let mut asked = requested.ip_addresses.iter();
        asked.find(|text| {
            !text
                .parse()
                .is_ok_and(|address| addresses.contains(&address))
        })
    });
    match missing {
        None => Ok(()),
        Some(name) => {
            let what = format!("the certificate is not for {name}");
            Err(failed(failure::wrong_certificate(&what)))
        }
    }
}
