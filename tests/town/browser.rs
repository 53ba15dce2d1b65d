//! A real Chromium, and a person before it.
//!
//! He finds things as people do, by what they are and what they are called ([`place`]), with the mouse or with the
//! [`keyboard`] alone; [`people`] sign in. Whatever a page is to fulfil for everybody is in [`checks`]. A browser is
//! closed by [`Browser::close`], which looks at its console for the last time.

mod checks;
mod element;
mod keyboard;
mod people;
mod place;
mod tree;

use std::{
    fs,
    ops::Deref,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

pub use self::{
    people::{FIRST, Person, code_of, set_up_link},
    place::Place,
};
use crate::{Town, wait, webdriver::WebDriver};

/// A browser with one page open: all that is said of a [`Place`] is said of the whole page.
#[derive(Debug)]
pub struct Browser {
    page: Place,
    base: String,
    folder: PathBuf,
    /// Statuses of pages that the story means to get.
    expected: Mutex<Vec<u16>>,
    closed: bool,
}

/// What a person has set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Theme {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

impl Browser {
    /// Before the town's pages, with nothing open yet.
    pub async fn open(town: &Town) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("browser-")
            .tempdir_in(town.folder())
            .expect("a folder for the browser");
        Self::before(&town.url(), &folder.keep()).await
    }

    /// Before the pages of this address ("https://localhost:8443"); what the browser keeps lies in the folder.
    pub async fn before(base: &str, folder: &Path) -> Self {
        let driver = Arc::new(WebDriver::start(folder).await);
        let this = Self {
            page: Place::whole(driver),
            base: base.to_owned(),
            folder: folder.to_owned(),
            expected: Mutex::default(),
            closed: false,
        };
        this.theme(Theme::Light).await;
        this
    }

    /// Goes to a path of ours, or to a whole address.
    pub async fn goto(&self, path: &str) {
        self.check_console().await;
        self.open_unchecked(path).await;
        self.check_console().await;
        self.expected.lock().expect("no panic").clear();
    }

    /// [`Browser::goto`], with the console left to the story.
    pub async fn open_unchecked(&self, path: &str) {
        let url = match path.starts_with('/') {
            true => format!("{}{path}", self.base),
            false => path.to_owned(),
        };
        let went = self.driver().post("url", json!({"url": url})).await;
        went.unwrap_or_else(|e| panic!("{url}: {e}"));
    }

    /// Loads the page again.
    pub async fn reload(&self) {
        self.command("refresh", json!({})).await;
    }

    /// Goes back to the page before.
    pub async fn back(&self) {
        self.command("back", json!({})).await;
    }

    /// Path and query of the page that is open.
    pub async fn path(&self) -> String {
        let url = self.driver().get("url").await.expect("a page is open");
        let url = url.as_str().expect("an address");
        url.strip_prefix(&self.base).unwrap_or(url).to_owned()
    }

    /// Waits until the page's path begins so.
    pub async fn until_at(&self, path: &str) {
        wait::until(&format!("the browser is at {path}"), async || {
            self.path().await.starts_with(path).then_some(())
        })
        .await;
    }

    /// The page's title.
    pub async fn title(&self) -> String {
        let title = self.driver().get("title").await.expect("a page is open");
        title.as_str().unwrap_or_default().to_owned()
    }

    /// What a person has set his machine to.
    pub async fn theme(&self, theme: Theme) {
        let scheme = match theme {
            Theme::Light => "light",
            Theme::Dark => "dark",
        };
        // Without movement, so that nothing is looked at half way.
        let features = json!([
            {"name": "prefers-color-scheme", "value": scheme},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]);
        self.devtools("Emulation.setEmulatedMedia", json!({"features": features}))
            .await;
    }

    /// A window of this size, in CSS pixels; a real window could not be as narrow as a phone.
    pub async fn window(&self, width: u32, height: u32) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", size)
            .await;
    }

    /// The window of a telephone.
    pub async fn phone(&self) {
        self.window(390, 844).await;
    }

    /// The window of a desk.
    pub async fn desk(&self) {
        self.window(1280, 900).await;
    }

    /// From the next page on, pages run no script (or do again).
    pub async fn script(&self, on: bool) {
        self.devtools(
            "Emulation.setScriptExecutionDisabled",
            json!({"value": !on}),
        )
        .await;
    }

    /// From the next page on, each is a first visit: nothing of it is kept.
    pub async fn without_cache(&self) {
        self.devtools("Network.enable", json!({})).await;
        self.devtools("Network.setCacheDisabled", json!({"cacheDisabled": true}))
            .await;
    }

    /// How long after it was asked for the page that is open had painted the largest of what is in its window, in
    /// milliseconds.
    pub async fn largest_paint(&self) -> f64 {
        let script = "return new Promise(done => new PerformanceObserver(list => \
            done(list.getEntries().at(-1).startTime)) \
            .observe({type: 'largest-contentful-paint', buffered: true}));";
        let painted = self.run(script).await;
        painted.as_f64().expect("it has painted something")
    }

    /// Answers the dialog that the browser shows (`confirm()`), and says what it asked.
    pub async fn accept(&self) -> String {
        let asked = self
            .driver()
            .get("alert/text")
            .await
            .expect("a dialog is there");
        self.command("alert/accept", json!({})).await;
        asked.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until a file of this name is downloaded: what is in it.
    pub async fn downloaded(&self, name: &str) -> Vec<u8> {
        let file = self.downloads().join(name);
        // It gets its name once all of it is there.
        wait::until(&format!("{name} is downloaded"), async || {
            fs::read(&file).ok().filter(|content| !content.is_empty())
        })
        .await
    }

    /// Where downloads go.
    pub fn downloads(&self) -> PathBuf {
        self.folder.join("downloads")
    }

    /// Takes a picture of the whole page, as long as it is.
    pub async fn screenshot(&self, file: &Path) {
        let sizes = self.devtools("Page.getLayoutMetrics", json!({})).await;
        let content = &sizes["cssContentSize"];
        let view = &sizes["cssLayoutViewport"];
        let heights = [&content["height"], &view["clientHeight"]];
        let height = heights.iter().filter_map(|height| height.as_i64()).max();
        let clip =
            json!({"x": 0, "y": 0, "width": view["clientWidth"], "height": height, "scale": 1});
        let wanted = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let taken = self.devtools("Page.captureScreenshot", wanted).await;
        let data = taken["data"].as_str().expect("a picture");
        let picture = STANDARD.decode(data).expect("base64");
        fs::write(file, picture).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    }

    /// The status that the page came with.
    pub async fn status(&self) -> u16 {
        let status = "return performance.getEntriesByType('navigation')[0].responseStatus;";
        let status = self.run(status).await.as_u64();
        status
            .and_then(|status| status.try_into().ok())
            .expect("a status")
    }

    /// What comes up to the next [`Browser::goto`], and with it, may have this status, though browsers complain of it:
    /// 404. A page that shows a form again with what is wrong in it (422) always may.
    pub fn expect_status(&self, status: u16) {
        self.expected.lock().expect("no panic").push(status);
    }

    /// Looks at the console for the last time, and ends.
    pub async fn close(mut self) {
        self.check_console().await;
        self.closed = true;
        self.driver().end().await.expect("the browser ends");
    }

    /// Runs the body of a function in the page: what it answers.
    ///
    /// # Panics
    /// Where it throws.
    pub async fn run(&self, script: &str) -> Value {
        let answer = self.driver().run(script, json!([])).await;
        answer.unwrap_or_else(|e| panic!("{e}: {script}"))
    }

    async fn devtools(&self, method: &str, params: Value) -> Value {
        let answer = self.driver().devtools(method, params).await;
        answer.unwrap_or_else(|e| panic!("{method}: {e}"))
    }

    async fn command(&self, path: &str, body: Value) {
        let done = self.driver().post(path, body).await;
        done.unwrap_or_else(|e| panic!("{path}: {e}"));
    }
}

impl Deref for Browser {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.page
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        assert!(
            self.closed || std::thread::panicking(),
            "close() the browser: nobody has looked at its console"
        );
    }
}
