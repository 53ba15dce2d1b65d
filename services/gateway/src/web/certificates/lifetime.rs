//! The bar that shows a certificate's life: what is over, when it is renewed, from when on that is late.

use api::projection::v1::{Certificate, CertificateStatus};
use time::OffsetDateTime;

use super::words;
use crate::web::when::length;

/// The bar, its places in per cent.
pub struct Lifetime {
    /// "200 days, 94 % used".
    pub summary: String,
    /// All of it in a sentence or two.
    pub label: String,
    pub used: f64,
    /// Where renewal begins, and where it is late.
    pub renew: f64,
    pub late: f64,
    pub after_renew: f64,
    pub after_late: f64,
    pub issued: String,
    pub expires: String,
    pub renew_words: String,
    pub late_words: String,
    pub renew_anchor: &'static str,
    /// Today lies between its beginning and its end.
    pub is_running: bool,
    pub today_anchor: &'static str,
    /// The words at renewal would stand in those of today.
    pub is_crowded: bool,
}

impl Lifetime {
    /// Of a certificate at this moment; none, where it has no beginning or end.
    pub fn of(row: &Certificate, now: OffsetDateTime) -> Option<Lifetime> {
        let certificate = row.certificate.as_ref()?;
        let not_before = words::time(certificate.not_before.as_ref())?;
        let not_after = words::time(certificate.not_after.as_ref())?;
        let whole = (not_after - not_before).as_seconds_f64().max(1.0);
        let place = |at: OffsetDateTime| {
            let share = (at - not_before).as_seconds_f64() / whole * 100.0;
            (share.clamp(0.0, 100.0) * 100.0).round() / 100.0
        };
        let life = pki::Lifetime {
            not_before,
            not_after,
        };
        let renews = words::time(row.renew_at.as_ref()).unwrap_or_else(|| life.renew_at());
        let late = life.error_at();
        let used = place(now);
        let by_hand = row.automation_id.is_empty();
        let (issued, expires) = (words::date(not_before), words::date(not_after));
        let length = length(not_after - not_before);
        let summary = match row.status() {
            CertificateStatus::Expired => format!("{length}, over"),
            CertificateStatus::NotYetValid => format!("{length}, not begun"),
            _ => format!("{length}, {used:.0} % used"),
        };
        let renew_words = match (by_hand, renews <= now) {
            (true, _) => format!("Renew from {}", words::soon(renews, now)),
            (false, true) => format!("Due since {}", words::soon(renews, now)),
            (false, false) => format!("Renews {}", words::soon(renews, now)),
        };
        let late_words = format!("from {}", words::soon(late, now));
        let label = format!(
            "Issued {issued}. {renew_words}. Alerts {late_words}. Expires {expires}: {}.",
            words::left(not_after, now)
        );
        let renew = place(renews);
        let late = place(late).max(renew);
        Some(Lifetime {
            summary,
            label,
            used,
            renew,
            late,
            after_renew: late - renew,
            after_late: 100.0 - late,
            issued,
            expires,
            renew_words,
            late_words,
            renew_anchor: if renew > used && renew < 75.0 {
                "start"
            } else {
                "end"
            },
            is_running: now >= not_before && now <= not_after,
            today_anchor: match used {
                used if used < 4.0 => "start",
                used if used > 96.0 => "end",
                _ => "middle",
            },
            is_crowded: (renew - used).abs() < 12.0 && renew <= used + 4.0,
        })
    }
}
