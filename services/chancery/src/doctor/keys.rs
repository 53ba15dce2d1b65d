//! The key-encryption key, and who is who.

use std::{fs, path::Path};

use keystore::{
    internal_ca::InternalCa,
    kek::{Kek, KekSource, KekSources, Keks},
};
use time::Duration;

use super::{Patient, Report, told};
use crate::init::leaves;

/// Whether it can be read, where it lies, and whether the internal CA opens with it.
pub fn kek(patient: &mut Patient, report: &mut Report) {
    let Ok(config) = patient.settings.table("keystore") else {
        return;
    };
    let sources = KekSources::of(&config, &patient.layout);
    if !patient.layout.sealed_ca_key().exists() && Kek::read(&sources.current).is_err() {
        report.warning(
            "key-encryption key",
            format!("none in {}, and no internal CA here", sources.current),
            "it belongs to the keystore's machine: look there; on a new one, chancery up or init makes both",
        );
        return;
    }
    let keks = match Keks::read(&sources) {
        Ok(keks) => keks,
        Err(error) => {
            report.failed(
                "key-encryption key",
                told(&error),
                "put it back from where its copy is kept: without it no key opens",
            );
            return;
        }
    };
    report.ok(
        "key-encryption key",
        format!("{} in {}", keks.current.id(), sources.current),
    );
    if let (Some(previous), Some(source)) = (&keks.previous, &sources.previous) {
        report.warning(
            "previous key-encryption key",
            format!("{} in {source}", previous.id()),
            "it is needed until the log has kek.rotated for it; then destroy it, and its copies",
        );
    }
    place(&sources, patient.layout.data_dir(), report);
    match InternalCa::open(&patient.layout, &keks) {
        Ok(_) => report.ok("internal CA", "its key opens"),
        Err(error) => report.failed(
            "internal CA",
            told(&error),
            "put the key-encryption key back that it was sealed with, or restore identity/ from a backup",
        ),
    }
    patient.sources = Some(sources);
    patient.keks = Some(keks);
}

/// A key beside what it opens goes wherever that goes.
fn place(sources: &KekSources, data: &Path, report: &mut Report) {
    let KekSource::File(path) = &sources.current else {
        return;
    };
    let whole = |path: &Path| fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if whole(path).starts_with(whole(data)) {
        report.warning(
            "place of the key-encryption key",
            "it lies in the data folder, with all that it opens",
            "leave it out of copies of that folder (chancery backup does), and keep a copy of it somewhere else",
        );
    }
}

/// Whether those that are here are good for some days.
pub fn identities(patient: &Patient, report: &mut Report) {
    const CHECK: &str = "identities";
    const RENEW: &str = "services renew their own while they and the keystore run; for the others run chancery init, or chancery up";
    let layout = &patient.layout;
    if let Err(error) = fs::metadata(layout.ca_certificate()) {
        report.failed(
            CHECK,
            format!("{}: {error}", layout.ca_certificate().display()),
            "chancery up or chancery init makes them",
        );
        return;
    }
    let now = patient.clock.now();
    let mut here = Vec::new();
    for name in leaves::NAMES {
        let Ok(text) = fs::read_to_string(layout.leaf(name)) else {
            continue;
        };
        let leaf = pki::parse_pem_chain(&text).ok();
        let Some(leaf) = leaf.and_then(|chain| chain.into_iter().next()) else {
            report.failed(
                CHECK,
                format!("{name}: no certificate in {}", layout.leaf(name).display()),
                "remove it, and run chancery init: it is made again",
            );
            continue;
        };
        if !layout.leaf_key(name).exists() {
            report.failed(
                CHECK,
                format!("{name}: {} is missing", layout.leaf_key(name).display()),
                "run chancery init: it is made again",
            );
        }
        if leaf.not_after <= now {
            let found = format!("that of {name} expired {}", leaf.not_after);
            report.failed(CHECK, found, RENEW);
        } else if leaf.not_after - now < SOON {
            let found = format!("that of {name} expires {}", leaf.not_after);
            report.warning(CHECK, found, RENEW);
        }
        here.push((leaf.not_after, name));
    }
    match here.iter().min() {
        None => report.failed(
            CHECK,
            format!("none in {}", layout.identity_dir().display()),
            "chancery up or chancery init makes them",
        ),
        Some((first, name)) if *first - now >= SOON => report.ok(
            CHECK,
            format!("{} here, {name}'s ends first, {first}", here.len()),
        ),
        Some(_) => {}
    }
}

/// They are renewed with ten days left.
const SOON: Duration = Duration::days(5);
