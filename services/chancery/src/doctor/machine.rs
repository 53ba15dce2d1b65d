//! The room on the disk.

use rustix::fs::statvfs;

use super::{Patient, Report, told};

/// Where the data folder is.
pub fn disk(patient: &Patient, report: &mut Report) {
    const CHECK: &str = "disk";
    const ROOM: &str =
        "make room before it is full: then the event log takes nothing, and no certificate renews";
    let folder = patient.layout.data_dir();
    let seen = match statvfs(folder) {
        Ok(seen) => seen,
        Err(error) => {
            let found = format!("{}: {}", folder.display(), told(&error));
            return report.failed(
                CHECK,
                found,
                "chancery up or chancery init makes the data folder",
            );
        }
    };
    let free = seen.f_bavail.saturating_mul(seen.f_frsize);
    let all = seen.f_blocks.saturating_mul(seen.f_frsize).max(1);
    let found = format!(
        "{} MiB of {} are free for {}",
        free >> 20,
        all >> 20,
        folder.display()
    );
    if free < LEAST {
        report.failed(CHECK, found, ROOM);
    } else if free < all / 10 {
        report.warning(CHECK, found, ROOM);
    } else {
        report.ok(CHECK, found);
    }
}

/// Some days of a busy log.
const LEAST: u64 = 100 << 20;
