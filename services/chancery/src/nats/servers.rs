//! Which NATS servers there are: one by itself, or three and more that keep the log together.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use runtime::{Layout, config};

use super::conf::Cluster;
/// A server that `init` writes the configuration of.
#[derive(Debug)]
pub struct Server {
    /// As the cluster knows it: "chancery" for one by itself, else "nats-1" and so on.
    pub name: String,
    /// Its own data folder: of one of several, a folder of its name in the data folder, to be carried to its machine.
    pub layout: Layout,
    /// Where clients connect.
    pub listen: SocketAddr,
    /// Names and addresses by which the others reach it.
    pub hosts: Vec<String>,
    /// How it meets the others; none where it is alone.
    pub cluster: Option<Cluster>,
}

impl Server {
    /// The one server of a data folder.
    pub fn alone(layout: &Layout, listen: SocketAddr) -> Self {
        Self {
            name: "chancery".to_owned(),
            layout: layout.clone(),
            listen,
            hosts: Vec::new(),
            cluster: None,
        }
    }
}

/// What is configured makes no servers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServersError {
    /// Not an address.
    #[error("[nats] url is {0:?}: it looks like tls://127.0.0.1:7422")]
    Url(String),
    /// Not an address.
    #[error("[nats] routes has {0:?}: it looks like \"nats-1:7423\"")]
    Route(String),
    /// Each server of a cluster has both.
    #[error(
        "[nats] url names {urls} servers, and routes {routes}: a cluster has one of each for every server, in the same order"
    )]
    Unequal {
        /// Servers in `url`.
        urls: usize,
        /// Servers in `routes`.
        routes: usize,
    },
    /// Two servers stop when one does.
    #[error(
        "[nats] routes has {0} servers: a cluster needs three or five, so that a majority is left when one is lost"
    )]
    TooFew(usize),
}

/// The servers that the configuration asks for.
pub fn servers(nats: &config::Nats, layout: &Layout) -> Result<Vec<Server>, ServersError> {
    let urls = nats.url.split(',').map(str::trim).collect::<Vec<_>>();
    let places = urls.iter().map(|url| {
        let place = url.strip_prefix("tls://").and_then(place);
        place.ok_or_else(|| ServersError::Url((*url).to_owned()))
    });
    let places = places.collect::<Result<Vec<_>, _>>()?;
    if nats.routes.is_empty() {
        return Ok(vec![Server::alone(layout, listen(&places[0]))]);
    }
    let (urls, routes) = (places.len(), nats.routes.len());
    if urls != routes {
        return Err(ServersError::Unequal { urls, routes });
    }
    if routes < 3 {
        return Err(ServersError::TooFew(routes));
    }
    let servers = places.into_iter().zip(&nats.routes).enumerate();
    servers
        .map(|(index, (client, route))| {
            let name = format!("nats-{}", index + 1);
            let meets = place(route).ok_or_else(|| ServersError::Route(route.clone()))?;
            Ok(Server {
                layout: Layout::under(layout.data_dir().join(&name)),
                name,
                listen: listen(&client),
                cluster: Some(Cluster {
                    listen: listen(&meets),
                    routes: nats.routes.clone(),
                    pins: Vec::new(),
                }),
                hosts: match client.0 == meets.0 {
                    true => vec![client.0],
                    false => vec![client.0, meets.0],
                },
            })
        })
        .collect()
}

/// How often each event is kept.
pub fn replicas(nats: &config::Nats) -> usize {
    match nats.routes.is_empty() {
        true => 1,
        false => 3,
    }
}

/// The loopback address and port that `[nats] url` names, where it names one by itself.
pub fn loopback(url: &str) -> Option<SocketAddr> {
    let (host, port) = place(url.strip_prefix("tls://")?)?;
    let ip = match host.as_str() {
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        host => host.parse().ok()?,
    };
    Some((ip, port).into())
}

/// "host:port", apart.
fn place(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.trim_end_matches('/').rsplit_once(':')?;
    let host = host.trim_matches(['[', ']']);
    (!host.is_empty()).then_some((host.to_owned(), port.parse().ok()?))
}

/// Where a server listens that others reach there: its own address when it is one, else everywhere.
fn listen((host, port): &(String, u16)) -> SocketAddr {
    let ip = match host.as_str() {
        "localhost" => IpAddr::V4(Ipv4Addr::LOCALHOST),
        host => host.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
    };
    (ip, *port).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(url: &str, routes: &[&str]) -> Result<Vec<Server>, ServersError> {
        let nats = config::Nats {
            url: url.to_owned(),
            routes: routes.iter().map(|route| (*route).to_owned()).collect(),
        };
        servers(&nats, &Layout::under("/data"))
    }

    #[test]
    fn a_server_listens_where_its_url_leads() {
        let listen = |url| of(url, &[]).unwrap()[0].listen.to_string();
        assert_eq!(listen("tls://127.0.0.1:7422"), "127.0.0.1:7422");
        assert_eq!(listen("tls://localhost:7422"), "127.0.0.1:7422");
        assert_eq!(listen("tls://[::1]:7422"), "[::1]:7422");
        assert_eq!(listen("tls://nats:7422"), "0.0.0.0:7422");
        let refused = of("nats", &[]).unwrap_err();
        assert_eq!(refused, ServersError::Url("nats".to_owned()));
    }

    #[test]
    fn each_server_of_a_cluster_has_its_own_folder_ports_and_names() {
        let urls = "tls://a.example:7422,tls://b.example:7422, tls://10.1.0.3:7422";
        let three = of(urls, &["a.example:7423", "b.example:7423", "10.1.0.3:7423"]).unwrap();
        let seen = three.iter().map(|server| {
            let cluster = server.cluster.as_ref().unwrap().listen.to_string();
            let folder = server.layout.data_dir().to_str().unwrap();
            (folder, server.listen.to_string(), cluster)
        });
        let everywhere = |port: u16| format!("0.0.0.0:{port}");
        let wanted = [
            ("/data/nats-1", everywhere(7422), everywhere(7423)),
            ("/data/nats-2", everywhere(7422), everywhere(7423)),
            (
                "/data/nats-3",
                "10.1.0.3:7422".to_owned(),
                "10.1.0.3:7423".to_owned(),
            ),
        ];
        assert_eq!(seen.collect::<Vec<_>>(), wanted);
        assert_eq!(three[1].hosts, ["b.example"]);
    }

    #[test]
    fn a_cluster_that_would_stop_with_one_server_is_refused() {
        let two = of("tls://a:1,tls://b:1", &["a:2", "b:2"]).unwrap_err();
        assert_eq!(two, ServersError::TooFew(2));
        let unequal = of("tls://a:1", &["a:2", "b:2", "c:2"]).unwrap_err();
        assert_eq!(unequal, ServersError::Unequal { urls: 1, routes: 3 });
    }
}
