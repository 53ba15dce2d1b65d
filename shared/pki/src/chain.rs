//! A certificate and its issuers, in order.

use crate::{Certificate, signature::Signed};

/// Why a chain is not one. Places count from 0, the leaf.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// There is not even a leaf.
    #[error("the chain is empty")]
    Empty,
    /// The certificate behind this one did not sign it.
    #[error("certificate {0} of the chain was not issued by the one that follows it")]
    NotIssuedByNext(usize),
    /// The certificate stands as an issuer, and is not a CA's.
    #[error("certificate {0} of the chain is not a CA's")]
    NotACa(usize),
}

/// Checks that each certificate was issued by the one after it: names, CA flag, and signature.
/// Times are not looked at, nor whether the last one is trusted by anybody.
///
/// # Errors
/// The first place that does not fit.
pub fn check_order(chain: &[Certificate]) -> Result<(), ChainError> {
    if chain.is_empty() {
        return Err(ChainError::Empty);
    }
    for (n, pair) in chain.windows(2).enumerate() {
        let [subject, issuer] = pair else { continue };
        if !issuer.is_ca {
            return Err(ChainError::NotACa(n + 1));
        }
        let signed = subject.issuer_der == issuer.subject_der
            && Signed::from_der(&subject.der).is_ok_and(|s| s.verify(&issuer.spki_der).is_ok());
        if !signed {
            return Err(ChainError::NotIssuedByNext(n));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

    use super::*;

    type Ca = CertifiedIssuer<'static, KeyPair>;

    fn authority(name: &str, above: Option<&Ca>) -> Ca {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        match above {
            Some(above) => CertifiedIssuer::signed_by(params, key, above).unwrap(),
            None => CertifiedIssuer::self_signed(params, key).unwrap(),
        }
    }

    fn parse(ca: &Ca) -> Certificate {
        Certificate::parse(ca.der()).unwrap()
    }

    #[test]
    fn the_order_is_that_of_the_signatures() {
        let root = authority("Root", None);
        let middle = authority("Middle", Some(&root));
        let impostor = authority("Root", None);
        let params = CertificateParams::new(["shop.example".to_owned()]).unwrap();
        let leaf = params
            .signed_by(&KeyPair::generate().unwrap(), &middle)
            .unwrap();
        let leaf = Certificate::parse(leaf.der()).unwrap();
        let (root, middle, impostor) = (parse(&root), parse(&middle), parse(&impostor));

        let check = |chain: &[&Certificate]| {
            check_order(&chain.iter().map(|&c| c.clone()).collect::<Vec<_>>())
        };
        assert_eq!(check(&[&leaf, &middle, &root]), Ok(()));
        assert_eq!(check(&[&leaf]), Ok(()));
        assert_eq!(check(&[]), Err(ChainError::Empty));
        assert_eq!(check(&[&leaf, &root]), Err(ChainError::NotIssuedByNext(0)));
        assert_eq!(
            check(&[&leaf, &middle, &impostor]),
            Err(ChainError::NotIssuedByNext(1))
        );
        assert_eq!(check(&[&middle, &leaf]), Err(ChainError::NotACa(1)));
    }
}
