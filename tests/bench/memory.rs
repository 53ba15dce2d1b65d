//! How much memory a process has resident.

use std::{fs, time::Duration};

use tokio::{task::JoinHandle, time::sleep};

/// Resident memory of a process in MiB; 0 where it has ended.
pub fn resident(id: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kibibytes.unwrap_or(0.0) / 1024.0
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
