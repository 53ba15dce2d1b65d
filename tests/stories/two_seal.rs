//! Two projections, each ready to seal the log: of each state one of them signs.

use api::projection::v1::SealLogRequest;
use eventlog::{EventLog, Recorded, proof::Note};
use town::{Plan, Town, wait};

use crate::self_signed;

#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_seal_the_log_one_signs_each_state_of_it() {
    let mut town = Town::planned(Plan {
        services_apart: true,
        configuration: "[projection]\ncheckpoint_seconds = 1\n".to_owned(),
        ..Plan::default()
    })
    .await;
    // On a machine of its own, with its own tables; or on the same, where those are in a PostgreSQL.
    town.installation.start_projection("projection-2");
    let (nats, _) = town.installation.nats("projection").await;
    let log = EventLog::open(nats, "projection").await.unwrap();
    let client = town.client().await;

    let make = async |n: u32| {
        let mut request = self_signed::shop(30);
        request.friendly_name = format!("shop {n}");
        client.csr().create_self_signed(request).await.unwrap();
    };
    for n in 0..ROUNDS {
        make(n).await;
        // Somebody asks as well, while both of them wait for the same moment.
        if n % 2 == 0 {
            let mut proofs = client.proofs();
            let request = SealLogRequest { at_least: 0 };
            proofs.seal_log(request).await.unwrap();
        }
        until_sealed(&log).await;
    }
    // Each of them does it alone.
    for (n, (ill, well)) in [
        ("projection", "projection-2"),
        ("projection-2", "projection"),
    ]
    .into_iter()
    .enumerate()
    {
        town.installation.process(ill).kill();
        make(ROUNDS + n as u32).await;
        until_sealed(&log).await;
        let running = town.installation.process(well).ended();
        assert_eq!(running, None, "{well}");
        match ill {
            "projection" => town.installation.start("projection"),
            other => town.installation.start_projection(other),
        }
    }

    let sealed = checkpoints(&log).await;
    assert!(sealed.len() as u32 >= ROUNDS, "{sealed:?}");
    for pair in sealed.windows(2) {
        let [(before, _), (size, position)] = pair else {
            unreachable!()
        };
        assert!(before < size, "two over {size} events: {sealed:?}");
        let mut new = false;
        for sequence in before + 1..=*size {
            let event = log.at(sequence).await.unwrap().unwrap();
            new |= event.aggregate != "seal";
        }
        assert!(new, "the checkpoint at {position} vouches for nothing new");
    }
    town.sign_in().await;
    wait::until("the log verifies", async || {
        let verified = town.command(&["events", "verify"]).await;
        (verified.status == 0).then_some(())
    })
    .await;
}

/// Until the newest checkpoint vouches for the newest event that is none.
async fn until_sealed(log: &EventLog) {
    wait::until("the log is sealed", async || {
        let last = log.last_sequence().await.ok()?;
        let mut newest = last;
        while log.at(newest).await.ok()??.aggregate == "seal" {
            newest -= 1;
        }
        let (size, _) = *checkpoints(log).await.last()?;
        (size >= newest).then_some(())
    })
    .await;
}

/// The size of each checkpoint, and the position of its event, in the order in which they were signed.
async fn checkpoints(log: &EventLog) -> Vec<(u64, u64)> {
    let events = log.events_of("seal", "default").await.unwrap();
    let size = |event: &Recorded| {
        let body = serde_json::from_slice::<serde_json::Value>(&event.body).unwrap();
        Note::parse(body["note"].as_str().unwrap())
            .unwrap()
            .head
            .size
    };
    events
        .iter()
        .map(|event| (size(event), event.sequence))
        .collect()
}

const ROUNDS: u32 = 6;
