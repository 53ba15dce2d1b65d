//! What people do in a browser: in a real Chromium, by what a page says.
//!
//! [`pages`] lists every page there is; what holds for all of them is told once, in [`every_page`].

mod bad_page;
mod doors;
mod estate;
mod every_page;
mod pages;
mod screenshots;
mod second_factor;
