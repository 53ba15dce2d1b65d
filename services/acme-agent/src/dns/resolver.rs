//! Recursive servers: those of this machine, or others that the configuration names.

use std::{
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use hickory_proto::{
    op::{Message, Query, ResponseCode},
    rr::{Name, RData, RecordType},
};
use runtime::Egress;

use super::{DnsError, exchange};

/// Asks recursive servers, one after the other until one answers. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Resolver {
    /// None: those of this machine.
    servers: Vec<SocketAddr>,
    /// Where the servers of zones listen.
    pub(super) port: u16,
    pub(super) egress: Egress,
}

impl Resolver {
    /// Asks these servers; where there are none, those of this machine. The servers of zones are asked on
    /// this port, where `egress` lets us reach them.
    pub fn new(servers: &[SocketAddr], port: u16, egress: Egress) -> Self {
        Self {
            servers: servers.to_vec(),
            port,
            egress,
        }
    }

    /// The end of all CNAMEs that begin at this name: itself, where it is none.
    ///
    /// # Errors
    /// [`DnsError::Circle`], [`DnsError::TooLong`], or where a name cannot be looked up.
    pub async fn past_aliases(&self, name: &Name) -> Result<Name, DnsError> {
        let mut chain = vec![name.clone()];
        let mut current = name.clone();
        while let Some(target) = self.alias(&current).await? {
            let circle = chain.contains(&target);
            chain.push(target.clone());
            let text = || chain.iter().map(written).collect();
            if circle {
                return Err(DnsError::Circle { chain: text() });
            }
            if chain.len() > MAX_ALIASES {
                return Err(DnsError::TooLong { chain: text() });
            }
            current = target;
        }
        Ok(current)
    }

    async fn alias(&self, name: &Name) -> Result<Option<Name>, DnsError> {
        let answer = self.look_up(name, RecordType::CNAME).await?;
        let mut records = answer.answers.iter();
        Ok(records.find_map(|record| match &record.data {
            RData::CNAME(target) if record.name == *name => Some(target.0.clone()),
            _ => None,
        }))
    }

    /// The addresses of a host.
    pub(super) async fn addresses(&self, host: &Name) -> Result<Vec<IpAddr>, DnsError> {
        let mut addresses = Vec::new();
        for kind in [RecordType::A, RecordType::AAAA] {
            let answer = self.look_up(host, kind).await?;
            addresses.extend(answer.answers.iter().filter_map(|r| match &r.data {
                RData::A(address) => Some(IpAddr::V4(address.0)),
                RData::AAAA(address) => Some(IpAddr::V6(address.0)),
                _ => None,
            }));
        }
        Ok(addresses)
    }

    /// What the first server that has an answer says. That there is no such name is one.
    ///
    /// # Errors
    /// Where none has an answer: what the last one did instead.
    pub async fn look_up(&self, name: &Name, kind: RecordType) -> Result<Message, DnsError> {
        let question = question(name, kind, true);
        let mut last = DnsError::NoZone {
            name: written(name),
        };
        for server in self.servers() {
            last = match exchange::ask(server, &question).await {
                Ok(answer) => match answer.metadata.response_code {
                    ResponseCode::NoError | ResponseCode::NXDomain => return Ok(answer),
                    code => DnsError::Refused {
                        server: server.to_string(),
                        name: written(name),
                        code,
                    },
                },
                Err(error) => error,
            };
        }
        Err(last)
    }

    /// Those of this machine are read each time: they change when it moves to another network.
    fn servers(&self) -> Vec<SocketAddr> {
        match &self.servers[..] {
            // Without the file, it is as if it was empty: see resolv.conf(5).
            [] => servers_in(&fs::read_to_string(RESOLV_CONF).unwrap_or_default()),
            given => given.to_vec(),
        }
    }
}

/// A question for one kind of record.
pub(super) fn question(name: &Name, kind: RecordType, recursive: bool) -> Message {
    let mut message = Message::query();
    message.metadata.recursion_desired = recursive;
    message.add_query(Query::query(name.clone(), kind));
    message
}

/// A name as people write it: without the final dot.
pub fn written(name: &Name) -> String {
    let text = name.to_ascii();
    text.strip_suffix('.')
        .filter(|text| !text.is_empty())
        .unwrap_or(&text)
        .to_owned()
}

/// The servers of a resolv.conf(5); where it names none, the one on this machine.
fn servers_in(text: &str) -> Vec<SocketAddr> {
    let lines = text.lines().map(str::split_whitespace);
    let servers = lines.filter_map(|mut words| match (words.next(), words.next()) {
        (Some("nameserver"), Some(address)) => address.parse::<IpAddr>().ok(),
        _ => None,
    });
    let servers = servers.map(|address| (address, PORT).into()).collect();
    match servers {
        none if Vec::is_empty(&none) => vec![(Ipv4Addr::LOCALHOST, PORT).into()],
        servers => servers,
    }
}

const RESOLV_CONF: &str = "/etc/resolv.conf";
const PORT: u16 = 53;

/// As many as common resolvers follow.
const MAX_ALIASES: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_servers_of_this_machine_are_those_of_its_resolv_conf() {
        let text = "# ours\nnameserver 192.0.2.1\nsearch example\nnameserver  2001:db8::1\nnameserver fe80::1%eth0\n";
        let expected = ["192.0.2.1:53", "[2001:db8::1]:53"].map(|s| s.parse().unwrap());
        assert_eq!(servers_in(text), expected);
        assert_eq!(servers_in(""), ["127.0.0.1:53".parse().unwrap()]);
    }

    #[test]
    fn a_name_is_written_without_its_final_dot() {
        let name = |text| Name::from_ascii(text).unwrap();
        assert_eq!(written(&name("a.example.")), "a.example");
        assert_eq!(written(&name(".")), ".");
    }
}
