//! Requests are made and deleted in step with the keystore, also where one of the two fails.

use api::{
    keystore::v1::{ReleaseRequestRequest, ReserveRequestRequest},
    refuse,
};
use eventlog::EventLog;
use pki::{FriendlyName, KeyAlgorithm, Subject, SubjectAltNames};
use prost::Message;
use tonic::{Code, Status};
use town::wire::Wire;
use uuid::Uuid;

use super::{Trial, keystore::StandIn, origin};
use crate::{
    commands::{CommandError, Commands, CreateRequest, DeleteRequests, Form, Key},
    request::Command,
    samples,
};

const REQUEST: u128 = 1;
const CERTIFICATE: u128 = 2;

fn shop() -> CreateRequest {
    CreateRequest {
        form: Form {
            friendly_name: FriendlyName::try_from("shop").unwrap(),
            key: Key::New(KeyAlgorithm::Ed25519),
            subject: Subject::default(),
            names: SubjectAltNames::parse(&["shop.example".into()], &[]).unwrap(),
        },
        renews: None,
    }
}

fn name_taken() -> Status {
    refuse::status(Code::AlreadyExists, "NAME_TAKEN", "another has this name")
}

/// The reason that a caller is given.
fn reason(error: CommandError) -> String {
    refuse::reason(&Status::from(error)).unwrap()
}

