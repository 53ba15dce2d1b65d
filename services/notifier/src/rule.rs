//! What a channel is told.

use api::notifier::v1::{MessageKind, Rule, Severity};

/// Whether a channel with this rule is told of this.
pub fn wants(rule: &Rule, kind: MessageKind, severity: Severity) -> bool {
    if !rule.kinds.is_empty() {
        return rule.kinds().any(|wanted| wanted == kind);
    }
    let least = match rule.minimum_severity() {
        Severity::Unspecified => Severity::Warning,
        least => least,
    };
    severity as i32 >= least as i32
}

/// Whether this waits for the message of the day.
pub fn is_held_back(rule: &Rule, severity: Severity) -> bool {
    rule.digest && severity != Severity::Error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_by_default_and_named_kinds_of_any_severity() {
        let (renewed, failing) = (MessageKind::CertificateRenewed, MessageKind::RenewalFailing);
        let rule = Rule::default();
        assert!(!wants(&rule, renewed, Severity::Info));
        assert!(wants(&rule, failing, Severity::Warning));
        assert!(wants(&rule, failing, Severity::Error));
        let all = Rule {
            minimum_severity: Severity::Info.into(),
            ..rule.clone()
        };
        assert!(wants(&all, renewed, Severity::Info));
        let errors = Rule {
            minimum_severity: Severity::Error.into(),
            ..rule.clone()
        };
        assert!(!wants(&errors, failing, Severity::Warning));
        let named = Rule {
            kinds: vec![renewed.into()],
            ..errors
        };
        assert!(wants(&named, renewed, Severity::Info));
        assert!(!wants(&named, failing, Severity::Error));
    }

    #[test]
    fn errors_are_never_held_back() {
        let digest = Rule {
            digest: true,
            ..Rule::default()
        };
        assert!(is_held_back(&digest, Severity::Info));
        assert!(is_held_back(&digest, Severity::Warning));
        assert!(!is_held_back(&digest, Severity::Error));
        assert!(!is_held_back(&Rule::default(), Severity::Info));
    }
}
