//! The companies. Each line of the table is one, and says all that is known of it here.

use std::str::FromStr;

use dns_update::{
    DnsUpdater, Result,
    providers::{
        azuredns::{AzureDnsConfig, AzureEnvironment},
        google_cloud_dns::GoogleCloudDnsConfig,
        ovh::OvhEndpoint,
        route53::Route53Config,
    },
};

use super::{
    super::kinds::{Field, Kind, Settings},
    Company, TIMEOUT,
};

/// By their names.
#[rustfmt::skip] // A company a few lines.
pub(super) const COMPANIES: &[Company] = &[
    company("alidns", "Alibaba Cloud DNS", |s| DnsUpdater::new_alidns(s.get("access_key"), s.get("secret_key"), NONE, NONE, NONE, TIMEOUT), &[
        plain("access_key", "AccessKey id", "The id of an AccessKey that may change DNS records."),
        secret("secret_key", "AccessKey secret", "The secret of that AccessKey."),
    ]),
    company("route53", "Amazon Route 53", |s| DnsUpdater::new_route53(route53(s)), &[
        plain("access_key_id", "Access key id", "The id of an access key that may change record sets."),
        optional("hosted_zone_id", "Hosted zone id", "Only where several hosted zones have the name."),
        secret("secret_access_key", "Secret access key", "The secret of that access key."),
    ]),
    company("arvancloud", "ArvanCloud", |s| DnsUpdater::new_arvancloud(s.get("api_key"), TIMEOUT), &[
        secret("api_key", "API key", "A machine user's API key that may edit the zone."),
    ]),
    company("azuredns", "Azure DNS", |s| DnsUpdater::new_azuredns(azure(s)), &[
        plain("tenant_id", "Tenant id", "The directory's id."),
        plain("client_id", "Client id", "The id of an application with the role DNS Zone Contributor."),
        plain("subscription_id", "Subscription id", "The subscription that the zone is in."),
        plain("resource_group", "Resource group", "The resource group that the zone is in."),
        secret("client_secret", "Client secret", "A secret of that application."),
    ]),
    company("bunny", "Bunny DNS", |s| DnsUpdater::new_bunny(s.get("api_key"), TIMEOUT), &[
        secret("api_key", "API key", "The account's API key."),
    ]),
    company("cloudflare", "Cloudflare", |s| DnsUpdater::new_cloudflare(s.get("api_token"), TIMEOUT), &[
        secret("api_token", "API token", "An API token with Zone:Read and DNS:Edit for the zone."),
    ]),
    company("cloudns", "ClouDNS", |s| DnsUpdater::new_cloudns(s.given("auth_id"), NONE, s.get("auth_password"), TIMEOUT), &[
        plain("auth_id", "API user id", "The auth-id of an API user."),
        secret("auth_password", "API password", "The password of that API user."),
    ]),
    company("constellix", "Constellix", |s| DnsUpdater::new_constellix(s.get("api_key"), s.get("secret_key"), TIMEOUT), &[
        plain("api_key", "API key", "The account's API key."),
        secret("secret_key", "Secret key", "The secret key that belongs to it."),
    ]),
    company("desec", "deSEC", |s| DnsUpdater::new_desec(s.get("api_token"), TIMEOUT), &[
        secret("api_token", "API token", "A token that may write to the domain."),
    ]),
    company("digitalocean", "DigitalOcean", |s| DnsUpdater::new_digitalocean(s.get("api_token"), TIMEOUT), &[
        secret("api_token", "API token", "A personal access token that may write domains."),
    ]),
    company("dnsmadeeasy", "DNS Made Easy", |s| DnsUpdater::new_dnsmadeeasy(s.get("api_key"), s.get("secret_key"), TIMEOUT), &[
        plain("api_key", "API key", "The account's API key."),
        secret("secret_key", "Secret key", "The secret key that belongs to it."),
    ]),
    company("dnsimple", "DNSimple", |s| DnsUpdater::new_dnsimple(s.get("api_token"), s.get("account_id"), TIMEOUT), &[
        plain("account_id", "Account id", "The account's number."),
        secret("api_token", "API token", "An account token."),
    ]),
    company("domeneshop", "Domeneshop", |s| DnsUpdater::new_domeneshop(s.get("token"), s.get("secret"), TIMEOUT), &[
        plain("token", "API token", "The token that the control panel shows."),
        secret("secret", "API secret", "The secret that belongs to it."),
    ]),
    company("dynu", "Dynu", |s| DnsUpdater::new_dynu(s.get("api_key"), TIMEOUT), &[
        secret("api_key", "API key", "The account's API key."),
    ]),
    company("easydns", "easyDNS", |s| DnsUpdater::new_easydns(s.get("token"), s.get("key"), TIMEOUT), &[
        plain("token", "API token", "The account's API token."),
        secret("key", "API key", "The API key that belongs to it."),
    ]),
    company("exoscale", "Exoscale", |s| DnsUpdater::new_exoscale(s.get("api_key"), s.get("api_secret"), TIMEOUT), &[
        plain("api_key", "API key", "An API key with the role of DNS."),
        secret("api_secret", "API secret", "The secret that belongs to it."),
    ]),
    company("gandiv5", "Gandi", |s| DnsUpdater::new_gandiv5(s.get("personal_access_token"), TIMEOUT), &[
        secret("personal_access_token", "Personal access token", "A token that may manage the domain's technical configuration."),
    ]),
    company("gcore", "Gcore", |s| DnsUpdater::new_gcore(s.get("api_token"), TIMEOUT), &[
        secret("api_token", "API token", "A permanent API token."),
    ]),
    company("glesys", "GleSYS", |s| DnsUpdater::new_glesys(s.get("api_user"), s.get("api_key"), TIMEOUT), &[
        plain("api_user", "Project", "The project, for example cl12345."),
        secret("api_key", "API key", "An API key of that project that may change domains."),
    ]),
    company("godaddy", "GoDaddy", |s| DnsUpdater::new_godaddy(s.get("api_key"), s.get("api_secret"), TIMEOUT), &[
        plain("api_key", "API key", "A production API key."),
        secret("api_secret", "API secret", "The secret that belongs to it."),
    ]),
    company("google_cloud_dns", "Google Cloud DNS", |s| DnsUpdater::new_google_cloud_dns(google(s)), &[
        plain("project_id", "Project id", "The project that the zone is in."),
        optional("managed_zone", "Managed zone", "Only where several managed zones have the name."),
        secret("service_account_json", "Service account key", "The JSON key file of a service account with the role DNS Administrator, whole."),
    ]),
    company("hetzner", "Hetzner", |s| DnsUpdater::new_hetzner(s.get("api_token"), TIMEOUT), &[
        secret("api_token", "API token", "An API token of the project that the zone is in, with read and write."),
    ]),
    company("hostingde", "hosting.de", |s| DnsUpdater::new_hostingde(s.get("api_key"), TIMEOUT), &[
        secret("api_key", "API key", "An API key that may edit DNS zones."),
    ]),
    company("hostinger", "Hostinger", |s| DnsUpdater::new_hostinger(s.get("api_token"), TIMEOUT), &[
        secret("api_token", "API token", "An API token of the account."),
    ]),
    company("huaweicloud", "Huawei Cloud", |s| DnsUpdater::new_huaweicloud(s.get("access_key"), s.get("secret_key"), s.get("region"), TIMEOUT), &[
        plain("access_key", "Access key id", "The id of an access key that may change DNS records."),
        plain("region", "Region", "For example eu-west-101."),
        secret("secret_key", "Secret access key", "The secret that belongs to it."),
    ]),
    company("ibmcloud", "IBM Cloud (classic)", |s| DnsUpdater::new_ibmcloud(s.get("username"), s.get("api_key"), TIMEOUT), &[
        plain("username", "User name", "The classic infrastructure user name."),
        secret("api_key", "API key", "The classic infrastructure API key."),
    ]),
    company("infomaniak", "Infomaniak", |s| DnsUpdater::new_infomaniak(s.get("access_token"), TIMEOUT), &[
        secret("access_token", "Access token", "An API token with the scope domain."),
    ]),
    company("inwx", "INWX", |s| DnsUpdater::new_inwx(s.get("username"), s.get("password"), false, TIMEOUT), &[
        plain("username", "User name", "The account's user name; it must not ask for a second factor."),
        secret("password", "Password", "The account's password."),
    ]),
    company("ionos", "IONOS", |s| DnsUpdater::new_ionos(s.get("api_key"), TIMEOUT), &[
        secret("api_key", "API key", "Prefix and secret with a dot between them."),
    ]),
    company("linode", "Linode", |s| DnsUpdater::new_linode(s.get("api_token"), TIMEOUT), &[
        secret("api_token", "API token", "A personal access token with read and write for domains."),
    ]),
    company("luadns", "LuaDNS", |s| DnsUpdater::new_luadns(s.get("username"), s.get("api_token"), TIMEOUT), &[
        plain("username", "User name", "The account's e-mail address."),
        secret("api_token", "API token", "An API token of that account."),
    ]),
    company("mythicbeasts", "Mythic Beasts", |s| DnsUpdater::new_mythicbeasts(s.get("username"), s.get("password"), TIMEOUT), &[
        plain("username", "API key id", "The id of an API key with the role DNS."),
        secret("password", "API secret", "The secret that belongs to it."),
    ]),
    company("namedotcom", "Name.com", |s| DnsUpdater::new_namedotcom(s.get("username"), s.get("api_token"), TIMEOUT), &[
        plain("username", "User name", "The account's user name."),
        secret("api_token", "API token", "An API token of that account."),
    ]),
    company("namesilo", "NameSilo", |s| DnsUpdater::new_namesilo(s.get("api_key"), TIMEOUT), &[
        secret("api_key", "API key", "The account's API key."),
    ]),
    company("netcup", "netcup", |s| DnsUpdater::new_netcup(s.get("customer_number"), s.get("api_key"), s.get("api_password"), TIMEOUT), &[
        plain("customer_number", "Customer number", "The number that you sign in with."),
        secret("api_key", "API key", "The API key of the customer control panel."),
        secret("api_password", "API password", "The API password that belongs to it."),
    ]),
    company("netlify", "Netlify", |s| DnsUpdater::new_netlify(s.get("access_token"), TIMEOUT), &[
        secret("access_token", "Access token", "A personal access token."),
    ]),
    company("ns1", "NS1", |s| DnsUpdater::new_ns1(s.get("api_key"), TIMEOUT), &[
        secret("api_key", "API key", "An API key that may manage the zone."),
    ]),
    company("ovh", "OVHcloud", ovh, &[
        plain("endpoint", "Endpoint", "ovh-eu, ovh-us or ovh-ca."),
        plain("application_key", "Application key", "The key of an application."),
        secret("application_secret", "Application secret", "The secret of that application."),
        secret("consumer_key", "Consumer key", "A consumer key that may GET, POST, PUT and DELETE /domain/zone/*."),
    ]),
    company("porkbun", "Porkbun", |s| DnsUpdater::new_porkbun(s.get("api_key"), s.get("secret_api_key"), TIMEOUT), &[
        plain("api_key", "API key", "An API key; API access must be on for the domain."),
        secret("secret_api_key", "Secret API key", "The secret that belongs to it."),
    ]),
    company("scaleway", "Scaleway", |s| DnsUpdater::new_scaleway(s.get("api_token"), TIMEOUT), &[
        secret("api_token", "Secret key", "The secret key of an API key that may change domains and DNS."),
    ]),
    company("simplycom", "Simply.com", |s| DnsUpdater::new_simplycom(s.get("account_name"), s.get("api_key"), TIMEOUT), &[
        plain("account_name", "Account", "The account's name, for example S123456."),
        secret("api_key", "API key", "The API key of that account."),
    ]),
    company("spaceship", "Spaceship", |s| DnsUpdater::new_spaceship(s.get("api_key"), s.get("api_secret"), TIMEOUT), &[
        plain("api_key", "API key", "An API key that may write DNS records."),
        secret("api_secret", "API secret", "The secret that belongs to it."),
    ]),
    company("tencentcloud", "Tencent Cloud", |s| DnsUpdater::new_tencentcloud(s.get("secret_id"), s.get("secret_key"), NONE, NONE, TIMEOUT), &[
        plain("secret_id", "Secret id", "The id of an API key that may change DNSPod records."),
        secret("secret_key", "Secret key", "The key that belongs to it."),
    ]),
    company("transip", "TransIP", |s| DnsUpdater::new_transip(s.get("login"), s.get("private_key_pem"), true, TIMEOUT), &[
        plain("login", "User name", "The account's user name."),
        secret("private_key_pem", "Private key", "The private key (PEM) that the control panel made, whole; not bound to an address."),
    ]),
    company("ultradns", "UltraDNS", |s| DnsUpdater::new_ultradns(s.get("username"), s.get("password"), None, TIMEOUT), &[
        plain("username", "User name", "The account's user name."),
        secret("password", "Password", "The account's password."),
    ]),
    company("vercel", "Vercel", |s| DnsUpdater::new_vercel(s.get("auth_token"), s.given("team_id"), TIMEOUT), &[
        optional("team_id", "Team id", "Only where a team has the domain."),
        secret("auth_token", "Access token", "An access token of the account."),
    ]),
    company("vultr", "Vultr", |s| DnsUpdater::new_vultr(s.get("api_key"), TIMEOUT), &[
        secret("api_key", "API key", "The account's API key; access control must let this machine in."),
    ]),
    company("websupport", "Websupport", |s| DnsUpdater::new_websupport(s.get("api_key"), s.get("secret"), TIMEOUT), &[
        plain("api_key", "API key", "An API key of the account."),
        secret("secret", "Secret", "The secret that belongs to it."),
    ]),
    company("zoneeu", "Zone.eu", |s| DnsUpdater::new_zoneeu(s.get("username"), s.get("api_key"), TIMEOUT), &[
        plain("username", "User name", "The account's user name."),
        secret("api_key", "API key", "An API key of that account."),
    ]),
];

