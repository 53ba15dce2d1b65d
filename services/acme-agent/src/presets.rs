//! The public CAs whose directories are known, as of September 2026. Nothing but data: what a registration
//! needs is read from the directory itself.

use api::acme::v1::Preset;

/// All of them, in the order in which people are shown them.
pub fn all() -> Vec<Preset> {
    KNOWN.iter().map(Known::preset).collect()
}

struct Known {
    id: &'static str,
    name: &'static str,
    directory_url: &'static str,
    external_account_required: bool,
    note: &'static str,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Public,
    Staging,
    Closed,
}

impl Known {
    fn preset(&self) -> Preset {
        Preset {
            id: self.id.to_owned(),
            name: self.name.to_owned(),
            directory_url: self.directory_url.to_owned(),
            external_account_required: self.external_account_required,
            note: self.note.to_owned(),
            closed: self.kind == Kind::Closed,
            staging: self.kind == Kind::Staging,
        }
    }
}

const KNOWN: &[Known] = &[
    Known {
        id: "letsencrypt",
        name: "Let's Encrypt",
        directory_url: "https://acme-v02.api.letsencrypt.org/directory",
        external_account_required: false,
        note: "",
        kind: Kind::Public,
    },
    Known {
        id: "letsencrypt-staging",
        name: "Let's Encrypt (staging)",
        directory_url: "https://acme-staging-v02.api.letsencrypt.org/directory",
        external_account_required: false,
        note: "For tests: its rate limits are wide, and no browser trusts its certificates.",
        kind: Kind::Staging,
    },
    Known {
        id: "zerossl",
        name: "ZeroSSL",
        directory_url: "https://acme.zerossl.com/v2/DV90",
        external_account_required: true,
        note: "The EAB key is on zerossl.com under Developer.",
        kind: Kind::Public,
    },
    Known {
        id: "google",
        name: "Google Trust Services",
        directory_url: "https://dv.acme-v02.api.pki.goog/directory",
        external_account_required: true,
        note: "The EAB key comes from Google Cloud: gcloud publicca external-account-keys create.",
        kind: Kind::Public,
    },
    Known {
        id: "sslcom-rsa",
        name: "SSL.com (RSA)",
        directory_url: "https://acme.ssl.com/sslcom-dv-rsa",
        external_account_required: true,
        note: "Signs with RSA. The EAB key is in the SSL.com account under API credentials.",
        kind: Kind::Public,
    },
    Known {
        id: "sslcom-ecc",
        name: "SSL.com (ECDSA)",
        directory_url: "https://acme.ssl.com/sslcom-dv-ecc",
        external_account_required: true,
        note: "Signs with ECDSA. The EAB key is in the SSL.com account under API credentials.",
        kind: Kind::Public,
    },
    Known {
        id: "actalis",
        name: "Actalis",
        directory_url: "https://acme-api.actalis.com/acme/directory",
        external_account_required: true,
        note: "The EAB key is in the Actalis account.",
        kind: Kind::Public,
    },
    Known {
        id: "buypass",
        name: "Buypass Go",
        directory_url: "https://api.buypass.com/acme/directory",
        external_account_required: false,
        note: "Buypass stopped issuing on 2025-10-31; kept for its accounts.",
        kind: Kind::Closed,
    },
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_is_told_apart_and_has_an_https_directory() {
        let presets = all();
        let ids = presets.iter().map(|p| p.id.as_str());
        assert_eq!(ids.collect::<BTreeSet<_>>().len(), presets.len());
        for preset in &presets {
            assert!(preset.directory_url.starts_with("https://"), "{preset:?}");
        }
    }

    #[test]
    fn what_is_closed_or_for_tests_says_so() {
        let presets = all();
        let marked = presets.iter().filter(|p| p.closed || p.staging);
        let marked = marked.map(|p| (p.id.as_str(), p.note.is_empty()));
        assert_eq!(
            marked.collect::<Vec<_>>(),
            [("letsencrypt-staging", false), ("buypass", false)]
        );
        let buypass = presets.iter().find(|p| p.closed).unwrap();
        assert!(buypass.note.contains("2025-10-31"));
    }
}
