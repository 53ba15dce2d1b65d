//! Whether the log holds together, as far as the projection knows: it reads each event in its turn, misses none, and
//! looks again and again whether the newest is still the one that it read. Older ones it does not look at again.

use api::projection::v1::{Following, Overview};

use crate::web::when;

/// What to say of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Verdict {
    /// In a few words.
    pub short: String,
    /// And more of them.
    pub long: &'static str,
    /// It is an alarm.
    pub is_bad: bool,
}

impl Verdict {
    /// What the projection says.
    pub fn of(overview: &Overview) -> Verdict {
        let at = when::grouped(overview.projected);
        match overview.following() {
            Following::On | Following::Unspecified => Verdict {
                short: match overview.projected {
                    1 => "1 event, and none is missing.".to_owned(),
                    _ => format!("{at} events, and none is missing."),
                },
                long: "Each was read in its turn. The newest is compared with its hash time and again, all of them now and then.",
                is_bad: false,
            },
            Following::Stopped => Verdict {
                short: format!("This list ends at #{at}."),
                long: "This version cannot read the event after it. Update Chancery.",
                is_bad: true,
            },
            Following::LogChanged => Verdict {
                short: format!("The log does not verify at #{at}."),
                long: "Stop changes and contact support.",
                is_bad: true,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_is_known_and_no_more() {
        let mut overview = Overview {
            projected: 31_407,
            ..Overview::default()
        };
        overview.set_following(Following::On);
        let verdict = Verdict::of(&overview);
        assert_eq!(verdict.short, "31\u{a0}407 events, and none is missing.");
        overview.set_following(Following::LogChanged);
        let verdict = Verdict::of(&overview);
        assert!(verdict.is_bad);
        assert_eq!(verdict.short, "The log does not verify at #31\u{a0}407.");
    }
}