const fn company(
    id: &'static str,
    name: &'static str,
    open: fn(&Settings) -> Result<DnsUpdater>,
    fields: &'static [Field],
) -> Company {
    Company {
        kind: Kind { id, name, fields },
        open,
    }
}

const fn plain(id: &'static str, label: &'static str, help: &'static str) -> Field {
    Field {
        id,
        label,
        secret: false,
        required: true,
        help,
    }
}

const fn secret(id: &'static str, label: &'static str, help: &'static str) -> Field {
    Field {
        secret: true,
        ..plain(id, label, help)
    }
}

const fn optional(id: &'static str, label: &'static str, help: &'static str) -> Field {
    Field {
        required: false,
        ..plain(id, label, help)
    }
}

fn route53(s: &Settings) -> Route53Config {
    Route53Config {
        access_key_id: s.get("access_key_id").to_owned(),
        secret_access_key: s.get("secret_access_key").to_owned(),
        session_token: None,
        region: None,
        hosted_zone_id: s.given("hosted_zone_id").map(str::to_owned),
        private_zone_only: None,
        endpoint: None,
    }
}

fn azure(s: &Settings) -> AzureDnsConfig {
    AzureDnsConfig {
        tenant_id: s.get("tenant_id").to_owned(),
        client_id: s.get("client_id").to_owned(),
        client_secret: s.get("client_secret").to_owned(),
        subscription_id: s.get("subscription_id").to_owned(),
        resource_group: s.get("resource_group").to_owned(),
        environment: AzureEnvironment::Public,
        request_timeout: TIMEOUT,
    }
}

fn google(s: &Settings) -> GoogleCloudDnsConfig {
    GoogleCloudDnsConfig {
        service_account_json: s.get("service_account_json").to_owned(),
        project_id: s.get("project_id").to_owned(),
        managed_zone: s.given("managed_zone").map(str::to_owned),
        private_zone: false,
        impersonate_service_account: None,
        request_timeout: TIMEOUT,
    }
}

fn ovh(s: &Settings) -> Result<DnsUpdater> {
    DnsUpdater::new_ovh(
        s.get("application_key"),
        s.get("application_secret"),
        s.get("consumer_key"),
        OvhEndpoint::from_str(s.get("endpoint"))?,
        TIMEOUT,
    )
}

/// What need not be told.
const NONE: Option<&str> = None;