async fn delete(
    commands: &Commands,
    request: &str,
    ids: &[u128],
    dry_run: bool,
) -> (Vec<(bool, String)>, u64) {
    let delete = DeleteRequests {
        ids: ids.iter().copied().map(Uuid::from_u128).collect(),
        dry_run,
    };
    let deleted = commands.delete_requests(&origin(request), delete).await;
    let (verdicts, position) = deleted.unwrap();
    let verdicts = verdicts.into_iter().map(|v| (v.deleted, v.reason));
    (verdicts.collect(), position)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_reserved_in_the_name_of_who_asked_and_then_appended() {
    let (trial, keystore) = (Trial::begin().await, StandIn::default());
    let commands = trial.commands(&keystore).await;
    let made = commands.create_request(&origin("a"), shop()).await.unwrap();
    let [reserve] = &keystore.calls()[..] else {
        panic!("{:?}", keystore.methods());
    };
    assert_eq!(reserve.actor, "token/7");
    let asked = ReserveRequestRequest::decode(reserve.message.clone()).unwrap();
    assert_eq!(asked.request_id, made.id.to_string());
    assert_eq!(made.event.key_id, reserve.request_id);
    assert_eq!(made.event.csr_der, samples::created().csr_der);
    assert_eq!(made.event.subject_alt_names, asked.subject_alt_names);
    let [event] = &trial.events(made.id.as_u128()).await[..] else {
        panic!("one event");
    };
    assert_eq!(
        (event.sequence, event.actor.as_str()),
        (made.position, "token/7")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_answers_the_same_whatever_has_become_of_the_request() {
    let (trial, keystore) = (Trial::begin().await, StandIn::default());
    let commands = trial.commands(&keystore).await;
    let made = commands.create_request(&origin("a"), shop()).await.unwrap();
    let id = made.id.as_u128();
    delete(&commands, "b", &[id], false).await;
    let again = commands.create_request(&origin("a"), shop()).await.unwrap();
    assert_eq!(again, made);
    assert_eq!(keystore.methods(), ["ReserveRequest", "ReleaseRequest"]);
    // The same id for something else.
    let other = eventlog::Origin {
        request_digest: "another".into(),
        ..origin("a")
    };
    let refused = commands.create_request(&other, shop()).await.unwrap_err();
    assert_eq!(reason(refused), "REQUEST_ID_REUSED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_after_a_lost_answer_finds_its_reservation() {
    let (trial, keystore) = (Trial::begin().await, StandIn::default());
    let commands = trial.commands(&keystore).await;
    // The keystore was asked, and what it did is not known; nor does anything follow from it.
    keystore.refuse(Some(Status::unavailable("broken pipe")));
    let lost = commands.create_request(&origin("a"), shop()).await;
    assert_eq!(reason(lost.unwrap_err()), "KEYSTORE_UNAVAILABLE");
    assert_eq!(trial.log.last_sequence().await.unwrap(), 0);
    keystore.refuse(None);
    let made = commands.create_request(&origin("a"), shop()).await.unwrap();
    let [first, second] = &keystore.calls()[..] else {
        panic!("{:?}", keystore.methods());
    };
    assert_eq!(first, second);
    assert_eq!(made.event.key_id, first.request_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_ack_of_the_log_gives_nothing_up() {
    let (trial, keystore) = (Trial::begin().await, StandIn::default());
    let wire = Wire::to(&trial.nats.address()).await;
    let client = async_nats::connect(wire.address()).await.unwrap();
    let commands = Commands {
        log: EventLog::open(client, "csr-service").await.unwrap(),
        ..trial.commands(&keystore).await
    };
    wire.lose_next_ack();
    let made = commands.create_request(&origin("a"), shop()).await.unwrap();
    assert!(wire.lost_one());
    assert_eq!(keystore.methods(), ["ReserveRequest"]);
    assert_eq!(trial.events(made.id.as_u128()).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_keystore_refuses_is_not_appended() {
    let (trial, keystore) = (Trial::begin().await, StandIn::default());
    let commands = trial.commands(&keystore).await;
    keystore.refuse(Some(name_taken()));
    let refused = commands.create_request(&origin("a"), shop()).await;
    let status = Status::from(refused.unwrap_err());
    assert_eq!(status.code(), Code::AlreadyExists);
    assert_eq!(status.message(), "another has this name");
    assert_eq!(trial.log.last_sequence().await.unwrap(), 0);
    // Nothing stands in the way of another try with the same id.
    keystore.refuse(None);
    assert!(commands.create_request(&origin("a"), shop()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_full_gives_the_reservation_up() {
    let trial = Trial::with_room_for(500).await;
    let keystore = StandIn::default();
    let commands = trial.commands(&keystore).await;
    let refused = commands.create_request(&origin("a"), shop()).await;
    assert_eq!(reason(refused.unwrap_err()), "LOG_FULL");
    assert_eq!(keystore.methods(), ["ReserveRequest", "ReleaseRequest"]);
    let [reserve, release] = &keystore.calls()[..] else {
        panic!("two calls");
    };
    let reserved = ReserveRequestRequest::decode(reserve.message.clone()).unwrap();
    let released = ReleaseRequestRequest::decode(release.message.clone()).unwrap();
    assert_eq!(reserved.request_id, released.request_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_takes_the_place_of_a_certificate_that_is_here() {
    let (trial, keystore) = (Trial::begin().await, StandIn::default());
    let commands = trial.commands(&keystore).await;
    let replacement = || CreateRequest {
        renews: Some(Uuid::from_u128(CERTIFICATE)),
        ..shop()
    };
    let refused = commands.create_request(&origin("a"), replacement()).await;
    assert_eq!(reason(refused.unwrap_err()), "NO_SUCH_CERTIFICATE");
    assert_eq!(keystore.methods(), Vec::<&str>::new());
    trial.import(CERTIFICATE, REQUEST).await;
    let made = commands.create_request(&origin("a"), replacement()).await;
    let renews = made.unwrap().event.renews_certificate_id;
    assert_eq!(renews, Uuid::from_u128(CERTIFICATE).to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_request_gets_its_own_verdict_before_and_after() {
    let (trial, keystore) = (Trial::begin().await, StandIn::default());
    let commands = trial.commands(&keystore).await;
    let (pending, fulfilled, unknown) = (10, 11, 12);
    trial.create(pending).await;
    trial.create(fulfilled).await;
    let fulfil = Command::Fulfil(samples::fulfilled());
    trial.command(fulfilled, "fulfil", fulfil).await.unwrap();
    let last = trial.log.last_sequence().await.unwrap();
    let gone = |deleted: bool| (deleted, String::new());
    let expected = [
        gone(true),
        (false, "NO_SUCH_REQUEST".to_owned()),
        gone(true),
    ];
    let ids = [pending, unknown, fulfilled];

    let (verdicts, position) = delete(&commands, "dry", &ids, true).await;
    assert_eq!((&verdicts[..], position), (&expected[..], 0));
    assert_eq!(keystore.methods(), Vec::<&str>::new());
    assert_eq!(trial.log.last_sequence().await.unwrap(), last);

    let first = delete(&commands, "wet", &ids, false).await;
    assert_eq!(first, (expected.to_vec(), last + 2));
    // What is fulfilled has given its name over already.
    assert_eq!(keystore.methods(), ["ReleaseRequest"]);
    // A repeat is the same command, another command comes too late.
    assert_eq!(delete(&commands, "wet", &ids, false).await, first);
    let (verdicts, position) = delete(&commands, "late", &[pending], false).await;
    assert_eq!(verdicts, [(false, "REQUEST_DELETED".to_owned())]);
    assert_eq!(position, 0);
    // The same id for something else.
    let other = eventlog::Origin {
        request_digest: "another".into(),
        ..origin("wet")
    };
    trial.create(20).await;
    let ids = vec![Uuid::from_u128(20)];
    let dry_run = false;
    let refused = commands.delete_requests(&other, DeleteRequests { ids, dry_run });
    assert_eq!(reason(refused.await.unwrap_err()), "REQUEST_ID_REUSED");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_to_know_is_said_before_a_request_goes() {
    let (trial, keystore) = (Trial::begin().await, StandIn::default());
    let commands = trial.commands(&keystore).await;
    trial.create(REQUEST).await;
    let warnings = async || {
        let delete = DeleteRequests {
            ids: vec![Uuid::from_u128(REQUEST)],
            dry_run: true,
        };
        let (verdicts, _) = commands
            .delete_requests(&origin("dry"), delete)
            .await
            .unwrap();
        assert_eq!(verdicts[0].name, "shop");
        verdicts[0].warnings.clone()
    };
    let pending = warnings().await;
    assert!(pending[0].contains("still waits"), "{pending:?}");
    assert!(pending[1].contains("key stays"), "{pending:?}");
    let fulfil = Command::Fulfil(samples::fulfilled());
    trial.command(REQUEST, "fulfil", fulfil).await.unwrap();
    assert_eq!(warnings().await, pending[1..]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_is_being_answered_is_not_deleted() {
    let (trial, keystore) = (Trial::begin().await, StandIn::default());
    let commands = trial.commands(&keystore).await;
    trial.create(REQUEST).await;
    let answered = "a certificate has answered this request";
    let answered = refuse::status(Code::FailedPrecondition, "REQUEST_ANSWERED", answered);
    keystore.refuse(Some(answered));
    let (verdicts, position) = delete(&commands, "a", &[REQUEST], false).await;
    assert_eq!(verdicts, [(false, "REQUEST_ANSWERED".to_owned())]);
    assert_eq!((position, trial.events(REQUEST).await.len()), (0, 1));
    // A keystore that is away is no verdict.
    keystore.refuse(Some(Status::unavailable("broken pipe")));
    let delete = DeleteRequests {
        ids: vec![Uuid::from_u128(REQUEST)],
        dry_run: false,
    };
    let failed = commands.delete_requests(&origin("b"), delete).await;
    assert_eq!(reason(failed.unwrap_err()), "KEYSTORE_UNAVAILABLE");
}
