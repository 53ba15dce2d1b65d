//! The rows of the reliability table (R1, R2, …): how often each is tried, and what came of it.

use std::{env, fmt::Display, fs::File, io::Write as _, process::Command, time::Duration};

/// Names the file in which `make chaos` notes what came of each row. Without it all is short.
const NOTES: &str = "CHAOS";

/// How long it may take until something goes on before it counts as never: no figure, for a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// So often in `make test`, and so often in `make chaos`.
pub fn times(short: usize, full: usize) -> usize {
    match env::var_os(NOTES) {
        Some(_) => full,
        None => short,
    }
}

/// Whether something took no longer than the table says: with all other tests, which keep the machine busy, ten times that.
pub fn in_time(took: Duration, limit: Duration) -> bool {
    match env::var_os(NOTES) {
        Some(_) => took <= limit,
        None => took <= limit * 10,
    }
}

/// Whether disks and networks of this machine may be broken: by root, and not in every container. Where not, it says so.
///
/// # Panics
/// In `make chaos`, which is for just that.
pub fn may_break(what: &str, probe: &str) -> bool {
    let probed = Command::new("sh").args(["-c", probe]).output();
    let may = probed.is_ok_and(|ended| ended.status.success());
    if !may {
        assert!(
            env::var_os(NOTES).is_none(),
            "{what} needs more rights than this"
        );
        eprintln!("passed over: {what} needs more rights than this");
    }
    may
}

/// Notes what came of a row, and holds it against what was wanted.
///
/// # Panics
/// Where it was not reached.
#[track_caller]
pub fn figure(row: &str, found: impl Display, reached: bool) {
    let verdict = match reached {
        true => "reached",
        false => "NOT REACHED",
    };
    let line = format!("{row:<4} {verdict:<12} {found}\n");
    if let Some(notes) = env::var_os(NOTES) {
        let file = File::options().create(true).append(true).open(notes);
        let written = file.and_then(|mut file| file.write_all(line.as_bytes()));
        written.expect("the figure is noted");
    }
    assert!(reached, "{line}");
}

/// Numbers that look random, and are the same for the same seed.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// Dice with a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below this one (SplitMix64).
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % limit as u64).expect("a number below a usize")
    }
}
