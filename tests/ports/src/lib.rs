//! Ports that are free, and stay so until a child binds them.

#![allow(clippy::expect_used)] // A panic is how a test fails.

use std::{
    env,
    fs::{self, File},
    net::TcpListener,
    sync::{Mutex, PoisonError},
};

use uuid::Uuid;

/// A TCP port of 127.0.0.1 on which nothing listens, and that no other test gets as long as this process lives.
///
/// It lies below the range from which the system takes the ports of outgoing connections, so that none of
/// those can have it when it is bound.
pub fn free_port() -> u16 {
    // Beside the tests' own executables, where whoever runs them may write.
    let us = env::current_exe().expect("a test knows its own file");
    let folder = us.with_file_name("ports-given-out");
    fs::create_dir_all(&folder).expect("a folder for the locks of ports");
    loop {
        let [high, low, ..] = Uuid::new_v4().into_bytes();
        let port = FIRST + u16::from_be_bytes([high, low]) % (LAST - FIRST);
        let Ok(lock) = File::create(folder.join(port.to_string())) else {
            continue;
        };
        if lock.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
            held.push(lock);
            return port;
        }
    }
}

/// The locks of the ports that this process has given out: they end with it.
static HELD: Mutex<Vec<File>> = Mutex::new(Vec::new());

const FIRST: u16 = 10_000;
const LAST: u16 = 32_000;
