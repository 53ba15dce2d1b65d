//! What ends when: one mark for each certificate, or bars of weeks where there are many, and the same as a table.

use api::{
    convert,
    projection::v1::{CertificateStatus as S, Expiry, ExpiryDay, Overview, Renewing},
};
use time::{Duration, OffsetDateTime};

use super::{
    of,
    picture::{self, Bar, Mark, Picture},
};
use crate::web::{event_words::href, parts::Chip, wording};

/// All of it.
pub struct Timeline {
    /// As it is drawn.
    pub picture: Picture,
    /// As it is written: one by one.
    pub rows: Vec<Row>,
    /// The same by the week, where there are many.
    pub weeks: Vec<Week>,
    /// What is not in it.
    pub left_out: String,
}

/// A certificate's line.
pub struct Row {
    /// When it ends.
    pub ends: String,
    /// What people call it.
    pub name: String,
    /// Its page.
    pub href: String,
    /// How it stands.
    pub chip: Chip,
    /// Who acts, and when.
    pub renewal: String,
}

/// What ends in a week.
pub struct Week {
    /// Its first day.
    pub begins: String,
    /// How many, by who acts.
    pub automatic: u32,
    /// Likewise.
    pub now: u32,
    /// Likewise.
    pub by_hand: u32,
    /// Likewise.
    pub late: u32,
}

impl Week {
    /// All of them.
    pub fn all(&self) -> u32 {
        self.automatic + self.now + self.by_hand + self.late
    }
}

impl Timeline {
    /// At this moment.
    pub fn of(overview: &Overview, now: OffsetDateTime) -> Timeline {
        let mut timeline = Timeline {
            picture: Picture::begin(now),
            rows: overview.expiries.iter().filter_map(row).collect(),
            weeks: Vec::new(),
            left_out: left_out(overview),
        };
        let marks = overview.expiries.iter().filter_map(mark);
        let are_few = overview.days.is_empty() || !overview.expiries.is_empty();
        // Where they stand too high on each other, they are many as well.
        if are_few && timeline.picture.marks(marks.collect()) {
            return timeline;
        }
        timeline.weeks = weeks(&overview.days, now);
        let bars = timeline.weeks.iter().map(|week| Bar {
            title: week.title(),
            counts: [week.late, week.by_hand, week.now, week.automatic],
        });
        let bars = bars.collect();
        timeline.picture.bars(bars);
        timeline
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        match self.weeks.is_empty() {
            true => self.rows.len() as u32,
            false => self.weeks.iter().map(Week::all).sum(),
        }
    }
}

impl Week {
    fn title(&self) -> String {
        let counts = [
            (self.automatic, "renew themselves"),
            (self.now, "are being renewed"),
            (self.by_hand, "by hand"),
            (self.late, "expired or in error"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts = counts.map(|(count, how)| format!("{count} {how}"));
        let counts = counts.collect::<Vec<_>>().join(", ");
        format!("Week of {}: {counts}", self.begins)
    }
}

fn mark(expiry: &Expiry) -> Option<Mark> {
    let at = expiry.not_after.as_ref().and_then(convert::time)?;
    let word = Chip::from(expiry.status()).word;
    let day = wording::day(at);
    Some(Mark {
        at,
        renewing: expiry.renewing(),
        href: href("certificate", &expiry.certificate_id)?,
        title: format!("{}: {word}, expires {day}", expiry.friendly_name),
    })
}

fn row(expiry: &Expiry) -> Option<Row> {
    let at = expiry.not_after.as_ref().and_then(convert::time)?;
    let renews = expiry.renew_at.as_ref().and_then(convert::time);
    Some(Row {
        ends: wording::day(at),
        name: expiry.friendly_name.clone(),
        href: href("certificate", &expiry.certificate_id)?,
        chip: Chip::from(expiry.status()),
        renewal: match (expiry.renewing(), renews) {
            (Renewing::Now, _) => "Now".to_owned(),
            (_, Some(at)) => wording::day(at),
            (_, None) => "By hand".to_owned(),
        },
    })
}

/// The days by the week, each once, from the first that is shown.
fn weeks(days: &[ExpiryDay], now: OffsetDateTime) -> Vec<Week> {
    let first = picture::first_day(now);
    let mut weeks = (0..picture::WEEKS)
        .map(|week| Week {
            begins: wording::day(first + Duration::weeks(week)),
            automatic: 0,
            now: 0,
            by_hand: 0,
            late: 0,
        })
        .collect::<Vec<_>>();
    for day in days {
        let Some(at) = day.day.as_ref().and_then(convert::time) else {
            continue;
        };
        let week = usize::try_from((at - first).whole_weeks()).unwrap_or_default();
        if let Some(week) = weeks.get_mut(week) {
            let count = match day.renewing() {
                Renewing::Now => &mut week.now,
                Renewing::ByHand => &mut week.by_hand,
                Renewing::Late => &mut week.late,
                Renewing::Automatic | Renewing::Unspecified => &mut week.automatic,
            };
            *count += day.count;
        }
    }
    weeks
}

fn left_out(overview: &Overview) -> String {
    let shown = overview.days.iter().map(|day| day.count).sum::<u32>();
    let revoked = of(&overview.certificates, S::Revoked);
    let all = overview
        .certificates
        .iter()
        .map(|one| one.count)
        .sum::<u32>();
    let earlier = all.saturating_sub(shown + overview.later + revoked);
    let never = overview
        .never_issued
        .iter()
        .map(|one| one.count)
        .sum::<u32>();
    let parts = [
        (earlier, "that ended before"),
        (overview.later, "that end later"),
        (never, "not issued yet"),
        (revoked, "revoked"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts = parts.map(|(count, what)| match (count, *what) {
        (1, "that end later") => "1 that ends later".to_owned(),
        (count, what) => format!("{count} {what}"),
    });
    match parts.collect::<Vec<_>>()[..] {
        [] => String::new(),
        ref parts => format!("Not shown: {}.", parts.join(", ")),
    }
}
