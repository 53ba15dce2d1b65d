//! Where the services of a running `up` listen, for who looks after them: they have other ports at each start.

use std::{fs, io, net::SocketAddr, path::PathBuf};

use runtime::{Layout, config::Peers};
use serde::Deserialize;

use crate::files;

/// The addresses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Addresses {
    /// Where https is.
    pub https: SocketAddr,
    /// Where each service's internal gRPC is.
    pub peers: Peers,
}

/// The file in which they stand, as long as this is there.
#[derive(Debug)]
pub struct Written(PathBuf);

impl Addresses {
    /// Writes them down.
    ///
    /// # Errors
    /// What the system says.
    pub fn write(&self, layout: &Layout) -> io::Result<Written> {
        let Peers {
            keystore,
            acme_agent,
            projection,
            csr_service,
            notifier,
        } = &self.peers;
        let text = format!(
            "https = \"{}\"\n\n[peers]\nkeystore = \"{keystore}\"\nacme-agent = \"{acme_agent}\"\n\
             projection = \"{projection}\"\ncsr-service = \"{csr_service}\"\nnotifier = \"{notifier}\"\n",
            self.https
        );
        files::write_private(&file(layout), text.as_bytes())?;
        Ok(Written(file(layout)))
    }

    /// Those of the `up` that runs on this folder, or ran there when its machine went down.
    pub fn read(layout: &Layout) -> Option<Self> {
        let text = fs::read_to_string(file(layout)).ok()?;
        toml::from_str(&text).ok()
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        // One that stays says where nobody answers.
        let _ = fs::remove_file(&self.0);
    }
}

fn file(layout: &Layout) -> PathBuf {
    layout.data_dir().join("running.toml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_until_it_ends() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::under(folder.path());
        let addresses = Addresses {
            https: "[::]:8443".parse().unwrap(),
            peers: Peers {
                notifier: "127.0.0.1:4711".into(),
                ..Peers::default()
            },
        };
        let written = addresses.write(&layout).unwrap();
        assert_eq!(Addresses::read(&layout), Some(addresses));
        drop(written);
        assert_eq!(Addresses::read(&layout), None);
    }
}
