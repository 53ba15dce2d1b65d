//! Lists walk along an index, and sort nothing.

use api::projection::v1::ListRequest;
use projection::query::{
    alerts, automations, certificates, channels, dns_providers, events,
    filter::Field as _,
    keys,
    question::{List as _, Question},
    requests, servers,
};
use sea_orm::{ConnectionTrait, DbBackend, QueryTrait as _, TransactionTrait};

use crate::database::Tables;

#[tokio::test]
async fn every_filter_and_order_has_an_index() {
    let tables = Tables::empty().await;
    for (query, index) in [
        (
            "SELECT * FROM event WHERE actor = 'x' AND (sequence, sequence) < (7, 7) ORDER BY sequence DESC",
            "ix_event_actor",
        ),
        (
            "SELECT * FROM event WHERE (time, sequence) > (7, 7) ORDER BY time, sequence LIMIT 51",
            "ix_event_time",
        ),
        (
            "SELECT * FROM certificate WHERE deleted <> ? AND (friendly_name_folded, id) > ('a', 'b') ORDER BY friendly_name_folded, id",
            "ix_certificate_name ((friendly_name_folded,id)>(?,?))",
        ),
        (
            "SELECT * FROM certificate WHERE not_after < 7",
            "ix_certificate_not_after (not_after<?)",
        ),
        (
            "SELECT * FROM certificate WHERE deleted <> ? AND keyless = ? AND (friendly_name_folded, id) > ('a', 'b') ORDER BY friendly_name_folded, id",
            "ix_certificate_keyless (keyless=? AND (friendly_name_folded,id)>(?,?))",
        ),
        (
            "SELECT * FROM certificate WHERE deleted <> ? AND keyless <> ? ORDER BY not_after DESC, id DESC",
            "ix_certificate_not_after",
        ),
        (
            // Told apart without the certificates themselves.
            "SELECT deleted, own, revoked, not_before, not_after, due_at, error_at, renewal, keyless, automated, chain_complete, is_ca, key_algorithm, source FROM certificate ORDER BY created DESC, id DESC LIMIT 51",
            "COVERING INDEX ix_certificate_created",
        ),
        (
            "SELECT * FROM certificate WHERE deleted <> ? AND automated = ? ORDER BY friendly_name_folded, id",
            "ix_certificate_automated (automated=?)",
        ),
        (
            "SELECT * FROM certificate WHERE deleted <> ? AND key_algorithm = 4 ORDER BY friendly_name_folded, id",
            "ix_certificate_algorithm (key_algorithm=?)",
        ),
        (
            "SELECT * FROM certificate WHERE deleted <> ? AND chain_complete = ? ORDER BY friendly_name_folded, id",
            "ix_certificate_chain (chain_complete=?)",
        ),
        (
            "SELECT * FROM certificate WHERE deleted <> ? AND is_ca = ? ORDER BY friendly_name_folded, id",
            "ix_certificate_authority (is_ca=?)",
        ),
        (
            // Most are: walking by name ends sooner than sorting all.
            "SELECT * FROM certificate WHERE deleted <> ? AND not_after >= 7 AND not_before <= 7 AND due_at > 7 AND renewal <> 4 ORDER BY friendly_name_folded, id LIMIT 51",
            "SCAN certificate USING INDEX ix_certificate_name",
        ),
        (
            "SELECT * FROM certificate WHERE deleted <> ? AND id = (SELECT MIN(certificate_id) FROM default_certificate) ORDER BY friendly_name_folded, id",
            "(id=?)",
        ),
        (
            "SELECT * FROM certificate WHERE deleted = ? ORDER BY friendly_name_folded, id",
            "ix_certificate_deleted (deleted=?)",
        ),
        (
            "SELECT * FROM certificate WHERE spki_sha256 IN ('a', 'b')",
            "ix_certificate_spki",
        ),
        (
            "SELECT * FROM private_key WHERE destroyed_at = ? AND (created, id) < (7, 'b') ORDER BY created DESC, id DESC",
            "ix_private_key_created ((created,id)<(?,?))",
        ),
        (
            "SELECT * FROM private_key WHERE destroyed_at = ? AND used = ? ORDER BY created DESC, id DESC",
            "ix_private_key_used (used=?)",
        ),
        (
            "SELECT * FROM request WHERE deleted_at = ? AND status = ?",
            "ix_request_status (status=?)",
        ),
        (
            "SELECT * FROM request WHERE deleted_at = ? ORDER BY friendly_name_folded DESC, id DESC",
            "ix_request_name",
        ),
        (
            "SELECT * FROM request_name WHERE name = 'a'",
            "ix_request_name_name",
        ),
        (
            "SELECT * FROM certificate_name WHERE name = 'a'",
            "ix_certificate_name_name",
        ),
        (
            "SELECT * FROM certificate_version WHERE sha256_fingerprint = 'a'",
            "ix_certificate_version_fingerprint",
        ),
        (
            "SELECT * FROM certificate WHERE automation_id IN ('a', 'b')",
            "ix_certificate_automation",
        ),
        (
            "SELECT * FROM certificate WHERE deleted <> ? AND revoked = ? ORDER BY friendly_name_folded, id",
            "ix_certificate_revoked (revoked=?)",
        ),
        (
            "SELECT CASE WHEN revoked = ? THEN 5 WHEN not_after < 7 THEN 3 WHEN renewal = 4 AND due_at <= 7 THEN 6 ELSE 1 END FROM certificate WHERE deleted <> ? AND own <> ? AND calm_until <= 7",
            "COVERING INDEX ix_certificate_calm (calm_until<?)",
        ),
        (
            "SELECT id FROM certificate WHERE calm_until <= 7 LIMIT 1001",
            "COVERING INDEX ix_certificate_calm (calm_until<?)",
        ),
        (
            "SELECT * FROM automation WHERE cancelled <> ? AND renew_at < 7 ORDER BY renew_at, id LIMIT 51",
            "ix_automation_renew_at (renew_at<?)",
        ),
        (
            "SELECT * FROM automation WHERE cancelled <> ? AND paused = ? ORDER BY friendly_name_folded, id",
            "ix_automation_paused (paused=?)",
        ),
        (
            "SELECT * FROM automation WHERE cancelled = ? ORDER BY friendly_name_folded, id",
            "ix_automation_cancelled (cancelled=?)",
        ),
        (
            "SELECT * FROM automation WHERE dns_provider_id IN ('a', 'b') AND cancelled <> ?",
            "ix_automation_dns_provider",
        ),
        (
            "SELECT * FROM alert WHERE up = ? AND (urgency, id) < (7, 'a') ORDER BY urgency DESC, id DESC",
            "ix_alert_up (up=? AND (urgency,id)<(?,?))",
        ),
        (
            // What the overview counts is found without the certificates themselves.
            "SELECT SUM(revoked), SUM(not_before), SUM(not_after), SUM(due_at), SUM(error_at), SUM(renewal), SUM(version), SUM(source), SUM(updated) FROM certificate WHERE deleted <> ?",
            "COVERING INDEX ix_certificate_calm",
        ),
        (
            "SELECT * FROM alert WHERE subject_id = 'a' OR subject_name_folded = 'a'",
            "ix_alert_subject_id",
        ),
    ] {
        let plan = plan(&tables, query).await;
        assert!(
            plan.iter().any(|step| step.contains(index)),
            "{query}: {plan:?}"
        );
        assert!(sorts_nothing(&plan), "{query}: {plan:?}");
    }
}

