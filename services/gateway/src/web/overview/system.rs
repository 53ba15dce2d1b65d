//! How Chancery itself is: its services, its log, and who is told.

use api::{
    convert,
    projection::v1::{Following, NotificationChannel, Overview},
};
use time::OffsetDateTime;

use super::list;
use crate::{
    forward::Standing,
    web::{desk::Desk, visitor::SignedIn, when},
};

/// Lines of a word and a figure.
pub struct System(pub Vec<Line>);

/// One of them.
pub struct Line {
    /// A symbol of the sprite.
    pub icon: &'static str,
    /// What it says.
    pub words: String,
    /// How much, or since when.
    pub figure: String,
    /// Somebody should look.
    pub is_bad: bool,
    /// Where there is more of it.
    pub href: &'static str,
}

/// Asks all of them.
pub async fn ask(
    desk: &Desk,
    person: &SignedIn,
    overview: Option<&Overview>,
    now: OffsetDateTime,
) -> System {
    let mut of_channels = desk.queries(person);
    let (services, end, channels) = tokio::join!(
        desk.forwarder.services(PATIENCE),
        end_of_log(desk),
        of_channels.list_channels(list("", "name", 200)),
    );
    let mut lines = vec![log(overview, end), up(&services)];
    if let Some(overview) = overview {
        lines.push(tables(overview, end));
    }
    if let Ok(channels) = channels {
        lines.push(told(&channels.into_inner().channels, now));
    }
    System(lines)
}

/// The position of the newest event; nothing where the log does not answer.
async fn end_of_log(desk: &Desk) -> Option<u64> {
    let log = desk.commands.log().ok()?;
    let asked = tokio::time::timeout(PATIENCE, log.last_sequence()).await;
    asked.ok()?.ok()
}

fn log(overview: Option<&Overview>, end: Option<u64>) -> Line {
    let changed = overview.is_some_and(|one| one.following() == Following::LogChanged);
    let (words, is_bad) = match (changed, end) {
        (true, _) => ("The event log does not hold together", true),
        (false, None) => ("The event log does not answer", true),
        (false, Some(_)) => ("Event log answers", false),
    };
    Line {
        icon: "log",
        words: words.to_owned(),
        figure: end.map_or_else(String::new, |end| format!("#{}", when::grouped(end))),
        is_bad,
        href: "/audit",
    }
}

fn up(services: &[Standing]) -> Line {
    let down = services.iter().filter(|one| !one.answers);
    let down = down.map(|one| one.service).collect::<Vec<_>>();
    Line {
        icon: "server",
        words: format!(
            "{} of {} services up",
            services.len() - down.len(),
            services.len()
        ),
        figure: match down[..] {
            [] => versions(services),
            _ => format!("down: {}", down.join(", ")),
        },
        is_bad: !down.is_empty(),
        href: "/settings",
    }
}

/// "0.9.0", where all have the gateway's; else each of the others.
fn versions(services: &[Standing]) -> String {
    let own = env!("CARGO_PKG_VERSION");
    let told = services.iter().filter_map(|one| {
        let version = one.version.as_deref()?;
        (version != own).then(|| format!("{} {version}", one.service))
    });
    let others = told.collect::<Vec<_>>();
    match others[..] {
        [] => own.to_owned(),
        _ => format!("{own}, but {}", others.join(", ")),
    }
}

fn tables(overview: &Overview, end: Option<u64>) -> Line {
    let behind = end.map(|end| end.saturating_sub(overview.projected));
    let stopped = !matches!(overview.following(), Following::On | Following::Unspecified);
    Line {
        icon: "renewing",
        words: match stopped {
            true => "The lists have stopped".to_owned(),
            false => "Lists follow the log".to_owned(),
        },
        figure: match behind {
            _ if stopped => format!("at #{}", when::grouped(overview.projected)),
            Some(0) => "up to date".to_owned(),
            Some(1) => "1 event behind".to_owned(),
            Some(n) => format!("{} events behind", when::grouped(n)),
            None => String::new(),
        },
        is_bad: stopped,
        href: "",
    }
}

fn told(channels: &[NotificationChannel], now: OffsetDateTime) -> Line {
    let failing = channels.iter().find(|channel| fails(channel));
    let last = channels
        .iter()
        .filter_map(|channel| channel.last_notified.as_ref().and_then(convert::time))
        .max();
    let (words, figure, is_bad) = match (failing, last) {
        (Some(channel), _) => (
            format!("{} does not take messages", channel.name),
            String::new(),
            true,
        ),
        (None, _) if channels.is_empty() => (
            "Nobody is told by e-mail or webhook".to_owned(),
            String::new(),
            false,
        ),
        (None, None) => (
            "Notifications are set up".to_owned(),
            "none sent yet".to_owned(),
            false,
        ),
        (None, Some(at)) => (
            "Last notification sent".to_owned(),
            when::ago(at, now),
            false,
        ),
    };
    Line {
        icon: "mail",
        words,
        figure,
        is_bad,
        href: "/notifications",
    }
}

/// Whether the last that was to go there did not.
pub fn fails(channel: &NotificationChannel) -> bool {
    let failed = channel.last_failed.as_ref().and_then(convert::time);
    let took = channel.last_notified.as_ref().and_then(convert::time);
    failed.is_some() && failed > took
}

const PATIENCE: std::time::Duration = std::time::Duration::from_millis(500);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_of_another_version_is_named() {
        let one = |service, version: Option<&str>| Standing {
            service,
            answers: true,
            version: version.map(str::to_owned),
        };
        let own = env!("CARGO_PKG_VERSION");
        assert_eq!(
            versions(&[one("keystore", Some(own)), one("notifier", None)]),
            own
        );
        let told = versions(&[one("keystore", Some("0.0.1")), one("notifier", Some(own))]);
        assert_eq!(told, format!("{own}, but keystore 0.0.1"));
    }
}
