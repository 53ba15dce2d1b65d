//! Zones and their servers.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use futures_util::future::join_all;
use hickory_proto::{
    op::ResponseCode,
    rr::{Name, RData, RecordType},
};

use super::{DnsError, Resolver, exchange, resolver::question, resolver::written};

/// A zone, and who answers for it.
#[derive(Debug, Clone)]
pub struct Zone {
    /// Its name.
    pub name: Name,
    servers: Vec<Server>,
}

#[derive(Debug, Clone)]
struct Server {
    name: String,
    addresses: Vec<SocketAddr>,
}

/// A server that does not show a value yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// Its name and address.
    pub server: String,
    /// What it shows instead, in a few words.
    pub found: String,
}

impl Resolver {
    /// The zone that a name is in: the nearest one at or above it that has an SOA record.
    ///
    /// # Errors
    /// [`DnsError::NoZone`], or where a name cannot be looked up.
    pub async fn zone_name(&self, name: &Name) -> Result<Name, DnsError> {
        let mut candidate = name.clone();
        while !candidate.is_root() {
            let answer = self.look_up(&candidate, RecordType::SOA).await?;
            let is_soa = |data: &RData| matches!(data, RData::SOA(_));
            // The answer is the zone's own record; that there is none is said with the zone's (RFC 2308).
            let own = answer.answers.iter();
            let own = own.filter(|r| is_soa(&r.data) && r.name == candidate);
            let above = answer.authorities.iter();
            let above = above.filter(|r| is_soa(&r.data) && r.name.zone_of(&candidate));
            if let Some(soa) = own.chain(above).find(|r| !r.name.is_root()) {
                return Ok(soa.name.clone());
            }
            candidate = candidate.base_name();
        }
        Err(DnsError::NoZone {
            name: written(name),
        })
    }

    /// The zone that a name is in, with the servers that its NS records name.
    ///
    /// # Errors
    /// [`DnsError::NoZone`], [`DnsError::NoServers`], [`DnsError::Egress`], or where a name cannot be looked up.
    pub async fn zone(&self, name: &Name) -> Result<Zone, DnsError> {
        let name = self.zone_name(name).await?;
        let answer = self.look_up(&name, RecordType::NS).await?;
        let names = answer.answers.iter().filter_map(|r| match &r.data {
            RData::NS(server) if r.name == name => Some(server.0.clone()),
            _ => None,
        });
        let mut servers = Vec::new();
        for server in names.take(MAX_SERVERS) {
            let addresses = self.addresses(&server).await?;
            let server = written(&server);
            let addresses = self.reachable(&server, &addresses)?;
            servers.push(Server {
                name: server,
                addresses,
            });
        }
        if servers.iter().all(|server| server.addresses.is_empty()) {
            let zone = written(&name);
            return Err(DnsError::NoServers { zone });
        }
        Ok(Zone { name, servers })
    }

    /// Those that egress lets us reach; an error only where that leaves none.
    fn reachable(&self, server: &str, all: &[IpAddr]) -> Result<Vec<SocketAddr>, DnsError> {
        let checked = all.iter().map(|address| {
            self.egress.check(server, *address)?;
            Ok(SocketAddr::from((*address, self.port)))
        });
        let (reachable, mut refused): (Vec<_>, Vec<_>) = checked.partition(Result::is_ok);
        match refused.pop() {
            Some(Err(refused)) if reachable.is_empty() => Err(refused),
            _ => Ok(reachable.into_iter().flatten().collect()),
        }
    }
}

impl Zone {
    /// Its name, without the final dot.
    pub fn written(&self) -> String {
        written(&self.name)
    }

    /// The servers that do not show this TXT value at this name.
    pub async fn missing(&self, owner: &Name, value: &str) -> Vec<Missing> {
        let asked = self
            .servers
            .iter()
            .map(|server| server.missing(owner, value));
        join_all(asked).await.into_iter().flatten().collect()
    }
}

impl Server {
    /// Every address of it counts: a CA may ask any. Only those that lie in a network that this machine
    /// is not connected to (IPv6, most often) are left out, as long as another one shows the value.
    async fn missing(&self, owner: &Name, value: &str) -> Vec<Missing> {
        let asked = self.addresses.iter();
        let asked = join_all(asked.map(|address| shows(*address, owner, value))).await;
        let some_do = asked.iter().any(|asked| matches!(asked, Shows::Yes));
        let answers = self.addresses.iter().zip(asked);
        let missing = answers.filter_map(|(address, shows)| {
            let found = match shows {
                Shows::Yes => return None,
                Shows::NotFromHere(_) if some_do => return None,
                Shows::NotFromHere(found) | Shows::No(found) => found,
            };
            Some(Missing {
                server: format!("{} ({})", self.name, address.ip()),
                found,
            })
        });
        let mut missing = missing.collect::<Vec<_>>();
        if self.addresses.is_empty() {
            missing.push(Missing {
                server: self.name.clone(),
                found: "has no address".to_owned(),
            });
        }
        missing
    }
}

/// Whether a server shows a value.
enum Shows {
    Yes,
    No(String),
    /// This machine has no way to it.
    NotFromHere(String),
}

async fn shows(server: SocketAddr, owner: &Name, value: &str) -> Shows {
    let question = question(owner, RecordType::TXT, false);
    let answer = match exchange::ask(server, &question).await {
        Ok(answer) => answer,
        Err(DnsError::Unreachable { source, .. }) if no_way(&source) => {
            return Shows::NotFromHere(format!("cannot be reached from here: {source}"));
        }
        Err(DnsError::Unreachable { source, .. }) => {
            return Shows::No(format!("cannot be reached: {source}"));
        }
        // A machine may believe that it has IPv6, and have none.
        Err(DnsError::Silent { .. }) if server.is_ipv6() => {
            return Shows::NotFromHere("does not answer".to_owned());
        }
        Err(DnsError::Silent { .. }) => return Shows::No("does not answer".to_owned()),
        Err(_) => return Shows::No("answers with something that is not DNS".to_owned()),
    };
    match answer.metadata.response_code {
        ResponseCode::NoError => {}
        ResponseCode::NXDomain => return Shows::No("does not have the name".to_owned()),
        code => return Shows::No(format!("answers with {code}")),
    }
    if !answer.metadata.authoritative {
        return Shows::No("does not answer for the zone".to_owned());
    }
    let values = answer.answers.iter().filter_map(|r| match &r.data {
        RData::TXT(txt) => Some(txt.txt_data.concat()),
        _ => None,
    });
    let values = values.collect::<Vec<_>>();
    if values.iter().any(|found| found == value.as_bytes()) {
        return Shows::Yes;
    }
    Shows::No(match values.len() {
        0 => "has no TXT record there".to_owned(),
        1 => "has one TXT record there, with another value".to_owned(),
        n => format!("has {n} TXT records there, with other values"),
    })
}

fn no_way(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::AddrNotAvailable
    ) || error.raw_os_error() == Some(EAFNOSUPPORT)
}

/// "Address family not supported by protocol", on Linux.
const EAFNOSUPPORT: i32 = 97;

/// More than any zone has: 13 is the most that fit a plain answer.
const MAX_SERVERS: usize = 20;
