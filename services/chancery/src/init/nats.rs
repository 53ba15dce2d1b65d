//! What `init` makes for each NATS server: who it is, and its `nats.conf`.

use std::{
    fs,
    net::SocketAddr,
    path::{self, PathBuf},
};

use keystore::internal_ca::InternalCa;
use runtime::Layout;
use time::OffsetDateTime;

use super::{InitError, failed, leaves, nkeys};
use crate::{
    files,
    nats::{
        conf::{Cluster, Conf},
        servers::Server,
    },
};

/// Makes the folder of a server of a cluster, and who it is, where that is due; `true` where its leaf is new.
pub fn identity(
    ca: &InternalCa,
    main: &Layout,
    server: &Server,
    now: OffsetDateTime,
) -> Result<bool, InitError> {
    let layout = &server.layout;
    for folder in [layout.identity_dir(), &layout.nats_store()] {
        files::private_folder(folder).map_err(failed(folder))?;
    }
    let (from, to) = (main.ca_certificate(), layout.ca_certificate());
    let certificate = fs::read(&from).map_err(failed(&from))?;
    if !fs::read(&to).is_ok_and(|there| there == certificate) {
        files::write_public(&to, &certificate).map_err(failed(&to))?;
    }
    Ok(leaves::renew_server_if_due(ca, layout, &server.hosts, now)?)
}

/// Writes the `nats.conf` of each server; `true` where one was another before. `main` has the seeds of the users.
pub fn write_conf(main: &Layout, servers: &[Server]) -> Result<bool, InitError> {
    let absolute = |path: PathBuf| path::absolute(&path).map_err(failed(&path));
    let clustered = servers.iter().filter(|server| server.cluster.is_some());
    let pins = clustered.map(|server| pin(&server.layout));
    let pins = pins.collect::<Result<Vec<_>, _>>()?;
    let mut changed = false;
    for server in servers {
        let layout = &server.layout;
        let conf = Conf {
            name: server.name.clone(),
            listen: server.listen,
            store: absolute(layout.nats_store())?,
            certificate: absolute(layout.leaf(leaves::SERVER))?,
            key: absolute(layout.leaf_key(leaves::SERVER))?,
            ca: absolute(layout.ca_certificate())?,
            users: nkeys::public(main)?,
            cluster: server.cluster.clone().map(|cluster| Cluster {
                pins: pins.clone(),
                ..cluster
            }),
        };
        let (path, conf) = (layout.nats_config(), conf.to_string());
        if !fs::read_to_string(&path).is_ok_and(|before| before == conf) {
            files::write_private(&path, conf.as_bytes()).map_err(failed(&path))?;
            changed = true;
        }
    }
    Ok(changed)
}

/// Where the nats-server of this folder listens, as its configuration says; `None` where there is none.
pub fn listens(layout: &Layout) -> Option<SocketAddr> {
    let conf = fs::read_to_string(layout.nats_config()).ok()?;
    let address = conf
        .lines()
        .find_map(|line| line.strip_prefix("listen: "))?;
    address.trim().trim_matches('"').parse().ok()
}

/// The files that the servers are to be started with, for people.
pub fn configurations(servers: &[Server]) -> String {
    let paths = servers.iter().map(|server| server.layout.nats_config());
    let paths = paths.map(|path| path.display().to_string());
    paths.collect::<Vec<_>>().join(", ")
}

/// What tells a server from all others: SHA-256 of the public key (SPKI, hex) of its leaf.
fn pin(layout: &Layout) -> Result<String, InitError> {
    let leaf = leaves::leaf(layout, leaves::SERVER);
    let pin = leaf.map(|leaf| leaf.spki_sha256);
    pin.ok_or_else(|| InitError::Leaf {
        path: layout.leaf(leaves::SERVER),
    })
}
