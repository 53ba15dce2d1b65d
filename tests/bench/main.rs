//! Figures of a release build, each beside the limit that was measured in the same run on the same machine.
//!
//!     make bench                      all of them
//!     target/release/bench appends    some of them
//!
//! [`appends`], [`catch_up`], [`start`], [`issuance`], [`self_signed`], [`import`], [`schedule`], [`queries`], [`forward`],
//! [`pages`], [`million`], [`past`], [`own_writes`], [`verify`] and [`edge`] measure; [`figure`] is
//! what they answer with. The table goes to stdout, the same as JSON to `bench.json` in the target folder. The exit
//! status is 1 where a figure was not reached.
#![allow(clippy::unwrap_used, clippy::expect_used)] // What is measured must work: else there is no figure.

mod appends;
mod bare;
mod catch_up;
mod client;
mod edge;
mod figure;
mod forward;
mod import;
mod inserts;
mod issuance;
mod memory;
mod million;
mod own_writes;
mod pages;
mod past;
mod queries;
mod schedule;
mod seed;
mod self_signed;
mod start;
mod verify;

use std::process::ExitCode;

use databases::Kind;
use figure::{Figure, Measured};

#[tokio::main]
async fn main() -> ExitCode {
    let asked = std::env::args().skip(1).collect::<Vec<_>>();
    if let Some(unknown) = asked
        .iter()
        .find(|name| !MEASUREMENTS.contains(&name.as_str()))
    {
        eprintln!(
            "there is no measurement {unknown:?}, only: {}",
            MEASUREMENTS.join(", ")
        );
        return ExitCode::from(2);
    }
    let mut all = Vec::new();
    for name in MEASUREMENTS {
        if !asked.is_empty() && !asked.iter().any(|asked| asked == name) {
            continue;
        }
        eprintln!("measuring: {name}");
        let figures = match name {
            "appends" => appends::measure().await,
            "catch-up" => catch_up::measure().await,
            "start" => start::measure().await,
            "issuance" => issuance::measure().await,
            "self-signed" => self_signed::measure().await,
            "import" => import::measure().await,
            "schedule" => schedule::measure().await,
            "queries" => queries::measure().await,
            "forward" => forward::measure().await,
            "pages" => pages::measure().await,
            "verify" => verify::measure().await,
            "million" => million::measure(Kind::Sqlite).await,
            "million-on-postgresql" => million::measure(Kind::Postgresql).await,
            "past" => past::measure(Kind::Sqlite).await,
            "past-on-postgresql" => past::measure(Kind::Postgresql).await,
            "own-writes" => own_writes::measure(Kind::Sqlite).await,
            "own-writes-on-postgresql" => own_writes::measure(Kind::Postgresql).await,
            _ => edge::measure().await,
        };
        all.push(Measured {
            measurement: name,
            figures,
        });
    }
    figure::print(&all);
    // This program is in target/release.
    let us = std::env::current_exe().expect("a program knows its own file");
    let target = us.ancestors().nth(2).expect("a target folder");
    figure::write(&all, &target.join("bench.json"));
    match all
        .iter()
        .flat_map(|measured| &measured.figures)
        .all(Figure::is_reached)
    {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

const MEASUREMENTS: [&str; 18] = [
    "appends",
    "catch-up",
    "start",
    "issuance",
    "self-signed",
    "import",
    "schedule",
    "queries",
    "forward",
    "pages",
    "verify",
    "million",
    "million-on-postgresql",
    "past",
    "past-on-postgresql",
    "own-writes",
    "own-writes-on-postgresql",
    "edge",
];
