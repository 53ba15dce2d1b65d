//! Whether somebody has to see to a certificate. Pure: the time comes in.

use api::notifier::v1::{MessageKind, Severity};
use time::OffsetDateTime;

use super::Certificate;
use crate::watch::{
    Up, Verdict,
    automation::{Automation, Standing},
};

/// What there is to know beside the certificate itself.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The automation that manages it.
    pub automation: Option<Automation>,
    /// Its private key is here.
    pub has_key: bool,
    /// What another certificate that is good for its names, and for longer, is called.
    pub replaced_by: Option<String>,
}

/// What stands with the certificate now.
pub fn judge(certificate: &Certificate, around: &Surroundings, now: OffsetDateTime) -> Verdict {
    let calm = |over: String| Verdict {
        name: certificate.name.clone(),
        up: None,
        next: None,
        over,
    };
    if certificate.deleted {
        return calm("It was deleted.".into());
    }
    if certificate.factory {
        // Nobody is meant to rely on it: it only lets TLS answer before there is another one.
        return calm(String::new());
    }
    if certificate.is_ca && !around.has_key {
        // A part of chains: who issued them has to see to it.
        return calm(String::new());
    }
    if let Some(successor) = &around.replaced_by {
        return calm(format!("The certificate {successor} has taken its place."));
    }
    if around
        .automation
        .as_ref()
        .is_some_and(Automation::is_active)
    {
        // Its automation renews it, and is watched itself.
        return calm("It renews by itself again.".into());
    }
    let not_after = certificate.not_after;
    let next_of = |marks: &[OffsetDateTime]| marks.iter().copied().find(|mark| *mark > now);
    let marks = certificate.lifetime().warn_at();
    let passed = marks.iter().copied().rfind(|mark| *mark <= now);
    let up = if now >= not_after {
        Some(Up {
            kind: MessageKind::CertificateExpired,
            severity: Severity::Error,
            message: "It has expired, and was not replaced.".into(),
            advice: advice(certificate, around),
            deadline: Some(not_after),
            since: not_after,
            cause: Some(certificate.cause),
        })
    } else {
        passed.map(|mark| Up {
            kind: MessageKind::CertificateExpiring,
            severity: Severity::Warning,
            message: why(certificate, around),
            advice: advice(certificate, around),
            deadline: Some(not_after),
            since: mark,
            cause: Some(certificate.cause),
        })
    };
    let next = next_of(&marks).or_else(|| (now < not_after).then_some(not_after));
    Verdict {
        up,
        next,
        ..calm("It was replaced in time.".into())
    }
}

/// Why nothing renews it.
fn why(certificate: &Certificate, around: &Surroundings) -> String {
    let standing = around.automation.as_ref().map(|a| a.standing);
    match standing {
        Some(Standing::Paused) => "It expires, and its automation is paused.".into(),
        Some(Standing::Cancelled) => "It expires, and its automation was cancelled.".into(),
        Some(Standing::Active) | None if certificate.self_signed => {
            "It expires, and nothing renews it: it is self-signed.".into()
        }
        Some(Standing::Active) | None => "It expires, and nothing renews it.".into(),
    }
}

fn advice(certificate: &Certificate, around: &Surroundings) -> String {
    let standing = around.automation.as_ref().map(|a| a.standing);
    match standing {
        Some(Standing::Paused) => {
            "Resume the automation, or delete the certificate where nobody needs it any more.".into()
        }
        Some(Standing::Cancelled) => {
            "Ask for a new automated certificate, or delete this one where nobody needs it any more."
                .into()
        }
        Some(Standing::Active) | None if certificate.self_signed => {
            "Make a new self-signed certificate, or delete this one where nobody needs it any more."
                .into()
        }
        Some(Standing::Active) | None => {
            "Renew it at its CA and import the new certificate, or request an automated one; delete it where nobody needs it any more.".into()
        }
    }
}

#[cfg(test)]
mod tests {
    use time::{Duration, macros::datetime};
    use uuid::Uuid;

    use super::*;

    const START: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

