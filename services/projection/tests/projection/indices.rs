//! Lists walk along an index, and sort nothing.

use sea_orm::ConnectionTrait;

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
            "SELECT * FROM certificate WHERE deleted <> ? AND key_id = '' AND (friendly_name_folded, id) > ('a', 'b') ORDER BY friendly_name_folded, id",
            "ix_certificate_key (key_id=? AND (friendly_name_folded,id)>(?,?))",
        ),
        (
            "SELECT * FROM certificate WHERE deleted <> ? AND key_id <> '' ORDER BY not_after DESC, id DESC",
            "ix_certificate_not_after",
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
            "SELECT * FROM certificate WHERE deleted <> ? AND not_after >= 7 AND not_before <= 7 AND renew_at > 7 ORDER BY friendly_name_folded, id LIMIT 51",
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
            "SELECT * FROM automation ORDER BY status DESC, id DESC",
            "ix_automation_status",
        ),
    ] {
        let plan = tables.statement(&format!("EXPLAIN QUERY PLAN {query}"));
        let rows = tables.database.query_all_raw(plan).await.unwrap();
        let plan = rows
            .iter()
            .map(|row| row.try_get::<String>("", "detail").unwrap())
            .collect::<Vec<_>>();
        assert!(
            plan.iter().any(|step| step.contains(index)),
            "{query}: {plan:?}"
        );
        assert!(
            !plan.iter().any(|step| step.contains("TEMP B-TREE")),
            "{query}: {plan:?}"
        );
    }
}
