//! The WebDriver protocol (W3C), as far as a [`Browser`](crate::browser::Browser) needs it: JSON over plain http to a
//! chromedriver on this machine.

use std::{
    fmt, fs,
    path::Path,
    process::Command,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use reqwest::Method;
use serde_json::{Value, json};

use crate::{child::Child, tools::tool, wait};

/// A running chromedriver, with one Chromium. Dropped, both end.
#[derive(Debug)]
pub struct WebDriver {
    session: String,
    http: reqwest::Client,
    _process: Mutex<Child>,
}

/// What it could not do.
#[derive(Debug)]
pub struct Refused {
    /// The protocol's word for it: "no such element".
    pub error: String,
    /// More about it.
    pub message: String,
}

/// An element of the page that is open, by the driver's name for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node(pub(crate) String);

impl WebDriver {
    /// Starts both. What they keep, and what is downloaded (to `downloads` there), lies in this folder.
    pub async fn start(folder: &Path) -> Self {
        let home = folder.join("home");
        fs::create_dir_all(&home).expect("a folder for the browser");
        let port = ports::free_port();
        let mut chromedriver = Command::new(tool("chromedriver"));
        chromedriver.arg(format!("--port={port}"));
        // It keeps nothing in anybody's real home, and talks to nobody by anybody's proxy.
        chromedriver.env("HOME", &home).env("TMPDIR", &home);
        for variable in [
            "XDG_CONFIG_HOME",
            "XDG_CACHE_HOME",
            "DBUS_SESSION_BUS_ADDRESS",
        ] {
            chromedriver.env_remove(variable);
        }
        let process = Child::start("chromedriver", &mut chromedriver, folder);
        let http = reqwest::Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .timeout(PATIENCE);
        let mut this = Self {
            session: format!("http://127.0.0.1:{port}"),
            http: http.build().expect("an HTTP client"),
            _process: Mutex::new(process),
        };
        wait::until("chromedriver is ready", async || {
            let status = this.get("status").await.ok()?;
            status["ready"].as_bool().filter(|ready| *ready)
        })
        .await;
        let opened = this.post("session", wanted(folder)).await;
        let opened = opened.unwrap_or_else(|e| panic!("no browser: {e}\n{}", this.log()));
        let id = opened["sessionId"].as_str().expect("a session has an id");
        this.session = format!("{}/session/{id}", this.session);
        this
    }

    /// Asks for something.
    ///
    /// # Errors
    /// Where it cannot be done.
    pub async fn get(&self, path: &str) -> Result<Value, Refused> {
        self.send(Method::GET, path, None).await
    }

    /// Has something done.
    ///
    /// # Errors
    /// Where it cannot be done.
    pub async fn post(&self, path: &str, body: Value) -> Result<Value, Refused> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// A command of Chromium's own (Chrome DevTools Protocol).
    ///
    /// # Errors
    /// Where it cannot be done.
    pub async fn devtools(&self, method: &str, params: Value) -> Result<Value, Refused> {
        let command = json!({"cmd": method, "params": params});
        self.post("goog/cdp/execute", command).await
    }

    /// Runs the body of a function in the page, which the page's policy does not hold up: what it answers.
    ///
    /// # Errors
    /// Where it throws.
    pub async fn run(&self, script: &str, arguments: Value) -> Result<Value, Refused> {
        self.post("execute/sync", json!({"script": script, "args": arguments}))
            .await
    }

    /// [`WebDriver::run`], for what answers by a promise.
    ///
    /// # Errors
    /// Where it throws.
    pub async fn run_to_its_end(&self, script: &str, arguments: Value) -> Result<Value, Refused> {
        let script = format!(
            "const done = arguments[arguments.length - 1]; \
             (async () => {{ {script} }})().then(value => done([value]), error => done(String(error)));"
        );
        let answer = json!({"script": script, "args": arguments});
        let answer = self.post("execute/async", answer).await?;
        match answer {
            Value::Array(mut value) => Ok(value.remove(0)),
            error => Err(Refused {
                error: "javascript error".to_owned(),
                message: error.to_string(),
            }),
        }
    }

    /// Ends the browser.
    ///
    /// # Errors
    /// Where it has ended already.
    pub async fn end(&self) -> Result<(), Refused> {
        self.send(Method::DELETE, "", None).await.map(|_| ())
    }

    fn log(&self) -> String {
        let process = self._process.lock();
        process.unwrap_or_else(PoisonError::into_inner).log()
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<Value, Refused> {
        let failed = |e: reqwest::Error| Refused {
            error: "no answer".to_owned(),
            message: e.to_string(),
        };
        let url = match path {
            "" => self.session.clone(),
            path => format!("{}/{path}", self.session),
        };
        let mut request = self.http.request(method, url);
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body.to_string());
        }
        let answer = request.send().await.map_err(failed)?;
        let well = answer.status().is_success();
        let text = answer.text().await.map_err(failed)?;
        let mut answer = serde_json::from_str::<Value>(&text).unwrap_or_default();
        let value = answer["value"].take();
        match well {
            true => Ok(value),
            false => Err(Refused {
                error: value["error"].as_str().unwrap_or_default().to_owned(),
                message: value["message"].as_str().unwrap_or(&text).to_owned(),
            }),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let message = self.message.lines().next().unwrap_or_default();
        write!(f, "{}: {message}", self.error)
    }
}

impl Node {
    /// The element in an answer.
    pub fn of(answer: &Value) -> Option<Node> {
        Some(Node(answer.get(ELEMENT)?.as_str()?.to_owned()))
    }

    /// As an argument.
    pub fn json(&self) -> Value {
        json!({ELEMENT: self.0})
    }
}

fn wanted(folder: &Path) -> Value {
    let profile = format!("--user-data-dir={}", folder.join("profile").display());
    let arguments = ARGUMENTS.iter().copied().chain([profile.as_str()]);
    json!({"capabilities": {"alwaysMatch": {
        "browserName": "chrome",
        "timeouts": {"script": 60_000, "pageLoad": 60_000, "implicit": 0},
        "unhandledPromptBehavior": "ignore",
        "goog:loggingPrefs": {"browser": "ALL"},
        "goog:chromeOptions": {
            "binary": tool("chromium"),
            "args": arguments.collect::<Vec<_>>(),
            "prefs": {
                "download.default_directory": folder.join("downloads"),
                "download.prompt_for_download": false,
                "credentials_enable_service": false,
                "profile.password_manager_enabled": false,
                "profile.password_manager_leak_detection": false,
            },
        },
    }}})
}

/// It has no screen and no sandbox (tests may run as root), asks nobody on the net for anything, leaves no process
/// behind, and takes the town's own certificate.
const ARGUMENTS: [&str; 17] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-crash-reporter",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-sync",
    "--no-proxy-server",
    "--ignore-certificate-errors",
    "--window-size=1280,900",
];

/// For any answer of the driver: more than it gives a page or a script itself.
const PATIENCE: Duration = Duration::from_secs(90);

/// What the protocol calls an element by.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
