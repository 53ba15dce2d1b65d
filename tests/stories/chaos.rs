//! The rows of the table of promises that need a whole system to break: in their short form with all other tests, in full
//! by `make chaos`. Disks and networks are broken by root alone.

mod cluster;
mod crowded_disk;
mod databases;
mod issuance;
mod killed;
mod lossy_network;
mod paused;
mod power_cut;
