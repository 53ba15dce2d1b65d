//! Every page, by its path. Whoever makes a page puts it here: it is then looked at in both themes and on a telephone
//! by [`every_page`](super::every_page), and pictured by [`screenshots`](super::screenshots).

use std::collections::BTreeMap;

/// A page.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// What its pictures are called.
    pub name: &'static str,
    /// Its path; "{certificate}" stands for the id of that name in the [`Estate`](super::estate::Estate).
    pub path: &'static str,
    /// The status that it comes with.
    pub status: u16,
}

const fn page(name: &'static str, path: &'static str) -> Page {
    Page {
        name,
        path,
        status: 200,
    }
}

/// What a stranger can come to.
pub const DOORS: &[Page] = &[
    page("sign-in", "/sign-in"),
    Page {
        status: 404,
        ..page("dead-link", "/link?code=of-long-ago")
    },
    Page {
        status: 404,
        ..page("not-found", "/nowhere")
    },
];

/// What a person sees who is signed in.
pub const INSIDE: &[Page] = &[
    page("start", "/"),
    page("overview", "/overview"),
    page("audit", "/audit"),
    page("audit-filtered", "/audit?time=week&what=keys"),
    page("event", "/audit/1"),
    page("notifications", "/notifications"),
    page("channel", "/notifications/channels/{channel}"),
    page("new-webhook", "/notifications/channels/new?by=webhook"),
    page("delete-channel", "/notifications/channels/{channel}/delete"),
    page("certificates", "/certificates"),
    page("certificates-need", "/certificates?view=need&sort=name"),
    page("certificates-authorities", "/certificates?view=authorities"),
    page("certificates-nothing", "/certificates?q=shpo&view=need"),
    page("certificates-all", "/certificates?pick=page"),
    page(
        "certificates-past",
        "/certificates?sort=status&as_of={moment}",
    ),
    page("as-of", "/as-of?next=%2Fcertificates"),
    page("served", "/certificates/served?name=shop.example.com"),
    page("certificate", "/certificates/{certificate}"),
    page("certificate-incomplete", "/certificates/{incomplete}"),
    page(
        "certificate-past",
        "/certificates/{self-signed}?as_of={moment}",
    ),
    page("certificate-rename", "/certificates/{certificate}/rename"),
    page("certificate-default", "/certificates/{certificate}/default"),
    page("certificate-revoke", "/certificates/{certificate}/revoke"),
    page(
        "certificates-delete",
        "/certificates/delete?select={incomplete}&select={self-signed}&select={certificate}",
    ),
    page("create", "/create"),
    page("create-rekey", "/create?rekey={self-signed}"),
    page("import", "/import"),
    page("export", "/export?select={certificate}"),
    page(
        "export-several",
        "/export?select={certificate}&select={self-signed}",
    ),
    page("requests", "/requests"),
    page("request", "/requests/{request}"),
    page("requests-delete", "/requests/delete?select={request}"),
    page("keys", "/keys"),
    page("key", "/keys/{key}"),
    page("key-export", "/keys/{key}/export"),
    page("key-delete", "/keys/delete?select={key}"),
    page("setup-ca", "/setup/ca?type=custom"),
    page("setup-certificate", "/setup/certificate"),
    page("automated", "/automated"),
    page("automated-none", "/automated?q=nothing&view=paused"),
    page("automated-new", "/automated/new"),
    page("automated-one", "/automated/{automation}"),
    page("automated-failed", "/automated/{failed}"),
    page("automated-pause", "/automated/{automation}/pause"),
    page("automated-cancel", "/automated/{automation}/cancel"),
    page("servers", "/servers"),
    page("server", "/servers/{server}"),
    page("server-new", "/servers/new?type=custom"),
    page("server-new-eab", "/servers/new?type=zerossl"),
    page("server-end", "/servers/{server}/deactivate"),
    page("dns-providers", "/dns-providers"),
    page("dns-provider-new", "/dns-providers/new"),
    page("account", "/account"),
    page("device", "/device"),
    page("confirm", "/confirm?next=%2Faccount"),
    page("settings", "/settings"),
    page("users", "/settings/users"),
    page("user", "/settings/users/{user}"),
    page("user-delete", "/settings/users/{user}/delete"),
    page("user-invite", "/settings/users/new"),
    page("tokens", "/settings/tokens"),
    page("token-new", "/settings/tokens/new"),
    page("sessions", "/settings/sign-in"),
    page("backup", "/settings/backup"),
];

impl Page {
    /// Its path, with these ids.
    ///
    /// # Panics
    /// Where one is wanted that is not there.
    pub fn path(&self, ids: &BTreeMap<&'static str, String>) -> String {
        let mut path = self.path.to_owned();
        for (name, id) in ids {
            path = path.replace(&format!("{{{name}}}"), id);
        }
        assert!(!path.contains('{'), "{path}: there is no such id");
        path
    }
}
