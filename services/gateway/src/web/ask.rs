//! Before something that cannot be taken back, or that wants a reason: what will happen, and one button.

use askama::Template;

use super::{frame::Frame, refused::Wrongs};

/// A page that asks.
#[derive(Template)]
#[template(path = "ask.html")]
pub struct Ask {
    /// Around it.
    pub frame: Frame,
    /// The pages above this one: path and title.
    pub above: Vec<(String, String)>,
    /// What is asked.
    pub heading: String,
    /// What will happen, sentence by sentence.
    pub words: Vec<String>,
    /// A reason may be given for it: as it was typed.
    pub reason: Option<String>,
    /// Where the form goes.
    pub action: String,
    /// What the button does.
    pub button: &'static str,
    /// It cannot be taken back.
    pub for_good: bool,
    /// Where one goes who does not want it.
    pub back: String,
    /// Why it was not done.
    pub wrongs: Wrongs,
}
