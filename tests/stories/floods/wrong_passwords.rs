//! Strangers who try passwords: by the thousand, from several networks, against names that are there and names that are not.

use std::{net::Ipv4Addr, time::Duration};

use api::{
    gateway::v1::{CreateTokenRequest, WhoAmIRequest},
    options::v1::Role,
};
use reqwest::{
    StatusCode,
    header::{CONTENT_TYPE, COOKIE, RETRY_AFTER, SET_COOKIE},
};
use tokio::task::JoinSet;
use town::client::Client;

use super::{BOUND, Besieged, STRANGERS};

#[tokio::test(flavor = "multi_thread")]
async fn two_thousand_wrong_passwords_take_little_memory_and_others_are_served() {
    besiege(2_000).await;
}

/// The same at the size that is promised: minutes of a debug build.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes a whole machine for minutes; the small one runs with all others"]
async fn a_hundred_thousand_wrong_passwords_take_little_memory_and_others_are_served() {
    besiege(100_000).await;
}

async fn besiege(tries: usize) {
    let mut besieged = Besieged::start().await;
    // The token that `init` made ends with the set-up: this one lives on.
    let token = CreateTokenRequest {
        name: "monitoring".to_owned(),
        role: Role::Viewer.into(),
        ..CreateTokenRequest::default()
    };
    let made = besieged.client().await.tokens().create_token(token).await;
    let token = made.unwrap().into_inner().text;
    let edge = besieged.installation.edge;
    let client = Client::connect(edge, &token).await.unwrap();
    // Rosa has signed in with her browser before.
    let link = besieged.set_up_link();
    let mut rosa = Browser::from(Ipv4Addr::LOCALHOST, besieged.installation.edge);
    let (_, code) = link.split_once("/link?code=").unwrap();
    let code = code.trim();
    let account = [
        ("code", code),
        ("name", "rosa"),
        ("password", PASSWORD),
        ("again", PASSWORD),
    ];
    rosa.open(&format!("/link?code={code}")).await;
    assert_eq!(
        rosa.submit("/link", &account).await.0,
        StatusCode::SEE_OTHER
    );

    let before = besieged.memory();
    let mut strangers = JoinSet::new();
    for from in STRANGERS {
        let (edge, each) = (besieged.installation.edge, tries / STRANGERS.len());
        strangers.spawn(async move { guess(Browser::from(from, edge), each).await });
    }
    let (mut told, mut most) = (Told::default(), before);
    while !strangers.is_empty() {
        // A program, and a person whose browser is known, while all that goes on.
        client.session().who_am_i(WhoAmIRequest {}).await.unwrap();
        rosa.cookies.retain(|(name, _)| name != "__Host-chancery");
        rosa.open("/sign-in").await;
        let (status, _) = rosa
            .submit("/sign-in", &[("name", "rosa"), ("password", PASSWORD)])
            .await;
        assert_eq!(status, StatusCode::SEE_OTHER, "rosa is not shut out");
        most = most.max(besieged.memory());
        while let Some(guessed) = strangers.try_join_next() {
            told.add(guessed.unwrap());
        }
    }
    eprintln!("{} MiB more, {told:?}", most - before);
    assert_eq!(told.wrong + told.later + told.busy, tries);
    assert!(told.later > told.wrong, "most were not even looked at");
    assert!(most - before < BOUND_OF_HASHES);
}

/// What strangers were told, and how often.
#[derive(Debug, Default)]
struct Told {
    /// That it is not the password.
    wrong: usize,
    /// To come later.
    later: usize,
    /// That there is too much to do.
    busy: usize,
}

impl Told {
    fn add(&mut self, other: Told) {
        self.wrong += other.wrong;
        self.later += other.later;
        self.busy += other.busy;
    }
}

async fn guess(mut stranger: Browser, tries: usize) -> Told {
    let mut told = Told::default();
    stranger.open("/sign-in").await;
    for n in 0..tries {
        let name = match n % 2 {
            0 => "rosa".to_owned(),
            _ => format!("nobody-{n}"),
        };
        let password = format!("wrong password {n}");
        let form = [("name", name.as_str()), ("password", &password)];
        match stranger.submit("/sign-in", &form).await {
            (StatusCode::UNPROCESSABLE_ENTITY, _) => told.wrong += 1,
            (StatusCode::TOO_MANY_REQUESTS, later) => {
                assert!(later, "he is told when");
                told.later += 1;
            }
            (StatusCode::SERVICE_UNAVAILABLE, _) => told.busy += 1,
            (other, _) => panic!("{other}"),
        }
    }
    told
}

/// A browser: its cookies, and the token of its forms.
struct Browser {
    http: reqwest::Client,
    base: String,
    cookies: Vec<(String, String)>,
    token: String,
}

impl Browser {
    fn from(address: Ipv4Addr, edge: town::edge::Edge) -> Browser {
        let http = reqwest::Client::builder()
            .danger_accept_invalid_certs(true)
            .redirect(reqwest::redirect::Policy::none())
            .local_address(std::net::IpAddr::from(address))
            .timeout(Duration::from_secs(60))
            .build()
            .unwrap();
        Browser {
            http,
            base: format!("https://localhost:{}", edge.https.port()),
            cookies: Vec::new(),
            token: String::new(),
        }
    }

    async fn open(&mut self, path: &str) {
        let asked = self.http.get(format!("{}{path}", self.base));
        let answer = asked.header(COOKIE, self.cookie()).send().await.unwrap();
        self.keep(&answer);
        let page = answer.text().await.unwrap();
        let (_, rest) = page.split_once(r#"name="token" value=""#).expect(&page);
        rest.split_once('"').unwrap().0.clone_into(&mut self.token);
    }

    /// Sends a form: the status, and whether it says when to come again.
    async fn submit(&mut self, path: &str, fields: &[(&str, &str)]) -> (StatusCode, bool) {
        let form = {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            form.append_pair("token", &self.token).extend_pairs(fields);
            form.finish()
        };
        let sent = self.http.post(format!("{}{path}", self.base));
        let sent = sent
            .header(COOKIE, self.cookie())
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(form);
        let answer = sent.send().await.unwrap();
        self.keep(&answer);
        let later = answer.headers().contains_key(RETRY_AFTER);
        let status = answer.status();
        // Read to its end, so that the connection is used again.
        answer.bytes().await.unwrap();
        (status, later)
    }

    fn cookie(&self) -> String {
        let pairs = self.cookies.iter();
        let pairs = pairs.map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    fn keep(&mut self, answer: &reqwest::Response) {
        for field in answer.headers().get_all(SET_COOKIE) {
            let pair = field.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.retain(|(known, _)| known != name);
            self.cookies.push((name.to_owned(), value.to_owned()));
        }
    }
}

const PASSWORD: &str = "three green herons wade";

/// One password takes 19 MiB while it is hashed, and two are at once.
const BOUND_OF_HASHES: u64 = BOUND + 2 * 19;
