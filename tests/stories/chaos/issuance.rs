//! R16 and R17: whoever is killed in the middle of an issuance, there is no certificate without its key, and never a second one.

use town::{
    Plan, Town,
    chaos::{self, Dice},
};

use crate::issue::served;

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_any_moment_leaves_one_order_one_certificate_and_its_key() {
    let mut town = Town::planned(Plan {
        services_apart: true,
        configuration: "[acme_agent]\nlease_seconds = 3".to_owned(),
        ..Plan::default()
    })
    .await;
    town.register_ca().await;
    town.installation.start_acme_agent("second");
    let (rounds, mut dice) = (chaos::times(4, 500), Dice::new(16));
    let (mut orders_beyond, mut issued_beyond, mut without_key) = (0, 0, 0);
    for round in 0..rounds {
        let (orders, issued) = (town.ca.orders(), town.ca.issued());
        let name = format!("shop-{round}.example");
        let id = town.request(&name).await;
        let victim = ["acme-agent", "second", "keystore"][dice.below(3)];
        tokio::time::sleep(std::time::Duration::from_millis(dice.below(400) as u64)).await;
        town.installation.process(victim).kill();
        match victim {
            "second" => town.installation.start_acme_agent(victim),
            service => town.installation.start(service),
        }
        let event = town.until(&id, "certificate-issued").await;
        let certificate = town.automation(&id, event.sequence).await.certificate_id;
        // Served is what has a key.
        let request = api::projection::v1::GetRequest {
            id: certificate,
            at_least: event.sequence,
            ..Default::default()
        };
        let got = town.client().await.query().get_certificate(request).await;
        let der = got.unwrap().into_inner().certificate.unwrap().der;
        served(&town, &name, &der).await;
        let leaf = pki::Certificate::parse(&der).unwrap();
        without_key += usize::from(!leaf.dns_names.contains(&name));
        orders_beyond += (town.ca.orders() - orders).saturating_sub(2);
        issued_beyond += town.ca.issued() - issued - 1;
    }
    let found = format!(
        "{rounds} crashes of an agent or the keystore in an issuance, {without_key} certificates without a key"
    );
    chaos::figure("R16", found, without_key == 0);
    let found = format!(
        "{rounds} crashes with two agents, {issued_beyond} second certificates, {orders_beyond} orders beyond the one that a crash may leave"
    );
    chaos::figure("R17", found, (issued_beyond, orders_beyond) == (0, 0));
}
