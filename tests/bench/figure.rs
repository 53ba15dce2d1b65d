//! A figure: what was measured, what it is measured against, and what it is to be.

use std::{fs, path::Path};

use serde::Serialize;

/// What one measurement found.
#[derive(Debug, Serialize)]
pub struct Measured {
    /// Which one.
    pub measurement: &'static str,
    /// What it found.
    pub figures: Vec<Figure>,
}

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

/// The tables, for people.
pub fn print(all: &[Measured]) {
    for Measured {
        measurement,
        figures,
    } in all
    {
        println!(
            "\n{measurement:<52} {:>12} {:>12} {:<10} {:>8}  wanted",
            "measured", "against", "unit", "value"
        );
        figures.iter().for_each(print_one);
    }
}

fn print_one(figure: &Figure) {
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

/// The same for programs, each figure with what became of it.
pub fn write(all: &[Measured], path: &Path) {
    let mut json = serde_json::json!({ "measured": all });
    for (measured, json) in all
        .iter()
        .zip(json["measured"].as_array_mut().into_iter().flatten())
    {
        for (n, figure) in measured.figures.iter().enumerate() {
            json["figures"][n]["reached"] = figure.is_reached().into();
        }
    }
    fs::write(path, format!("{json:#}\n")).expect("the figures are written");
    eprintln!("written to {}", path.display());
}

/// The one in the middle, which an outlier does not move.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values = values.into_iter().collect::<Vec<_>>();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
