//! nginx and Caddy, with the same certificates, on the same core.

use std::{
    fmt::Write,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::Command,
};

use serde_json::json;
use town::{child::Child, tools::tool};

use super::{SERVER_CORE, estate, estate::Estate};

/// One of them, running.
pub struct Rival {
    /// Its process.
    pub child: Child,
    /// Where it listens.
    pub address: SocketAddr,
}

/// A server block for each certificate, without session tickets.
pub fn nginx(folder: &Path, estate: &Estate) -> Rival {
    let (folder, address) = place(folder, "nginx", estate);
    let certificates = folder.join("certificates");
    let mut servers = String::new();
    for number in 0..estate.credentials.len() {
        let (name, at) = (estate::name(number), certificates.display());
        writeln!(
            servers,
            "server {{ listen {address} ssl; server_name {name}; ssl_certificate {at}/{number}.crt; \
             ssl_certificate_key {at}/{number}.key; return 204; }}"
        )
        .unwrap();
    }
    let here = folder.display();
    let configuration = format!(
        "daemon off; worker_processes 1; pid {here}/pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
access_log off; server_names_hash_max_size 131072; server_names_hash_bucket_size 128;
client_body_temp_path {here}/body; proxy_temp_path {here}/proxy; fastcgi_temp_path {here}/fastcgi;
uwsgi_temp_path {here}/uwsgi; scgi_temp_path {here}/scgi;
ssl_protocols TLSv1.3; ssl_session_tickets off; ssl_session_cache off;
{servers}}}\n"
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, configuration).unwrap();
    let mut command = on_the_servers_core("nginx");
    command.arg("-e").arg("stderr").arg("-c").arg(file);
    Rival {
        child: Child::start("nginx", &mut command, &folder),
        address,
    }
}

/// All certificates loaded from files, without session tickets.
pub fn caddy(folder: &Path, estate: &Estate) -> Rival {
    let (folder, address) = place(folder, "caddy", estate);
    let file = |number: usize, kind: &str| folder.join(format!("certificates/{number}.{kind}"));
    let files = (0..estate.credentials.len())
        .map(|number| json!({ "certificate": file(number, "crt"), "key": file(number, "key") }))
        .collect::<Vec<_>>();
    let configuration = json!({
        "admin": { "disabled": true },
        "logging": { "logs": { "default": { "level": "ERROR" } } },
        "apps": {
            "tls": {
                "certificates": { "load_files": files },
                "disable_ocsp_stapling": true,
                "session_tickets": { "disabled": true },
            },
            "http": { "servers": { "bench": {
                "listen": [address.to_string()],
                "automatic_https": { "disable": true },
                "protocols": ["h1", "h2"],
                "tls_connection_policies": [{}],
            } } },
        },
    });
    let file = folder.join("caddy.json");
    fs::write(&file, configuration.to_string()).unwrap();
    let mut command = on_the_servers_core("caddy");
    command
        .args(["run", "--config"])
        .arg(file)
        .env("HOME", &folder)
        .env("XDG_DATA_HOME", folder.join("data"))
        .env("XDG_CONFIG_HOME", folder.join("config"));
    Rival {
        child: Child::start("caddy", &mut command, &folder),
        address,
    }
}

fn place(folder: &Path, name: &str, estate: &Estate) -> (std::path::PathBuf, SocketAddr) {
    let folder = folder.join(name);
    estate.write(&folder.join("certificates"));
    (folder, (Ipv4Addr::LOCALHOST, ports::free_port()).into())
}

fn on_the_servers_core(program: &str) -> Command {
    let mut command = Command::new("taskset");
    command
        .args(["-c", &SERVER_CORE.to_string()])
        .arg(tool(program));
    command
}
