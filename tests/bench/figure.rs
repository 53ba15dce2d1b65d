//! A figure: what was measured, what it is measured against, and what it is to be.

use std::{fs, path::Path};

use serde::Serialize;

/// One result.
#[derive(Debug, Serialize)]
pub struct Figure {
    /// What was measured.
    pub name: &'static str,
    /// Ours, in `unit`.
    pub measured: f64,
    /// What it is measured against, in `unit`; left out where the figure stands by itself.
    pub against: Option<f64>,
    /// For example "events/s".
    pub unit: &'static str,
    /// What is judged: a ratio of the two, their difference, or the measured value itself.
    pub value: f64,
    /// What the value is to be.
    pub wanted: Wanted,
    /// How it was measured, one sentence.
    pub how: String,
}

/// What a value is to be.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
    /// Told, and not judged.
    Anything,
}

impl Figure {
    /// Whether the value is what it is to be.
    pub fn is_reached(&self) -> bool {
        match self.wanted {
            Wanted::AtLeast(limit) => self.value >= limit,
            Wanted::AtMost(limit) => self.value <= limit,
            Wanted::Anything => true,
        }
    }
}

/// The table, for people.
pub fn print(figures: &[Figure]) {
    println!(
        "{:<52} {:>12} {:>12} {:<10} {:>8}  wanted",
        "", "measured", "against", "unit", "value"
    );
    for figure in figures {
        let against = figure
            .against
            .map(|a| format!("{a:.1}"))
            .unwrap_or_default();
        let wanted = match figure.wanted {
            Wanted::AtLeast(limit) => format!(">= {limit}"),
            Wanted::AtMost(limit) => format!("<= {limit}"),
            Wanted::Anything => String::new(),
        };
        let verdict = if figure.is_reached() {
            ""
        } else {
            "  NOT REACHED"
        };
        println!(
            "{:<52} {:>12.1} {:>12} {:<10} {:>8.2}  {wanted}{verdict}",
            figure.name, figure.measured, against, figure.unit, figure.value
        );
    }
}

/// The same for programs.
pub fn write(figures: &[Figure], path: &Path) {
    let with_verdict = figures.iter().map(|figure| {
        let mut json = serde_json::to_value(figure).expect("a figure has a JSON form");
        json["reached"] = figure.is_reached().into();
        json
    });
    let json = serde_json::json!({ "figures": with_verdict.collect::<Vec<_>>() });
    fs::write(path, format!("{json:#}\n")).expect("the figures are written");
    eprintln!("written to {}", path.display());
}

/// The one in the middle, which an outlier does not move.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values = values.into_iter().collect::<Vec<_>>();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
