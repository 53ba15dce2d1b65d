//! What a channel is owed. Pure: the time comes in.

use std::collections::HashMap;

use api::{convert, notifier::v1::Severity};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::{
    alert::{Raised, State},
    calendar::Calendar,
    instant::micros,
    item::{About, Item},
    notice::USEFUL_LIFE,
    roster::Recipient,
    rule,
};

/// When things are told.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manners {
    /// Whose days count.
    pub calendar: Calendar,
    /// For how long what happens is gathered into one message.
    pub gather: Duration,
}

/// Something that a channel is owed.
#[derive(Debug, Clone, PartialEq)]
pub struct Owed {
    /// What it is.
    pub item: Item,
    /// From when on; a message that is sent by then takes it along.
    pub ready: OffsetDateTime,
}

/// What a channel was told last of one subject, where that is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// On which day.
    pub day: String,
    /// How bad it was.
    pub severity: Severity,
}

/// What a channel has heard, by the subject's kind and id: the last of each, and of one day the worst.
pub fn heard(alerts: &[(Uuid, State)], channel: Uuid) -> HashMap<(String, String), Heard> {
    let channel = channel.to_string();
    let mut all = HashMap::<_, Heard>::new();
    for (_, state) in alerts {
        // What is over is over: if it comes back, that is new.
        let stands = state.cleared.as_ref().is_none_or(|c| c.superseded);
        let told = state.told.get(&channel).filter(|told| told.heard && stands);
        let (Some(told), Some(raised)) = (told, &state.raised) else {
            continue;
        };
        let heard = Heard {
            day: told.day.clone(),
            severity: raised.what.severity(),
        };
        let rank = |heard: &Heard| (heard.day.clone(), heard.severity as i32);
        let subject = raised.what.subject.clone().unwrap_or_default();
        let known = all
            .entry((subject.kind, subject.id))
            .or_insert(heard.clone());
        if rank(known) < rank(&heard) {
            *known = heard;
        }
    }
    all
}

/// What a channel is owed of an alert, now or later. `heard`: what it was told last of the same subject; of one
/// thing people hear once a day, unless it gets worse.
pub fn of_alert(
    id: Uuid,
    state: &State,
    to: &Recipient,
    heard: Option<&Heard>,
    manners: &Manners,
    now: OffsetDateTime,
) -> Option<Owed> {
    let raised = state.raised.as_ref()?;
    let channel = to.id.to_string();
    let subject = raised.what.subject.clone().unwrap_or_default();
    if subject.kind == "channel" && subject.id == channel {
        // It would not take that message either.
        return None;
    }
    let told = state.told.get(&channel);
    let day = manners.calendar.day(now).to_string();
    let (about, message, ready) = match &state.cleared {
        None => {
            if !rule::wants(&to.channel.rule, raised.what.kind(), raised.what.severity()) {
                return None;
            }
            let severity = raised.what.severity();
            let again = |told: &str| daily(told, &day, manners, now);
            let ready = match (told, heard) {
                (None, Some(heard)) if heard.severity as i32 >= severity as i32 => {
                    again(&heard.day)
                }
                (None, _) => first(raised.at, severity, to, manners),
                (Some(told), _) if told.since == raised.since().unix_timestamp() => {
                    raised.is_daily().then(|| again(&told.day))?
                }
                // It says something new.
                (Some(told), _) if told.day >= manners.calendar.day(raised.at).to_string() => {
                    again(&told.day)
                }
                (Some(_), _) => first(raised.at, severity, to, manners),
            };
            let at = micros(raised.at);
            let about = About::Alert { id, day, at };
            (about, raised.what.message.clone(), ready)
        }
        Some(cleared) => {
            let told = told.filter(|told| told.heard && !told.all_clear)?;
            let ready = first(cleared.at, raised.what.severity(), to, manners);
            if cleared.superseded || told.day.is_empty() || ready + USEFUL_LIFE <= now {
                return None;
            }
            let at = micros(cleared.at);
            let about = About::AllClear { id, day, at };
            (about, cleared.message.clone(), ready)
        }
    };
    let item = item(about, raised, message);
    Some(Owed { item, ready })
}

/// What a channel is owed of something that happened once; nothing where it is too long ago.
pub fn of_notice(
    item: Item,
    at: OffsetDateTime,
    to: &Recipient,
    manners: &Manners,
    now: OffsetDateTime,
) -> Option<Owed> {
    let ready = first(at, item.severity, to, manners);
    (ready + USEFUL_LIFE > now).then_some(Owed { item, ready })
}

/// When something new is told.
fn first(
    at: OffsetDateTime,
    severity: Severity,
    to: &Recipient,
    manners: &Manners,
) -> OffsetDateTime {
    match rule::is_held_back(&to.channel.rule, severity) {
        true => manners.calendar.next_hour(at),
        false => at + manners.gather,
    }
}

/// When what was told on one day is told again.
fn daily(told: &str, today: &str, manners: &Manners, now: OffsetDateTime) -> OffsetDateTime {
    let calendar = &manners.calendar;
    if told < today {
        return calendar.hour_of_day(now);
    }
    // Of today's two moments around now, the one that lies on another day.
    let mut next = calendar.next_hour(now);
    while calendar.day(next).to_string().as_str() <= told {
        let later = calendar.next_hour(next);
        if later <= next {
            break;
        }
        next = later;
    }
    next
}

fn item(about: About, raised: &Raised, message: String) -> Item {
    let what = &raised.what;
    let subject = what.subject.clone().unwrap_or_default();
    Item {
        about,
        kind: what.kind(),
        severity: what.severity(),
        subject_kind: subject.kind,
        subject_id: subject.id,
        name: subject.name,
        message,
        advice: what.advice.clone(),
        deadline: what.deadline.as_ref().and_then(convert::time),
        since: raised.since(),
    }
}
