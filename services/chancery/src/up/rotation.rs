//! While `up` runs: new NATS seeds every 30 days, and a new leaf for the NATS server in time.
//!
//! The services renew their own leaves; these belong to nobody who runs.

use std::{net::SocketAddr, time::Duration};

use keystore::{
    internal_ca::InternalCa,
    kek::{Kek, KekSource},
};
use runtime::{Clock, Layout};

use super::child::Supervised;
use crate::init::{self, InitError, leaves, nkeys};

/// Everything that the work needs.
#[derive(Debug)]
pub struct Rotation {
    pub layout: Layout,
    pub kek: KekSource,
    /// Where nats-server listens.
    pub listen: SocketAddr,
}

impl Rotation {
    /// Looks every hour, for as long as it is polled. A failure is logged, and tried again at the next look.
    pub async fn run(&self, nats: &Supervised, clock: &Clock) {
        loop {
            clock.sleep(LOOK).await;
            match self.look(clock) {
                Ok(true) => nats.reload().await,
                Ok(false) => {}
                Err(error) => {
                    let error: &dyn std::error::Error = &error;
                    tracing::error!(error, "cannot renew the identities of nats and its users");
                }
            }
        }
    }

    /// `true` where nats-server must read its files again. Its clients then connect anew, with the new seeds.
    fn look(&self, clock: &Clock) -> Result<bool, InitError> {
        let now = clock.now();
        let mut changed = nkeys::rotate_if_due(&self.layout, now)?;
        if changed {
            init::write_nats_conf(&self.layout, self.listen)?;
            tracing::info!("new seeds for all users of nats");
        }
        let ca = InternalCa::open(&self.layout, &Kek::read(&self.kek)?)?;
        for name in ["nats", "provisioner"] {
            if leaves::renew_if_due(&ca, &self.layout, name, now)? {
                tracing::info!(name, "new identity");
                changed = true;
            }
        }
        Ok(changed)
    }
}

const LOOK: Duration = Duration::from_secs(3_600);
