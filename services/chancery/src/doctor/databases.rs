//! The services' databases: there, safe, with the tables that this version makes; and that of the keystore opens with the
//! key-encryption key. They are read, and nothing is made.

use std::collections::BTreeSet;

use database::{DatabaseError, copy};

use super::{Patient, Report, told};
use crate::backup::parts::{PARTS, Part};

/// Each of them.
pub async fn all(patient: &Patient, report: &mut Report) {
    for part in PARTS {
        one(part, patient, report).await;
    }
    let home = patient.shared.home("projection");
    match home.is_there().await {
        Ok(true) => report.ok("database of projection", home.to_string()),
        Ok(false) => report.warning(
            "database of projection",
            format!("there is none at {home}"),
            "projection makes it from the event log when it starts",
        ),
        Err(error) => report.failed("database of projection", told(&error), UNUSABLE),
    }
}

async fn one(part: Part, patient: &Patient, report: &mut Report) {
    let check = format!("database of {}", part.service);
    let home = patient.shared.home(part.service);
    let opened = async {
        // Who opens one that is not there makes it.
        match home.is_there().await? {
            true => Ok::<_, DatabaseError>(Some(home.writer().await?)),
            false => Ok(None),
        }
    };
    let database = match opened.await {
        Ok(Some(database)) => database,
        Ok(None) => {
            return report.warning(
                check,
                format!("there is none at {home}"),
                "the service makes it at its first start; if it was there before, restore it from a backup",
            );
        }
        Err(error) => {
            return report.failed(check, told(&error), UNUSABLE);
        }
    };
    match copy::migrations(&database).await {
        Err(error) => report.failed(check, told(&error), UNUSABLE),
        Ok(seen) => {
            let known = (part.migrations)();
            let known = known.iter().map(|one| one.name().to_owned());
            let known = known.collect::<BTreeSet<_>>();
            let to_come = known.difference(&seen).count();
            if let Some(later) = seen.difference(&known).next() {
                report.failed(
                    check,
                    format!("{home} was made by a later version ({later})"),
                    "run that version, or restore a backup that was taken before it",
                );
            } else if to_come > 0 {
                report.warning(
                    check,
                    format!("{home} is of an earlier version: {to_come} changes are to come"),
                    "the service makes them when it starts; take a backup before",
                );
            } else {
                report.ok(check, home.to_string());
                if part.service == "keystore" {
                    sealed(patient, &database, report).await;
                }
            }
        }
    }
    // Nothing was written: it closes by itself where this fails.
    let _ = database.close().await;
}

/// Whether it was sealed with the keys that are here.
async fn sealed(patient: &Patient, database: &sea_orm::DatabaseConnection, report: &mut Report) {
    let (Some(sources), Some(keks)) = (&patient.sources, &patient.keks) else {
        return;
    };
    match keystore::sealed_with(database, sources, keks).await {
        Ok(ids) => {
            let found = match &ids[..] {
                [] => "nothing is sealed yet".to_owned(),
                [one] => format!("all of it opens with {one}"),
                several => format!("it is being rotated: sealed with {}", several.join(", ")),
            };
            report.ok("sealed keys", found);
        }
        Err(error) => report.failed(
            "sealed keys",
            told(&error),
            "put the right key-encryption key in its place; nothing was changed",
        ),
    }
}

const UNUSABLE: &str = "see whether [database] url is right and the server answers, or whether the folder db/ may be read";
