//! The timeline as it is drawn: where each mark, bar and line stands. Its colours are the stylesheet's.

use api::projection::v1::Renewing;
use time::{Date, Duration, Month, OffsetDateTime, Time};

use super::super::wording;

/// A drawing, 940 wide.
pub struct Picture {
    first: OffsetDateTime,
    /// How high it is.
    pub height: i64,
    /// Where the axis is.
    pub axis: i64,
    /// Where today begins.
    pub today: String,
    /// How wide the next 30 days are.
    pub soon: String,
    /// Where each month begins, and what it is called.
    pub months: Vec<(String, String, String)>,
    /// Marks, where they are few.
    pub shapes: Vec<Shape>,
    /// Bars, where they are many.
    pub columns: Vec<Column>,
}

/// What ends.
pub struct Mark {
    /// When.
    pub at: OffsetDateTime,
    /// Who acts.
    pub renewing: Renewing,
    /// Where it leads.
    pub href: String,
    /// What it says.
    pub title: String,
}

/// A mark at its place.
pub struct Shape {
    /// What it stands for.
    pub mark: Mark,
    /// Its middle.
    pub x: String,
    /// Likewise.
    pub y: i64,
    /// Where the corner of its field is.
    pub left: String,
    /// Likewise.
    pub top: i64,
    /// A path, for shapes that are no circles.
    pub path: Option<String>,
    /// Its class.
    pub class: &'static str,
    /// A circle's.
    pub radius: i64,
}

/// How many end in a week: late, by hand, being renewed, by themselves.
pub struct Bar {
    /// What it says.
    pub title: String,
    /// How many.
    pub counts: [u32; 4],
}

/// A bar at its place, with its pieces.
pub struct Column {
    /// What it says.
    pub title: String,
    /// Where it begins.
    pub x: String,
    /// Where its number stands.
    pub middle: String,
    /// Likewise.
    pub top: String,
    /// How many.
    pub count: u32,
    /// Class, top and height of each piece.
    pub pieces: Vec<(&'static str, String, String)>,
}

/// The first day that is shown.
pub fn first_day(now: OffsetDateTime) -> OffsetDateTime {
    now.replace_time(Time::MIDNIGHT) - Duration::days(BACK)
}

impl Picture {
    /// As of `now`, with nothing in it.
    pub fn begin(now: OffsetDateTime) -> Picture {
        let first = first_day(now);
        let mut picture = Picture {
            first,
            height: 128,
            axis: 104,
            today: String::new(),
            soon: one(SOON as f64 * WIDTH / DAYS as f64),
            months: Vec::new(),
            shapes: Vec::new(),
            columns: Vec::new(),
        };
        picture.today = one(picture.x(now));
        picture.months = picture.months();
        picture
    }

    /// With these marks; false, and without, where too many would stand on one another.
    pub fn marks(&mut self, marks: Vec<Mark>) -> bool {
        let mut stacks = [0_i64; SLOTS];
        let mut slots = Vec::with_capacity(marks.len());
        for mark in &marks {
            let slot = ((self.x(mark.at) - MARGIN) / SLOT) as usize;
            let stack = &mut stacks[slot.min(SLOTS - 1)];
            slots.push((slot.min(SLOTS - 1), *stack));
            *stack += 1;
        }
        let highest = stacks.into_iter().max().unwrap_or_default();
        if highest > HIGHEST || marks.is_empty() {
            return marks.is_empty();
        }
        self.axis += (highest - 4).max(0) * STEP;
        self.height = self.axis + 24;
        let shapes = marks.into_iter().zip(slots).map(|(mark, (slot, level))| {
            let x = MARGIN + (slot as f64 + 0.5) * SLOT;
            shape(mark, x, self.axis - 14 - level * STEP)
        });
        self.shapes = shapes.collect();
        true
    }

    /// With these bars, a week each.
    pub fn bars(&mut self, bars: Vec<Bar>) {
        let most = bars.iter().map(|bar| bar.counts.iter().sum::<u32>()).max();
        let scale = TALLEST / f64::from(most.unwrap_or_default().max(1));
        let week = 7.0 * WIDTH / DAYS as f64;
        let axis = self.axis as f64;
        let columns = bars.into_iter().enumerate().filter_map(|(number, bar)| {
            let count = bar.counts.iter().sum::<u32>();
            let x = MARGIN + number as f64 * week;
            let mut top = axis;
            let mut pieces = Vec::new();
            for (count, class) in bar.counts.into_iter().zip(["bad", "hand", "busy", "auto"]) {
                // What is there can be seen.
                let height = match count {
                    0 => continue,
                    count => (f64::from(count) * scale).max(2.0),
                };
                top -= height;
                pieces.push((class, one(top), one(height)));
            }
            (count > 0).then(|| Column {
                title: bar.title,
                x: one(x + 3.0),
                middle: one(x + week / 2.0),
                top: one(top - 4.0),
                count,
                pieces,
            })
        });
        self.columns = columns.collect();
    }

