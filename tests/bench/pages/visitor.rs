//! Somebody at a browser, as far as the server can tell.

use std::{collections::BTreeMap, fs, sync::Mutex};

use reqwest::{
    Client, Method, Response,
    header::{ACCEPT_ENCODING, CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE},
    redirect::Policy,
};
use town::installation::Installation;

/// A browser, and what it keeps.
pub struct Visitor {
    client: Client,
    base: String,
    cookies: Mutex<BTreeMap<String, String>>,
}

/// What was answered.
pub struct Answer {
    /// The body as it travelled.
    pub sent: Vec<u8>,
}

/// A page that listens.
pub struct OpenPage {
    answer: Response,
    heard: String,
    /// Its connection goes with it.
    _client: Client,
}

impl Visitor {
    /// The first administrator, by the set-up link.
    pub async fn set_up(installation: &Installation) -> Visitor {
        let link = fs::read_to_string(installation.data.join("set-up-link"));
        let link = link.expect("init made a link");
        let visitor = Visitor::new(format!("https://{}", installation.edge.https));
        visitor.follow(&link, &[("name", "rosa")]).await;
        visitor
    }

    fn new(base: String) -> Visitor {
        Visitor {
            client: client(),
            base,
            cookies: Mutex::default(),
        }
    }

    /// Where the pages are.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Gets a page that is there.
    pub async fn get(&self, path: &str) -> Answer {
        let answer = self.ask(Method::GET, path, None).await;
        assert_eq!(answer.status(), 200, "{path}");
        let sent = answer.bytes().await.unwrap().to_vec();
        Answer { sent }
    }

    /// How many bytes a page is with all that it needs, for a browser that was never here.
    pub async fn first_visit(&self, path: &str) -> usize {
        let page = self.get(path).await;
        let text = page.text();
        let mut all = page.sent.len();
        for asset in text.split("\"/assets/").skip(1) {
            let name = asset.split('"').next().unwrap();
            if name.ends_with(".css") || name.ends_with(".js") {
                all += self.get(&format!("/assets/{name}")).await.sent.len();
            }
        }
        all
    }

    /// One more person, who has used the link.
    pub async fn invite(&self, n: usize) -> Visitor {
        let token = self.token("/settings/users/new").await;
        let name = format!("person-{n}");
        let fields = [("token", &*token), ("name", &name), ("role", "viewer")];
        let body = form(&fields);
        let answer = self
            .ask(Method::POST, "/settings/users/new", Some(body))
            .await;
        let sent = answer.bytes().await.unwrap().to_vec();
        let page = Answer { sent }.text();
        let (_, code) = page.split_once("/link?code=").expect("a link");
        let code = code.split('"').next().unwrap();
        let guest = Visitor::new(self.base.clone());
        guest.follow(&format!("/link?code={code}"), &[]).await;
        guest
    }

    /// Opens a page that listens, over a connection of its own.
    pub async fn listen(&self) -> OpenPage {
        let client = client();
        let request = client.get(format!("{}/events?after=0", self.base));
        let mut answer = request.header(COOKIE, self.cookie()).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let first = answer.chunk().await.unwrap().expect("a sign of life");
        OpenPage {
            answer,
            heard: String::from_utf8(first.to_vec()).unwrap(),
            _client: client,
        }
    }

    /// Chooses a password behind a link.
    async fn follow(&self, link: &str, more: &[(&str, &str)]) {
        let path = link.trim().strip_prefix(&self.base).unwrap_or(link.trim());
        let path = &path[path.find("/link").expect("a link's path")..];
        let (_, code) = path.split_once("code=").expect("a link with a code");
        let token = self.token(path).await;
        let fields = [
            ("token", &*token),
            ("code", code),
            ("password", PASSWORD),
            ("again", PASSWORD),
        ];
        let body = form(&[&fields, more].concat());
        let answer = self.ask(Method::POST, "/link", Some(body)).await;
        assert!(answer.headers().contains_key(LOCATION), "the link is good");
    }

    async fn token(&self, path: &str) -> String {
        let page = self.get(path).await.text();
        let (_, token) = page.split_once("name=\"token\" value=\"").expect("a form");
        token.split('"').next().unwrap().to_owned()
    }

    async fn ask(&self, method: Method, path: &str, body: Option<String>) -> Response {
        let mut request = self.client.request(method, format!("{}{path}", self.base));
        request = request
            .header(ACCEPT_ENCODING, "gzip")
            .header(COOKIE, self.cookie());
        if let Some(body) = body {
            request = request
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(body);
        }
        let answer = request.send().await.unwrap();
        for field in answer.headers().get_all(SET_COOKIE) {
            let pair = field.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let mut cookies = self.cookies.lock().unwrap();
            cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }

    fn cookie(&self) -> String {
        let cookies = self.cookies.lock().unwrap();
        let pairs = cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }
}

impl Answer {
    /// As a browser reads it.
    pub fn text(&self) -> String {
        // What strangers see travels as it is.
        if let Ok(plain) = str::from_utf8(&self.sent) {
            return plain.to_owned();
        }
        let mut text = String::new();
        let mut unpacked = flate2::read::GzDecoder::new(&*self.sent);
        std::io::Read::read_to_string(&mut unpacked, &mut text).expect("it is compressed");
        text
    }
}

impl OpenPage {
    /// Waits until it has heard of this position.
    pub async fn until(&mut self, position: u64) {
        // Several events may be told at once, as of the last of them.
        let is_there = |heard: &str| {
            let whole = heard.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let ids = whole.lines().filter_map(|line| line.strip_prefix("id: "));
            ids.filter_map(|id| id.parse().ok())
                .any(|id: u64| id >= position)
        };
        while !is_there(&self.heard) {
            let more = self.answer.chunk().await.unwrap().expect("it goes on");
            self.heard.push_str(std::str::from_utf8(&more).unwrap());
        }
    }
}

fn client() -> Client {
    let client = Client::builder()
        .danger_accept_invalid_certs(true)
        .redirect(Policy::none())
        .no_gzip();
    client.build().unwrap()
}

fn form(fields: &[(&str, &str)]) -> String {
    let mut url = reqwest::Url::parse("https://unused.example").unwrap();
    url.query_pairs_mut().extend_pairs(fields);
    url.query().unwrap_or_default().to_owned()
}

/// Everybody's.
pub const PASSWORD: &str = "seven green bottles on a wall";
