//! What people do in a browser: in a real Chromium, by what a page says.
//!
//! [`pages`] lists every page there is; what holds for all of them is told once, in [`every_page`].

mod audit;
mod automated;
mod bad_page;
mod certificates;
mod create;
mod dns_providers;
mod doors;
mod estate;
mod every_page;
mod export;
mod first_start;
mod import;
mod keyboard;
mod keys;
mod live;
mod notifications;
mod overview;
mod pages;
mod past;
mod requests;
mod screenshots;
mod second_factor;
mod servers;
mod settings;