#[tokio::test]
async fn what_nearly_all_rows_have_is_not_sorted_whatever_the_order() {
    let tables = Tables::empty().await;
    let mut asked = 0;
    macro_rules! ask {
        ($list:ident: $($filter:expr),+) => {
            for filter in [$($filter),+] {
                for field in $list::Field::ALL.iter().filter(|field| field.sort_column().is_some()) {
                    for sort in [field.name().to_owned(), format!("-{}", field.name())] {
                        let request = ListRequest {
                            filter: filter.to_owned(),
                            sort: sort.clone(),
                            ..ListRequest::default()
                        };
                        let question = Question::<$list::Field>::parse(&request).unwrap();
                        let sql = question.statement(7).build(DbBackend::Sqlite).to_string();
                        let plan = plan(&tables, &sql).await;
                        assert!(sorts_nothing(&plan), "{sql}: {plan:?}");
                        asked += 1;
                    }
                }
            }
        };
    }
    ask!(certificates: "", "source=acme", "issuer=\"CN=R3\"", "own=true", "algorithm=rsa-2048", "renewal=automatic", "renewal=by-hand", "status=valid", "status=error", "status=expired", "status=revoked", "key=false", "chain=incomplete", "authority=true", "own=false", "deleted=true", "not_after>2026-01-01");
    ask!(keys: "", "algorithm=ecdsa-p256", "origin=generated");
    ask!(requests: "", "status=pending");
    ask!(servers: "");
    ask!(automations: "", "server=x", "status=valid", "status!=error", "renew_at<2026-01-01");
    ask!(dns_providers: "", "kind=rfc2136");
    ask!(channels: "", "kind=email");
    ask!(alerts: "", "kind=renewal-failing", "severity=error");
    ask!(events: "", "aggregate=key", "event=issued", "actor=service/keystore");
    assert!(asked > 150, "{asked}");
}

async fn plan(tables: &Tables, query: &str) -> Vec<String> {
    let connection = tables.database.begin().await.unwrap();
    // A statement that is only explained does not notice that there are more indices than the connection knows.
    let any = tables.statement("SELECT 1 FROM event");
    connection.query_one_raw(any).await.unwrap();
    let plan = tables.statement(&format!("EXPLAIN QUERY PLAN {query}"));
    let rows = connection.query_all_raw(plan).await.unwrap();
    let steps = rows.iter().map(|row| row.try_get::<String>("", "detail"));
    steps.map(Result::unwrap).collect()
}

fn sorts_nothing(plan: &[String]) -> bool {
    !plan.iter().any(|step| step.contains("TEMP B-TREE"))
}
