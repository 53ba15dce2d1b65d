//! A browser without script: it keeps cookies, fills in the forms that it is shown, and follows where it is sent.

use std::{collections::BTreeMap, net::SocketAddr};

use axum::http::{HeaderMap, Method, header};

use crate::web::asset;

/// A browser.
pub struct Browser {
    client: reqwest::Client,
    base: String,
    /// What it keeps.
    pub cookies: BTreeMap<String, String>,
    /// Its form's token, from the page that it looks at.
    pub token: String,
    /// What other headers it sends.
    pub headers: Vec<(&'static str, String)>,
}

/// What it was answered.
#[derive(Debug)]
pub struct Page {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Page {
    /// Where it leads, if it leads anywhere.
    pub fn location(&self) -> Option<&str> {
        Some(self.header(header::LOCATION.as_str())).filter(|path| !path.is_empty())
    }

    /// A header's value; empty: it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Whether it is one for a person who is signed in.
    pub fn is_within(&self) -> bool {
        self.text.contains("action=\"/sign-out\"")
    }

    /// Whether no script is in it but the file of ours that every page has.
    pub fn has_only_our_script(&self) -> bool {
        let ours = format!("<script src=\"{}\" defer></script>", asset::script());
        !self.text.replacen(&ours, "", 1).contains("<script")
    }

    /// The cookies that it sets.
    pub fn set_cookies(&self) -> Vec<String> {
        let fields = self.headers.get_all(header::SET_COOKIE).iter();
        fields
            .map(|field| field.to_str().unwrap().to_owned())
            .collect()
    }

    /// What stands between two texts.
    pub fn between(&self, before: &str, after: &str) -> Option<&str> {
        let (_, rest) = self.text.split_once(before)?;
        Some(rest.split_once(after)?.0)
    }
}

impl Browser {
    pub fn new(address: SocketAddr, host: &str) -> Browser {
        let client = reqwest::Client::builder()
            .danger_accept_invalid_certs(true)
            .redirect(reqwest::redirect::Policy::none())
            // It shows what was sent, and asks for nothing that the test does not ask for; another crate of the
            // workspace may have switched this on.
            .no_gzip()
            .resolve(host, address)
            .build()
            .unwrap();
        Browser {
            client,
            base: format!("https://{host}:{}", address.port()),
            cookies: BTreeMap::new(),
            token: String::new(),
            headers: Vec::new(),
        }
    }

    /// Gets a page, and follows where it leads.
    pub async fn open(&mut self, path: &str) -> Page {
        let page = self.get(path).await;
        self.follow(page).await
    }

    /// Gets a page.
    pub async fn get(&mut self, path: &str) -> Page {
        self.ask(Method::GET, path, None).await
    }

    /// Sends the form of the page that it looks at, and follows where that leads.
    pub async fn submit(&mut self, action: &str, fields: &[(&str, &str)]) -> Page {
        let page = self.send(action, fields).await;
        self.follow(page).await
    }

    /// Sends the form of the page that it looks at.
    pub async fn send(&mut self, action: &str, fields: &[(&str, &str)]) -> Page {
        let token = self.token.clone();
        let fields = fields.iter().copied().chain([("token", token.as_str())]);
        let body = serde_urlencoded::to_string(fields.collect::<Vec<_>>()).unwrap();
        self.post(action, "application/x-www-form-urlencoded", body)
            .await
    }

    pub async fn post(
        &mut self,
        path: &str,
        media_type: &str,
        body: impl Into<reqwest::Body>,
    ) -> Page {
        self.ask(Method::POST, path, Some((media_type, body.into())))
            .await
    }

    /// Signs in on the page for it.
    pub async fn sign_in(&mut self, name: &str, password: &str) -> Page {
        self.open("/sign-in").await;
        self.submit("/sign-in", &[("name", name), ("password", password)])
            .await
    }

    /// Sends the form of the sign-in page with a token from elsewhere.
    pub async fn sign_in_with_token(&mut self, token: &str) -> Page {
        self.token = token.to_owned();
        self.send("/sign-in", &[("name", "rosa"), ("password", "x")])
            .await
    }

    /// Begins to read an answer that may go on for long.
    pub async fn listen(&self, path: &str, last_event_id: Option<&str>) -> reqwest::Response {
        let mut request = self.client.get(format!("{}{path}", self.base));
        if !self.cookies.is_empty() {
            request = request.header(header::COOKIE, self.cookie());
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        request.send().await.unwrap()
    }

    /// All cookies, as they are sent.
    pub fn cookie(&self) -> String {
        let cookies = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        cookies.collect::<Vec<_>>().join("; ")
    }

    async fn follow(&mut self, mut page: Page) -> Page {
        for _ in 0..5 {
            let Some(path) = page.location().map(str::to_owned) else {
                return page;
            };
            page = self.get(&path).await;
        }
        panic!("it leads nowhere: {page:?}");
    }

    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: Option<(&str, reqwest::Body)>,
    ) -> Page {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        let cookies = self.cookie();
        if !cookies.is_empty() {
            request = request.header(header::COOKIE, cookies);
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some((media_type, body)) = body {
            request = request.header(header::CONTENT_TYPE, media_type).body(body);
        }
        let response = request.send().await.unwrap();
        let page = Page {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        };
        for field in page.set_cookies() {
            let (name, rest) = field.split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            match rest.contains("Max-Age=0") {
                true => self.cookies.remove(name),
                false => self.cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
        if let Some(token) = page.between("name=\"token\" value=\"", "\"") {
            self.token = token.to_owned();
        }
        page
    }
}
