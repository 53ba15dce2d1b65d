//! How much memory a process has resident, and how much of a processor it has used.

use std::{
    fs,
    time::{Duration, Instant},
};

use tokio::{task::JoinHandle, time::sleep};

/// Resident memory of a process in MiB; 0 where it has ended.
pub fn resident(id: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kibibytes.unwrap_or(0.0) / 1024.0
}

/// Seconds of a processor that a process has used so far, in the kernel too; 0 where it has ended.
pub fn cpu_time(id: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // "id (name) state …", where the name may hold anything: the 14th and 15th field, in hundredths (USER_HZ).
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks
        .filter_map(|field| field.parse::<f64>().ok())
        .sum::<f64>()
        / 100.0
}

/// Waits until processes do nothing any more that they were not just asked for: all of them together take less than a
/// twentieth of a processor.
///
/// # Panics
/// Where they are still at it after [`LONGEST`].
pub async fn at_rest(ids: &[u32]) {
    let used = || ids.iter().map(|id| cpu_time(*id)).sum::<f64>();
    let begun = Instant::now();
    loop {
        let (before, since) = (used(), Instant::now());
        sleep(LOOK).await;
        let share = (used() - before) / since.elapsed().as_secs_f64();
        if share < 0.05 {
            return;
        }
        assert!(
            begun.elapsed() < LONGEST,
            "{share:.2} of a processor is still used"
        );
    }
}

/// Looks at a process again and again.
pub struct Sampling {
    running: JoinHandle<()>,
    samples: std::sync::Arc<std::sync::Mutex<Vec<f64>>>,
}

impl Sampling {
    /// Begins at once.
    pub fn of(id: u32) -> Self {
        let samples = std::sync::Arc::<std::sync::Mutex<Vec<f64>>>::default();
        let sink = samples.clone();
        let running = tokio::spawn(async move {
            loop {
                sink.lock().unwrap().push(resident(id));
                sleep(BETWEEN).await;
            }
        });
        Self { running, samples }
    }

    /// Ends; MiB, in the order in which they were taken.
    pub fn end(self) -> Vec<f64> {
        self.running.abort();
        std::mem::take(&mut self.samples.lock().unwrap())
    }
}

const BETWEEN: Duration = Duration::from_millis(20);

const LOOK: Duration = Duration::from_secs(2);

const LONGEST: Duration = Duration::from_secs(300);
