//! The log seals itself, one signature for each state of it, and witnesses sign beside it.

use api::{
    gateway::v1::CreateTokenRequest,
    options::v1::Role,
    projection::v1::{GetCheckpointRequest, SealLogRequest},
};
use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{Ed25519KeyPair, KeyPair},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use eventlog::proof::{Note, NoteKey};
use town::{Plan, Town, desk::Desk};

#[tokio::test(flavor = "multi_thread")]
async fn the_log_seals_itself_and_of_many_who_seal_it_one_signs() {
    let witness = Witness::new("witness.example.org");
    let town = Town::planned(Plan {
        configuration: format!(
            "[projection]\ncheckpoint_seconds = 1\nlog_origin = \"example.org/log\"\nwitnesses = [\"{}\"]\n",
            witness.verifier_key()
        ),
        ..Plan::default()
    })
    .await;
    let by_itself = town.until("default", "checkpoint-signed").await;
    assert_eq!(by_itself.actor, "service/projection");
    let desk = Desk::of(&town).await;
    desk.done("chancery certs self-sign shop --dns shop.example")
        .await;

    let client = town.client().await;
    let seal = (0..8).map(|_| {
        let mut proofs = client.proofs();
        async move { proofs.seal_log(SealLogRequest { at_least: 0 }).await }
    });
    let sealed = futures_util::future::try_join_all(seal).await.unwrap();
    for checkpoint in sealed {
        let checkpoint = checkpoint.into_inner();
        let note = Note::parse(&checkpoint.note).unwrap();
        let key = NoteKey::parse(&checkpoint.verifier_key).unwrap();
        assert!(note.is_signed_by(&key), "{note}");
        assert_eq!(
            (key.name(), note.head.size),
            ("example.org/log", checkpoint.size)
        );
    }
    // Each vouches for something that no other one did.
    let events = town.events("").await;
    let mut vouched = 0;
    for event in events
        .iter()
        .filter(|event| event.event == "checkpoint-signed")
    {
        let body = serde_json::to_value(&event.body).unwrap();
        let size = body["size"].as_str().unwrap().parse::<usize>().unwrap();
        let mut new = events[vouched..size].iter();
        assert!(new.any(|event| event.aggregate != "seal"), "{event:?}");
        vouched = size;
    }
    assert_eq!(town.command(&["events", "verify"]).await.status, 0);

    // A witness's signature is taken, and another's is not.
    let mut proofs = client.proofs();
    let newest = proofs.get_checkpoint(GetCheckpointRequest::default());
    let note = newest.await.unwrap().into_inner().note;
    desk.lay(
        "stranger.checkpoint",
        Witness::new("stranger.example.org").sign(&note),
    );
    let cosign = "chancery events checkpoint cosign";
    let refused = desk
        .refused(1, &format!("{cosign} stranger.checkpoint"))
        .await;
    assert!(refused.contains("nothing was added"), "{refused}");
    desk.lay(
        "other.checkpoint",
        witness.sign(&note.replacen("\n", "\n1", 1)),
    );
    let refused = desk.refused(1, &format!("{cosign} other.checkpoint")).await;
    assert!(
        refused.contains("there is no checkpoint of size"),
        "{refused}"
    );
    desk.lay("signed.checkpoint", witness.sign(&note));
    let said = desk.done(&format!("{cosign} signed.checkpoint")).await;
    assert_eq!(said.trim(), "signed by witness.example.org");
    desk.refused(1, &format!("{cosign} signed.checkpoint"))
        .await;
    let size = note.lines().nth(1).unwrap();
    let show = format!("chancery events checkpoint show --size {size}");
    let shown = desk.done(&show).await;
    assert_eq!(shown.as_bytes(), desk.read("signed.checkpoint"));

    // To look is a viewer's right, to seal an administrator's.
    let request = CreateTokenRequest {
        name: "looks".to_owned(),
        role: Role::Viewer.into(),
        ..CreateTokenRequest::default()
    };
    let viewer = client.tokens().create_token(request).await.unwrap();
    let viewer = town.client_with(&viewer.into_inner().text).await;
    let mut proofs = viewer.proofs();
    let looked = proofs.get_checkpoint(GetCheckpointRequest::default());
    assert!(looked.await.is_ok());
    let refused = proofs.seal_log(SealLogRequest { at_least: 0 });
    assert_eq!(
        refused.await.unwrap_err().code(),
        tonic::Code::PermissionDenied
    );
}

/// Somebody who signs checkpoints (C2SP tlog-cosignature).
struct Witness {
    name: &'static str,
    key: Ed25519KeyPair,
}

impl Witness {
    fn new(name: &'static str) -> Self {
        let seed = digest(&SHA256, name.as_bytes());
        let key = Ed25519KeyPair::from_seed_unchecked(seed.as_ref()).unwrap();
        Self { name, key }
    }

    fn public(&self) -> Vec<u8> {
        [&[4], self.key.public_key().as_ref()].concat()
    }

    fn id(&self) -> Vec<u8> {
        let named = [self.name.as_bytes(), b"\n", &self.public()].concat();
        digest(&SHA256, &named).as_ref()[..4].to_vec()
    }

    fn verifier_key(&self) -> String {
        let id = self.id();
        let id = id.iter().map(|octet| format!("{octet:02x}"));
        let key = STANDARD.encode(self.public());
        format!("{}+{}+{key}", self.name, id.collect::<String>())
    }

    /// The note with his line.
    fn sign(&self, note: &str) -> String {
        let time = 1_767_225_600_u64;
        let (text, _) = note.split_once("\n\n").unwrap();
        let signed = format!("cosignature/v1\ntime {time}\n{text}\n");
        let signature = self.key.sign(signed.as_bytes());
        let line = [&self.id(), &time.to_be_bytes()[..], signature.as_ref()].concat();
        format!("{note}\u{2014} {} {}\n", self.name, STANDARD.encode(line))
    }
}
