//! Three NATS servers, as `chancery init` sets them up: the leader is killed under load, and nothing is lost.

use std::time::Duration;

use api::gateway::v1::WhoAmIRequest;
use town::{
    chaos,
    client::Client,
    installation::{Installation, SERVICES},
    load::Load,
};

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_of_a_cluster_is_killed_under_load_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let mut installation = Installation::with_cluster(folder.path());
    installation.cluster_alone().await;
    for service in SERVICES {
        installation.start(service);
    }
    installation.until_open().await;
    let token = installation.bootstrap_token();
    let load = Load::start(&[installation.edge], &token);
    load.until_next(chaos::PATIENCE)
        .await
        .expect("the load begins");
    let cluster = installation.cluster().await;
    let (kills, mut slowest) = (chaos::times(1, 20), Duration::ZERO);
    for kill in 0..kills {
        let leader = cluster.leader().await;
        installation.process(&leader).kill();
        let next = load.until_next(chaos::PATIENCE).await;
        let next = next.unwrap_or_else(|| panic!("kill {kill}: nothing goes on without {leader}"));
        slowest = slowest.max(next);
        installation.start_nats_server(&leader);
        cluster.until_whole().await;
    }
    let client = Client::connect(installation.edge, &token)
        .await
        .expect("the gateway is there");

    // The majority is lost: nothing is acknowledged, certificates are served and questions answered. Then one comes back.
    for lost in ["nats-1", "nats-2"] {
        installation.process(lost).kill();
    }
    let refusal = load.refusal(&client).await;
    assert!(installation.edge.leaf(None).await.is_some(), "it serves");
    let asked = client.session().who_am_i(WhoAmIRequest {}).await;
    asked.expect("questions are answered");
    installation.start_nats_server("nats-1");
    let again = load.until_next(chaos::PATIENCE).await;
    let again = again.expect("two of three go on");

    let outcome = load.verify(&client).await;
    let found = format!(
        "the leader of three NATS servers killed {kills} times, {outcome:?}; the next done after {slowest:.1?} at most; without a majority \
         {refusal:?}, {again:.1?} after one was back it went on"
    );
    chaos::figure("C1", found, outcome.is_whole());
}
