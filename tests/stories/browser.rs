//! What people do in a browser: in a real Chromium, by what a page says.
//!
//! [`pages`] lists every page there is; what holds for all of them is told once, in [`every_page`].

mod audit;
mod certificates;
mod doors;
mod estate;
mod every_page;
mod notifications;
mod overview;
mod pages;
mod screenshots;
mod second_factor;
mod automated;
mod dns_providers;
mod first_start;
mod servers;
mod live;
mod settings;