    fn certificate() -> Certificate {
        Certificate {
            id: Uuid::from_u128(1),
            name: "shop".into(),
            names: vec!["shop.example".into()],
            version: 1,
            not_before: START,
            not_after: START + Duration::days(90),
            automation: None,
            spki_sha256: "aa".into(),
            is_ca: false,
            self_signed: false,
            factory: false,
            revoked: false,
            deleted: false,
            cause: Uuid::from_u128(9),
        }
    }

    fn automation(standing: Standing) -> Surroundings {
        Surroundings {
            automation: Some(Automation {
                standing,
                ..crate::watch::automation::tests::automation()
            }),
            ..Surroundings::default()
        }
    }

    fn day(n: i64) -> OffsetDateTime {
        START + Duration::days(n)
    }

    #[test]
    fn marks_come_and_then_the_end() {
        let of = |now| judge(&certificate(), &Surroundings::default(), now);
        let quiet = of(day(59));
        assert_eq!((quiet.up, quiet.next), (None, Some(day(60))));
        for (now, mark, next) in [
            (day(60), day(60), day(76)),
            (day(75), day(60), day(76)),
            (day(80), day(76), day(83)),
            (day(86), day(83), day(87)),
            (day(88), day(87), day(89)),
            (day(89), day(89), day(90)),
        ] {
            let verdict = of(now);
            let up = verdict.up.unwrap();
            assert_eq!(
                (up.kind, up.since),
                (MessageKind::CertificateExpiring, mark)
            );
            assert_eq!(verdict.next, Some(next));
        }
        let over = of(day(90));
        let up = over.up.unwrap();
        assert_eq!(
            (up.kind, up.since),
            (MessageKind::CertificateExpired, day(90))
        );
        assert_eq!(over.next, None);
    }

    #[test]
    fn what_renews_itself_is_left_to_its_automation() {
        let verdict = judge(&certificate(), &automation(Standing::Active), day(89));
        assert_eq!((verdict.up, verdict.next), (None, None));
        for (standing, word) in [
            (Standing::Paused, "paused"),
            (Standing::Cancelled, "cancelled"),
        ] {
            let up = judge(&certificate(), &automation(standing), day(89)).up;
            assert!(up.unwrap().message.contains(word));
        }
    }

    #[test]
    fn nobody_is_told_of_what_nobody_has_to_see_to() {
        let expired = |certificate: Certificate, around: Surroundings| {
            judge(&certificate, &around, day(95)).up.is_some()
        };
        let none = Surroundings::default;
        assert!(expired(certificate(), none()));
        for nobodys in [
            Certificate {
                deleted: true,
                ..certificate()
            },
            Certificate {
                factory: true,
                ..certificate()
            },
            Certificate {
                is_ca: true,
                ..certificate()
            },
        ] {
            assert!(!expired(nobodys, none()));
        }
        let own_ca = Certificate {
            is_ca: true,
            ..certificate()
        };
        let with_key = Surroundings {
            has_key: true,
            ..none()
        };
        assert!(expired(own_ca, with_key));
        let replaced = Surroundings {
            replaced_by: Some("shop (2)".into()),
            ..none()
        };
        assert!(!expired(certificate(), replaced));
    }

    #[test]
    fn a_successor_has_all_names_and_lives_longer() {
        let new = |names: &[&str], days: i64| Certificate {
            id: Uuid::from_u128(2),
            names: names.iter().map(|n| (*n).to_owned()).collect(),
            not_before: day(50),
            not_after: day(days),
            ..certificate()
        };
        let replaces = |new: &Certificate| new.replaces(&certificate(), day(70));
        assert!(replaces(&new(&["shop.example"], 140)));
        assert!(replaces(&new(&["a.example", "shop.example"], 140)));
        assert!(replaces(&new(&["*.example"], 140)));
        assert!(!replaces(&new(&["a.example"], 140)));
        assert!(!replaces(&new(&["shop.example"], 90)));
        assert!(!replaces(&certificate()));
        let revoked = Certificate {
            revoked: true,
            ..new(&["shop.example"], 140)
        };
        assert!(!replaces(&revoked));
        let home_made = Certificate {
            self_signed: true,
            ..new(&["shop.example"], 140)
        };
        assert!(!replaces(&home_made));
    }
}
