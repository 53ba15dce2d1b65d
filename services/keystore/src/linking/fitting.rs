//! How much of a chain is kept: all of it goes into one event, in base64 and with what was read from it.

use api::keystore::v1;
use eventlog::EventBody;
use pki::Certificate;

use crate::events::CertificateEvent;

/// Leaves away of a chain, from its end, what one event of the log does not take. Chains that are in use never come
/// near: they have some KiB.
pub fn keep_what_fits(leaf: &Certificate, issuers: &mut Vec<Certificate>) {
    let octets = issuers.iter().map(|issuer| issuer.der.len());
    if leaf.der.len() + octets.sum::<usize>() <= SURELY_FITS {
        return;
    }
    let mut room = LONGEST_EVENT.saturating_sub(written(leaf));
    let mut fits = 0;
    for issuer in issuers.iter() {
        match room.checked_sub(written(issuer)) {
            Some(left) => room = left,
            None => break,
        }
        fits += 1;
    }
    issuers.truncate(fits);
}

/// How long a certificate is in an event.
fn written(certificate: &Certificate) -> usize {
    let event = CertificateEvent::ChainCompleted(v1::CertificateChainCompleted {
        version: 1,
        issuers: vec![certificate.into()],
    });
    // What cannot be written fits nowhere.
    event.to_json().map_or(usize::MAX, |json| json.len())
}

/// A message has 1 MiB at most, with its headers.
const LONGEST_EVENT: usize = 768 * 1_024;

/// In DER. An octet of a certificate is at most some twenty in an event: a control character in a name is six in JSON, and
/// the name may stand there as subject, as CN, and as the issuer of another.
const SURELY_FITS: usize = 32 * 1_024;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples;

    #[test]
    fn of_a_long_chain_what_fits_is_kept() {
        let chain = samples::first_chain();
        let long = |length| {
            let mut long = chain.leaf.clone();
            long.der = vec![0; length];
            long
        };
        let mut issuers = vec![long(60_000); 15];
        keep_what_fits(&chain.leaf, &mut issuers);
        // 80,000 octets each in base64.
        assert_eq!(issuers.len(), 9);
        let mut usual = vec![long(2_000); 5];
        keep_what_fits(&chain.leaf, &mut usual);
        assert_eq!(usual.len(), 5);
    }
}
