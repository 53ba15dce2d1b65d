//! A request id stands for one command, for good.

use eventlog::{ClaimError, RequestLedger, request_ledger};

use crate::{counter::origin, database::database};

#[tokio::test]
async fn a_request_id_is_claimed_for_one_command() {
    let folder = tempfile::tempdir().expect("a folder");
    let databases = databases::Databases::wanted(folder.path());
    let db = database(&databases, [request_ledger::migration()]).await;
    RequestLedger::claim(&db, &origin("r", "1"))
        .await
        .expect("new");
    RequestLedger::claim(&db, &origin("r", "1"))
        .await
        .expect("a repeat");
    let other = RequestLedger::claim(&db, &origin("r", "2")).await;
    assert!(matches!(other, Err(ClaimError::Reused)));
    let mut somebody_else = origin("r", "2");
    somebody_else.actor = "token/2".into();
    RequestLedger::claim(&db, &somebody_else)
        .await
        .expect("their own");
}