    fn x(&self, at: OffsetDateTime) -> f64 {
        MARGIN + (at - self.first).as_seconds_f64() / 86_400.0 * WIDTH / DAYS as f64
    }

    /// Where the months begin; January with its year. One whose name would stand in that of today has none.
    fn months(&self) -> Vec<(String, String, String)> {
        let mut months = Vec::new();
        let (mut year, mut month) = (self.first.year(), self.first.month());
        loop {
            month = month.next();
            if month == Month::January {
                year += 1;
            }
            let Ok(first) = Date::from_calendar_date(year, month, 1) else {
                return months;
            };
            let at = first.midnight().assume_utc();
            // The last one's name would not fit.
            if at - self.first > Duration::days(DAYS - 10) {
                return months;
            }
            let x = self.x(at);
            let name = wording::day(at);
            let from_today = at - self.first - Duration::days(BACK);
            let name = match month {
                _ if from_today.abs() < Duration::days(CROWDED) => "",
                Month::January => name.trim_start_matches("1 "),
                _ => name.split(' ').nth(1).unwrap_or_default(),
            };
            months.push((one(x), one(x + 4.0), name.to_owned()));
        }
    }
}

fn shape(mark: Mark, x: f64, y: i64) -> Shape {
    let (class, path, radius) = match mark.renewing {
        Renewing::Late => {
            let path = format!("M{} {}l8.3 14.5h-16.6z", one(x), y - 8);
            ("bad", Some(path), 0)
        }
        Renewing::ByHand => {
            let path = format!("M{} {}l8.5 8.5-8.5 8.5-8.5-8.5z", one(x), y as f64 - 8.5);
            ("hand", Some(path), 0)
        }
        Renewing::Now => ("busy", None, 6),
        Renewing::Automatic | Renewing::Unspecified => ("auto", None, 7),
    };
    Shape {
        mark,
        x: one(x),
        y,
        left: one(x - 11.0),
        top: y - 11,
        path,
        class,
        radius,
    }
}

/// A number with one digit behind its point.
fn one(number: f64) -> String {
    format!("{number:.1}")
}

const BACK: i64 = 10;
/// Days from today within which there is no room for another name.
const CROWDED: i64 = 7;
const DAYS: i64 = BACK + 190;
const SOON: i64 = 30;
/// As many as begin in those days.
pub const WEEKS: i64 = (DAYS + 6) / 7;

const MARGIN: f64 = 14.0;
const WIDTH: f64 = 912.0;
const SLOTS: usize = 38;
const SLOT: f64 = WIDTH / SLOTS as f64;
/// From a mark to the one above it.
const STEP: i64 = 21;
const HIGHEST: i64 = 8;
/// The tallest bar leaves room for its number.
const TALLEST: f64 = 70.0;

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    const NOW: OffsetDateTime = datetime!(2026-11-23 09:00 UTC);

    fn mark(days: i64) -> Mark {
        Mark {
            at: NOW + Duration::days(days),
            renewing: Renewing::ByHand,
            href: "/certificates/1".to_owned(),
            title: "Shop".to_owned(),
        }
    }

    #[test]
    fn marks_of_the_same_days_stand_on_one_another() {
        let mut picture = Picture::begin(NOW);
        assert!(picture.marks(vec![mark(-4), mark(12), mark(12), mark(189)]));
        let ys = picture.shapes.iter().map(|shape| shape.y);
        assert_eq!(ys.collect::<Vec<_>>(), [90, 90, 69, 90]);
        assert!(picture.shapes.iter().all(|shape| {
            let x = shape.x.parse::<f64>().unwrap();
            (MARGIN..MARGIN + WIDTH).contains(&x)
        }));
        let names = picture.months.iter().map(|(.., name)| name.as_str());
        let names = names.collect::<Vec<_>>();
        assert_eq!(names, ["Dec", "Jan 2027", "Feb", "Mar", "Apr", "May"]);
    }

    #[test]
    fn too_many_on_one_another_are_bars() {
        let mut picture = Picture::begin(NOW);
        assert!(!picture.marks((0..20).map(|_| mark(12)).collect()));
        assert!(picture.shapes.is_empty());
        let bar = |counts| Bar {
            title: String::new(),
            counts,
        };
        picture.bars(vec![bar([0, 0, 0, 0]), bar([1, 0, 0, 99_999])]);
        let [column] = &picture.columns[..] else {
            panic!()
        };
        assert_eq!(column.count, 100_000);
        let heights = column.pieces.iter().map(|(.., height)| height.as_str());
        assert_eq!(heights.collect::<Vec<_>>(), ["2.0", "70.0"]);
    }
}
