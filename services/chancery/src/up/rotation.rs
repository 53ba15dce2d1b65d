//! While `up` runs: new NATS seeds every 30 days, and a new leaf for the NATS server in time.
//!
//! The services renew their own leaves; these belong to nobody who runs.

use std::{net::SocketAddr, time::Duration};

use keystore::{
    internal_ca::InternalCa,
    kek::{KekSources, Keks},
};
use runtime::{Clock, Layout};

use super::child::Supervised;
use crate::init::{self, InitError, leaves, nkeys};

/// Everything that the work needs.
#[derive(Debug)]
pub struct Rotation {
    /// The data folder.
    pub layout: Layout,
    /// Where the key that seals the internal CA is.
    pub keks: KekSources,
    /// Where nats-server listens.
    pub listen: SocketAddr,
}

impl Rotation {
    /// Looks every hour, for as long as it is polled. A failure is logged, and tried again at the next look.
    pub async fn run(&self, nats: &Supervised, clock: &Clock) {
        loop {
            clock.sleep(LOOK).await;
            // Each by itself: seeds that are on disk must reach nats-server, whatever became of the leaves.
            for changed in [self.seeds(clock), self.leaves(clock)] {
                match changed {
                    // Its clients then connect anew, with the new seeds.
                    Ok(true) => nats.reload().await,
                    Ok(false) => {}
                    Err(error) => {
                        let error: &dyn std::error::Error = &error;
                        tracing::error!(error, "cannot renew the identities of nats and its users");
                    }
                }
            }
        }
    }

    /// `true` where nats-server must read its configuration again.
    fn seeds(&self, clock: &Clock) -> Result<bool, InitError> {
        if nkeys::rotate_if_due(&self.layout, clock.now())? {
            tracing::info!("new seeds for all users of nats");
        }
        // Looked at whether or not there are new seeds: it may not have been possible to write it the last time.
        init::write_nats_conf(&self.layout, self.listen)
    }

    /// `true` where nats-server must read its certificate again.
    fn leaves(&self, clock: &Clock) -> Result<bool, InitError> {
        let ca = InternalCa::open(&self.layout, &Keks::read(&self.keks)?)?;
        let renew_if_due = |name| {
            let renewed = leaves::renew_if_due(&ca, &self.layout, name, clock.now());
            renewed.inspect(|&new| {
                if new {
                    tracing::info!(name, "new identity");
                }
            })
        };
        renew_if_due("provisioner")?;
        Ok(renew_if_due("nats")?)
    }
}

const LOOK: Duration = Duration::from_secs(3_600);

#[cfg(test)]
mod tests {
    use std::fs::{self, File};

    use async_nats::connection::State;
    use runtime::Runtime;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::nats::{fixture::server, users::users};

    #[tokio::test]
    async fn old_seeds_are_replaced_while_services_run_and_these_come_back_with_the_new_ones() {
        let server = server().await;
        let before = fs::read_to_string(server.layout.nkey("gateway")).unwrap();
        let stopping = CancellationToken::new();
        let shared = server.shared.clone();
        let gateway = Runtime::start("gateway", shared, Clock::system(), stopping.clone(), None);
        let gateway = gateway.unwrap().nats().await.unwrap();

        // Given seeds that are 31 days old.
        let clock = Clock::manual(Clock::system().now());
        let old = clock.now() - 31 * Duration::from_secs(86_400);
        for user in users() {
            let seed = File::options()
                .write(true)
                .open(server.layout.nkey(user.name))
                .unwrap();
            seed.set_modified(old.into()).unwrap();
        }
        // And a key-encryption key that was only there for the start.
        fs::remove_file(server.layout.kek()).unwrap();
        // When the hour comes to look.
        let rotation = Rotation {
            layout: server.layout.clone(),
            keks: KekSources::file(server.layout.kek()),
            listen: server.listen,
        };
        let look = async {
            tokio::task::yield_now().await;
            clock.advance(LOOK);
            while server.connect_with("gateway", &before).await.is_some() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            () = rotation.run(&server.child, &clock) => {}
            () = look => {}
        }
        // Then the old seed opens nothing, and who was connected is so again, and heard.
        server.connect("gateway").await;
        while gateway.connection_state() != State::Connected
            || gateway
                .request("$JS.API.STREAM.INFO.CHANCERY_EVENTS", "".into())
                .await
                .is_err()
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        stopping.cancel();
        server.child.stop().await;
    }
}
